import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('hosts, channels and archive types on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
  });
  afterAll(() => hub.stop());

  it('tell the architectures of the builders by their canonical names', async () => {
    await admin('addHost', ['b1', ['x86_64', 'i686']]);
    await admin('addHost', ['b2', ['i386', 'armv7hl']]);
    for (const arches of [7, { x86_64: 1 }, ['x86_64', 7], [['x86_64']]])
      expect((await faultOf(admin('addHost', ['b3', arches])))[0]).toBe(1019);
    expect((await admin<string[]>('getAllArches')).toSorted()).toEqual(['armhfp', 'i386', 'x86_64']);
  });

  it('are edited, which history remembers', async () => {
    const added = await admin<{ id: number }>('getLastEvent');
    expect(await admin('editHost', ['b1'], { capacity: 4, comment: 'bigger' })).toBe(true);
    expect(await admin('getHost', ['b1'])).toMatchObject({ capacity: 4, comment: 'bigger', enabled: true });
    expect(await admin('getHost', ['b1', true, added.id])).toMatchObject({ capacity: 2, comment: null });
    expect(await admin('editHost', ['b1'], { capacity: 4 })).toBe(false);
    expect((await faultOf(admin('editHost', ['b1'], { capacity: 1 })))[0]).toBe(1019);
  });

  it('are restarted by a task', async () => {
    const task = await admin<number>('restartHosts', [3], { options: { force: true } });
    expect(await admin('getTaskInfo', [task, true])).toMatchObject({
      method: 'restartHosts',
      priority: 3,
      request: [{ force: true }],
    });
    expect(await faultOf(admin('restartHosts', [5, ['now']]))).toEqual([
      1019,
      "Invalid type of options: <class 'list'>",
    ]);
    expect((await faultOf((await asking(hub, 'ann'))('restartHosts')))[0]).toBe(1004);
  });

  it('have channels whose name, description and comment change, and that are closed and opened', async () => {
    await admin('addChannel', ['big', 'For large builds']);
    expect(await admin('editChannel', ['big'], { description: 'For large builds' })).toBe(false);
    expect(await admin('editChannel', ['big'], { name: 'large', comment: 'renamed' })).toBe(true);
    await admin('renameChannel', ['large', 'huge']);
    expect(await faultOf(admin('renameChannel', ['huge', 'default']))).toEqual([
      1000,
      'channel default already exists (id=1)',
    ]);
    await admin('disableChannel', ['huge'], { comment: 'broken disks' });
    await admin('enableChannel', ['huge']);
    expect(await admin('getChannel', ['huge'])).toMatchObject({
      description: 'For large builds',
      comment: 'broken disks',
      enabled: true,
    });
    for (const name of [null, 0, 5])
      expect([1000, 1019]).toContain((await faultOf(admin('renameChannel', ['huge', name])))[0]);
  });

  it('know files by the longest extension of an archive type', async () => {
    const typeOf = async (name: string) => (await admin('getArchiveType', [name])).name;
    expect(await typeOf('sources.TAR.GZ')).toBe('tar');
    expect(await typeOf('a.b.zip')).toBe('zip');
    expect(await admin('getArchiveType', ['none'])).toBeNull();
    await admin('addArchiveType', ['wheel', 'Python wheel', 'whl whl.zip', 'zip']);
    expect(await typeOf('a.whl.zip')).toBe('wheel');
    expect(await admin('getArchiveTypes')).toContainEqual(
      await admin('getArchiveType', [], { type_name: 'wheel' }),
    );
    for (const [args, fault] of [
      [['wheel', 'Again', 'whl2'], 'archivetype wheel already exists'],
      [['w2', 'Strange', 'wh-l'], 'No such wh-l file extension'],
      [['w3', 'Taken', 'ZIP'], 'file extension ZIP already exists'],
      [['w4', 'Packed', 'w4', 'rar'], 'Unsupported compression type rar'],
    ] as const)
      expect(await faultOf(admin('addArchiveType', args))).toEqual([1000, fault]);
  });
});
