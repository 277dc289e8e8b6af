import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { TaskInfo } from '@koji/core/api';
import { asking } from '../../koji-hub/test/support/asking.js';
import type { Asking } from '../../koji-hub/test/support/asking.js';
import { databases } from '../../koji-hub/test/support/databases.js';
import { faultOf, startTestHub } from '../../koji-hub/test/support/test-hub.js';
import type { TestHub } from '../../koji-hub/test/support/test-hub.js';

describe.each(databases)('runroot on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let alice: Asking;

  beforeAll(async () => {
    hub = await startTestHub(
      kind,
      { Plugins: 'runroot' },
      {
        async prepare(folder) {
          await mkdir(path.join(folder, 'node_modules/@koji'), { recursive: true });
          const installed = path.join(folder, 'node_modules/@koji/plugin-runroot');
          await symlink(path.join(import.meta.dirname, '..'), installed);
        },
      },
    );
    admin = await asking(hub, 'kojiadmin');
    alice = await asking(hub, 'alice');
    await admin('createTag', ['f44-build', null, 'x86_64 riscv64']);
    await admin('createTag', ['bare']);
  });
  afterAll(() => hub.stop());

  test('is for holders of its permission, in a channel that is there', async () => {
    expect(await faultOf(alice('runroot', ['f44-build', 'x86_64', 'ls']))).toEqual([
      1004,
      'runroot permission required (logged in as alice)',
    ]);
    expect(await faultOf(admin('runroot', ['f44-build', 'x86_64', 'ls']))).toEqual([
      1000,
      'No such channel: runroot',
    ]);
    await admin('addChannel', ['runroot']);
    await admin('grantPermission', ['alice', 'runroot', true]);
    const taskId = await alice<number>('runroot', ['f44-build', 'x86_64', ['ls', '-l']], { weight: 1.5 });
    expect(await admin<TaskInfo>('getTaskInfo', [taskId, true])).toMatchObject({
      method: 'runroot',
      arch: 'x86_64',
      priority: 15,
      request: ['f44-build', 'x86_64', ['ls', '-l'], { weight: 1.5, __starstar: true }],
    });
    expect(await faultOf(alice('runroot', ['f44-build', 'x86_64', 5]))).toEqual([
      1000,
      "Invalid type for value '5': <class 'int'>",
    ]);
  });

  test('for noarch runs where both the tag and a host of the channel can', async () => {
    expect(await faultOf(alice('runroot', ['bare', 'noarch', 'ls']))).toEqual([
      1000,
      'no arches defined for tag bare',
    ]);
    await hub.builder('b1.example.com', ['riscv64', 's390x']);
    expect(await faultOf(alice('runroot', ['f44-build', 'noarch', 'ls']))).toEqual([
      1000,
      'no common arches for tag/channel: f44-build/runroot',
    ]);
    await admin('addHostToChannel', ['b1.example.com', 'runroot']);
    const taskId = await alice<number>('runroot', ['f44-build', 'noarch', 'ls']);
    expect(await admin<TaskInfo>('getTaskInfo', [taskId])).toMatchObject({ arch: 'riscv64' });
  });
});
