// A whole site that builds packages: a hub, a builder, a distribution out of this machine's own packages, and git repositories.
// For bench/build and interop/packages; the tests have test/support/system.ts.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientSession } from '@koji/client';
import { freePort } from './ports.mjs';
import { root } from './setup.mjs';

/** One of our built programs, as the start of a command line. */
export const program = (name) => [
  process.execPath,
  path.join(
    root,
    `packages/${{ koji: 'koji-client', kojid: 'koji-builder', 'koji-hub': 'koji-hub' }[name]}/dist/bundle/main.js`,
  ),
];

/** Polls until `test` returns something true; throws with `what` after `seconds`. */
export async function until(what, test, seconds = 120) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20)) {
    const found = await test();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

/** Writes one section of an ini file. */
export function writeSettings(file, section, settings) {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(file, `[${section}]\n${lines.join('')}`);
}

/** Git repositories in a folder, served by `git daemon`. */
export async function startGit(folder) {
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  const git = (...args) => execFileSync('git', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const port = await freePort();
  const words = ['--export-all', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${folder}`];
  // In a group of its own: git starts another program.
  const daemon = spawn('git', ['daemon', ...words], { stdio: 'ignore', detached: true });
  const url = `git://127.0.0.1:${port}`;
  git('init', '-q', '--bare', '-b', 'main', path.join(folder, 'empty.git'));
  await until('git daemon answering', () => spawnSync('git', ['ls-remote', `${url}/empty.git`]).status === 0);
  return {
    /** Commits the files of a folder to a new repository; returns the SCM URL of the commit. */
    commit(name, from) {
      const tree = path.join(folder, 'tree');
      const bare = path.join(folder, `${name}.git`);
      for (const place of [tree, bare]) rmSync(place, { recursive: true, force: true });
      cpSync(from, tree, { recursive: true });
      const as = ['-C', tree, '-c', 'user.name=Site', '-c', 'user.email=site@localhost'];
      git(...as, 'init', '-q', '-b', 'main');
      git(...as, 'add', '-A', '-f');
      git(...as, 'commit', '-q', '-m', name);
      const id = String(git(...as, 'rev-parse', 'HEAD')).trim();
      git('clone', '-q', '--bare', tree, bare);
      return `${url}/${name}.git#${id}`;
    },
    stop: () => process.kill(-daemon.pid, 'SIGTERM'),
  };
}

/** Makes a distribution in a folder; `words` are those of make-distribution.mjs before it. */
export function makeDistribution(words, folder) {
  const make = path.join(root, 'scripts/make-distribution.mjs');
  execFileSync(process.execPath, [make, ...words, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/**
 * Starts a hub and a builder in a folder, with a target `f44` whose build tag has the packages of a distribution.
 *
 * @param options.folder where all of it is
 * @param options.distribution words for make-distribution.mjs, such as `--compiler`, or the folder that it made
 * @param options.kojid settings of kojid.conf
 * @param options.hubOptions settings of hub.conf
 * @param options.inherits whether the build tag inherits from the destination tag, so that builds can need each other
 */
export async function startBuildSite({
  folder,
  distribution = [],
  kojid = {},
  hubOptions = {},
  inherits = false,
}) {
  const file = (...names) => path.join(folder, ...names);
  const arch = machine();
  const children = [];
  const [node, hubProgram] = program('koji-hub');
  const hub = (...args) =>
    execFileSync(node, [hubProgram, '--config', file('hub.conf'), ...args], { stdio: 'pipe' });
  const start = (name, [command, ...args]) => {
    const out = openSync(file(`${name}.out`), 'a');
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', out, out] });
    children.push(child);
    return child;
  };
  const log = (name) => {
    try {
      return readFileSync(file(name), 'utf8');
    } catch {
      return '';
    }
  };
  if (typeof distribution === 'string') symlinkSync(path.resolve(distribution), file('distribution'));
  else makeDistribution(distribution, file('distribution'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  writeSettings(file('hub.conf'), 'hub', {
    Listen: `127.0.0.1:${port}`,
    Database: 'sqlite:koji.db',
    KojiDir: file('koji'),
    LogFile: file('hub.log'),
    LogLevel: 'INFO',
    RepoManager: 'hub',
    DisableNotifications: 'True',
    ...hubOptions,
  });
  hub('migrate');
  hub('user', 'add', 'kojiadmin', '--password', 'secret', '--admin');
  const hubProcess = start('hub', [node, hubProgram, '--config', file('hub.conf')]);
  const session = new ClientSession(`${url}/kojihub`);
  const git = await startGit(file('git'));
  const answers = () =>
    fetch(`${url}/kojihub`).then(
      ({ status }) => status === 405,
      () => false,
    );
  await until(`the hub answering (${file('hub.log')})`, answers);
  await session.login('kojiadmin', 'secret');
  await session.createTag('f44', null, arch);
  await session.createTag('f44-build', inherits ? 'f44' : null, arch);
  await session.call('editTag2', ['f44-build'], { extra: { 'rpm.macro.dist': '.f44' } });
  await session.call('createBuildTarget', ['f44', 'f44-build', 'f44']);
  await session.call('createExternalRepo', ['machine', `file://${file('distribution')}/$arch/`]);
  await session.call('addExternalRepoToTag', ['f44-build', 'machine', 10]);
  const groups = session.multicall({ strict: true });
  for (const [group, names] of Object.entries(JSON.parse(log('distribution/groups.json')))) {
    groups.call('groupListAdd', ['f44-build', group]);
    for (const name of names) groups.call('groupPackageListAdd', ['f44-build', group, name]);
  }
  await groups.run();
  await session.addHost('builder', [arch, 'noarch']);
  await session.addHostToChannel('builder', 'createrepo');
  hub('user', 'passwd', 'builder', 'secret');
  writeSettings(file('kojid.conf'), 'kojid', {
    server: `${url}/kojihub`,
    topurl: `${url}/kojifiles`,
    topdir: file('koji'),
    workdir: file('work'),
    user: 'builder',
    password: 'secret',
    logfile: file('kojid.log'),
    minspace: 0,
    maxload: 0,
    buildroot_backend: 'sandbox',
    allowed_scms: '127.0.0.1*:/*:no:',
    ...kojid,
  });
  return {
    url,
    session,
    git,
    file,
    log,
    arch,
    hub,
    hubProcess,
    start,
    /** Starts our kojid and waits until it takes tasks. */
    async startBuilder() {
      const child = start('kojid', [...program('kojid'), '--config', file('kojid.conf')]);
      await until('kojid is ready', () => {
        if (child.exitCode !== null) throw new Error(`kojid ended:\n${log('kojid.out')}${log('kojid.log')}`);
        return log('kojid.log').includes(' ready as ');
      });
      return child;
    },
    /** Waits for a task; returns its state. */
    async ended(id, seconds = 3600) {
      const over = async () => {
        const { state } = await session.call('getTaskInfo', [id]);
        return state === 2 || state === 3 || state === 5 ? state : 0;
      };
      return until(`task ${id} ended`, over, seconds);
    },
    async stop() {
      await session.close().catch(() => undefined);
      git.stop();
      for (const child of children.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('exit', resolve));
      }
    },
  };
}

/** Makes a folder for a site. Not below /tmp, which may be an overlay that overlayfs can't lie on. Accounts that build may read it. */
export function siteFolder(name) {
  const folder = mkdtempSync(path.join('/var/tmp', `koji-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}
