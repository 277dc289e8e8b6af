import { cp, lstat, mkdir, readFile, readdir, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type {
  ArchiveInfo,
  BuildInfo,
  BuildrootInfo,
  BuildrootRpm,
  RpmListItem,
  TaskInfo,
} from '@koji/core/api';
import { sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

const fixtures = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms');
const source = 'pkgc-1.2-3.src.rpm';
const binary = 'pkgc-1.2-3.x86_64.rpm';
const BUILDING = 0;
const COMPLETE = 1;
const FAILED = 3;
const pom = `<project><groupId>org.example</groupId><artifactId>app</artifactId><version>1.0</version></project>`;

describe.each(databases)('building on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let alice: Asking;
  let b1: Caller;
  let b2: Caller;

  beforeAll(async () => {
    const options = { DisableNotifications: 'yes', EnableMaven: 'yes', EnableWin: 'yes', RunInterval: '0' };
    hub = await startTestHub(kind, options);
    admin = await asking(hub, 'kojiadmin');
    alice = await asking(hub, 'alice');
    b1 = await hub.builder('b1.example.com', ['x86_64']);
    b2 = await hub.builder('b2.example.com', ['x86_64']);
    await admin('createTag', ['f44-build', null, 'x86_64']);
    await admin('createExternalRepo', ['base', 'http://example.com/base']);
    await hub.database.write((db) =>
      db.run(
        sql`INSERT INTO repo (create_event, tag_id, state) SELECT max(create_event), 1, 1 FROM tag_config`,
      ),
    );
  });
  afterAll(() => hub.stop());

  const open = async (taskId: number): Promise<number> => {
    await admin('assignTask', [taskId, b1.hostId], { force: true });
    expect(await b1('host.openTask', [taskId])).toMatchObject({ id: taskId });
    return taskId;
  };
  const buildTask = async (opts: object = {}): Promise<number> =>
    open(await alice<number>('build', ['git://example.com/pkgc#1', null, opts]));
  const upload = async (taskId: number, name: string, content: string | { rpm: string }): Promise<string> => {
    const relative = `tasks/${taskId % 10000}/${taskId}/${name}`;
    const file = path.join(hub.kojiDir, 'work', relative);
    await mkdir(path.dirname(file), { recursive: true });
    if (typeof content === 'string') await writeFile(file, content);
    else await cp(path.join(fixtures, content.rpm), file);
    return relative;
  };
  const begin = async (taskId: number, version = '1.2'): Promise<number> =>
    (await b1('host.initBuild', [
      { name: 'pkgc', version, release: '3', epoch: null, task_id: taskId },
    ])) as number;
  const filesOf = async (below: string): Promise<string[]> =>
    (await readdir(path.join(hub.kojiDir, below), { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(path.join(hub.kojiDir, below), path.join(entry.parentPath, entry.name)))
      .sort();

  it('tasks are for people who are logged in, and sooner than others for admins only', async () => {
    const anybody = await asking(hub, null);
    const url = 'git://example.com/x#1';
    expect(await faultOf(anybody('build', [url, null]))).toEqual([
      1004,
      'you must be logged in for this operation',
    ]);
    expect(await faultOf(alice('build', [url, null], { priority: -1 }))).toEqual([
      1004,
      'only admins may create high-priority tasks',
    ]);
    const later = await alice<number>('build', [url, null, null, 5, 'createrepo']);
    expect(await admin<TaskInfo>('getTaskInfo', [later, true])).toMatchObject({
      method: 'build',
      priority: 25,
      request: [url, null, {}],
    });
    const sooner = await admin<number>('chainBuild', [[[url]], 'f44', { scratch: true }, -2]);
    expect(await admin<TaskInfo>('getTaskInfo', [sooner])).toMatchObject({
      method: 'chainbuild',
      priority: 18,
    });
    expect(await faultOf(alice('buildImage', ['i', '1', 'x86_64', 't', 'f.ks', 'floppy']))).toEqual([
      1000,
      'Unrecognized image type: floppy',
    ]);
    expect(await faultOf(alice('winBuild', ['vm', url, 'nosuch']))).toEqual([
      1000,
      'No such build target: nosuch',
    ]);
  });

  it('in a buildroot is recorded: its state, and what is in it', async () => {
    const taskId = await buildTask();
    const other = await buildTask();
    const id = (await b1('host.newBuildRoot', [1, 'x86_64', taskId])) as number;
    expect(await faultOf(b2('host.setBuildRootState', [id, 'BUILDING']))).toEqual([
      1004,
      `Host ${b2.hostId} not owner of buildroot ${id}`,
    ]);
    expect(await faultOf(b1('host.setBuildRootState', [id, 'BUILDING', other]))).toEqual([
      1004,
      `Task ${other} does not have lock on buildroot ${id}`,
    ]);
    const glibc = { name: 'glibc', version: '2.40', release: '1', epoch: null, arch: 'x86_64', size: 1000 };
    const external = { ...glibc, payloadhash: 'ab'.repeat(16), buildtime: 1, location: 'base' };
    await b1('host.setBuildRootList', [id, [external, { ...external, name: 'bash' }], taskId]);
    await b1('host.setBuildRootState', [id, 'BUILDING', taskId]);
    expect(await faultOf(b1('host.setBuildRootList', [id, [external], taskId]))).toEqual([
      1000,
      `buildroot ${id} in wrong state 2`,
    ]);
    await b1('host.updateBuildRootList', [id, [external, { ...external, name: 'gcc' }], taskId]);
    const changed = { ...external, payloadhash: 'cd'.repeat(16) };
    expect(await faultOf(b1('host.updateBuildRootList', [id, [changed], taskId]))).toEqual([
      1000,
      `hash changed for external rpm: glibc-2.40-1.x86_64@base (${'ab'.repeat(16)} -> ${'cd'.repeat(16)})`,
    ]);
    const strange = { name: 'nosuch', version: '1', release: '1', arch: 'noarch' };
    expect(await faultOf(b1('host.updateBuildRootList', [id, [strange], taskId]))).toEqual([
      1000,
      "No such rpm: {'name': 'nosuch', 'version': '1', 'release': '1', 'arch': 'noarch'}",
    ]);
    const listed = await admin<BuildrootRpm[]>('getBuildrootListing', [id]);
    expect(listed.map(({ name, is_update }) => [name, is_update]).sort()).toEqual([
      ['bash', false],
      ['gcc', true],
      ['glibc', false],
    ]);
    await b1('host.setBuildRootState', [id, 'EXPIRED']);
    await b1('host.setBuildRootState', [id, 3]);
    expect(await faultOf(b1('host.setBuildRootState', [id, 1]))).toEqual([
      1000,
      `buildroot ${id} is EXPIRED`,
    ]);
    const root = await admin<BuildrootInfo>('getBuildroot', [id]);
    expect(root).toMatchObject({ state: 3, task_id: taskId, host_id: b1.hostId, container_arch: 'x86_64' });
    expect(root.retire_event_id).toBeGreaterThan(root.create_event_id!);
  });

  it('begins once for each version: the same task gets its build again, others do not', async () => {
    const taskId = await buildTask();
    const buildId = await begin(taskId, '7');
    expect(await begin(taskId, '7')).toBe(buildId);
    const other = await buildTask();
    expect(await faultOf(begin(other, '7'))).toEqual([1000, `Build already in progress (task ${taskId})`]);
    const build = await admin<BuildInfo>('getBuild', [buildId]);
    expect(build).toMatchObject({ state: BUILDING, owner_name: 'alice', completion_time: null });
    await b1('host.failBuild', [taskId, buildId]);
    expect(await admin('getBuild', [buildId])).toMatchObject({ state: FAILED });
    expect(await faultOf(b1('host.failBuild', [taskId, buildId]))).toEqual([
      1000,
      `cannot update build ${buildId}, state: FAILED`,
    ]);
    expect(await begin(other, '7')).toBe(buildId);
  });

  it('of rpms ends with all of its files and rows, or with none of them', async () => {
    const taskId = await buildTask();
    const buildId = await begin(taskId);
    const root = (await b1('host.newBuildRoot', [1, 'x86_64', taskId])) as number;
    const srpm = await upload(taskId, source, { rpm: source });
    const rpm = await upload(taskId, binary, { rpm: binary });
    const stranger = await upload(taskId, 'test-deps-1-1.fc24.x86_64.rpm', {
      rpm: 'test-deps-1-1.fc24.x86_64.rpm',
    });
    const log = await upload(taskId, 'build.log', 'done\n');
    const complete = (rpms: string[], brmap: object = {}): Promise<unknown> =>
      b1('host.completeBuild', [taskId, buildId, srpm, rpms, brmap, { x86_64: [log] }]);
    expect(await faultOf(complete(['tasks/../../../etc/passwd']))).toEqual([
      1000,
      expect.stringMatching(/^No such file: /) as string,
    ]);
    expect(await faultOf(complete([rpm], { [rpm]: 987654 }))).toEqual([1000, 'no buildroot with ID: 987654']);
    expect(await faultOf(complete([rpm, stranger]))).toMatchObject([1000, /^srpm mismatch for /]);
    expect(await filesOf('packages/pkgc')).toEqual([]);
    expect((await lstat(path.join(hub.kojiDir, 'work', srpm))).isFile()).toBe(true);
    expect(await admin('listBuildRPMs', [buildId])).toEqual([]);

    const done = (await complete([rpm], { [rpm]: root, [srpm]: root })) as BuildInfo;
    expect(done).toMatchObject({ id: buildId, state: COMPLETE, task_id: taskId, volume_name: 'DEFAULT' });
    expect((await filesOf('packages/pkgc')).filter((name) => !name.endsWith('.sig'))).toEqual([
      '1.2/3/data/logs/x86_64/build.log',
      `1.2/3/src/${source}`,
      `1.2/3/x86_64/${binary}`,
    ]);
    expect(await readlink(path.join(hub.kojiDir, 'work', rpm))).toBe(
      `../../../../packages/pkgc/1.2/3/x86_64/${binary}`,
    );
    const listed = await admin<RpmListItem[]>('listBuildRPMs', [buildId]);
    expect(listed.map((item) => [item.arch, item.buildroot_id]).sort()).toEqual([
      ['src', root],
      ['x86_64', root],
    ]);
    expect(await faultOf(complete([rpm]))).toMatchObject([1000, /state is COMPLETE$/]);
  });

  it('takes a noarch rpm once, if all of its builds are the same', async () => {
    const taskId = await buildTask();
    const noarch = 'test-files-1-1.fc27.noarch.rpm';
    const first = await upload(taskId, noarch, { rpm: noarch });
    const second = await upload(taskId, `i686/${noarch}`, { rpm: noarch });
    const other = await upload(taskId, `ppc64le/${noarch}`, { rpm: binary });
    const srpm = await upload(taskId, source, { rpm: source });
    const [code, text] = await faultOf(
      b1('host.moveBuildToScratch', [taskId, srpm, [first, second, other], {}]),
    );
    expect(code).toBe(1005);
    expect(text).toMatch(
      /differently on different architectures: test-files-1-1\.fc27\.noarch\.rpm\nrpmdiff/,
    );
    expect(text).toMatch(/^S\.5\.{8} Name$/m);
    await b1('host.moveBuildToScratch', [taskId, srpm, [first, second], {}]);
    expect(await filesOf(`scratch/alice/task_${taskId}`)).toEqual([source, noarch].sort());
  });

  it('of Maven gets the next release, and its artifacts with checksums', async () => {
    const taskId = await open(await admin<number>('makeTask', ['maven', ['git://example.com/app#1', null]]));
    const coordinates = { group_id: 'org.example', artifact_id: 'app', version: '1.0' };
    const data = { name: 'org.example-app', version: '1.0', epoch: null };
    const { id, release } = (await b1('host.initMavenBuild', [taskId, data, coordinates])) as BuildInfo;
    expect(release).toBe('1');
    expect(await b1('host.initMavenBuild', [taskId, data, coordinates])).toMatchObject({ release: '2' });
    for (const [name, content] of [
      ['app-1.0.jar', 'jar'],
      ['app-1.0.pom', pom],
      ['maven-metadata.xml', '<metadata/>'],
      ['odd.unknownext', '?'],
    ] as const)
      await upload(taskId, `org/example/app/1.0/${name}`, content);
    await upload(taskId, 'build.log', 'done\n');
    const complete = (names: string[]): Promise<unknown> =>
      b1('host.completeMavenBuild', [
        taskId,
        id,
        { task_id: taskId, buildroot_id: null, files: { 'org/example/app/1.0': names }, logs: ['build.log'] },
        null,
      ]);
    expect(await faultOf(complete(['app-1.0.jar', 'odd.unknownext']))).toEqual([
      1005,
      'unsupported file type: odd.unknownext',
    ]);
    expect(await filesOf('packages/org.example-app')).toEqual([]);
    await complete(['app-1.0.jar', 'app-1.0.pom', 'maven-metadata.xml']);
    const place = '1.0/1/maven/org/example/app/1.0';
    expect(await filesOf('packages/org.example-app')).toEqual(
      [
        '1.0/1/data/logs/maven/build.log',
        ...['app-1.0.jar', 'app-1.0.pom', 'maven-metadata.xml'].flatMap((name) =>
          ['', '.md5', '.sha1'].map((ending) => `${place}/${name}${ending}`),
        ),
      ].sort(),
    );
    expect(
      await readFile(path.join(hub.kojiDir, 'packages/org.example-app', place, 'app-1.0.jar.md5'), 'utf8'),
    ).toBe('68995fcbf432492d15484d04a9d2ac40');
    const archives = await admin<ArchiveInfo[]>('listArchives', [id]);
    expect(archives.map(({ filename }) => filename).sort()).toEqual(['app-1.0.jar', 'app-1.0.pom']);
    expect(await admin('getBuild', [id])).toMatchObject({ state: COMPLETE });
  });

  it('of Windows and of images hands in archives, logs and what is in them', async () => {
    const win = await open(
      await admin<number>('makeTask', ['winbuild', ['vm', 'git://example.com/w#1', null]]),
    );
    const data = { name: 'wapp', version: '2.0', release: '1', epoch: null };
    const tool = (await b1('host.initWinBuild', [win, data, { platform: 'win10' }])) as BuildInfo;
    await upload(win, 'out/tool.zip', 'zip');
    await upload(win, 'inner/root.log', 'log\n');
    const results = {
      task_id: win,
      buildroot_id: null,
      output: { 'out/tool.zip': { platforms: ['win10-64'], flags: [] } },
      logs: ['inner/root.log'],
    };
    await b1('host.completeWinBuild', [win, tool.id, results, null]);
    expect(await filesOf('packages/wapp')).toEqual([
      '2.0/1/data/logs/win/inner/root.log',
      '2.0/1/win/out/tool.zip',
    ]);

    const image = await open(
      await admin<number>('makeTask', ['image', ['disk', '1', ['x86_64'], null, 'url']]),
    );
    const disk = (await b1('host.initImageBuild', [
      image,
      { name: 'disk', version: '1', release: null, epoch: 0 },
    ])) as BuildInfo;
    const child = (await b1('host.subtask', ['createImage', [], image])) as number;
    await upload(child, 'disk.qcow2', 'image');
    await upload(child, 'oz.log', 'log\n');
    const glibc = { name: 'glibc', version: '2.40', release: '9', epoch: null, arch: 'x86_64', size: 1000 };
    const rpmlist = [{ ...glibc, payloadhash: 'ab'.repeat(16), buildtime: 1, location: 'base' }];
    await b1('host.completeImageBuild', [
      image,
      disk.id,
      {
        x86_64: { arch: 'x86_64', task_id: child, files: ['disk.qcow2'], logs: ['oz.log'], rpmlist },
        aarch64: { arch: 'aarch64' },
      },
    ]);
    expect(await filesOf('packages/disk')).toEqual(['1/1/data/logs/image/oz.log', '1/1/images/disk.qcow2']);
    const [archive] = await admin<ArchiveInfo[]>('listArchives', [disk.id], { type: 'image' });
    const parts = await admin<RpmListItem[]>('listRPMs', [], { imageID: archive!.id });
    expect(parts.map(({ nvr }) => nvr)).toEqual(['glibc-2.40-9']);
  });

  it('asks for wrapper rpms only of complete builds that have none', async () => {
    const buildId = await admin<number>('createEmptyBuild', ['wrapped', '1', '1', null]);
    const request = ['git://example.com/wrapper#1', {}, { id: buildId }, null];
    const taskId = await open(await admin<number>('makeTask', ['wrapperRPM', request]));
    const srpm = 'test-nosrc-1-1.fc24.src.rpm';
    const wrapped = { buildroot_id: null, srpm, rpms: [], logs: [] };
    await upload(taskId, srpm, { rpm: 'test-nosrc-1-1.fc24.nosrc.rpm' });
    await b1('host.importWrapperRPMs', [taskId, buildId, wrapped]);
    expect(await faultOf(b1('host.importWrapperRPMs', [taskId, buildId, wrapped]))).toEqual([
      1000,
      'wrapper rpms for wrapped-1-1 have already been imported',
    ]);
  });
});

describe.each(databases)('a volume policy on $name', (kind) => {
  it('says where the files of a build go; the default volume gets a link', async () => {
    const hub = await startTestHub(
      kind,
      { DisableNotifications: 'yes' },
      { policies: { volume: 'all :: fast' } },
    );
    try {
      const admin = await asking(hub, 'kojiadmin');
      const builder = await hub.builder('b1.example.com', ['x86_64']);
      await mkdir(path.join(hub.kojiDir, 'vol/fast'), { recursive: true });
      await admin('addVolume', ['fast']);
      const taskId = await admin<number>('makeTask', ['build', ['git://example.com/pkgc#1', null]]);
      await admin('assignTask', [taskId, builder.hostId], { force: true });
      await builder('host.openTask', [taskId]);
      const data = { name: 'pkgc', version: '1.2', release: '3', epoch: null, task_id: taskId };
      const buildId = await builder('host.initBuild', [data]);
      const srpm = `tasks/${taskId}/${taskId}/${source}`;
      await mkdir(path.dirname(path.join(hub.kojiDir, 'work', srpm)), { recursive: true });
      await cp(path.join(fixtures, source), path.join(hub.kojiDir, 'work', srpm));
      const build = await builder('host.completeBuild', [taskId, buildId, srpm, []]);
      expect(build).toMatchObject({ volume_name: 'fast', state: COMPLETE });
      expect(await readlink(path.join(hub.kojiDir, 'packages/pkgc/1.2/3'))).toBe(
        '../../../vol/fast/packages/pkgc/1.2/3',
      );
      expect(await readdir(path.join(hub.kojiDir, 'vol/fast/packages/pkgc/1.2/3/src'))).toEqual([source]);
    } finally {
      await hub.stop();
    }
  });
});
