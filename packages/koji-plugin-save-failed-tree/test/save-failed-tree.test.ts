import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { TaskInfo } from '@koji/core/api';
import { encodeFault } from '@koji/core/wire';
import { sql } from '../../koji-hub/src/db/sql.js';
import { asking } from '../../koji-hub/test/support/asking.js';
import type { Asking } from '../../koji-hub/test/support/asking.js';
import { databases } from '../../koji-hub/test/support/databases.js';
import { faultOf, startTestHub } from '../../koji-hub/test/support/test-hub.js';
import type { Caller, TestHub } from '../../koji-hub/test/support/test-hub.js';

describe.each(databases)('saveFailedTree on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let builder: Caller;

  beforeAll(async () => {
    hub = await startTestHub(
      kind,
      { Plugins: 'save_failed_tree' },
      {
        async prepare(folder) {
          await mkdir(path.join(folder, 'node_modules/@koji'), { recursive: true });
          const installed = path.join(folder, 'node_modules/@koji/plugin-save-failed-tree');
          await symlink(path.join(import.meta.dirname, '..'), installed);
        },
      },
    );
    admin = await asking(hub, 'kojiadmin');
    builder = await hub.builder('b1.example.com', ['x86_64']);
    await admin('createTag', ['f44-build']);
    await hub.database.write((db) =>
      db.run(
        sql`INSERT INTO repo (create_event, tag_id, state) SELECT max(create_event), 1, 1 FROM tag_config`,
      ),
    );
  });
  afterAll(() => hub.stop());

  const buildrootOf = async (method: string): Promise<{ taskId: number; buildroot: number }> => {
    const taskId = await admin<number>('makeTask', [method, []]);
    await admin('assignTask', [taskId, builder.hostId], { force: true });
    await builder('host.openTask', [taskId]);
    return { taskId, buildroot: (await builder('host.newBuildRoot', [1, 'x86_64', taskId])) as number };
  };

  test('makes a task for the host of a failed buildArch task, for its owner and admins', async () => {
    const { taskId, buildroot } = await buildrootOf('buildArch');
    expect(await faultOf(admin('saveFailedTree', [buildroot]))).toEqual([
      1010,
      `Task ${taskId} has not failed. Only failed tasks can upload their buildroots.`,
    ]);
    await builder('host.failTask', [taskId, encodeFault(1005, 'no space')]);
    const alice = await asking(hub, 'alice');
    expect(await faultOf(alice('saveFailedTree', [buildroot]))).toEqual([
      1004,
      "Only owner of failed task or 'admin' can run this task.",
    ]);
    const saving = await admin<number>('saveFailedTree', [buildroot, true], { volume: 'DEFAULT' });
    expect(await admin<TaskInfo>('getTaskInfo', [saving, true])).toMatchObject({
      method: 'saveFailedTree',
      host_id: builder.hostId,
      request: [buildroot, true, { volume: 'DEFAULT', __starstar: true }],
    });
    await admin('disableHost', ['b1.example.com']);
    expect(await faultOf(admin('saveFailedTree', [buildroot]))).toEqual([1010, 'Host is disabled.']);
    await admin('enableHost', ['b1.example.com']);
  });

  test('is refused for other tasks and for no buildroot', async () => {
    const { taskId, buildroot } = await buildrootOf('createrepo');
    await builder('host.failTask', [taskId, encodeFault(1005, 'no space')]);
    expect(await faultOf(admin('saveFailedTree', [buildroot]))).toEqual([
      1010,
      `Only buildArch tasks can upload their buildroots (Task ${taskId} is createrepo).`,
    ]);
    expect(await faultOf(admin('saveFailedTree', [987654]))).toEqual([1000, 'No such buildroot: 987654']);
    expect((await faultOf(admin('saveFailedTree', ['abc'])))[0]).toBe(1019);
  });
});
