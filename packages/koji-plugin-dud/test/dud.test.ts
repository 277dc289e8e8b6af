import type { Methods, TaskInfo } from '@koji/core/api';
import { signatureOf } from '@koji/plugin-sdk/host';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { kojiWith } from '../../koji-plugin-kiwi/test/support/koji.js';
import type { KojiWithPlugin } from '../../koji-plugin-kiwi/test/support/koji.js';
import * as plugin from '../src/hub.js';

let hub: TestHub;
let alice: TestHub['admin'];
let command: KojiWithPlugin;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { dud: plugin }, tags: ['f44'] });
  alice = await hub.login('alice', 'image');
  await hub.admin.call('createBuildTarget', ['disks', 'f44', 'f44']);
  command = await kojiWith('dud', hub);
});
afterAll(async () => {
  await command.remove();
  await hub.stop();
});

const taskOf = async (id: unknown): Promise<TaskInfo> =>
  (await hub.admin.call('getTaskInfo', [id, true])) as TaskInfo;
const disk = ['mydisk', '1.0', ['x86_64'], 'disks', ['kmod-a', 'kmod-b-1-1']] as const;

describe('dudBuild', () => {
  test('makes a task in the channel image, with all its options', async () => {
    const id = await alice.call('dudBuild', ['mydisk', '1.0', ['x86_64', 's390x'], 'disks', ['kmod-a']], {
      optional_arches: ['s390x'],
      scratch: true,
      alldeps: true,
      scmurl: 'git://x',
    });
    const task = await taskOf(id);
    expect(task).toMatchObject({ method: 'dudBuild', priority: 20 });
    expect(await hub.admin.call('getChannel', [task.channel_id])).toMatchObject({ name: 'image' });
    const options = { scratch: true, alldeps: true, scmurl: 'git://x', optional_arches: ['s390x'] };
    expect(task.request).toEqual(['mydisk', '1.0', ['x86_64', 's390x'], 'disks', ['kmod-a'], options]);
    const bare = await alice.call('dudBuild', disk);
    const defaults = { scratch: false, alldeps: false, scmurl: null, optional_arches: null };
    expect((await taskOf(bare)).request).toEqual([...disk, defaults]);
  });

  test('takes its arguments in the order that clients know', async () => {
    // Its types are for programs of clients: with them the hub's own sources, also among the tests, would lack a method.
    const door = '../src/index.js';
    const { dudMethods } = (await import(door)) as { dudMethods: Methods };
    const { declaration } = signatureOf(plugin.dudBuild);
    expect(declaration.args.map(({ name }) => name)).toEqual(
      dudMethods.dudBuild?.args.map(({ name }) => name),
    );
  });

  test('is for holders of image; only admins may be in a hurry, and patience counts for nothing', async () => {
    const bob = await hub.login('bob');
    await expect(bob.call('dudBuild', disk)).rejects.toThrow('image permission required (logged in as bob)');
    await expect(alice.call('dudBuild', disk, { priority: -5 })).rejects.toThrow(
      'only admins may create high-priority tasks',
    );
    await expect(alice.call('dudBuild', disk, { priority: 'soon' })).rejects.toThrow(
      "Invalid type for value 'soon': <class 'str'>, expected type <class 'int'>",
    );
    const urgent = await hub.admin.call('dudBuild', disk, { priority: -5 });
    const patient = await alice.call('dudBuild', disk, { priority: 5 });
    expect([(await taskOf(urgent)).priority, (await taskOf(patient)).priority]).toEqual([15, 20]);
  });
});

describe('koji dud-build', () => {
  const created = /^Created task: (\d+)\nTask info: http:\/\/web\/taskinfo\?taskID=\1\n$/;
  const start = async (...args: string[]): Promise<unknown> => {
    const ran = await command.koji('dud-build', '--nowait', ...args);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(created) as string, stderr: '' });
    return (await taskOf(Number(created.exec(ran.stdout)?.[1]))).request;
  };

  test('sends what it is told, and what it is not', async () => {
    const options = '--scratch --alldeps --scmurl git://x --arch i686 --arch s390x --can-fail s390x,';
    expect(await start(...options.split(' '), 'disks', 'mydisk', '1.0', 'kmod-a', 'kmod-b')).toEqual([
      'mydisk',
      '1.0',
      ['i386', 's390x'],
      'disks',
      ['kmod-a', 'kmod-b'],
      { scratch: true, alldeps: true, scmurl: 'git://x', optional_arches: ['s390x'] },
    ]);
    expect(await start('disks', 'mydisk', '1.0', 'kmod-a')).toEqual([
      'mydisk',
      '1.0',
      [],
      'disks',
      ['kmod-a'],
      { scratch: false, alldeps: false, scmurl: null, optional_arches: [] },
    ]);
  });

  test('needs a package at least', async () => {
    const { code, stderr } = await command.koji('dud-build', 'disks', 'mydisk', '1.0');
    expect([code, stderr]).toEqual([2, expect.stringContaining('error: Incorrect number of arguments')]);
  });
});
