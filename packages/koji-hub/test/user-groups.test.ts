import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('groups, principals and access on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let ann: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { AllowedKrbRealms: 'EXAMPLE.COM, OTHER.COM' });
    admin = await asking(hub, 'kojiadmin');
    ann = await asking(hub, 'ann');
  });
  afterAll(() => hub.stop());

  it('give their permissions to their members for as long as they are members', async () => {
    const group = await admin<number>('newGroup', ['painters']);
    await admin('grantPermission', ['painters', 'paint', true]);
    await admin('grantPermission', ['ann', 'paint']);
    await admin('addGroupMember', ['painters', 'ann']);
    expect(await faultOf(admin('addGroupMember', ['painters', 'ann']))).toEqual([
      1000,
      'User already in group',
    ]);
    expect(await admin('addGroupMember', ['painters', 'ann', false])).toBeNull();
    expect(await ann('getUserGroups', [null])).toEqual([{ id: group, name: 'painters' }]);
    expect(await ann('getUserPermsInheritance', ['ann'])).toEqual({ paint: [null, 'painters'] });
    await admin('revokePermission', ['ann', 'paint']);
    expect(await ann('hasPerm', ['paint'])).toBe(true);
    await admin('dropGroupMember', ['painters', 'ann']);
    expect(await ann('hasPerm', ['paint'])).toBe(false);
    expect(await ann('getGroupMembers', ['painters'])).toEqual([]);
    const [row] = (
      await ann<{ user_groups: Record<string, unknown>[] }>('queryHistory', [], {
        tables: ['user_groups'],
      })
    )['user_groups'];
    expect(row).toMatchObject({ 'user.name': 'ann', 'group.name': 'painters', active: null });
  });

  it('hold users only, and are changed by admins only', async () => {
    await admin('newGroup', ['outer']);
    await admin('newGroup', ['inner']);
    for (const [args, text] of [
      [['outer', 'inner'], 'Groups cannot be members of other groups'],
      [['ann', 'outer'], 'Not a group: ann'],
      [['outer', 'nobody'], 'Not a user: nobody'],
    ] as const)
      expect(await faultOf(admin('addGroupMember', args))).toEqual([1000, text]);
    expect((await faultOf(ann('addGroupMember', ['outer', 'ann'])))[0]).toBe(1004);
    expect(await faultOf(admin('newGroup', ['ann']))).toEqual([1000, 'user/group already exists: ann']);
  });

  it('let principals be added, replaced and removed, each held by one user and of an allowed realm', async () => {
    const id = await admin<number>('createUser', ['bea']);
    expect(await admin('addUserKrbPrincipal', ['bea', 'bea@EXAMPLE.COM'])).toBe(id);
    const swap = [{ old: 'bea@EXAMPLE.COM', new: 'bea@OTHER.COM' }];
    await admin('editUser', ['bea@EXAMPLE.COM', 'beatrix', swap]);
    expect(await ann('getUser', [id])).toMatchObject({ name: 'beatrix', krb_principals: ['bea@OTHER.COM'] });
    for (const [method, args, fault] of [
      [
        'editUser',
        ['ann', null, [{ new: 'bea@OTHER.COM' }]],
        'user with this Kerberos principal already exists',
      ],
      ['editUser', ['ann', null, [{ old: 'x@OTHER.COM' }]], 'Cannot remove non-existent Kerberos principals'],
      ['editUser', ['ann', 'beatrix'], `Name beatrix already taken by user ${id}`],
      ['addUserKrbPrincipal', ['ann', 'ann@EVIL.COM'], "Kerberos principal's realm: EVIL.COM is not allowed"],
      ['removeUserKrbPrincipal', ['ann', 'bea@OTHER.COM'], 'cannot remove Kerberos Principal: bea@OTHER.COM'],
    ] as const)
      expect((await faultOf(admin(method, args)))[1]).toContain(fault);
    expect(await admin('removeUserKrbPrincipal', [id, 'bea@OTHER.COM'])).toBe(id);
  });

  it('leave a user whose edit fails as it was', async () => {
    await admin('createUser', ['cid']);
    expect((await faultOf(admin('editUser', ['cid', 'cyd', [{ old: 'cid@EXAMPLE.COM' }]])))[0]).toBe(1000);
    expect(await ann('getUser', ['cyd'])).toBeNull();
    for (const mappings of [5, ['cid@EXAMPLE.COM'], { old: 'x' }])
      expect((await faultOf(admin('editUser', ['cid', null, mappings])))[0]).toBe(1019);
  });

  it('let users import for content generators until that is revoked', async () => {
    expect((await faultOf(admin('grantCGAccess', ['ann', 'osbuild'])))[1]).toContain('osbuild');
    await admin('grantCGAccess', ['ann', 'osbuild', true]);
    await admin('grantCGAccess', ['kojiadmin', 'osbuild']);
    expect(await faultOf(admin('grantCGAccess', ['ann', 'osbuild']))).toEqual([
      1000,
      'User already has access to content generator osbuild',
    ]);
    const users = async () =>
      (await ann<Record<string, { users: string[] }>>('listCGs')).osbuild?.users.toSorted();
    expect(await users()).toEqual(['ann', 'kojiadmin']);
    await admin('revokeCGAccess', ['ann', 'osbuild']);
    expect(await users()).toEqual(['kojiadmin']);
    expect((await faultOf(ann('grantCGAccess', ['ann', 'osbuild'])))[0]).toBe(1004);
  });
});
