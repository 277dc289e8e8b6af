import { lstat, mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BuildInfo, BuildReferences, BuildListItem, TaggedMavenArchive } from '@koji/core/api';
import { sql } from '../src/db/sql.js';
import type { Sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('changes of builds on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let alice: Asking;

  beforeAll(async () => {
    const options = { DisableNotifications: 'yes', EnableMaven: 'yes' };
    hub = await startTestHub(kind, options);
    admin = await asking(hub, 'kojiadmin');
    alice = await asking(hub, 'alice');
  });
  afterAll(() => hub.stop());

  const run = (query: Sql): Promise<number> => hub.database.write((db) => db.run(query));
  const idOf = async (query: Sql): Promise<number> => {
    const row = await hub.database.write((db) => db.get<{ id: number }>(query));
    return row?.id ?? 0;
  };
  const folder = (nvr: string): string => path.join(hub.kojiDir, nvr);
  const fill = async (place: string): Promise<void> => {
    await mkdir(path.join(folder(place), 'data/logs/x86_64'), { recursive: true });
    await writeFile(path.join(folder(place), 'data/logs/x86_64/build.log'), 'done');
  };
  const makeBuild = (name: string, release: string, named = {}): Promise<number> =>
    admin<number>('createEmptyBuild', [name, '1', release, null], named);
  const addRpm = (
    build: number,
    name: string,
    draft = false,
    buildroot: number | null = null,
  ): Promise<number> =>
    idOf(sql`INSERT INTO rpminfo (build_id, buildroot_id, name, version, release, arch, draft, external_repo_id,
               payloadhash, size, buildtime)
             VALUES (${build}, ${buildroot}, ${name}, '1', '1', 'noarch', ${draft}, 0, 'x', 1, 1) RETURNING id`);
  const addBuildroot = async (): Promise<number> =>
    idOf(sql`INSERT INTO buildroot (br_type) VALUES (0) RETURNING id`);
  const gone = (place: string): Promise<boolean> =>
    lstat(folder(place)).then(
      () => false,
      () => true,
    );

  test('a draft is promoted by its owner: the same build, its files under the new name, a link at the old', async () => {
    const id = await makeBuild('draft', '1', { draft: true, owner: 'alice' });
    const rpm = await addRpm(id, 'draft', true);
    const refused = [1000, `Cannot promote build draft-1-1,draft_${id}. Reason: it has no files`];
    await expect(faultOf(alice('promoteBuild', [id]))).resolves.toEqual(refused);
    await fill(`packages/draft/1/1,draft_${id}`);
    const bob = await asking(hub, 'bob');
    await expect(faultOf(bob('promoteBuild', [id], { force: true }))).resolves.toEqual([
      1004,
      'policy violation (draft_promotion): Only draft-promoter and build owner can do this via default policy',
    ]);
    const build = await alice<BuildInfo>('promoteBuild', [id]);
    expect(build).toMatchObject({ id, nvr: 'draft-1-1', draft: false, promoter_name: 'alice' });
    expect(await admin('getRPM', [rpm])).toMatchObject({ draft: false });
    expect(await readlink(folder(`packages/draft/1/1,draft_${id}`))).toBe('1');
    expect(await admin('getBuildLogs', [id])).toEqual([
      { name: 'build.log', dir: 'x86_64', path: 'packages/draft/1/1/data/logs/x86_64/build.log' },
    ]);
    expect(
      await admin<BuildListItem[]>('listBuilds', [], {
        promoter: 'alice',
        promotedAfter: '2001-01-01 00:00',
      }),
    ).toHaveLength(1);
    expect(await admin('deleteBuild', [id])).toBe(true);
    expect(await gone(`packages/draft/1/1,draft_${id}`)).toBe(true);
  });

  test('a draft is not promoted over a build or an rpm that is there', async () => {
    const id = await makeBuild('taken', '1', { draft: true });
    await addRpm(id, 'taken', true);
    await addRpm(await makeBuild('taken', '2'), 'taken');
    const why = `Cannot promote build taken-1-1,draft_${id}. Reason:`;
    await expect(faultOf(admin('promoteBuild', [id]))).resolves.toEqual([
      1000,
      `${why} rpm already exists: taken-1-1.noarch`,
    ]);
    const owner = await makeBuild('taken', '1');
    await expect(faultOf(admin('promoteBuild', [id]))).resolves.toEqual([
      1000,
      `${why} Target build exists: taken-1-1(#${owner})`,
    ]);
  });

  test('files move to another volume, leave a link, and come back by the policy', async () => {
    await mkdir(folder('vol/fast'), { recursive: true });
    await admin('addVolume', ['fast']);
    await fill('packages/moving/1/1');
    await makeBuild('moving', '1');
    await admin('changeBuildVolume', ['moving-1-1', 'fast']);
    expect(await admin('getBuild', ['moving-1-1'])).toMatchObject({ volume_name: 'fast' });
    expect(await readlink(folder('packages/moving/1/1'))).toBe('../../../vol/fast/packages/moving/1/1');
    expect(await readFile(folder('vol/fast/packages/moving/1/1/data/logs/x86_64/build.log'), 'utf8')).toBe(
      'done',
    );
    await expect(faultOf(admin('changeBuildVolume', ['moving-1-1', 'fast']))).resolves.toEqual([
      1000,
      'Build moving-1-1 already on volume fast',
    ]);
    await admin('applyVolumePolicy', ['moving-1-1'], { strict: true });
    expect((await lstat(folder('packages/moving/1/1'))).isDirectory()).toBe(true);
    expect(await gone('vol/fast/packages/moving/1/1')).toBe(true);
    await admin('changeBuildVolume', ['moving-1-1', 'fast']);
    expect(await admin('deleteBuild', ['moving-1-1'])).toBe(true);
    expect(await gone('packages/moving/1/1')).toBe(true);
    expect(await gone('vol/fast/packages/moving/1/1')).toBe(true);
  });

  test('files do not move to a place that is taken', async () => {
    await fill('packages/blocked/1/1');
    await mkdir(folder('vol/fast/packages/blocked/1/1'), { recursive: true });
    await makeBuild('blocked', '1');
    const [code, text] = await faultOf(admin('changeBuildVolume', ['blocked-1-1', 'fast']));
    expect([code, text]).toEqual([1000, expect.stringMatching(/^Destination directory exists: .*blocked/)]);
    await makeBuild('bare', '1');
    expect((await faultOf(admin('changeBuildVolume', ['bare-1-1', 'fast'])))[1]).toMatch(
      /^Build directory missing: .*bare/,
    );
    expect((await lstat(folder('packages/blocked/1/1'))).isDirectory()).toBe(true);
  });

  test('references are found by kind, as far as they are wanted, and keep a build from being deleted', async () => {
    const lib = await makeBuild('lib', '1');
    const parts = [await addRpm(lib, 'lib'), await addRpm(lib, 'lib-devel')];
    const buildroot = await addBuildroot();
    for (const part of parts)
      await run(sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id) VALUES (${buildroot}, ${part})`);
    const app = await makeBuild('app', '1');
    const made = [await addRpm(app, 'app', false, buildroot), await addRpm(app, 'app-doc', false, buildroot)];
    const all = await admin<BuildReferences>('buildReferences', [lib]);
    expect(all.rpms?.map((rpm) => rpm.id)).toEqual(made);
    expect(all).toMatchObject({ tags: [], component_of: [], archives: [], images: [], last_used: null });
    const few = await admin<BuildReferences>('buildReferences', [lib], { limit: 1, lazy: true });
    expect(few).toEqual({ tags: [], rpms: [all.rpms?.[0]] });
    await expect(faultOf(admin('deleteBuild', [lib]))).resolves.toEqual([
      1000,
      `Cannot delete build, used in buildroots: [{'arch': 'noarch', 'build_id': ${app}, 'id': ${made[0]}, ` +
        `'name': 'app', 'release': '1', 'version': '1'}, {'arch': 'noarch', 'build_id': ${app}, 'id': ${made[1]}, ` +
        `'name': 'app-doc', 'release': '1', 'version': '1'}]`,
    ]);
    expect(await admin('deleteBuild', [lib, false])).toBe(false);
    await expect(faultOf(alice('deleteBuild', [lib]))).resolves.toEqual([
      1004,
      'admin permission required (logged in as alice)',
    ]);
    expect(await admin('deleteBuild', [app])).toBe(true);
    expect(await admin('deleteBuild', [app])).toBeNull();
    expect(await admin('deleteBuild', [lib])).toBe(true);
  });

  test('a reset takes tags, rpms, types and files, and frees the name', async () => {
    await admin('createTag', ['full']);
    await admin('packageListAdd', ['full', 'again', 'alice']);
    const id = await makeBuild('again', '1');
    await addRpm(id, 'again');
    await fill('packages/again/1/1');
    await admin('createImageBuild', [id]);
    await admin('tagBuildBypass', ['full', id]);
    await admin('resetBuild', [id]);
    expect(await admin('getBuild', [id])).toMatchObject({ state: 4, task_id: null, volume_name: 'DEFAULT' });
    expect(await admin('listBuildRPMs', [id])).toEqual([]);
    expect(await admin('getBuildType', [id])).toEqual({});
    expect(await admin('listTagged', ['full'])).toEqual([]);
    expect(await gone('packages/again/1/1')).toBe(true);
    expect(await makeBuild('again', '1')).toBe(id);
    await run(sql`UPDATE build SET state = 0, completion_time = NULL WHERE id = ${id}`);
    await expect(faultOf(admin('resetBuild', [id]))).resolves.toEqual([
      1000,
      'Cannot reset build, still building: again-1-1',
    ]);
    await expect(faultOf(admin('deleteBuild', [id]))).resolves.toEqual([
      1000,
      'Cannot delete build, still building',
    ]);
    await run(sql`UPDATE build SET state = 1, completion_time = start_time WHERE id = ${id}`);
  });

  test('Maven coordinates are noted once, by those who may import', async () => {
    const info = { group_id: 'org.app', artifact_id: 'app', version: '1' };
    const nvr = { name: 'maven', version: '1', release: '1', epoch: null };
    await expect(faultOf(alice('createMavenBuild', [nvr, info]))).resolves.toEqual([
      1004,
      'maven-import permission required (logged in as alice)',
    ]);
    await admin('createMavenBuild', [nvr, info]);
    await admin('createMavenBuild', ['maven-1-1', info]);
    await expect(faultOf(admin('createMavenBuild', [nvr, { ...info, version: '2' }]))).resolves.toEqual([
      1005,
      'version mismatch (current: 1, new: 2)',
    ]);
    await expect(faultOf(admin('createWinBuild', [nvr, { platform: 'x' }]))).resolves.toEqual([
      1000,
      'Windows support not enabled',
    ]);
    expect(await admin('getBuildType', ['maven-1-1'])).toMatchObject({ maven: info });
  });

  test('of Maven artifacts the version tagged last counts, unless a tag includes all', async () => {
    await admin('createTag', ['jars']);
    await admin('createTag', ['child'], { parent: 'jars' });
    await admin('packageListAdd', ['jars', 'jar', 'alice']);
    for (const release of ['1', '2']) {
      const id = await makeBuild('jar', release);
      await admin('createMavenBuild', [id, { group_id: 'g', artifact_id: 'a', version: release }]);
      const archive = await idOf(
        sql`INSERT INTO archiveinfo (type_id, btype_id, build_id, filename, size, checksum, checksum_type)
            SELECT 1, btype.id, ${id}, 'a.jar', 3, 'abc', 2 FROM btype WHERE btype.name = 'maven' RETURNING id`,
      );
      await run(
        sql`INSERT INTO maven_archives (archive_id, group_id, artifact_id, version)
            VALUES (${archive}, 'g', 'a', ${release})`,
      );
      await admin('tagBuildBypass', ['jars', id]);
    }
    const versions = async (): Promise<string[]> =>
      (await admin<TaggedMavenArchive[]>('getLatestMavenArchives', ['child'])).map(({ version }) => version);
    expect(await versions()).toEqual(['2']);
    await admin('editTag2', ['jars'], { maven_support: true, maven_include_all: true });
    expect(await versions()).toEqual(['2', '1']);
    const [archives, builds] = await admin<[object[], object[]]>('listTaggedArchives', ['child'], {
      inherit: true,
      latest: true,
      type: 'maven',
    });
    expect(archives).toMatchObject([{ filename: 'a.jar', maven_version: '2', extra: null }]);
    expect(builds).toMatchObject([{ nvr: 'jar-1-2', maven_group_id: 'g' }]);
    expect(await admin('getLatestMavenArchives', ['child'], { inherit: false })).toEqual([]);
  });

  test('the time of completion can be set, and durations of built packages have an average', async () => {
    const id = await makeBuild('timed', '1');
    expect(await admin('getAverageBuildDuration', ['timed'])).toBeNull();
    const { creation_ts: created } = await admin<BuildInfo>('getBuild', [id]);
    await admin('setBuildTimestamp', [id, Number(created) + 90.5]);
    await expect(faultOf(admin('setBuildTimestamp', [id, 1e300]))).resolves.toEqual([
      1000,
      'Invalid time: 1e+300',
    ]);
    await run(sql`UPDATE build SET extra = '{"koji_task_id": 5}' WHERE id = ${id}`);
    expect(await admin('getAverageBuildDuration', ['timed', 1])).toBeCloseTo(90.5, 3);
    await admin('setBuildTimestamp', [id, 1000000000]);
    expect(await admin('getBuild', [id])).toMatchObject({ completion_time: '2001-09-09 01:46:40+00:00' });
    expect(await admin('getAverageBuildDuration', ['timed', 1])).toBeNull();
    const [code] = await faultOf(admin('getAverageBuildDuration', ['timed', 'x']));
    expect(code).toBe(1019);
  });

  test('rpms of a tag come the same within a multicall, where no row may wait', async () => {
    await admin('createTag', ['rpms']);
    await admin('packageListAdd', ['rpms', 'many', 'alice']);
    const id = await makeBuild('many', '1');
    await addRpm(id, 'many');
    await admin('tagBuildBypass', ['rpms', id]);
    const alone = await admin<[object[], object[]]>('listTaggedRPMS', ['rpms']);
    expect(alone[0]).toMatchObject([{ name: 'many', extra: null }]);
    const calls = [{ methodName: 'listTaggedRPMS', params: ['rpms'] }];
    expect(await admin('multiCall', [calls])).toEqual([[alone]]);
  });
});
