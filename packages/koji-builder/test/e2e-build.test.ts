import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ClientSession } from '@koji/client';
import { BR_STATES, BUILD_STATES, PathInfo, TASK_STATES } from '@koji/core';
import type { BuildInfo, BuildrootInfo, RpmInfo, TaskInfo } from '@koji/core/api';
import { kojidOptions, readOptions } from '@koji/core/config';
import { System, until, type Ran } from '../../../test/support/system.js';
import { mountsBelow } from '../src/buildroot/mounts.js';
import { problemOf } from '../src/buildroot/needs.js';
import { makeDistribution } from './support/distribution.js';
import { gitSite, type GitSite } from './support/git.js';
import { packages } from './support/packages.js';
import { makeKey, type SigningKey } from './support/signing.js';
import { serveFiles, type StaticFiles } from './support/static-files.js';

const arch = machine();
const problem = await missing();
const describeHere = problem === null ? describe : describe.skip;

/** Reason why this machine can't do complete builds; null if it can. */
async function missing(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'that takes root';
  const defaults = readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' });
  const cannot = await problemOf('sandbox', { ...defaults, rootsdir: '/var/tmp/koji-sandbox-test' });
  if (cannot !== null) return cannot;
  const programs = 'gcc make eu-strip debugedit createrepo_c mergerepo_c gpg rpmsign git chroot'.split(' ');
  const places = (process.env.PATH ?? '').split(':');
  const lacking = programs.filter((name) => !places.some((place) => existsSync(path.join(place, name))));
  return lacking.length === 0 ? null : `not found in PATH: ${lacking.join(', ')}`;
}

/** The hub's fields of an rpm in a buildroot besides those of any rpm. */
interface RootRpm {
  readonly is_update: boolean;
  readonly external_repo_name: string;
}

const run = promisify(execFile);
const output = async (program: string, args: readonly string[]): Promise<string> =>
  (await run(program, args)).stdout;

const idsOf = (text: string, pattern: RegExp): number[] => pattern.exec(text)?.slice(1).map(Number) ?? [];

/** How many programs of a build run that never ends. */
async function stalled(): Promise<number> {
  const all = await output('ps', ['-eo', 'args']);
  return all.split('\n').filter((line) => line === 'sleep 98703').length;
}

/** The logs that a buildroot has on this host, by name. */
function logsIn(folder: string): Map<string, Buffer> {
  const logs = (below: string, wanted: RegExp): (readonly [string, Buffer])[] => {
    const names = readdirSync(path.join(folder, below)).filter((name) => wanted.test(name));
    return names.map((name) => [name, readFileSync(path.join(folder, below, name))]);
  };
  return new Map([...logs('result', /\.log$/), ...logs('upper/var/log', /^dnf.*\.log$/)]);
}

/** Files that builds must not change on this machine: files of packages, and state of dnf and rpm. */
async function hostState(): Promise<string> {
  const changed = await output('dpkg', [
    '-V',
    'bash',
    'bubblewrap',
    'coreutils',
    'dnf',
    'gcc',
    'libc6',
    'rpm',
  ]);
  const kept = ['/var/cache/dnf', '/var/lib/dnf', '/var/lib/rpm'].filter((folder) => existsSync(folder));
  const lines = kept.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
      const { mtimeMs, size } = statSync(path.join(folder, name));
      return `${path.join(folder, name)} ${size} ${mtimeMs}`;
    }),
  );
  return [changed, ...lines].join('\n');
}

describeHere('packages of local git repositories, built in sandboxes', () => {
  let system: System;
  let git: GitSite;
  let files: StaticFiles;
  let session: ClientSession;
  let key: SigningKey;
  let paths: PathInfo;
  let host: string;

  const url = (name: string): string => `git+http://${git.host}/${name}.git#main`;
  const succeeded = (ran: Ran): string => {
    if (ran.status !== 0)
      throw new Error(
        `exit status ${ran.status}:\n${ran.stdout}${ran.stderr}\n${system.log('kojid.log').slice(-6000)}`,
      );
    return ran.stdout;
  };
  const koji = async (...args: string[]): Promise<string> => succeeded(await system.kojiBeside(...args));
  const buildOf = (nvr: string): Promise<BuildInfo> => session.getBuild(nvr, true);
  const taskOf = (id: number): Promise<TaskInfo> => session.call<TaskInfo>('getTaskInfo', [id]);
  const below = async (task: number): Promise<TaskInfo[]> => {
    const found = await session.call<TaskInfo[]>('getTaskChildren', [task, true]);
    return found.sort((a, b) => a.id - b.id);
  };
  /** The task that did one step of a build. */
  const stepOf = async (nvr: string, label: string): Promise<number> => {
    const step = (await below((await buildOf(nvr)).task_id ?? 0)).find((task) => task.label === label);
    if (!step) throw new Error(`${nvr} has no step ${label}`);
    return step.id;
  };
  /** Fails when a task that should run has ended. */
  const stillRuns = async (id: number): Promise<void> => {
    const { state } = await taskOf(id);
    if (state !== TASK_STATES.FAILED && state !== TASK_STATES.CLOSED) return;
    throw new Error(`task ${id} is in the state ${state}\n${system.log('kojid.log').slice(-6000)}`);
  };
  /** Starts a build that does not end, and waits until it is at it. */
  const startStalled = async (): Promise<number> => {
    const said = await koji('build', '--nowait', 'f44', url('slow'));
    const [task = 0] = idsOf(said, /Created task: (\d+)/);
    await until('it is being built', async () => {
      await stillRuns(task);
      return (await stalled()) > 0;
    });
    return task;
  };
  /** Makes an empty root with repos to install from; returns what runs dnf of this host on it. */
  const startClient = (folder: string, repos: readonly string[]) => {
    const home = path.join(folder, 'home');
    mkdirSync(home, { recursive: true });
    writeFileSync(path.join(home, '.rpmmacros'), '%_dbpath /var/lib/rpm\n');
    const config = path.join(folder, 'dnf.conf');
    const main = '[main]\nreposdir=/nonexistent\nvarsdir=/nonexistent\ninstall_weak_deps=0';
    writeFileSync(config, `${[main, ...repos].join('\n')}\n`);
    const fixed = ['-y', `--config=${config}`, `--installroot=${path.join(folder, 'root')}`];
    return async (...args: string[]): Promise<void> => {
      const words = [...fixed, '--releasever=44', '--disableplugin=*', ...args];
      await run('dnf', words, { env: { ...process.env, HOME: home } });
    };
  };
  const rootOf = async (task: number): Promise<BuildrootInfo> => {
    const [root] = await session.call<BuildrootInfo[]>('listBuildroots', [], { taskID: task });
    if (!root) throw new Error(`task ${task} has no buildroot`);
    return root;
  };
  const folderOf = (root: BuildrootInfo): string =>
    system.path('work', 'roots', `${root.tag_name}-${root.id}-${root.repo_id}`);

  beforeAll(async () => {
    host = await hostState();
    git = await gitSite();
    system = await System.create({
      hub: { RepoManager: 'hub' },
      kojid: {
        buildroot_backend: 'sandbox',
        allowed_scms: '127.0.0.1*:/*:no:',
        packager: 'Stalls',
        // Nothing is removed before it was looked at.
        buildroot_basic_cleanup_delay: '3600',
      },
    });
    const distribution = system.path('distribution');
    makeDistribution(distribution, { compiler: true });
    files = await serveFiles(distribution);
    key = makeKey(system.folder);
    paths = new PathInfo(system.path('koji'));
    await system.startHub();
    session = new ClientSession(system.url);
    await session.login('kojiadmin', 'secret');
    await session.createTag('f44', null, arch);
    await session.createTag('f44-build', 'f44', arch);
    await session.call('editTag2', ['f44-build'], { extra: { 'rpm.macro.dist': '.f44' } });
    await session.call('createBuildTarget', ['f44', 'f44-build', 'f44']);
    await session.call('createExternalRepo', ['machine', `${files.url}/$arch/`]);
    await session.call('addExternalRepoToTag', ['f44-build', 'machine', 10]);
    const groups = JSON.parse(readFileSync(path.join(distribution, 'groups.json'), 'utf8')) as Record<
      string,
      string[]
    >;
    const calls = session.multicall({ strict: true });
    for (const [group, names] of Object.entries(groups)) {
      calls.call('groupListAdd', ['f44-build', group]);
      for (const name of names) calls.call('groupPackageListAdd', ['f44-build', group, name]);
    }
    for (const name of Object.keys(packages)) calls.call('packageListAdd', ['f44', name, 'kojiadmin']);
    await calls.run();
    await system.startBuilder();
    await session.addHostToChannel('builder', 'createrepo');
    for (const [name, content] of Object.entries(packages)) git.commit(name, content);
  });
  afterAll(async () => {
    await session.close();
    key.stop();
    await git.stop();
    await files.stop();
    await system.stop();
  });

  test('a chain build makes them one after the other, each with what was built before it', async () => {
    const groups = [url('words'), url('greet'), ':', url('hello'), url('dynamic')];
    const said = await koji('chain-build', '--wait', 'f44', ...groups);
    expect(said).toMatch(/\n\d+ chainbuild \(f44\) completed successfully\n$/);
    const [chain = 0] = idsOf(said, /Created task: (\d+)/);
    const steps = (await below(chain)).map(({ method, label }) => `${method} ${label ?? ''}`);
    expect(steps.sort()).toEqual(
      ['build build 0,0', 'build build 0,1', 'waitrepo wait 1', 'build build 1,0', 'build build 1,1'].sort(),
    );
    const names = async (nvr: string): Promise<string[]> => {
      const rpms = await session.listRPMs((await buildOf(nvr)).id);
      return rpms.map((rpm) => `${rpm.name}.${rpm.arch}`).sort();
    };
    expect(await names('words-1.0-1.f44')).toEqual(['words.noarch', 'words.src']);
    expect(await names('greet-1.0-1.f44')).toEqual(
      ['-debuginfo', '-debugsource', '-devel', '']
        .map((part) => `greet${part}.${arch}`)
        .concat('greet.src')
        .sort(),
    );
    expect(await names('hello-1.0-1.f44')).toContain(`hello-debuginfo.${arch}`);
    expect(await names('dynamic-1.0-1.f44')).toEqual(['dynamic.noarch', 'dynamic.src']);
  });

  test('the hub knows what each was built with, and where that came from', async () => {
    const inRoot = async (nvr: string, label: string): Promise<Map<string, RpmInfo & RootRpm>> => {
      const root = await rootOf(await stepOf(nvr, label));
      expect(root).toMatchObject({ state: BR_STATES.EXPIRED, arch, host_name: 'builder' });
      const about = { componentBuildrootID: root.id };
      const rpms = await session.call<(RpmInfo & RootRpm)[]>('listRPMs', [], about);
      return new Map(rpms.map((rpm) => [rpm.name, rpm]));
    };
    const ofHello = await inRoot('hello-1.0-1.f44', arch);
    for (const name of ['words', 'greet', 'greet-devel'])
      expect(ofHello.get(name)).toMatchObject({ is_update: true, external_repo_id: 0 });
    expect(ofHello.get('bash')).toMatchObject({ is_update: false, external_repo_name: 'machine' });
    expect((await inRoot('dynamic-1.0-1.f44', 'noarch')).get('words')).toMatchObject({ is_update: true });
    expect((await inRoot('greet-1.0-1.f44', arch)).has('words')).toBe(false);
  });

  test('the logs of a build at the hub are those of its buildroot, byte for byte', async () => {
    for (const [nvr, label] of [
      ['greet-1.0-1.f44', arch],
      ['dynamic-1.0-1.f44', 'noarch'],
    ] as const) {
      const local = logsIn(folderOf(await rootOf(await stepOf(nvr, label))));
      expect([...local.keys()]).toEqual(
        expect.arrayContaining(['build.log', 'dnf.log', 'root.log', 'state.log']),
      );
      const place = path.join(paths.buildLogs(await buildOf(nvr)), label);
      for (const [name, bytes] of local)
        expect([name, readFileSync(path.join(place, name)).equals(bytes)]).toEqual([name, true]);
      expect(String(local.get('build.log'))).toContain('Executing(%install)');
    }
  });

  test('one that does not compile fails with the words, logs and files that tell why', async () => {
    const { status, stdout, stderr } = await system.kojiBeside('build', '--wait', 'f44', url('broken'));
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    const [task = 0] = idsOf(stdout, /Created task: (\d+)/);
    const failed = (await below(task)).find(({ method }) => method === 'buildArch')?.id ?? 0;
    const said =
      `FAILED: BuildError: error building package (arch ${arch}), rpmbuild exited with status 1; ` +
      'see build.log for more information';
    const top = `${system.url.replace('kojihub', 'kojifiles')}/work/tasks/${failed}/${failed}`;
    const root = await rootOf(failed);
    const local = logsIn(folderOf(root));
    // A watcher may miss a state in between.
    expect(stdout).toMatch(
      new RegExp(`\n  ${failed} buildArch \\(broken-1.0-1.f44.src.rpm, ${arch}\\): .*FAILED`),
    );
    expect(stdout.replaceAll(/^ +/gm, '')).toContain(`${said}\nRelevant logs:\n${top}/build.log\n`);
    expect(stdout).toMatch(
      new RegExp(`\n${task} build \\(f44, /broken.git:main\\): .*FAILED: BuildError: error`),
    );
    expect(stdout).toMatch(new RegExp(`\n\n${task} build \\(f44, /broken.git:main\\) failed\n$`));
    for (const [name, bytes] of local) {
      expect(stdout).toContain(` ${top}/${name}\n`);
      const reply = await fetch(`${top}/${name}`);
      expect([name, Buffer.from(await reply.arrayBuffer()).equals(bytes)]).toEqual([name, true]);
    }
    expect(String(local.get('build.log'))).toMatch(/error: .*nothing_of_the_kind.* undeclared/);
    expect(await buildOf('broken-1.0-1.f44')).toMatchObject({ state: BUILD_STATES.FAILED, task_id: task });
    expect(root).toMatchObject({ state: BR_STATES.EXPIRED });
    const left = path.join(folderOf(root), 'upper/builddir/build/BUILD/broken-1.0');
    expect(readdirSync(left).sort()).toEqual(['before-it-failed', 'broken.c']);
  });

  test('a repo of signed copies is what dnf installs from, and what it installs runs', async () => {
    for (const nvr of ['words-1.0-1.f44', 'greet-1.0-1.f44', 'hello-1.0-1.f44', 'dynamic-1.0-1.f44']) {
      const build = await buildOf(nvr);
      const signed: string[] = [];
      for (const rpm of await session.listRPMs(build.id)) {
        const copy = system.path(path.basename(paths.rpm(rpm)));
        copyFileSync(path.join(paths.build(build), paths.rpm(rpm)), copy);
        key.sign(copy);
        signed.push(copy);
      }
      await koji('import-sig', '--write', ...signed);
    }
    expect(await koji('dist-repo', '--wait', 'f44', key.id)).toMatch(/distRepo .* completed successfully/);
    const client = system.path('client');
    const dnf = startClient(client, [
      `[f44]\nname=f44\nbaseurl=${system.url.replace('kojihub', 'kojifiles')}/repos-dist/f44/latest/${arch}/`,
      `gpgcheck=1\ngpgkey=file://${key.publicFile}`,
      `[machine]\nname=machine\nbaseurl=${files.url}/${arch}/\ngpgcheck=0`,
    ]);
    await dnf('install', 'bash', 'hello', 'words', 'dynamic');
    const root = path.join(client, 'root');
    const rpm = (...args: string[]): Promise<string> =>
      output('rpm', ['--root', root, '--dbpath', '/var/lib/rpm', ...args]);
    expect(await rpm('-V', 'hello', 'greet', 'words', 'dynamic')).toBe('');
    expect(await rpm('-q', '--qf', '%{RSAHEADER:pgpsig}', 'greet')).toContain(key.id);
    expect(await output('chroot', [root, '/usr/bin/hello'])).toBe('hello world!\n');
    expect(readFileSync(path.join(root, 'usr/share/dynamic/said'), 'utf8')).toBe('dynamic world\n');
  });

  test('canceling a build leaves no process and no mount of it', async () => {
    const task = await startStalled();
    await koji('cancel', String(task));
    await until('nothing of it runs', async () => (await stalled()) === 0);
    await until('its tasks have ended', async () => {
      const all = [...(await below(task)), await taskOf(task)];
      return all.every(({ state }) => state === TASK_STATES.CANCELED || state === TASK_STATES.CLOSED);
    });
    expect(await mountsBelow(system.folder)).toEqual([]);
    expect(await buildOf('slow-1.0-1.f44')).toMatchObject({ state: BUILD_STATES.CANCELED });
  });

  test('another builder continues with a build whose builder was killed, and does nothing twice', async () => {
    const task = await startStalled();
    const before = await below(task);
    await system.kill('kojid', 'SIGKILL');
    await until('nothing of it runs', async () => (await stalled()) === 0);
    expect(await mountsBelow(system.folder)).toEqual([]);
    // Nobody waits a quarter of an hour in a test for the hub to miss it.
    await system.kill('koji-hub', 'SIGTERM');
    system.configure('hub.conf', 'hub', {
      ...system.settings('hub.conf'),
      HostTimeout: '15',
      RunInterval: '2',
    });
    await system.startHub();
    await system.startBuilder('second', { packager: 'Second', sleeptime: '2' });
    const watched = await koji('watch-task', String(task));
    expect(watched).toMatch(/completed successfully\n$/);
    const after = await below(task);
    expect(after.map(({ id, label }) => [id, label])).toEqual(
      [...before, ...after.filter(({ label }) => label === 'tag')].map(({ id, label }) => [id, label]),
    );
    const hosts = new Map(after.map(({ label, host_id: host }) => [label, host]));
    expect([hosts.get('srpm') === hosts.get('noarch'), hosts.size]).toEqual([false, 3]);
    const file = path.join(paths.build(await buildOf('slow-1.0-1.f44')), 'noarch/slow-1.0-1.f44.noarch.rpm');
    expect(await output('rpm', ['-qp', '--qf', '%{PACKAGER}', file])).toBe('Second');
  });

  test('nothing on the host has changed', async () => {
    expect(await hostState()).toEqual(host);
  });
});

if (problem !== null) test.todo(`is not tried here: ${problem}`);
