import type { BuildrootInfo } from '@koji/core/api';
import { sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const noon = Date.UTC(2024, 0, 1, 12) / 1000;

/**
 * Buildroots 1 to 3 are of builders: hosts 1, 1, 2; tasks 1, 1, 2; repos 1, 1, 2 (of tags 1, 1, 2); states 0, 3, 1.
 * Buildroot 4 is of a content generator.
 */
async function fill(hub: TestHub, admin: Asking): Promise<void> {
  for (const name of ['f43-build', 'f44-build']) await admin('createTag', [name]);
  for (const name of ['b1.example.com', 'b2.example.com']) await admin('addHost', [name, ['x86_64']]);
  for (let i = 0; i < 2; i++) await admin('makeTask', ['buildArch', []]);
  await admin('createEmptyBuild', ['pkg', '1', '1', null]);
  await hub.database.write(async (db) => {
    const event = async (seconds: number): Promise<number> => {
      const time = new Date((noon + seconds) * 1000);
      return (await db.get<{ id: number }>(sql`INSERT INTO events (time) VALUES (${time}) RETURNING id`))!.id;
    };
    const [repoMade, made, retired] = [await event(0), await event(1), await event(2.25)];
    for (const tag of [1, 2])
      await db.run(sql`INSERT INTO repo (create_event, tag_id, state) VALUES (${repoMade}, ${tag}, 1)`);
    await db.run(sql`INSERT INTO content_generator (name) VALUES ('osbs')`);
    for (let i = 0; i < 3; i++)
      await db.run(
        sql`INSERT INTO buildroot (br_type, container_type, container_arch) VALUES (0, 'chroot', 'x86_64')`,
      );
    await db.run(
      sql`INSERT INTO buildroot (br_type, cg_id, cg_version, container_type, container_arch, host_os, host_arch, extra)
          VALUES (1, 1, '1.2', 'docker', 'aarch64', 'fedora-44', 'x86_64', ${'{"osbs": {"ratio": 0.5}}'})`,
    );
    const standard = (root: number, host: number, state: number, end: number | null) =>
      db.run(
        sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, retire_event, state)
            VALUES (${root}, ${host}, ${host}, ${host}, ${made}, ${end}, ${state})`,
      );
    await standard(1, 1, 0, null);
    await standard(2, 1, 3, retired);
    await standard(3, 2, 1, null);
    await db.run(
      sql`INSERT INTO rpminfo (build_id, draft, name, version, release, arch, external_repo_id, payloadhash, size, buildtime)
          SELECT id, FALSE, 'pkg', '1', '1', 'noarch', 0, 'ab', 1, 1 FROM build`,
    );
    await db.run(
      sql`INSERT INTO archiveinfo (type_id, build_id, filename, size, checksum, checksum_type)
          SELECT (SELECT min(id) FROM archivetypes), id, 'a.jar', 1, 'ab', 0 FROM build`,
    );
    for (const root of [1, 3])
      await db.run(sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id) VALUES (${root}, 1)`);
    for (const root of [3, 4])
      await db.run(
        sql`INSERT INTO buildroot_archives (buildroot_id, archive_id, project_dep) VALUES (${root}, 1, TRUE)`,
      );
  });
}

describe.each(databases)('buildroots on $name', (kind) => {
  let hub: TestHub;
  let anybody: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    anybody = await asking(hub, null);
    await fill(hub, await asking(hub, 'kojiadmin'));
  });
  afterAll(() => hub.stop());

  const ofBuilder = {
    id: 2,
    br_type: 0,
    cg_id: null,
    cg_name: null,
    cg_version: null,
    container_arch: 'x86_64',
    arch: 'x86_64',
    container_type: 'chroot',
    host_os: null,
    host_arch: null,
    extra: null,
    state: 3,
    task_id: 1,
    host_id: 1,
    host_name: 'b1.example.com',
    repo_id: 1,
    repo_state: 1,
    tag_id: 1,
    tag_name: 'f43-build',
    create_event_time: '2024-01-01 12:00:01+00:00',
    create_ts: noon + 1,
    retire_event_time: '2024-01-01 12:00:02.250000+00:00',
    retire_ts: noon + 2.25,
    repo_create_event_time: '2024-01-01 12:00:00+00:00',
  };

  it('of builders are told with host, task, repo, tag and their events', async () => {
    const root = await anybody<BuildrootInfo>('getBuildroot', [2]);
    expect(root).toEqual({
      ...ofBuilder,
      repo_create_event_id: expect.any(Number) as number,
      create_event_id: root.repo_create_event_id! + 1,
      retire_event_id: root.repo_create_event_id! + 2,
    });
    await expect(anybody('getBuildroot', ['2'])).resolves.toEqual(root);
  });

  it('of content generators are told with what those said of them', async () => {
    const root = await anybody('getBuildroot', [4]);
    const ofGenerator = {
      id: 4,
      br_type: 1,
      cg_id: 1,
      cg_name: 'osbs',
      cg_version: '1.2',
      container_arch: 'aarch64',
      arch: 'aarch64',
      container_type: 'docker',
      host_os: 'fedora-44',
      host_arch: 'x86_64',
      extra: { osbs: { ratio: 0.5 } },
    };
    expect(root).toMatchObject(ofGenerator);
    const rest = Object.keys(root).filter((name) => !Object.hasOwn(ofGenerator, name));
    expect(rest).toHaveLength(16);
    expect(rest.map((name) => root[name])).toEqual(rest.map(() => null));
  });

  it.each([
    [{}, [1, 2, 3, 4]],
    [{ hostID: 1 }, [1, 2]],
    [{ hostID: '2' }, [3]],
    [{ tagID: 2 }, [3]],
    [{ state: 3 }, [2]],
    [{ state: [0, 1] }, [1, 3]],
    [{ state: [] }, []],
    [{ rpmID: 1 }, [1, 3]],
    [{ archiveID: 1 }, [3, 4]],
    [{ rpmID: 1, archiveID: 1 }, [3]],
    [{ rpmID: 1, archiveID: 1, taskID: 1 }, []],
    [{ taskID: 1 }, [1, 2]],
    [{ taskID: 1, state: 0 }, [1]],
    [{ buildrootID: 3 }, [3]],
    [{ buildrootID: [1, 4, 987654, 2 ** 40] }, [1, 4]],
    [{ repoID: 1 }, [1, 2]],
    [{ repoID: 0 }, [1, 2, 3, 4]],
    [{ rpmID: 987654 }, []],
    [{ taskID: 2 ** 40 }, []],
  ])('are listed by %j', async (filter, expected) => {
    const roots = await anybody<BuildrootInfo[]>('listBuildroots', [], {
      ...filter,
      queryOpts: { order: 'id' },
    });
    expect(roots.map(({ id }) => id)).toEqual(expected);
    await expect(anybody('listBuildroots', [], { ...filter, queryOpts: { countOnly: true } })).resolves.toBe(
      expected.length,
    );
  });

  it('are put in order, cut, and given as lists in the order of the names of their fields', async () => {
    const listed = await anybody<BuildrootInfo[]>('listBuildroots', [], {
      queryOpts: { order: '-host_name,-id', offset: 1, limit: 2 },
    });
    // Those without a host come first when descending, as nulls do in Koji.
    expect(listed.map(({ id }) => id)).toEqual([3, 2]);
    const [values] = await anybody<unknown[][]>('listBuildroots', [], {
      buildrootID: 2,
      queryOpts: { asList: true },
    });
    const root = await anybody('getBuildroot', [2]);
    expect(values).toEqual(
      Object.keys(root)
        .sort()
        .map((name) => root[name]),
    );
  });

  it('that do not exist are null, and a fault when asked for strictly', async () => {
    await expect(anybody('getBuildroot', [987654])).resolves.toBeNull();
    await expect(faultOf(anybody('getBuildroot', [987654, true]))).resolves.toEqual([
      1000,
      'No such buildroot: 987654',
    ]);
  });

  it('are refused for anything but an id', async () => {
    await expect(faultOf(anybody('getBuildroot', ['x']))).resolves.toEqual([
      1019,
      "Invalid type for value 'x': <class 'str'>, expected type <class 'int'>",
    ]);
    await expect(faultOf(anybody('getBuildroot', [null]))).resolves.toEqual([
      1019,
      "Invalid type, expected type <class 'int'>",
    ]);
    for (const named of [{ hostID: 'x' }, { state: ['x'] }, { buildrootID: {} }, { queryOpts: 'x' }])
      expect((await faultOf(anybody('listBuildroots', [], named)))[0]).toBe(1019);
  });
});
