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
    const tags = await nobody('listTags');
    const queryOpts = { order: [], limit: '', offset: false, countOnly: {}, asList: 0 };
    expect(await nobody('listTags', [], { queryOpts })).toEqual(tags);
    expect(await nobody('listTags', [], { queryOpts: { countOnly: 'yes' } })).toBe(2);
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

  test('a multicall of a struct or a text goes through its keys or characters, which are no calls', async () => {
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
});
