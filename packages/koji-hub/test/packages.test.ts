import type { EventInfo, PackageListEntry } from '@koji/core/api';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('package lists on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
    await admin('grantPermission', ['kojiadmin', 'tag']);
    await admin('createTag', ['base']);
    await admin('createTag', ['child'], { parent: 'base' });
  });
  afterAll(() => hub.stop());

  it('are inherited, blocked and unblocked, and answer the past', async () => {
    await admin('packageListAdd', ['base', 'bash', 'kojiadmin'], { extra_arches: 's390x' });
    expect(await admin('getPackageConfig', ['child', 'bash'])).toMatchObject({
      tag_name: 'base',
      blocked: false,
      extra_arches: 's390x',
      owner_name: 'kojiadmin',
    });
    await admin('packageListBlock', ['child', 'bash']);
    const { id: event } = await admin<EventInfo>('getLastEvent');
    expect(await admin('checkTagPackage', ['child', 'bash'])).toBe(false);
    await admin('packageListUnblock', ['child', 'bash']);
    expect(await admin('checkTagPackage', ['child', 'bash'])).toBe(true);
    expect(await admin('getPackageConfig', ['child', 'bash', event])).toMatchObject({
      tag_name: 'child',
      blocked: true,
    });
  });

  it('need an owner for a new entry, and an entry for an update', async () => {
    await expect(faultOf(admin('packageListAdd', ['base', 'zsh']))).resolves.toEqual([
      1000,
      'owner not specified',
    ]);
    await expect(faultOf(admin('packageListSetOwner', ['base', 'zsh', 'kojiadmin']))).resolves.toEqual([
      1000,
      'cannot update: tag base has no data for package zsh',
    ]);
  });

  it('are changed only by users that the policy allows', async () => {
    const bob = await asking(hub, 'bob');
    const nobody = await asking(hub, null);
    await expect(faultOf(bob('packageListAdd', ['base', 'fish', 'bob']))).resolves.toEqual([
      1004,
      'policy violation (package_list): Only admin/tag can do this via default policy',
    ]);
    await expect(faultOf(nobody('packageListAdd', ['base', 'fish', 'bob']))).resolves.toEqual([
      1004,
      'you must be logged in for this operation',
    ]);
  });

  it('follow the package filter of a link', async () => {
    const filtered = await admin<number>('createTag', ['filtered']);
    const { id: base } = await admin('getTag', ['base']);
    await admin('setInheritanceData', [
      filtered,
      {
        parent_id: base,
        priority: 0,
        maxdepth: null,
        intransitive: false,
        noconfig: false,
        pkg_filter: 'lib',
      },
    ]);
    await admin('packageListAdd', ['base', 'libfoo', 'kojiadmin']);
    const entries = await admin<PackageListEntry[]>('listPackages', ['filtered'], { inherited: true });
    expect(entries.map((entry) => entry.package_name)).toEqual(['libfoo']);
  });

  it('can be ordered, cut and counted', async () => {
    const names = (rows: { package_name: string }[]) => rows.map((row) => row.package_name);
    const order = await admin<PackageListEntry[]>('listPackages', ['base'], {
      queryOpts: { order: '-package_name', limit: 1 },
    });
    expect(names(order)).toEqual(['libfoo']);
    expect(await admin('listPackages', ['base'], { queryOpts: { countOnly: true } })).toBe(2);
  });
});
