import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BR_STATES, BUILD_STATES, TASK_STATES } from '@koji/core';
import type { BuildInfo, BuildrootInfo, TaskInfo } from '@koji/core/api';
import { RpmHeader } from '@koji/core/rpm';
import { named } from '@koji/core/wire';
import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { BuildArchTask } from '../src/tasks/build-arch.js';
import { BuildTask } from '../src/tasks/build.js';
import { BuildSrpmFromScmTask, RebuildSrpmTask } from '../src/tasks/srpm.js';
import { TagBuildTask } from '../src/tasks/tag.js';
import * as sidetag from '../../koji-plugin-sidetag/src/hub.js';
import { until } from '../../../test/support/system.js';
import { fakeMock } from '../src/testing/index.js';
import type { FakeMock } from '../src/testing/index.js';
import { runFamily, type FamilyRecord } from './support/family.js';
import { gitSite, type GitSite } from './support/git.js';
import { makeSrpm, specOf } from './support/specs.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-build-'));
const handlers = [BuildTask, BuildArchTask, BuildSrpmFromScmTask, RebuildSrpmTask, TagBuildTask];
let hub: TestHub;
let git: GitSite;
let mock: FakeMock;
let repo: number;

const script = {
  install: ['mkdir -p %{buildroot}/usr/bin', 'echo %{_target_cpu} > %{buildroot}/usr/bin/%{name}'],
};
const specs = {
  noarch: specOf('letters', {
    head: ['BuildArch: noarch'],
    install: ['mkdir -p %{buildroot}/etc', 'echo a > %{buildroot}/etc/letters'],
    files: ['/etc/letters'],
  }),
  both: specOf('tool', {
    ...script,
    files: [
      '/usr/bin/tool',
      '%package doc',
      'Summary: Words',
      'BuildArch: noarch',
      '%description doc',
      'Words.',
      '%files doc',
    ],
  }),
  broken: specOf('broken', { head: ['BuildArch: noarch'], install: ['echo before the end', 'exit 3'] }),
};

beforeAll(async () => {
  hub = await startTestHub({
    tags: ['f44', 'f44-build', 'other-build'],
    plugins: { sidetag },
    policies: { sidetag: 'all :: allow' },
  });
  git = await gitSite();
  mkdirSync(path.join(folder, 'mock'));
  mock = await fakeMock(path.join(folder, 'mock'));
  const { admin } = hub;
  await admin.call('editTag2', ['f44-build'], { arches: 'x86_64 i686', extra: { 'rpm.macro.dist': '.f44' } });
  await admin.call('createBuildTarget', ['f44', 'f44-build', 'f44']);
  for (const name of ['letters', 'tool', 'broken']) await admin.packageListAdd('f44', name, 'kojiadmin');
  repo = await newRepo('f44-build');
});
afterAll(async () => {
  await git.stop();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function newRepo(tag: string): Promise<number> {
  const builder = await hub.builder();
  const [id] = (await builder.call('host.repoInit', [tag])) as [number];
  await builder.call('host.repoDone', [id, {}]);
  return id;
}

let count = 0;
/** Uploads the source package of a spec file; returns its path below the work folder. */
async function upload(name: string, spec: string): Promise<string> {
  const place = `cli-build/${(count += 1)}`;
  const file = makeSrpm(path.join(folder, String(count)), name, spec);
  await hub.admin.upload(file, place);
  return `${place}/${path.basename(file)}`;
}

const options = (): Record<string, unknown> => ({ ...mock.options, allowed_scms: '*:/*:no:' });

const start = (src: string, target: string | null, opts: Record<string, unknown> = {}): Promise<number> =>
  hub.admin.build(src, target, opts);

async function build(
  src: string,
  opts: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<FamilyRecord & { readonly id: number }> {
  const id = await start(src, 'f44', opts);
  return { ...(await runFamily(hub, id, handlers, { options: { ...options(), ...more } })), id };
}

/** The message of a build that must fail. */
async function failure(
  src: string,
  target: string | null = 'f44',
  opts: Record<string, unknown> = {},
): Promise<string> {
  const id = await start(src, target, opts);
  return runFamily(hub, id, handlers, { options: options() }).then(
    () => 'it did not fail',
    (error: unknown) => String(error),
  );
}

const ofTask = async (id: number): Promise<BuildInfo> => {
  const [found] = await hub.admin.listBuilds(named({ taskID: id }));
  return hub.admin.getBuild(found?.build_id ?? 0, true);
};
const childrenOf = async (id: number): Promise<TaskInfo[]> => {
  const found = (await hub.admin.call('getTaskChildren', [id, true])) as TaskInfo[];
  return found.sort((a, b) => a.id - b.id);
};

test('an uploaded source package becomes a build of all arches, with the tag’s macros', async () => {
  const src = await upload('tool', specs.both);
  const metadata = { ticket: 7 };
  const { id, children } = await build(src, { custom_user_metadata: metadata });
  const info = await ofTask(id);
  const source = 'tool-1.0-1.f44.src.rpm';
  expect(info).toMatchObject({
    nvr: 'tool-1.0-1.f44',
    state: BUILD_STATES.COMPLETE,
    source,
    extra: { source: { original_url: source }, custom_user_metadata: metadata },
  });
  const tagId = ((await hub.admin.call('getTag', ['f44-build'])) as { id: number }).id;
  const { srpm } = children.get('srpm')?.result as { srpm: string };
  expect((await childrenOf(id)).map((task) => [task.method, task.label, task.arch, task.request])).toEqual([
    ['rebuildSRPM', 'srpm', 'noarch', [src, tagId, { repo_id: repo, scratch: null }]],
    ['buildArch', 'x86_64', 'x86_64', [srpm, tagId, 'x86_64', true, { repo_id: repo }]],
    ['buildArch', 'i686', 'i386', [srpm, tagId, 'i686', false, { repo_id: repo }]],
    [
      'tagBuild',
      'tag',
      'noarch',
      [((await hub.admin.call('getTag', ['f44'])) as { id: number }).id, info.id, false, null, true],
    ],
  ]);
  const rpms = await hub.admin.listRPMs(info.id);
  expect(rpms.map(({ name, arch }) => `${name}.${arch}`).sort()).toEqual(
    ['tool-doc.noarch', 'tool.i686', 'tool.src', 'tool.x86_64'].sort(),
  );
  for (const { buildroot_id: root } of rpms)
    expect(await hub.admin.getBuildroot(root ?? 0)).toMatchObject({
      state: BR_STATES.EXPIRED,
      repo_id: repo,
    });
  const header = await RpmHeader.read(
    path.join(hub.paths.build(info), hub.paths.rpm({ ...info, arch: 'src' })),
  );
  expect([header.get('VENDOR'), header.get('PACKAGER'), header.get('DISTRIBUTION')]).toEqual([
    'Koji',
    'Koji',
    'Koji',
  ]);
  expect((await hub.admin.call('listTagged', ['f44', null, false, null, true])) as unknown[]).toMatchObject([
    { nvr: 'tool-1.0-1.f44' },
  ]);
  // The logs are those of the buildroots, byte for byte.
  const arch = children.get('x86_64');
  const logs = path.join(hub.paths.buildLogs(info), 'x86_64');
  expect(readdirSync(logs).sort()).toEqual(
    expect.arrayContaining(['build.log', 'mock_config.log', 'mock_output.log', 'noarch_rpmdiff.json']),
  );
  for (const name of readdirSync(logs))
    expect(readFileSync(path.join(logs, name))).toEqual(arch?.uploads.get(name));
  const hashes = ['x86_64', 'i686'].map((one) => {
    const text = String(children.get(one)?.uploads.get('noarch_rpmdiff.json'));
    return Object.values(JSON.parse(text) as Record<string, Record<string, string>>)[0];
  });
  expect(Object.keys(hashes[0] ?? {})).toEqual(['tool-doc-1.0-1.f44.noarch.rpm']);
  expect(hashes[1]).toEqual(hashes[0]);
});

test('sources in git become a build that knows its commit', async () => {
  const commit = git.commit('letters', { 'letters.spec': specs.noarch });
  const url = `git+http://${git.host}/letters.git#main`;
  const { id, children } = await build(url, { draft: true });
  expect(await ofTask(id)).toMatchObject({
    name: 'letters',
    draft: true,
    source: `git+http://${git.host}/letters.git#${commit}`,
    extra: { source: { original_url: url } },
  });
  expect((await childrenOf(id)).map(({ method, label }) => [method, label])).toEqual([
    ['buildSRPMFromSCM', 'srpm'],
    ['buildArch', 'noarch'],
    ['tagBuild', 'tag'],
  ]);
  expect(String(children.get('srpm')?.uploads.get('checkout.log'))).toContain('Cloning into');
});

test('a scratch build has its own arches and is not a build', async () => {
  const src = await upload('tool', specs.both);
  const { id, children } = await build(src, { scratch: true, arch_override: 'x86_64', rebuild_srpm: false });
  expect([...children.keys()]).toEqual(['x86_64']);
  expect(await hub.admin.listBuilds(named({ taskID: id }))).toEqual([]);
  const place = path.join(hub.topdir, 'scratch/kojiadmin', `task_${id}`);
  expect(readdirSync(place)).toEqual(
    expect.arrayContaining([
      'tool-1.0-1.f44.src.rpm',
      'tool-1.0-1.f44.x86_64.rpm',
      'tool-doc-1.0-1.f44.noarch.rpm',
    ]),
  );
});

test('a spec file that fails leaves logs, a buildroot and the reason', async () => {
  const src = await upload('broken', specs.broken);
  const id = await start(src, 'f44');
  await expect(runFamily(hub, id, handlers, { options: options() })).rejects.toThrow(
    'error building package (arch noarch), mock exited with status 1; see build.log or root.log for more information',
  );
  expect(await ofTask(id)).toMatchObject({ state: BUILD_STATES.FAILED });
  const child = (await childrenOf(id)).find(({ label }) => label === 'noarch');
  expect(String(await hub.admin.call('downloadTaskOutput', [child?.id, 'build.log']))).toBeTruthy();
  const [root] = (await hub.admin.call('listBuildroots', [], { taskID: child?.id })) as BuildrootInfo[];
  expect(root).toMatchObject({ state: BR_STATES.EXPIRED });
  const config = (await mock.calls()).at(-1)?.config ?? '';
  expect(config).toContain(`f44-build-${root?.id}-${repo}`);
});

describe('when one arch fails', () => {
  /** Starts a build whose x86_64 continues until `goOn` is called, while its i686 fails. */
  async function startHalf(opts: Record<string, unknown>) {
    const flag = path.join(folder, `go-on-${(count += 1)}`);
    const wait = `while [ %{_target_cpu} = x86_64 ] && [ ! -e ${flag} ]; do sleep 0.05; done`;
    const src = await upload(
      'tool',
      specOf('tool', { ...script, install: [wait, '[ %{_target_cpu} = x86_64 ]'] }),
    );
    const id = await start(src, 'f44', { scratch: true, rebuild_srpm: false, ...opts });
    const family = runFamily(hub, id, handlers, { options: { ...options(), build_arch_can_fail: true } });
    family.catch(() => null);
    const states = async () => {
      const all = [...(await childrenOf(id)), (await hub.admin.call('getTaskInfo', [id])) as TaskInfo];
      return Object.fromEntries(all.map(({ label, state }) => [label ?? 'build', state]));
    };
    await until('i686 has failed', async () => (await states()).i686 === TASK_STATES.FAILED);
    return { family, states, goOn: () => writeFileSync(flag, '') };
  }

  test('the others are built to their end where the builder says so', async () => {
    const { family, states, goOn } = await startHalf({});
    expect(await states()).toMatchObject({ build: TASK_STATES.OPEN, x86_64: TASK_STATES.OPEN });
    goOn();
    await expect(family).rejects.toThrow('error building package (arch i686)');
    expect(await states()).toMatchObject({ build: TASK_STATES.FAILED, x86_64: TASK_STATES.CLOSED });
  });

  test('fail_fast ends them, whatever the builder says', async () => {
    const { family, states, goOn } = await startHalf({ fail_fast: true });
    await until('x86_64 is canceled', async () => (await states()).x86_64 === TASK_STATES.CANCELED);
    expect(await states()).toMatchObject({ build: TASK_STATES.FAILED });
    goOn();
    await expect(family).rejects.toThrow('error building package (arch i686)');
  });
});

test('the result of a task has a warning when the programs of the host did the build', async () => {
  const src = await upload('handmade', specOf('handmade', { head: ['BuildArch: noarch'] }));
  const host = { buildroot_backend: 'host', rootsdir: path.join(folder, 'roots') };
  // The account that builds must find its way there.
  chmodSync(folder, 0o755);
  const { children } = await build(src, { scratch: true, rebuild_srpm: false }, host);
  const { warning } = children.get('noarch')?.result as { warning: string };
  expect(warning).toMatch(/^built with the programs of the builder itself/);
});

test('a build in a side tag is made from its repo and tagged into it', async () => {
  const { admin } = hub;
  await admin.packageListAdd('f44-build', 'letters', 'kojiadmin');
  const side = (await admin.call('createSideTag', ['f44-build'])) as { name: string; id: number };
  const own = await newRepo(side.name);
  const src = await upload('letters', specs.noarch);
  const id = await start(src, side.name);
  const { children } = await runFamily(hub, id, handlers, { options: options() });
  expect(await ofTask(id)).toMatchObject({ nvr: 'letters-1.0-1.f44', state: BUILD_STATES.COMPLETE });
  const { brootid } = children.get('noarch')?.result as { brootid: number };
  expect(await admin.getBuildroot(brootid)).toMatchObject({ repo_id: own, tag_name: side.name });
  expect(await admin.call('listTagged', [side.name])).toMatchObject([{ nvr: 'letters-1.0-1.f44' }]);
  expect(
    (await admin.call('listTagged', ['f44', null, false, null, false, null, 'letters'])) as unknown[],
  ).toEqual([]);
});

describe('a build', () => {
  test('needs its package in the destination tag, unless it is not tagged', async () => {
    const src = await upload('stranger', specOf('stranger', { head: ['BuildArch: noarch'] }));
    expect(await failure(src)).toContain('package stranger not in list for tag f44');
    const { id } = await build(src, { skip_tag: true });
    expect(await ofTask(id)).toMatchObject({ nvr: 'stranger-1.0-1.f44', state: BUILD_STATES.COMPLETE });
    expect((await childrenOf(id)).map(({ label }) => label)).toEqual(['srpm', 'noarch']);
  });

  test('says what is wrong with its target, repo and options', async () => {
    const other = await newRepo('other-build');
    const src = 'cli-build/none/none.src.rpm';
    expect(await failure(src, 'nowhere')).toContain('unknown build target: nowhere');
    expect(await failure(src, 'nowhere', { repo_id: repo })).toContain('neither tag nor target: nowhere');
    expect(await failure(src, 'f44', { repo_id: 9999 })).toContain('No such repo: 9999');
    expect(await failure(src, 'f44', { repo_id: other })).toContain(
      'Repo/Target mismatch: other-build/f44-build',
    );
    await hub.admin.call('repoExpire', [other]);
    await hub.admin.call('repoDelete', [other]);
    expect(await failure(src, 'f44', { repo_id: other })).toContain(`Bad repo: ${other} (DELETED)`);
    expect(await failure(src, 'f44', { arch_override: 'x86_64' })).toContain(
      'arch_override is only allowed for scratch builds',
    );
    expect(await failure(src, 'f44', { custom_user_metadata: 'x' })).toContain(
      'custom_user_metadata must be serializable',
    );
  });

  test('from a repo needs no target: it goes to a tag, or nowhere', async () => {
    const src = await upload('nowhere', specOf('nowhere', { head: ['BuildArch: noarch'] }));
    const id = await start(src, null, { repo_id: repo });
    await runFamily(hub, id, handlers, { options: options() });
    expect(await ofTask(id)).toMatchObject({ nvr: 'nowhere-1.0-1.f44' });
    expect((await childrenOf(id)).map(({ label }) => label)).toEqual(['srpm', 'noarch']);
  });

  test('is asked of the hub’s policies', async () => {
    const calls: [string, unknown][] = [];
    const data = { 'host.assertPolicy': (name: string, about: unknown) => void calls.push([name, about]) };
    const target = { id: 1, name: 'f44', build_tag: 2, dest_tag: 3, build_tag_name: 'b', dest_tag_name: 'd' };
    const answers = {
      ...data,
      getBuildTarget: target,
      getTag: () => {
        throw new Error('far enough');
      },
    };
    await expect(
      runTask(BuildTask, ['a/b.src.rpm', 'f44', { skip_tag: true }], { calls: answers }),
    ).rejects.toThrow('far enough');
    const about = {
      user_id: 1,
      source: 'a/b.src.rpm',
      task_id: 1,
      build_tag: 2,
      skip_tag: true,
      scratch: null,
      draft: null,
      from_scm: false,
      repo_id: null,
      target: 'f44',
    };
    expect(calls).toEqual([
      ['build_from_srpm', about],
      ['build_rpm', about],
    ]);
    calls.length = 0;
    const url = 'git+https://git.example.com/a#main';
    await expect(runTask(BuildTask, [url, 'f44', {}], { calls: answers })).rejects.toThrow('far enough');
    expect(calls).toEqual([
      ['build_rpm', { ...about, source: url, from_scm: true, skip_tag: false, tag: 3 }],
    ]);
  });

  test('waits for a repo with the builds that it needs', async () => {
    const waited: unknown[] = [];
    class Waitrepo extends BaseTaskHandler {
      static override readonly Methods = ['waitrepo'];
      async handler(...args: unknown[]): Promise<unknown> {
        waited.push(args);
        return this.session.repoInfo(repo, true);
      }
    }
    const src = await upload('tool', specOf('tool', { head: ['BuildArch: noarch', 'Epoch: 3'] }));
    const opts = { wait_builds: ['letters-9-9'], scratch: true };
    const id = await start(src, 'f44', opts);
    await runFamily(hub, id, [...handlers, Waitrepo], { options: options() });
    expect(waited).toEqual([['f44-build', null, ['letters-9-9'], null]]);
  });

  test('with wait_repo takes no repo that is older than the tag', async () => {
    const waited: unknown[] = [];
    class Waitrepo extends BaseTaskHandler {
      static override readonly Methods = ['waitrepo'];
      async handler(...args: unknown[]): Promise<unknown> {
        waited.push(args);
        return this.session.repoInfo(repo, true);
      }
    }
    await hub.admin.call('editTag2', ['f44-build'], { extra: { changed: true } });
    const last: unknown = await hub.admin.call('tagLastChangeEvent', ['f44-build']);
    const src = await upload('late', specOf('late', { head: ['BuildArch: noarch'] }));
    const id = await start(src, 'f44', { wait_repo: true, scratch: true });
    await runFamily(hub, id, [...handlers, Waitrepo], { options: options() });
    expect(waited).toEqual([['f44-build', null, [], last]]);
  });
});

describe('a builder', () => {
  test('refuses tags whose arches it has not, and without a way to make buildroots', async () => {
    await hub.admin.call('editTag2', ['other-build'], { arches: 'aarch64' });
    const run = (tag: string, more: Record<string, unknown> = {}) =>
      runTask(RebuildSrpmTask, ['a', tag, { repo_id: repo }], { hub, options: { ...options(), ...more } });
    await expect(run('other-build')).rejects.toThrow(RefuseTask);
    await expect(run('other-build')).rejects.toThrow(
      'tag arches (aarch64) and host arches (x86_64, noarch) are disjoint',
    );
    await expect(run('f44-build', { mockpath: '/nowhere/mock' })).rejects.toThrow(RefuseTask);
    await expect(run('f44-build')).rejects.toThrow('Input SRPM file missing: work/a');
    await expect(
      runTask(RebuildSrpmTask, ['a', 'f44-build', {}], { hub, options: options() }),
    ).rejects.toThrow('A repo id must be provided');
  });

  test('weighs a package by how long it took on average', async () => {
    const weights: unknown[] = [];
    const calls = {
      getBuildConfig: { id: 1, arches: 'x86_64', name: 't', extra: {} },
      repoInfo: { id: 1, create_event: 1, tag_id: 1, tag_name: 't', state: 1 },
      getAverageBuildDuration: 9600.5,
      'host.setTaskWeight': (_: number, weight: number) => void weights.push(weight),
    };
    const args = ['a.src.rpm', 't', 'x86_64', true, { repo_id: 1 }];
    const topdir = path.join(folder, 'weights');
    mkdirSync(path.join(topdir, 'work'), { recursive: true });
    const file = makeSrpm(topdir, 'tool', specs.both);
    copyFileSync(file, path.join(topdir, 'work/a.src.rpm'));
    await expect(runTask(BuildArchTask, args, { calls, topdir, options: options() })).rejects.toThrow(
      'host.newBuildRoot',
    );
    expect(weights).toEqual([1.5, 1.5 + 9600.5 / 4800]);
  });
});
