import type { Methods, TaskInfo } from '@koji/core/api';
import { encodeResponse } from '@koji/core/wire';
import { signatureOf } from '@koji/plugin-sdk/host';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';
import { kojiWith } from './support/koji.js';
import type { KojiWithPlugin } from './support/koji.js';

let hub: TestHub;
let alice: TestHub['admin'];
let command: KojiWithPlugin;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { kiwi: plugin }, tags: ['f44'] });
  alice = await hub.login('alice', 'image');
  await hub.admin.call('createBuildTarget', ['images', 'f44', 'f44']);
  command = await kojiWith('kiwi', hub);
});
afterAll(async () => {
  await command.remove();
  await hub.stop();
});

const url = 'git+https://git.example.com/images#main';
const taskOf = async (id: unknown): Promise<TaskInfo> =>
  (await hub.admin.call('getTaskInfo', [id, true])) as TaskInfo;

describe('kiwiBuild', () => {
  test('makes a task in the channel image, with the options that say something', async () => {
    const id = await alice.call('kiwiBuild', ['images', ['x86_64', 'aarch64'], url, 'server'], {
      optional_arches: 'aarch64',
      profile: 'Disk',
      scratch: true,
      make_prep: true,
      repos: ['http://repo'],
      release: '3',
      type: 'oem',
      type_attr: ['bootpartition=false'],
      result_bundle_name_format: '%N-%v',
      version: '44',
      repo_releasever: '44',
    });
    const task = await taskOf(id);
    expect(task).toMatchObject({ method: 'kiwiBuild', priority: 20, arch: 'noarch' });
    expect(await hub.admin.call('getChannel', [task.channel_id])).toMatchObject({ name: 'image' });
    expect(task.request).toEqual([
      'images',
      ['x86_64', 'aarch64'],
      url,
      'server',
      {
        optional_arches: ['aarch64'],
        profile: 'Disk',
        scratch: true,
        make_prep: true,
        repos: ['http://repo'],
        release: '3',
        type: 'oem',
        type_attr: ['bootpartition=false'],
        result_bundle_name_format: '%N-%v',
        use_buildroot_repo: true,
        version: '44',
        repo_releasever: '44',
      },
    ]);
    const bare = await alice.call('kiwiBuild', ['images', '', url, 'server'], {
      use_buildroot_repo: false,
      repos: [],
    });
    expect((await taskOf(bare)).request).toEqual(['images', [], url, 'server', {}]);
  });

  test('takes its arguments in the order that clients know', async () => {
    const id = await alice.call('kiwiBuild', ['images', 'x86_64 s390x', url, 'server', ['s390x'], 'Disk']);
    expect((await taskOf(id)).request).toEqual([
      'images',
      ['x86_64', 's390x'],
      url,
      'server',
      { optional_arches: ['s390x'], profile: 'Disk', use_buildroot_repo: true },
    ]);
    // Its types are for programs of clients: with them the hub's own sources, also among the tests, would lack a method.
    const door = '../src/index.js';
    const { kiwiMethods } = (await import(door)) as { kiwiMethods: Methods };
    const { declaration } = signatureOf(plugin.kiwiBuild);
    expect(declaration.args.map(({ name }) => name)).toEqual(
      kiwiMethods.kiwiBuild?.args.map(({ name }) => name),
    );
  });

  test('is for holders of image, and only admins may be in a hurry', async () => {
    const bob = await hub.login('bob');
    const args = ['images', 'x86_64', url, 'server'];
    await expect(bob.call('kiwiBuild', args)).rejects.toThrow('image permission required (logged in as bob)');
    await expect(alice.call('kiwiBuild', args, { priority: -5 })).rejects.toThrow(
      'only admins may create high-priority tasks',
    );
    const urgent = await hub.admin.call('kiwiBuild', args, { priority: -5 });
    const patient = await alice.call('kiwiBuild', args, { priority: '7' });
    expect([(await taskOf(urgent)).priority, (await taskOf(patient)).priority]).toEqual([15, 27]);
  });

  test.each([
    [{ target: 'nowhere' }, 'No such build target: nowhere'],
    [{ arches: 'x86_64,s390x' }, 'Architecture can be only [a-zA-Z0-9_-]'],
    [{ optional_arches: ['x/y'] }, 'Architecture can be only [a-zA-Z0-9_-]'],
    [{ arches: null }, "Invalid type, expected type <class 'list'>"],
    [{ desc_path: 5 }, "Invalid type for value '5': <class 'int'>, expected type <class 'str'>"],
    [{ version: 44 }, "Invalid type for value '44': <class 'int'>, expected type <class 'str'>"],
    [{ repos: 'http://x' }, "Invalid type for value 'http://x': <class 'str'>, expected type <class 'list'>"],
    [{ type_attr: 'a' }, "Invalid type for value 'a': <class 'str'>, expected type <class 'list'>"],
    [
      { result_bundle_name_format: ['a'] },
      "Invalid type for value '['a']': <class 'list'>, expected type <class 'str'>",
    ],
    [{ priority: 'soon' }, "Invalid type for value 'soon': <class 'str'>, expected type <class 'int'>"],
  ])('refuses %j', async (wrong, message) => {
    const right = { target: 'images', arches: 'x86_64', desc_url: url, desc_path: 'server' };
    await expect(alice.call('kiwiBuild', [], { ...right, ...wrong })).rejects.toThrow(message);
  });
});

describe('koji kiwi-build', () => {
  const created = /^Created task: (\d+)\nTask info: http:\/\/web\/taskinfo\?taskID=\1\n$/;
  const start = async (...args: string[]): Promise<{ stderr: string; request: unknown }> => {
    const ran = await command.koji('kiwi-build', '--nowait', ...args);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(created) as string });
    const { request } = await taskOf(Number(created.exec(ran.stdout)?.[1]));
    return { stderr: ran.stderr, request };
  };

  test('sends what it is told', async () => {
    const options =
      '--scratch --version=44 --release 3 --repo http://a --repo http://b --repo-releasever 44 --noprogress ' +
      '--kiwi-profile Disk --type oem --type-attr x=1 --result-bundle-name-format %N --make-prep --buildroot-repo ' +
      '--can-fail i686,,s390x --arch i686 --arch s390x';
    expect(await start(...options.split(' '), 'images', url, 'server')).toEqual({
      stderr: '',
      request: [
        'images',
        ['i386', 's390x'],
        url,
        'server',
        {
          scratch: true,
          profile: 'Disk',
          version: '44',
          release: '3',
          optional_arches: ['i386', 's390x'],
          repos: ['http://a', 'http://b'],
          repo_releasever: '44',
          make_prep: true,
          type: 'oem',
          type_attr: ['x=1'],
          result_bundle_name_format: '%N',
          use_buildroot_repo: true,
        },
      ],
    });
  });

  test('says that it uses the repo of the buildroot when none is given', async () => {
    expect(await start('images', url, 'server')).toEqual({
      stderr: 'no repos given, using buildroot repo\n',
      request: ['images', [], url, 'server', { use_buildroot_repo: true }],
    });
  });

  test('needs its three arguments', async () => {
    for (const args of [
      ['images', url],
      ['images', url, 'server', 'more'],
    ]) {
      const { code, stderr } = await command.koji('kiwi-build', ...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining('error: Incorrect number of arguments')]);
    }
  });

  test('waits for the task, whatever becomes of it', async () => {
    const newest = async (): Promise<number> => {
      const tasks = await hub.admin.call('listTasks', [{ method: 'kiwiBuild' }, { order: '-id', limit: 1 }]);
      return (tasks as { id: number }[])[0]?.id ?? 0;
    };
    const last = await newest();
    const running = command.koji('kiwi-build', 'images', url, 'server');
    const state = { over: false };
    const ended = running.finally(() => (state.over = true));
    let id = last;
    while (id === last && !state.over) id = await newest();
    const builder = await hub.builder();
    await hub.admin.call('assignTask', [id, 'builder'], { force: true });
    await builder.call('host.openTask', [id]);
    await builder.call('host.closeTask', [id, encodeResponse('done')]);
    expect(await ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Created task: \d+\n[^]*kiwiBuild [^]*completed successfully\n/,
      ) as string,
    });
  });
});
