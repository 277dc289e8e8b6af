import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('copies of tags on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  const builds = async (tag: string, options: object = {}): Promise<string[]> =>
    (await admin<{ nvr: string }[]>('listTagged', [tag], options)).map(({ nvr }) => nvr);
  const packages = async (tag: string): Promise<[string, boolean][]> =>
    (await admin<{ package_name: string; blocked: boolean }[]>('listPackages', [], { tagID: tag })).map(
      (entry) => [entry.package_name, entry.blocked],
    );

  beforeAll(async () => {
    hub = await startTestHub(kind, { EnableMaven: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    await admin('createTag', ['parent']);
    await admin('createTag', ['f44'], {
      parent: 'parent',
      arches: 'x86_64',
      extra: { 'mock.new_chroot': 1 },
    });
    await admin('packageListAdd', ['parent', 'glibc', 'kojiadmin']);
    for (const name of ['bash', 'zsh']) await admin('packageListAdd', ['f44', name, 'kojiadmin']);
    await admin('packageListBlock', ['f44', 'zsh']);
    for (const [name, version, tag] of [
      ['glibc', '1', 'parent'],
      ['bash', '1', 'f44'],
      ['bash', '2', 'f44'],
    ] as const) {
      await admin('createEmptyBuild', [name, version, '1', null]);
      await admin('tagBuildBypass', [tag, `${name}-${version}-1`]);
    }
    await admin('groupListAdd', ['f44', 'build']);
    await admin('groupPackageListAdd', ['f44', 'build', 'bash']);
  });
  afterAll(() => hub.stop());

  test('snapshotTag copies configuration, packages, builds in their order, and groups', async () => {
    await admin('snapshotTag', ['f44', 'copy']);
    expect(await admin('getTag', ['copy'])).toMatchObject({
      arches: 'x86_64',
      extra: { 'mock.new_chroot': 1 },
    });
    expect(await admin('getInheritanceData', ['copy'])).toEqual([]);
    expect((await packages('copy')).sort()).toEqual([
      ['bash', false],
      ['glibc', false],
      ['zsh', true],
    ]);
    expect(await builds('copy')).toEqual(await builds('f44', { inherit: true, latest: true }));
    expect(await admin('getTagGroups', ['copy'])).toMatchObject([
      { name: 'build', packagelist: [{ package: 'bash', blocked: false }] },
    ]);
  });

  test('snapshotTag takes the parts that are asked for', async () => {
    await admin('snapshotTag', ['f44', 'all-builds'], {
      latest_only: false,
      inherit_builds: false,
      groups: false,
    });
    expect(await builds('all-builds')).toEqual(['bash-2-1', 'bash-1-1']);
    expect(await admin('getTagGroups', ['all-builds'])).toEqual([]);
    await admin('snapshotTag', ['f44', 'bare'], { config: false, pkgs: false, builds: false, groups: false });
    expect(await packages('bare')).toEqual([]);
    expect(await admin('getTag', ['bare'])).toMatchObject({ arches: '', extra: {} });
  });

  test('snapshotTag wants a new tag, an unlocked one, and packages with builds', async () => {
    expect(await faultOf(admin('snapshotTag', ['f44', 'parent']))).toEqual([
      1000,
      'Target tag already exists',
    ]);
    expect(await faultOf(admin('snapshotTag', ['f44', 'new'], { pkgs: false }))).toEqual([
      1019,
      "builds can't be used without pkgs in snapshotTag",
    ]);
    await admin('createTag', ['closed'], { locked: true });
    expect(await faultOf(admin('snapshotTag', ['closed', 'new']))).toEqual([
      1000,
      'Source tag is locked, use force to copy',
    ]);
  });

  test('snapshotTagModify brings a copy in line again', async () => {
    await admin('snapshotTag', ['f44', 'follower'], { inherit_builds: false });
    await admin('packageListAdd', ['f44', 'vim', 'kojiadmin']);
    await admin('createEmptyBuild', ['vim', '1', '1', null]);
    await admin('tagBuildBypass', ['f44', 'vim-1-1']);
    await admin('untagBuildBypass', ['f44', 'bash-2-1']);
    await admin('snapshotTagModify', ['f44', 'follower'], { inherit_builds: false, remove: true });
    expect((await builds('follower')).sort()).toEqual(['bash-1-1', 'vim-1-1']);
    expect((await packages('follower')).map(([name]) => name).sort()).toEqual([
      'bash',
      'glibc',
      'vim',
      'zsh',
    ]);
    await admin('tagBuildBypass', ['f44', 'bash-2-1']);
  });
});

describe.each(databases)('many builds at once on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
    for (const tag of ['from', 'to', 'mass']) await admin('createTag', [tag]);
    for (const tag of ['from', 'to', 'mass']) await admin('packageListAdd', [tag, 'bash', 'kojiadmin']);
    for (const version of ['1', '2']) {
      await admin('createEmptyBuild', ['bash', version, '1', null]);
      await admin('tagBuildBypass', ['from', `bash-${version}-1`]);
    }
  });
  afterAll(() => hub.stop());

  test('massTag tags each build at an event of its own, or none', async () => {
    await admin('massTag', ['mass', ['bash-1-1', 'bash-2-1']]);
    const tagged = await admin<{ nvr: string; create_event: number }[]>('listTagged', ['mass']);
    expect(tagged.map(({ nvr }) => nvr)).toEqual(['bash-2-1', 'bash-1-1']);
    expect(new Set(tagged.map(({ create_event: event }) => event)).size).toBe(2);
    await admin('createTag', ['none']);
    await admin('packageListAdd', ['none', 'bash', 'kojiadmin']);
    expect((await faultOf(admin('massTag', ['none', ['bash-1-1', 'nope-1-1']])))[0]).toBe(1000);
    expect(await admin('listTagged', ['none'])).toEqual([]);
  });

  test('moveAllBuilds makes a task for each build, oldest tagging first', async () => {
    const ids = await admin<number[]>('moveAllBuilds', ['from', 'to', 'bash']);
    expect(ids).toHaveLength(2);
    const tasks: [string, number[]][] = [];
    for (const [i, id] of ids.entries()) {
      const [waits, made] = await admin<[number[], [string, number[]][]]>('getTaskRequest', [id]);
      expect(waits).toEqual(ids.slice(0, i).slice(-1));
      tasks.push(...made.map(([method, args]): [string, number[]] => [method, args.slice(0, 2)]));
    }
    const idOf = async (method: string, name: string): Promise<number> =>
      (await admin<{ id: number }>(method, [name])).id;
    const to = await idOf('getTag', 'to');
    expect(tasks).toEqual([
      ['tagBuild', [to, await idOf('getBuild', 'bash-1-1')]],
      ['tagBuild', [to, await idOf('getBuild', 'bash-2-1')]],
    ]);
  });

  test('the first and last change of a tag are events of its own history', async () => {
    const first = await admin<number>('tagFirstChangeEvent', ['to']);
    const last = await admin<number>('tagLastChangeEvent', ['to']);
    expect(first).toBeLessThan(last);
    expect(await admin('tagLastChangeEvent', ['to'], { before: last })).toBe(first);
    expect(await admin('tagFirstChangeEvent', ['to'], { after: first })).toBe(last);
    expect(await admin('tagFirstChangeEvent', ['to'], { after: last })).toBeNull();
  });

  test('count and filterResults ask another method', async () => {
    const names = ['from', 'mass', 'none', 'to'];
    expect(await admin('count', ['listTags'])).toBe(names.length);
    expect(await admin('count', ['getTag', 'nope'])).toBe(0);
    const filterOpts = { order: '-name', offset: 1, limit: 2 };
    const filtered = await admin<{ name: string }[]>('filterResults', ['listTags'], { filterOpts });
    expect(filtered.map(({ name }) => name)).toEqual(['none', 'mass']);
    const [count, rows] = await admin<[number, { name: string }[]]>('countAndFilterResults', ['listTags'], {
      filterOpts,
    });
    expect([count, rows.map(({ name }) => name)]).toEqual([names.length, ['none', 'mass']]);
    expect(await faultOf(admin('filterResults', ['getTag', 'to']))).toEqual([
      1000,
      'getTag() did not return a list',
    ]);
  });
});
