import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeResponse } from '@koji/core/wire';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

const fixtures = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms');
const source = 'pkgc-1.2-3.src.rpm';
const scm = 'git://example.com/pkgc#1';
const coordinates = { group_id: 'g', artifact_id: 'a', version: '1' };
const done = encodeResponse(true);

/** Objects of builders A and B. */
interface Scene {
  /** A's open task, with a buildroot of it and a build that it makes. */
  readonly own: { readonly task: number; readonly root: number; readonly build: number };
  /** Tasks that A does not have: B's, one that A had before, finished ones. */
  readonly foreign: readonly number[];
  readonly task: number;
  readonly child: number;
  readonly root: number;
  readonly builds: {
    readonly rpm: number;
    readonly maven: number;
    readonly win: number;
    readonly image: number;
  };
  /** A build in progress without a task. */
  readonly reserved: number;
  readonly imported: number;
  readonly repos: { readonly task: number; readonly plain: number; readonly dist: number };
  readonly tagTask: number;
}

type Cases = (scene: Scene) => readonly (readonly unknown[])[];

const brings = { buildroot_id: null, srpm: 's.src.rpm', rpms: [], logs: [] };
const files = (task: number): object => ({ task_id: task, files: { '': ['secret.jar'] }, logs: [] });
const output = (task: number): object => ({
  task_id: task,
  output: { 'secret.zip': { platforms: ['x'], flags: [] } },
  logs: [],
});
const image = (task: number): object => ({
  task_id: task,
  files: ['secret.qcow2'],
  logs: [],
  arch: 'noarch',
});
const images = (task: number): object => ({ x: image(task) });
const uploaded = (task: number, name = source): string => `tasks/${task % 10000}/${task}/${name}`;
/** The method's first argument is a task, and these follow. */
const forTasks =
  (...rest: readonly unknown[]): Cases =>
  ({ foreign }) =>
    foreign.map((task) => [task, ...rest]);

/** Calls of A that reach for what is not its own: all must be refused. */
const refused: Readonly<Record<string, Cases>> = {
  'host.closeTask': forTasks(done),
  'host.failTask': forTasks(done),
  'host.setTaskWeight': forTasks(7),
  'host.subtask': ({ foreign }) => foreign.map((task) => ['sleep', [1], task]),
  'host.subtask2': forTasks({}, 'sleep', 1),
  'host.taskSetWait': ({ foreign, own, child }) => [
    ...foreign.map((task) => [task, null]),
    [own.task, [child]],
  ],
  'host.taskWait': forTasks(),
  'host.taskWaitResults': ({ foreign, own, child }) => [
    ...foreign.map((task) => [task, null]),
    [own.task, [child], [child]],
  ],
  'host.tagNotification': ({ builds, reserved }) =>
    [builds.rpm, reserved].map((build) => [true, 'dest', null, build, 1]),
  'host.initBuild': ({ foreign }) =>
    foreign.map((task) => [{ name: 'pkgc', version: '9', release: '9', epoch: null, task_id: task }]),
  'host.completeBuild': ({ foreign, own, builds, reserved, imported, child, root }) => [
    ...foreign.map((task) => [task, builds.rpm, uploaded(task), []]),
    ...[builds.rpm, reserved, imported].map((build) => [own.task, build, uploaded(own.task), []]),
    [own.task, own.build, uploaded(child), []],
    [own.task, own.build, uploaded(own.task), [uploaded(child)]],
    [own.task, own.build, `tasks/${own.task}/${own.task}/../../${child}/${child}/${source}`, []],
    [own.task, own.build, uploaded(own.task), [], {}, { noarch: [uploaded(child, 'secret.log')] }],
    [own.task, own.build, uploaded(own.task), [], {}, { noarch: ['of-a-user/secret.log'] }],
    [own.task, own.build, uploaded(own.task), [], { [uploaded(own.task)]: root }],
  ],
  'host.failBuild': ({ foreign, own, builds, reserved }) => [
    ...foreign.map((task) => [task, builds.rpm]),
    ...[...Object.values(builds), reserved].map((build) => [own.task, build]),
  ],
  'host.moveBuildToScratch': ({ foreign, own, child }) => [
    ...foreign.map((task) => [task, uploaded(task), []]),
    [own.task, uploaded(child), []],
    [own.task, uploaded(own.task), [], { x: [uploaded(child, 'secret.log')] }],
  ],
  'host.initMavenBuild': forTasks({ name: 'm', version: '1' }, coordinates),
  'host.createMavenBuild': ({ builds }) => [
    [builds.rpm, coordinates],
    [builds.win, coordinates],
  ],
  'host.completeMavenBuild': ({ foreign, own, builds, child }) => [
    ...foreign.map((task) => [task, builds.maven, files(task), null]),
    [own.task, builds.maven, files(own.task), null],
    [own.task, builds.maven, files(child), null],
  ],
  'host.moveMavenBuildToScratch': ({ foreign, own, child }) => [
    ...foreign.map((task) => [task, files(task), null]),
    [own.task, files(child), null],
    [own.task, { task_id: own.task, files: {}, logs: [] }, { ...brings, task_id: child }],
  ],
  'host.importWrapperRPMs': ({ foreign, own, builds, imported, root }) => [
    ...foreign.map((task) => [task, builds.rpm, { ...brings }]),
    ...[builds.rpm, imported].map((build) => [own.task, build, brings]),
    [own.task, own.build, { ...brings, buildroot_id: root }],
  ],
  'host.initWinBuild': forTasks({ name: 'w', version: '1', release: '1' }, { platform: 'x' }),
  'host.completeWinBuild': ({ foreign, own, builds, child }) => [
    ...foreign.map((task) => [task, builds.win, output(task), null]),
    [own.task, builds.win, output(own.task), null],
    [own.task, builds.win, output(child), null],
  ],
  'host.moveWinBuildToScratch': ({ foreign, own, child }) => [
    ...foreign.map((task) => [task, output(task), null]),
    [own.task, output(child), null],
  ],
  'host.initImageBuild': forTasks({ name: 'i', version: '1', release: '1' }),
  'host.completeImageBuild': ({ foreign, own, builds, reserved, child }) => [
    ...foreign.map((task) => [task, builds.image, images(task)]),
    ...[builds.image, reserved].map((build) => [own.task, build, {}]),
    [own.task, own.build, images(child)],
  ],
  'host.importImage': ({ foreign, own, builds, imported, child }) => [
    ...foreign.map((task) => [task, builds.image, images(task)]),
    ...[builds.image, imported].map((build) => [own.task, build, images(own.task)]),
    [own.task, own.build, images(child)],
    [own.task, own.build, { x: { ...image(own.task), rpmresults: { ...brings, task_id: child } } }],
  ],
  'host.moveImageBuildToScratch': ({ foreign, own, child }) => [
    ...foreign.map((task) => [task, images(task)]),
    [own.task, images(child)],
  ],
  'host.importArchive': ({ own, builds, imported, child }) => [
    ...[builds.win, imported].map((build) => [uploaded(own.task), build, 'win', {}]),
    [uploaded(child), own.build, 'win', {}],
  ],
  'host.newBuildRoot': ({ foreign, repos }) => foreign.map((task) => [repos.task, 'x86_64', task]),
  'host.setBuildRootState': ({ root, own, foreign }) => [
    [root, 'EXPIRED'],
    [root, 'EXPIRED', own.task],
    ...foreign.map((task) => [own.root, 'BUILDING', task]),
  ],
  'host.setBuildRootList': ({ root, own, foreign }) => [
    [root, []],
    [root, [], own.task],
    ...foreign.map((task) => [own.root, [], task]),
  ],
  'host.updateBuildRootList': ({ root, own, foreign }) => [
    [root, []],
    [root, [], own.task],
    ...foreign.map((task) => [own.root, [], task]),
  ],
  'host.updateBuildrootArchives': ({ root, own, foreign }) => [
    [root, own.task, []],
    ...foreign.map((task) => [own.root, task, []]),
  ],
  'host.updateMavenBuildRootList': ({ root, own, foreign }) => [
    [root, own.task, []],
    ...foreign.map((task) => [own.root, task, []]),
  ],
  'host.repoInit': ({ foreign }) => foreign.map((task) => ['build-tag', task]),
  'host.repoDone': ({ repos }) =>
    Object.values(repos).flatMap((repo) => [
      [repo, {}],
      [repo, {}, true],
    ]),
  'host.distRepoMove': ({ repos, own }) => [
    [repos.dist, `tasks/${own.task}/${own.task}`, 'x86_64'],
    [repos.task, `tasks/${own.task}/${own.task}`, 'x86_64'],
  ],
  'host.tagBuild': ({ foreign, own, tagTask, builds, imported }) => [
    ...[...foreign, tagTask].map((task) => [task, 'dest', imported]),
    ...[builds.rpm, imported].map((build) => [own.task, 'dest', build]),
  ],
};

/** Calls that are answered, and do nothing to what is not A's. */
const harmless: Readonly<Record<string, Cases>> = {
  'host.openTask': forTasks(),
  'host.freeTasks': ({ foreign }) => [[foreign]],
  'host.waitForTasks': ({ foreign }) => [[0, foreign]],
  'host.evalPolicy': () => [['build_rpm', {}]],
  'host.checkPolicy': ({ builds }) => [['build_rpm', { build: builds.rpm }]],
  'host.assertPolicy': ({ builds }) => [['build_rpm', { build: builds.rpm }]],
};

/** Methods without an id of anything that a builder could own; a signed copy is made of anybody's rpm. */
const withoutIds: Readonly<Record<string, readonly unknown[]>> = {
  'host.getID': [],
  'host.getHost': [],
  'host.isEnabled': [],
  'host.updateHost': [0, true],
  'host.setHostData': [{}],
  'host.getTasks': [],
  'host.getLoadData': [],
  'host.getHostTasks': [],
  'host.writeSignedRPM': [1, 'abcd'],
  // Tried apart: some of its tasks are A's own.
  'host.refuseTask': [1],
};

/** The files below a folder; links are not followed. */
async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(file)));
    else files.push(file);
  }
  return files;
}

describe.each(databases)('what belongs to another builder on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let a: Caller;
  let b: Caller;
  let scene: Scene;
  let hostMethods: string[];

  const put = async (task: number, ...names: string[]): Promise<void> => {
    const folder = path.join(hub.kojiDir, 'work', path.dirname(uploaded(task)));
    await mkdir(folder, { recursive: true });
    await cp(path.join(fixtures, source), path.join(folder, source));
    for (const name of names) await writeFile(path.join(folder, name), 'secret');
  };
  const open = async (host: Caller, task: number): Promise<number> => {
    await admin('assignTask', [task, host.hostId], { force: true });
    expect(await host('host.openTask', [task])).toMatchObject({ id: task });
    return task;
  };
  const make = async (host: Caller, method = 'build', params: unknown[] = [scm, null]): Promise<number> =>
    open(host, await admin<number>('makeTask', [method, params]));
  const begin = async (host: Caller, task: number, version: string): Promise<number> =>
    (await host('host.initBuild', [
      { name: 'pkgc', version, release: '3', epoch: null, task_id: task },
    ])) as number;
  const idOf = async (answer: Promise<unknown>): Promise<number> => ((await answer) as { id: number }).id;

  beforeAll(async () => {
    const options = { EnableMaven: 'yes', EnableWin: 'yes', RunInterval: '0', EmailDomain: 'example.com' };
    hub = await startTestHub(kind, options, { policies: { build_rpm: 'all :: allow' } });
    admin = await asking(hub, 'kojiadmin');
    a = await hub.builder('a.example.com', ['x86_64']);
    b = await hub.builder('b.example.com', ['x86_64']);
    const listed = await admin<string[]>('system.listMethods');
    hostMethods = listed.filter((name) => name.startsWith('host.'));
    await admin('createTag', ['build-tag'], { arches: 'x86_64' });
    await admin('createTag', ['dest'], { arches: 'x86_64' });
    await admin('packageListAdd', ['dest', 'pkgc', 'kojiadmin']);
    await admin('grantCGAccess', ['kojiadmin', 'mycg', true]);
    const imported = await admin<number>('createEmptyBuild', ['pkgc', 'imported', '1', null]);
    const reserved = await admin('CGInitBuild', [
      'mycg',
      { name: 'pkgc', version: 'cg', release: '1', epoch: null },
    ]);
    const task = await make(b);
    const child = (await b('host.subtask', ['buildArch', [], task])) as number;
    await open(b, child);
    const closed = await make(b);
    await b('host.closeTask', [closed, done]);
    const ownClosed = await make(a);
    await a('host.closeTask', [ownClosed, done]);
    const former = await make(a);
    const formerRepo = (await a('host.repoInit', ['build-tag', former])) as [number, number];
    await a('host.freeTasks', [[former]]);
    await open(b, former);
    await b('host.repoDone', [formerRepo[0], {}]);
    const repoTask = await make(b, 'newRepo', ['build-tag']);
    const withTask = (await b('host.repoInit', ['build-tag', repoTask])) as [number, number];
    const plain = (await b('host.repoInit', ['build-tag'])) as [number, number];
    const distTask = await admin<number>('distRepo', ['dest', []], { arch: ['x86_64'] });
    await open(b, distTask);
    const [, dist] = await admin<[string, number]>('getTaskRequest', [distTask]);
    const ownTask = await make(a);
    scene = {
      own: {
        task: ownTask,
        root: (await a('host.newBuildRoot', [formerRepo[0], 'x86_64', ownTask])) as number,
        build: await begin(a, ownTask, '1.2'),
      },
      foreign: [task, child, closed, ownClosed, former],
      task,
      child,
      root: (await b('host.newBuildRoot', [formerRepo[0], 'x86_64', child])) as number,
      builds: {
        rpm: await begin(b, task, '5'),
        maven: await idOf(
          b('host.initMavenBuild', [task, { name: 'm', version: '5', epoch: null }, coordinates]),
        ),
        win: await idOf(
          b('host.initWinBuild', [
            task,
            { name: 'w', version: '5', release: '1', epoch: null },
            { platform: 'x' },
          ]),
        ),
        image: await idOf(
          b('host.initImageBuild', [task, { name: 'i', version: '5', release: '1', epoch: null }]),
        ),
      },
      reserved: (reserved as { build_id: number }).build_id,
      imported,
      repos: { task: withTask[0], plain: plain[0], dist },
      tagTask: await make(b, 'tagBuild', ['dest', imported]),
    };
    for (const id of [...scene.foreign, ownTask])
      await put(id, 'secret.log', 'secret.jar', 'secret.zip', 'secret.qcow2', 's.src.rpm');
    await mkdir(path.join(hub.kojiDir, 'work/of-a-user'), { recursive: true });
    await writeFile(path.join(hub.kojiDir, 'work/of-a-user/secret.log'), 'secret');
  });
  afterAll(() => hub.stop());

  /** All that A's calls could have changed. */
  const everything = async (): Promise<unknown> => ({
    tasks: await admin('listTasks', [], { queryOpts: { order: 'id' } }),
    builds: await admin('listBuilds', [], { queryOpts: { order: 'build_id' } }),
    types: await Promise.all(
      [...Object.values(scene.builds), scene.imported, scene.reserved].map((id) =>
        admin('getBuildType', [id]),
      ),
    ),
    roots: await admin('listBuildroots', [], { queryOpts: { order: 'id' } }),
    repos: await admin('getActiveRepos'),
    tagged: await admin('listTagged', ['dest']),
    files: (await filesBelow(hub.kojiDir)).sort(),
    secret: await readFile(path.join(hub.kojiDir, 'work', uploaded(scene.child, 'secret.log')), 'utf8'),
  });

  it('is tried with every method of builders', () => {
    const tried = [...Object.keys(refused), ...Object.keys(harmless), ...Object.keys(withoutIds)];
    expect([...tried].sort()).toEqual([...hostMethods].sort());
  });

  test.each(Object.keys(refused))('%s refuses it, and all stays as it was', async (method) => {
    const before = await everything();
    const cases = refused[method]!(scene);
    expect(cases.length).toBeGreaterThan(0);
    for (const args of cases) {
      const [code, text] = await faultOf(a(method, args));
      // Koji itself compares an rpm build with its task, besides with its source.
      const isKojis = text.startsWith('Unable to complete build: ');
      const wanted = [
        isKojis ? 1000 : 1004,
        expect.stringMatching(/own|lock|folder|below|subtask|tag|build/) as string,
      ];
      expect([method, args, code, text]).toEqual([method, args, ...wanted]);
    }
    expect(await everything()).toEqual(before);
  });

  test.each(Object.keys(harmless))('%s does nothing to it', async (method) => {
    const before = await everything();
    for (const args of harmless[method]!(scene)) await a(method, args);
    expect(await everything()).toEqual(before);
  });

  it('is not freed by a builder that refuses it', async () => {
    const before = await everything();
    for (const task of scene.foreign) await a('host.refuseTask', [task]).catch(() => undefined);
    expect(await everything()).toEqual(before);
  });

  it('is out of reach for methods that are not for builders alone', async () => {
    const before = await everything();
    const { task, child, repos, builds } = scene;
    const calls: [string, unknown[], number][] = [
      ['cancelTask', [task], 1004],
      ['cancelTaskChildren', [task], 1004],
      ['cancelTaskFull', [task], 1004],
      ['freeTask', [task], 1004],
      ['setTaskPriority', [task, 1], 1004],
      ['assignTask', [task, a.hostId], 1004],
      ['makeTask', ['sleep', [1]], 1004],
      ['cancelBuild', [builds.rpm], 1004],
      ['mergeScratch', [task], 1004],
      ['repo.setState', [repos.task, 1], 1004],
      ['repoExpire', [repos.task], 1004],
      ['repoProblem', [repos.task], 1004],
      ['repoDelete', [repos.task], 1004],
      ['repo.updateEndEvents', [], 1004],
      ['repo.checkQueue', [], 1004],
      ['repo.autoRequests', [], 1004],
      ['uploadFile', [`tasks/${child}/${child}`, 'x', 1, null, 0, 'eA=='], 1004],
      ['uploadFile', [`tasks/./${child}/../${child}/${child}`, 'x', 1, null, 0, 'eA=='], 1004],
    ];
    for (const [method, args, code] of calls) {
      const fault = await faultOf(a(method, args)).catch(() => 'answered');
      expect([method, fault]).toEqual([method, [code, expect.any(String)]]);
    }
    expect(await everything()).toEqual(before);
  });

  it("is a builder's: nobody else calls its methods, whatever the permission", async () => {
    const kojira = await hub.login('kojira');
    await admin('grantPermission', ['kojira', 'repo']);
    for (const caller of [await hub.login('kojiadmin'), kojira])
      for (const method of hostMethods) {
        const args = withoutIds[method] ?? (refused[method] ?? harmless[method]!)(scene)[0];
        expect([method, await faultOf(caller(method, args))]).toEqual([
          method,
          [1002, expect.stringMatching(/is not a host$/)],
        ]);
      }
    expect(await faultOf(hub.anonymous('host.failBuild', [1, 1]))).toEqual([1002, 'Not logged-in']);
    // kojira may use its methods on all repos.
    await kojira('repo.setState', [scene.repos.plain, 2]);
  });

  it('is its own: B continues with all of it', async () => {
    const { task, child, builds, repos, root, tagTask, imported } = scene;
    await b('host.setBuildRootState', [root, 'BUILDING']);
    await b('host.setBuildRootState', [root, 'EXPIRED', child]);
    await b('host.failBuild', [task, builds.rpm]);
    await b('host.tagBuild', [tagTask, 'dest', imported]);
    await b('host.tagNotification', [true, 'dest', null, imported, 'kojiadmin']);
    await b('host.completeMavenBuild', [task, builds.maven, files(child), null]);
    await b('host.completeWinBuild', [task, builds.win, output(child), null]);
    await b('host.completeImageBuild', [task, builds.image, {}]);
    await b('host.repoDone', [repos.task, {}]);
    await b('host.repoDone', [repos.dist, {}]);
    expect(await admin('getBuild', [builds.win])).toMatchObject({ state: 1 });
  });
});
