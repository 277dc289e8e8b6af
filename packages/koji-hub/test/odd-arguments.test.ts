import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('arguments of odd types on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let nobody: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { EnableMaven: 'yes', EnableWin: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    nobody = await asking(hub, null);
    await admin('createTag', ['atag']);
    await admin('createTag', ['below'], { parent: 'atag' });
    await admin('packageListAdd', ['atag', 'apackage', 'kojiadmin']);
    await admin('createEmptyBuild', ['apackage', '1', '1', null]);
    await admin('tagBuildBypass', ['atag', 'apackage-1-1']);
  });
  afterAll(() => hub.stop());

  test('a tag may have a name that is too long for a folder, and then no repo', async () => {
    const tag = 't'.repeat(256);
    await admin('createTag', [tag]);
    expect((await faultOf(admin('createTag', [`${tag}t`])))[1]).toMatch(/too long/);
    const journals = () => readdir(path.join(hub.kojiDir, '.hub/journal'), { recursive: true });
    const before = await journals();
    const arches = { arch: ['x86_64'] };
    expect(await faultOf(admin('distRepo', [tag, []], arches))).toEqual([
      1000,
      'A file name or path is too long',
    ]);
    expect(await nobody('repo.query', [[['tag_name', tag]]])).toEqual([]);
    expect(await journals()).toEqual(before);
    expect(await admin('listTasks', [{ method: 'distRepo' }])).toEqual([]);
  });

  test('numbers that stand for nothing find nothing, whatever their size', async () => {
    for (const odd of [99, -1, 2 ** 40]) {
      for (const [method, args, named] of [
        ['listBuilds', [], { state: odd }],
        ['listBuildroots', [], { state: odd }],
        ['listUsers', [odd], {}],
        ['listUsers', [[odd]], {}],
        ['listChannels', [odd], {}],
        ['listArchives', [], { checksum_type: odd }],
        ['repo.query', [[['state', '=', odd]]], {}],
        ['repo.query', [[['state', [odd]]]], {}],
        ['repo.query', [[['state', '=', 1.5]]], {}],
      ] as const)
        expect([method, await nobody(method, args, named)]).toEqual([method, []]);
      expect(await nobody('tagChangedSinceEvent', [1, [odd]])).toBe(false);
    }
    const id = await admin<number>('repo.request', ['atag']).then((request) => (request as never)['request']);
    expect(id).toBeTruthy();
    expect(await nobody('repo.queryQueue', [[['priority', '<', 2 ** 40]]])).toHaveLength(1);
    expect(await nobody('repo.queryQueue', [[['priority', '>', '-99999999999']]])).toHaveLength(1);
    expect(await nobody('repo.queryQueue', [[['active', '=', 'yes']]])).toHaveLength(1);
    expect(await nobody('repo.queryQueue', [[['active', [false]]]])).toHaveLength(0);
    expect(await nobody('repo.queryQueue', [[['tag_name', 'atag']]])).toHaveLength(1);
    expect(await nobody('repo.queryQueue', [[['create_time', '>', '2001-01-01']]])).toHaveLength(1);
  });

  test.each([
    ['repo.query', 'state', 'READY'],
    ['repo.query', 'state', true],
    ['repo.query', 'dist', 1],
    ['repo.query', 'tag_name', 5],
    ['repo.query', 'creation_time', 'yesterday'],
    ['repo.query', 'creation_ts', 'now'],
    ['repo.queryQueue', 'active', 'nope'],
    ['scheduler.getTaskRuns', 'state', 'OPEN'],
    ['scheduler.getTaskRuns', 'host_name', true],
  ])('%s refuses to compare %s with %j', async (method, field, value) => {
    const shown = value === true ? 'True' : String(value);
    const refused = [1019, `Invalid value for ${field}: ${shown}`];
    expect(await faultOf(nobody(method, [[[field, '=', value]]]))).toEqual(refused);
    expect(await faultOf(nobody(method, [[[field, 'IN', [value]]]]))).toEqual(refused);
  });

  test.each([
    ['listBuilds', [], { state: 'COMPLETE' }],
    ['listTasks', [{ state: ['OPEN'] }], {}],
    ['listBuildroots', [], { state: 'EXPIRED' }],
    ['listUsers', ['HOST'], {}],
    ['listArchives', [], { checksum_type: 'md5' }],
  ])('%s refuses the name of a state or type for its number', async (method, args, named) => {
    expect((await faultOf(nobody(method, args, named)))[0]).toBe(1019);
  });

  test.each<[unknown, number]>([
    ['yes', 1],
    [[0], 1],
    [{ no: false }, 1],
    [-1.5, 1],
    ['', 0],
    [[], 0],
    [{}, 0],
    [0, 0],
    [null, 0],
  ])('a flag may be anything, and %j counts as Python has it', async (inherit, count) => {
    expect(await nobody('listTagged', ['below'], { inherit })).toHaveLength(count);
  });

  test('a flag of an odd type does not come before the question who asks', async () => {
    const said = await faultOf(nobody('packageListBlock', ['atag', 'apackage', 'yes']));
    expect(said).toEqual([1004, 'you must be logged in for this operation']);
  });

  test('a boolean that is stored has to be one', async () => {
    const said = await faultOf(admin('createTag', ['another'], { locked: 'perhaps' }));
    expect(said).toEqual([1019, 'createTag(): locked must be bool']);
  });

  test.each(['listTagged', 'listTaggedRPMS', 'listTaggedArchives', 'getLatestBuilds', 'getLatestRPMS'])(
    '%s takes one name of a package only',
    async (method) => {
      const wrong: [unknown, string][] = [
        [['apackage'], "['apackage']"],
        [{ name: 'apackage' }, "{'name': 'apackage'}"],
        [5, '5'],
        [1.5, '1.5'],
        [true, 'True'],
      ];
      for (const [given, text] of wrong)
        expect(await faultOf(nobody(method, ['atag'], { package: given }))).toEqual([
          1019,
          `package must be the name of a package, not ${text}`,
        ]);
      for (const given of [[], {}, '', 0, false])
        expect((await nobody<unknown[]>(method, ['atag'], { package: given })).flat()).toEqual([]);
    },
  );

  test('options of a list that count as false are none', async () => {
    const tags = await nobody<unknown[]>('listTags');
    const queryOpts = { order: [], limit: '', offset: false, countOnly: {}, asList: 0 };
    expect(await nobody('listTags', [], { queryOpts })).toEqual(tags);
    expect(await nobody('listTags', [], { queryOpts: { countOnly: 'yes' } })).toBe(tags.length);
    expect(await nobody('listTags', [], { queryOpts: { limit: true } })).toHaveLength(1);
    expect(await faultOf(nobody('listTags', [], { queryOpts: { order: 5 } }))).toEqual([
      1019,
      'queryOpts: order must be a string',
    ]);
    expect((await faultOf(nobody('listTags', [], { queryOpts: 'x' })))[0]).toBe(1019);
  });

  test('what is a tuple in Koji is no list to filter', async () => {
    const text = (name: string): [number, string] => [1000, `${name}() did not return a list`];
    expect(await faultOf(nobody('filterResults', ['echo', 1, 2]))).toEqual(text('echo'));
    expect(await faultOf(nobody('filterResults', ['filterResults', 'echo']))).toEqual([
      1000,
      'method filterResults raised an exception (echo() did not return a list)',
    ]);
    const counted = nobody('countAndFilterResults', ['countAndFilterResults', 'listTags']);
    expect(await faultOf(counted)).toEqual(text('countAndFilterResults'));
    expect(await nobody('count', ['echo', 1, 2])).toBe(2);
  });

  test('nothing where an id belongs fits nothing', async () => {
    expect(await nobody('getLastHostUpdate', [null])).toBeNull();
    expect(await nobody('getLastHostUpdate', [null], { ts: true })).toBeNull();
    expect(await nobody('tagChangedSinceEvent', [null, [1, 2]])).toBe(false);
    expect(await nobody('tagChangedSinceEvent', [0, [1, 2]])).toBe(true);
    expect(await admin('logoutChild', [null])).toBeNull();
    expect(await faultOf(nobody('logoutChild', [null]))).toEqual([1002, 'Not logged in']);
  });

  test("an event or id beyond all that can be is after all, or nobody's", async () => {
    const [late, early] = [2 ** 40, -(2 ** 40)];
    expect(await nobody('listTagged', ['atag'], { event: late })).toHaveLength(1);
    expect(await nobody('getTag', ['atag'], { event: late })).toMatchObject({ query_event: late });
    expect(await nobody('getTag', ['atag'], { event: early })).toBeNull();
    expect(await nobody('getLastHostUpdate', [late])).toBeNull();
  });

  test('a multicall of a struct or a text goes through its keys or characters, which are not calls', async () => {
    expect(await nobody('multiCall', [{}])).toEqual([]);
    expect(await nobody('multiCall', [''])).toEqual([]);
    expect(await nobody('multiCall', [{ a: 1, b: 2 }])).toMatchObject([
      { faultCode: 1019 },
      { faultCode: 1019 },
    ]);
    expect((await faultOf(nobody('multiCall', [5])))[0]).toBe(1019);
  });

  test.each<[string, unknown, string]>([
    ['createMavenBuild', true, "Invalid type for maven_info: <class 'bool'>"],
    ['createMavenBuild', { group_id: true, artifact_id: 'a', version: '1' }, 'Invalid group_id: True'],
    ['createMavenBuild', { group_id: 'g', artifact_id: ['x'], version: '1' }, "Invalid artifact_id: ['x']"],
    ['createWinBuild', ['x'], "Invalid type for win_info: <class 'list'>"],
    ['createWinBuild', { platform: ['x'] }, "Invalid platform: ['x']"],
  ])('%s refuses %j', async (method, info, text) => {
    expect(await faultOf(admin(method, ['apackage-1-1', info]))).toEqual([1000, text]);
  });

  test('whole numbers may be texts, as the database takes them', async () => {
    const link = { parent_id: 1, intransitive: false, noconfig: false, pkg_filter: '' };
    await admin('createTag', ['texts']);
    await admin('setInheritanceData', ['texts', [{ ...link, priority: '5', maxdepth: ' 3 ' }]]);
    expect(await nobody('getInheritanceData', ['texts'])).toMatchObject([{ priority: 5, maxdepth: 3 }]);
    const wrong = { ...link, priority: '5.5', maxdepth: null };
    expect((await faultOf(admin('setInheritanceData', ['texts', [wrong]])))[0]).toBe(1019);
    expect(await nobody('listBuilds', [], { volumeID: '0' })).toHaveLength(1);
    expect(await nobody('listBuilds', [], { volumeID: '99' })).toHaveLength(0);
    expect(await nobody('listArchives', ['1'])).toEqual([]);
    expect((await faultOf(nobody('listArchives', ['x'])))[0]).toBe(1019);
  });

  test('a list may be ordered by a column of its table, and by no other text', async () => {
    for (const order of ['buildroot.id', '-buildroot.id', 'repo.id,-buildroot.id'])
      expect(await nobody('listBuildroots', [], { queryOpts: { order } })).toEqual([]);
    const builds = await nobody('listBuilds', [], { queryOpts: { order: '-build.id' } });
    expect(builds).toHaveLength(1);
    for (const order of ['buildroot.nosuch', 'buildroot.id; DROP TABLE tag', 'id ASC'])
      expect(await faultOf(nobody('listBuildroots', [], { queryOpts: { order } }))).toEqual([
        1019,
        `Invalid order: ${order}`,
      ]);
  });

  test('signatures come as they were added', async () => {
    await hub.database.write(async (db) => {
      await db.run(
        sql`INSERT INTO rpminfo (build_id, draft, name, version, release, arch, external_repo_id, payloadhash, size, buildtime)
            VALUES (1, FALSE, 'apackage', '1', '1', 'noarch', 0, 'ab', 3, 1)`,
      );
      for (const key of ['ffffffff', '00000000', 'aaaaaaaa'])
        await db.run(sql`INSERT INTO rpmsigs (rpm_id, sigkey, sighash) VALUES (1, ${key}, 'x')`);
    });
    const keys = async (queryOpts: object): Promise<string[]> =>
      (await nobody<{ sigkey: string }[]>('queryRPMSigs', [1], { queryOpts })).map(({ sigkey }) => sigkey);
    expect(await keys({})).toEqual(['ffffffff', '00000000', 'aaaaaaaa']);
    expect(await keys({ order: 'sigkey' })).toEqual(['00000000', 'aaaaaaaa', 'ffffffff']);
    expect(await nobody('queryRPMSigs', [1], { queryOpts: { countOnly: true } })).toBe(3);
  });

  test('an unknown number of a state, and an invalid header, get the texts of Koji', async () => {
    for (const state of [99, -1, 'x', null])
      expect((await faultOf(admin('repo.setState', [1, state])))[1]).toMatch(/^Unknown repo state: /);
    await mkdir(path.join(hub.kojiDir, 'packages/apackage/1/1'), { recursive: true });
    const bytes = Buffer.from("a'\xff and more", 'latin1').toString('base64');
    expect(await faultOf(admin('addRPMSig', [1, bytes]))).toEqual([
      1000,
      `Invalid rpm header: bad magic: b"a'\\xff"`,
    ]);
    expect(await faultOf(admin('addRPMSig', [1, '']))).toEqual([1000, "Invalid rpm header: bad magic: b''"]);
  });
});
