import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;
const source = fileURLToPath(
  new URL('../../koji-core/test/fixtures/rpms/pkgc-1.2-3.src.rpm', import.meta.url),
);

interface Recorded {
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

describe.each(databases)('callbacks on $name', (kind) => {
  let folder: string;
  let hub: TestHub;
  let admin: Asking;
  let seen = 0;

  /** Events of the recording plugin since the last time, without those of every task and commit. */
  const recorded = async (): Promise<Recorded[]> => {
    const lines = (await readFile(path.join(folder, 'record'), 'utf8')).trim().split('\n');
    const fresh = lines.slice(seen).map((line) => JSON.parse(line) as Recorded);
    seen = lines.length;
    return fresh;
  };
  const shapes = (events: Recorded[]): [string, string[]][] =>
    events.map(({ event, payload }) => [event, Object.keys(payload).sort()]);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-callbacks-'));
    const record = path.join(folder, 'record');
    await writeFile(record, '');
    await writeFile(
      path.join(folder, 'recorder.mjs'),
      `import { appendFileSync } from 'node:fs';
import { callback } from ${JSON.stringify(sdk)};
const events = ['PackageListChange', 'TaskStateChange', 'BuildStateChange', 'Import', 'RPMSign', 'Tag', 'Untag', 'BuildPromote', 'RepoInit', 'RepoDone', 'Commit'];
export const recorder = callback(...events.flatMap((name) => ['pre' + name, 'post' + name]))((event, payload) => {
  appendFileSync(${JSON.stringify(record)}, JSON.stringify({ event, payload }) + '\\n');
  if (event === 'preTag' && payload.tag.name === 'forbidden') throw new Error('not into this one');
  if (event === 'postBuildStateChange' && payload.info.name === 'kept' && payload.new === 2) throw new Error('not this one');
  if (event === 'postBuildPromote' && payload.build.name === 'kept') throw new Error('not this one');
});
`,
    );
    const options = { DisableNotifications: 'yes', Plugins: 'recorder', PluginPath: folder };
    hub = await startTestHub(kind, options);
    admin = await asking(hub, 'kojiadmin');
    await admin('createTag', ['stable']);
    await admin('createTag', ['forbidden']);
    await recorded();
  });
  afterAll(async () => {
    await hub.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('an entry in a package list is told with its tag, package and change', async () => {
    await admin('packageListAdd', ['stable', 'pkgc', 'kojiadmin']);
    const keys = ['action', 'block', 'extra_arches', 'force', 'owner', 'package', 'tag', 'update', 'user'];
    const events = await recorded();
    expect(shapes(events)).toEqual([
      ['prePackageListChange', keys],
      ['postPackageListChange', keys],
      ['preCommit', []],
      ['postCommit', []],
    ]);
    expect(events[0]?.payload).toMatchObject({
      action: 'add',
      package: { name: 'pkgc' },
      tag: { name: 'stable' },
    });
  });

  test('an import is told from the new build to the signature header, in the order in which it happens', async () => {
    const data = await readFile(source);
    await admin('uploadFile', ['in', path.basename(source), data.length, null, 0, data.toString('base64')]);
    await recorded();
    await admin('importRPM', ['in', path.basename(source)]);
    const imported = ['build', 'fileinfo', 'filepath', 'rpm', 'type'];
    const change = ['attribute', 'info', 'new', 'old'];
    const sign = ['build', 'rpm', 'sighash', 'sigkey'];
    const events = await recorded();
    expect(shapes(events)).toEqual([
      ['preBuildStateChange', change],
      ['postBuildStateChange', change],
      ['preImport', imported],
      ['postImport', imported],
      ['preRPMSign', sign],
      ['postRPMSign', sign],
      ['preCommit', []],
      ['postCommit', []],
    ]);
    expect(events[3]?.payload).toMatchObject({
      type: 'rpm',
      rpm: { name: 'pkgc', arch: 'src' },
      build: { nvr: 'pkgc-1.2-3' },
    });
  });

  test('a completed build is told as a whole, and rpm by rpm in between', async () => {
    const builder = await hub.builder('b1.example.com', ['x86_64']);
    const taskId = await admin<number>('makeTask', ['build', ['git://example.com/x#1', null]]);
    await admin('assignTask', [taskId, builder.hostId], { force: true });
    await builder('host.openTask', [taskId]);
    const buildId = await builder('host.initBuild', [
      { name: 'test-nosrc', version: '1', release: '1.fc24', epoch: null, task_id: taskId },
    ]);
    const srpm = `tasks/${taskId}/${taskId}/test-nosrc-1-1.fc24.src.rpm`;
    const file = path.join(hub.kojiDir, 'work', srpm);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, await readFile(path.join(source, '../test-nosrc-1-1.fc24.nosrc.rpm')));
    await recorded();
    await builder('host.completeBuild', [taskId, buildId, srpm, [], null, {}]);
    const whole = ['brmap', 'build', 'build_id', 'logs', 'rpms', 'srpm', 'task_id', 'type'];
    const change = ['attribute', 'info', 'new', 'old'];
    const rpm = ['build', 'fileinfo', 'filepath', 'rpm', 'type'];
    const sign = ['build', 'rpm', 'sighash', 'sigkey'];
    const events = await recorded();
    expect(shapes(events)).toEqual([
      ['preImport', whole],
      ['preBuildStateChange', change],
      ['postBuildStateChange', change],
      ['preImport', rpm],
      ['postImport', rpm],
      ['preRPMSign', sign],
      ['postRPMSign', sign],
      ['postImport', whole],
      ['preCommit', []],
      ['postCommit', []],
    ]);
    expect(events[0]?.payload).toMatchObject({
      type: 'build',
      build: null,
      brmap: {},
      srpm,
      task_id: taskId,
    });
    expect(events[2]?.payload).toMatchObject({ old: 0, new: 1, info: { id: buildId, state: 1 } });
    expect(events[7]?.payload).toMatchObject({ build: { id: buildId, state: 1 } });
  });

  test('tagging and untagging are told with build, tag and user', async () => {
    await admin('tagBuildBypass', ['stable', 'pkgc-1.2-3']);
    await admin('untagBuildBypass', ['stable', 'pkgc-1.2-3']);
    const tag = ['build', 'force', 'tag', 'user'];
    const untag = [...tag, 'strict'].sort();
    const events = await recorded();
    expect(shapes(events)).toEqual([
      ['preTag', tag],
      ['postTag', tag],
      ['preCommit', []],
      ['postCommit', []],
      ['preUntag', untag],
      ['postUntag', untag],
      ['preCommit', []],
      ['postCommit', []],
    ]);
    expect(events[1]?.payload).toMatchObject({
      user: { name: 'kojiadmin' },
      tag: { name: 'stable' },
      force: false,
    });
  });

  test('a callback that throws undoes the call, and no commit is reported', async () => {
    const [code, text] = await faultOf(admin('tagBuildBypass', ['forbidden', 'pkgc-1.2-3']));
    expect(code).toBe(1017);
    expect(text).toContain('not into this one');
    expect((await recorded()).map(({ event }) => event)).toEqual(['preTag']);
    expect(await admin('listTagged', ['forbidden'])).toEqual([]);
  });

  test('a draft that is promoted and a build that is deleted are told; where that is vetoed, their files come back', async () => {
    const files = path.join(hub.kojiDir, 'packages');
    const contents = async (): Promise<string[]> => (await readdir(files, { recursive: true })).sort();
    const ids = new Map<string, number>();
    for (const name of ['told', 'kept']) {
      const id = await admin<number>('createEmptyBuild', [name, '1', '1', null], { draft: true });
      ids.set(name, id);
      await mkdir(path.join(files, name, `1/1,draft_${id}/data`), { recursive: true });
    }
    await recorded();
    const before = await contents();
    expect((await faultOf(admin('promoteBuild', [ids.get('kept')])))[0]).toBe(1017);
    expect((await faultOf(admin('deleteBuild', [ids.get('kept')])))[0]).toBe(1017);
    expect(await contents()).toEqual(before);
    await recorded();
    await admin('promoteBuild', [ids.get('told')]);
    await admin('deleteBuild', [ids.get('told')]);
    const promotion = ['build', 'draft_release', 'target_release', 'user'];
    const change = ['attribute', 'info', 'new', 'old'];
    const events = (await recorded()).filter(({ event }) => !event.endsWith('Commit'));
    expect(shapes(events)).toEqual([
      ['preBuildPromote', promotion],
      ['postBuildPromote', promotion],
      ['preBuildStateChange', change],
      ['postBuildStateChange', change],
    ]);
    expect(events[1]?.payload).toMatchObject({
      target_release: '1',
      build: { nvr: 'told-1-1', draft: false },
    });
    expect(events[2]?.payload).toMatchObject({ attribute: 'state', old: 1, new: 2, info: { state: 1 } });
    expect(events[3]?.payload).toMatchObject({ info: { state: 2 } });
  });

  test('a build of a content generator is told as a whole, and each of its files', async () => {
    await admin('grantCGAccess', ['kojiadmin', 'gen', true]);
    const content = Buffer.from('a disk');
    await admin('uploadFile', ['cg', 'd.qcow2', content.length, null, 0, content.toString('base64')]);
    await recorded();
    const metadata = {
      metadata_version: 0,
      build: {
        name: 'told',
        version: '2',
        release: '1',
        source: null,
        start_time: 1,
        end_time: 2,
        extra: { image: {} },
      },
      buildroots: [
        {
          id: 1,
          host: { os: 'f', arch: 'x86_64' },
          content_generator: { name: 'gen', version: '1' },
          container: { type: 'none', arch: 'x86_64' },
          tools: [],
          components: [],
        },
      ],
      output: [
        {
          buildroot_id: 1,
          filename: 'd.qcow2',
          filesize: content.length,
          checksum_type: 'md5',
          checksum: createHash('md5').update(content).digest('hex'),
          type: 'qcow2',
          extra: { image: { arch: 'x86_64' } },
        },
      ],
    };
    await admin('CGImport', [metadata, 'cg']);
    const events = await recorded();
    const archive = ['archive', 'build', 'build_type', 'fileinfo', 'filepath', 'type'];
    const change = ['attribute', 'info', 'new', 'old'];
    expect(shapes(events).slice(0, -2)).toEqual([
      ['preImport', ['directory', 'metadata', 'type']],
      ['preBuildStateChange', change],
      ['postBuildStateChange', change],
      ['preImport', archive],
      ['postImport', archive],
      ['postImport', ['build', 'directory', 'metadata', 'type']],
    ]);
    expect(events[3]?.payload).toMatchObject({ build_type: 'image', archive: { filename: 'd.qcow2' } });
    expect(events[4]?.payload).toMatchObject({ archive: { arch: 'x86_64' }, fileinfo: { buildroot_id: 1 } });
    expect(events[5]?.payload).toMatchObject({ type: 'cg', build: { nvr: 'told-2-1' } });
  });

  test('a repo is told when it is begun and when it is done', async () => {
    await admin('createTag', ['repo-tag'], { arches: 'x86_64' });
    const builder = await hub.builder('repo-host', ['x86_64']);
    await recorded();
    const [id, event] = (await builder('host.repoInit', ['repo-tag'], { opts: { src: true } })) as [
      number,
      number,
    ];
    const begun = await recorded();
    const keys = ['event', 'opts', 'repo_id', 'tag', 'task_id'];
    expect(shapes(begun)).toEqual([
      ['preRepoInit', keys],
      ['postRepoInit', keys],
      ['preCommit', []],
      ['postCommit', []],
    ]);
    const common = { tag: { name: 'repo-tag' }, task_id: null, opts: { src: true, debuginfo: false } };
    expect(begun[0]?.payload).toMatchObject({ ...common, repo_id: null });
    expect(begun[1]?.payload).toMatchObject({ ...common, repo_id: id });

    await builder('host.repoDone', [id, {}, true]);
    const done = await recorded();
    expect(shapes(done).slice(0, 2)).toEqual([
      ['preRepoDone', ['data', 'expire', 'repo']],
      ['postRepoDone', ['data', 'expire', 'repo']],
    ]);
    const told = { data: {}, expire: true, repo: { id, tag_name: 'repo-tag', create_event: event } };
    expect(done[1]?.payload).toMatchObject(told);
  });

  test('a repo of signed rpms is told with its keys and arches', async () => {
    await admin('createTag', ['dist-tag'], { arches: 'x86_64' });
    await recorded();
    await admin('distRepo', ['dist-tag', ['0a1b2c3d']], { arch: ['x86_64', 'aarch64'] });
    const events = (await recorded()).filter(({ event }) => event.endsWith('RepoInit'));
    const keys = ['arches', 'dist', 'event', 'keys', 'repo_id', 'tag', 'task_opts'];
    const sources = ['with_debuginfo', 'with_separate_src', 'with_src'];
    expect(shapes(events)).toEqual([
      ['preRepoInit', [...keys, ...sources]],
      ['postRepoInit', [...keys.slice(0, 5), 'repodir', ...keys.slice(5), ...sources]],
    ]);
    expect(events[1]?.payload).toMatchObject({
      tag: { name: 'dist-tag' },
      keys: ['0a1b2c3d'],
      arches: ['x86_64', 'aarch64'],
      dist: true,
      with_src: false,
    });
    expect(events[1]?.payload['repodir']).toContain('repos-dist/dist-tag/');
  });

  test('a task that changes is told with the old and the new state', async () => {
    const id = await admin<number>('makeTask', ['sleep', [1]]);
    await recorded();
    await admin('cancelTask', [id]);
    const events = (await recorded()).filter(({ event }) => event.endsWith('TaskStateChange'));
    expect(events.map(({ event, payload }) => [event, payload.attribute])).toEqual([
      ['preTaskStateChange', 'state'],
      ['preTaskStateChange', 'completion_ts'],
      ['postTaskStateChange', 'state'],
      ['postTaskStateChange', 'completion_ts'],
    ]);
    for (const { payload } of events.filter(({ payload: { attribute } }) => attribute === 'state'))
      expect(payload).toMatchObject({ old: 'FREE', new: 'CANCELED', info: { id, method: 'sleep' } });
  });
});
