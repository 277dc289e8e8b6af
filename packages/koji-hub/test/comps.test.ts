import type { EventInfo, TagGroup } from '@koji/core/api';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('comps groups on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  const groups = (tag: string, named: object = {}): Promise<TagGroup[]> =>
    admin('getTagGroups', [tag], named);
  const packages = async (tag: string, group: string, named: object = {}): Promise<string[]> =>
    ((await groups(tag, named)).find(({ name }) => name === group)?.packagelist ?? [])
      .map((entry) => entry.package)
      .sort();

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
    await admin('createTag', ['base']);
    await admin('createTag', ['leaf'], { parent: 'base' });
  });
  afterAll(() => hub.stop());

  it('are inherited, the nearest entry of a group, a package and a requirement each for itself', async () => {
    await admin('groupListAdd', ['base', 'build'], { description: 'what builds need' });
    await admin('groupListAdd', ['base', 'core']);
    await admin('groupPackageListAdd', ['base', 'build', 'bash']);
    await admin('groupPackageListAdd', ['base', 'build', 'gcc'], { type: 'optional' });
    await admin('groupReqListAdd', ['base', 'build', 'core'], { is_metapkg: true });
    await admin('groupListAdd', ['leaf', 'build'], { display_name: 'Build root' });
    await admin('groupPackageListAdd', ['leaf', 'build', 'gcc'], { requires: 'libc' });
    const build = (await groups('leaf')).find(({ name }) => name === 'build');
    expect(build).toMatchObject({
      display_name: 'Build root',
      description: 'what builds need',
      exported: true,
      is_default: null,
      grouplist: [{ name: 'core', is_metapkg: true, type: 'mandatory', blocked: false }],
    });
    expect(build?.packagelist).toContainEqual(
      expect.objectContaining({ package: 'gcc', type: 'optional', requires: 'libc', tag_id: build?.tag_id }),
    );
    expect((await groups('leaf', { inherit: false })).map(({ name }) => name)).toEqual(['build']);
  });

  it('write nothing when nothing changes', async () => {
    await admin('groupListAdd', ['base', 'still'], { description: 'same' });
    const { id } = await admin<EventInfo>('getLastEvent');
    await admin('groupListAdd', ['leaf', 'still'], { description: 'same' });
    expect((await admin<EventInfo>('getLastEvent')).id).toBe(id);
  });

  it('and their packages are hidden by a block until it is lifted where it was set', async () => {
    await admin('groupListAdd', ['base', 'hidden']);
    await admin('groupPackageListAdd', ['base', 'hidden', 'vim']);
    await admin('groupPackageListBlock', ['leaf', 'hidden', 'vim']);
    expect(await packages('leaf', 'hidden')).toEqual([]);
    expect(await packages('leaf', 'hidden', { incl_blocked: true })).toEqual(['vim']);
    await expect(faultOf(admin('groupPackageListAdd', ['leaf', 'hidden', 'vim']))).resolves.toEqual([
      1000,
      'package vim blocked in group hidden, tag leaf',
    ]);
    await admin('groupPackageListUnblock', ['leaf', 'hidden', 'vim']);
    expect(await packages('leaf', 'hidden')).toEqual(['vim']);
    await admin('groupListBlock', ['leaf', 'hidden']);
    expect((await groups('leaf')).map(({ name }) => name)).not.toContain('hidden');
    await expect(faultOf(admin('groupPackageListAdd', ['leaf', 'hidden', 'x']))).resolves.toEqual([
      1000,
      'group hidden is blocked in tag leaf',
    ]);
    await expect(faultOf(admin('groupListUnblock', ['base', 'hidden']))).resolves.toEqual([
      1000,
      'group hidden is NOT blocked in tag base',
    ]);
  });

  it('are as they were at an event', async () => {
    await admin('groupListAdd', ['base', 'then']);
    await admin('groupPackageListAdd', ['base', 'then', 'emacs']);
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('groupPackageListRemove', ['base', 'then', 'emacs']);
    await admin('groupListRemove', ['base', 'then']);
    expect(await packages('base', 'then')).toEqual([]);
    expect(await packages('leaf', 'then', { event })).toEqual(['emacs']);
  });

  it('are changed by holders of the permission tag, with values that fit', async () => {
    const alice = await asking(hub, 'alice');
    await expect(faultOf(alice('groupListAdd', ['base', 'x']))).resolves.toEqual([
      1004,
      'tag permission required (logged in as alice)',
    ]);
    for (const [method, args, named] of [
      ['groupListAdd', ['base', 'x'.repeat(51)], {}],
      ['groupListAdd', ['base', 'build'], { is_default: 'maybe' }],
      ['groupListAdd', ['base', 'build'], { display_name: null }],
      ['groupPackageListAdd', ['base', 'build', 5], {}],
      ['groupPackageListAdd', ['base', 'build', 'p'], { type: 'x'.repeat(26) }],
      ['groupReqListAdd', ['base', 'build', 'core'], { is_metapkg: null }],
    ] as const)
      expect((await faultOf(admin(method, args, named)))[0]).toBe(1019);
  });
});
