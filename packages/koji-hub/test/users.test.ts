import type { EventInfo, UserInfo } from '@koji/core/api';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('users on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
  });
  afterAll(() => hub.stop());

  it('are found by id, name, principal and struct', async () => {
    const id = await admin('createUser', ['carol', null, 'carol@EXAMPLE.COM']);
    const carol = { id, name: 'carol', status: 0, usertype: 0, krb_principals: ['carol@EXAMPLE.COM'] };
    for (const info of [
      id,
      'carol',
      'carol@EXAMPLE.COM',
      { name: 'carol' },
      { krb_principal: 'carol@EXAMPLE.COM' },
    ])
      expect(await admin('getUser', [info])).toEqual(carol);
    expect(await admin('getUser', [{}])).toBeNull();
    await expect(faultOf(admin('getUser', [['carol']]))).resolves.toEqual([
      1000,
      "Invalid type for userInfo: <class 'list'>",
    ]);
  });

  it('are refused under a name or principal that is taken', async () => {
    await admin('createUser', ['dave', null, 'dave@EXAMPLE.COM']);
    await expect(faultOf(admin('createUser', ['dave']))).resolves.toEqual([
      1000,
      'user already exists: dave',
    ]);
    await expect(faultOf(admin('createUser', ['eve', null, 'dave@EXAMPLE.COM']))).resolves.toEqual([
      1000,
      'user with this Kerberos principal already exists: dave@EXAMPLE.COM',
    ]);
  });

  it('get and lose permissions, also ones made for them', async () => {
    await admin('createUser', ['frank']);
    await admin('grantPermission', ['frank', 'paint', true, 'May paint']);
    expect(await admin('getUserPerms', ['frank'])).toEqual(['paint']);
    expect(await admin('getAllPerms')).toContainEqual({
      id: expect.any(Number) as number,
      name: 'paint',
      description: 'May paint',
    });
    await expect(faultOf(admin('grantPermission', ['frank', 'paint']))).resolves.toEqual([
      1000,
      'user frank already has permission: paint',
    ]);
    await admin('revokePermission', ['frank', 'paint']);
    expect(await admin('getUserPerms', ['frank'])).toEqual([]);
  });

  it('are listed by type and start of the name', async () => {
    await admin('addHost', ['b1.example.com', ['x86_64']]);
    const names = async (...args: unknown[]) =>
      (await admin<UserInfo[]>('listUsers', args)).map((user) => user.name);
    expect(await names(1)).toEqual(['b1.example.com']);
    expect(await names(0, 'FRA')).toEqual(['frank']);
    expect(await admin('listUsers', [], { queryOpts: { asList: true, order: 'id', limit: 1 } })).toEqual([
      [expect.any(Number) as number, [], 'kojiadmin', 0, 0],
    ]);
  });

  it('of builders have a host in the channel "default"', async () => {
    expect(await admin('listHosts', [['x86_64']])).toMatchObject([{ name: 'b1.example.com', capacity: 2 }]);
    expect(await admin('listHosts', [['x86']])).toEqual([]);
    expect(await admin('listChannels', ['b1.example.com'])).toMatchObject([
      { name: 'default', enabled: true },
    ]);
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('editHost', ['b1.example.com'], { capacity: 4.5, comment: 'fast' });
    await admin('disableHost', ['b1.example.com']);
    expect(await admin('getHost', ['b1.example.com'])).toMatchObject({
      capacity: 4.5,
      comment: 'fast',
      enabled: false,
    });
    expect(await admin('getHost', ['b1.example.com', false, event])).toMatchObject({
      capacity: 2,
      enabled: true,
    });
  });
});
