import { encodeResponse } from '@koji/core/wire';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

interface Task {
  readonly id: number;
  readonly state: number;
  readonly host_id: number | null;
}

describe.each(databases)('the scheduler on $name', (database) => {
  let hub: TestHub;
  let admin: Caller;
  let b1: Caller;
  let b2: Caller;

  beforeAll(async () => {
    hub = await startTestHub(database, {
      RunInterval: '300',
      AssignTimeout: '0',
      HostTimeout: '600',
      SoftRefusalTimeout: '600',
    });
    admin = await hub.login('kojiadmin');
    b1 = await hub.builder('b1.example.com', ['x86_64']);
    b2 = await hub.builder('b2.example.com', ['aarch64']);
  });
  afterAll(() => hub.stop());
  afterEach(async () => {
    for (const task of (await admin('listTasks', [{ state: [0, 1, 4] }])) as Task[])
      await admin('cancelTask', [task.id]);
  });

  const make = async (options: object): Promise<number> =>
    (await admin('makeTask', ['sleep', [1]], options)) as number;
  const info = async (id: number): Promise<Task> => (await admin('getTaskInfo', [id])) as Task;
  const anHourAgo = (): Date => new Date(Date.now() - 3_600_000);
  const run = (): Promise<unknown> => admin('scheduler.doRun', [true]);

  it('runs for admins, and without force not before RunInterval is over', async () => {
    expect(await faultOf(hub.anonymous('scheduler.doRun'))).toEqual([
      1004,
      'admin permission required (user not logged in)',
    ]);
    expect(await admin('scheduler.doRun')).toBe(true);
    expect(await admin('scheduler.doRun')).toBe(false);
    expect(await run()).toBe(true);
  });

  it('gives a task to a host that is ready for it, notes it and says so', async () => {
    await b1('host.updateHost', [0, true]);
    const [fits, other] = [await make({ arch: 'x86_64' }), await make({ arch: 's390x' })];
    await run();
    expect(await info(fits)).toMatchObject({ state: 4, host_id: b1.hostId });
    expect(await info(other)).toMatchObject({ state: 0, host_id: null });
    expect(
      await hub.anonymous('scheduler.getTaskRuns', [[['task_id', fits]], ['active', 'host_name', 'method']]),
    ).toEqual([{ active: true, host_name: 'b1.example.com', method: 'sleep' }]);
    expect(await hub.anonymous('scheduler.getLogMessages', [[['task_id', '=', fits]], 'msg'])).toEqual([
      { msg: 'Assigning task' },
    ]);
    await b1('host.openTask', [fits]);
    await b1('host.closeTask', [fits, encodeResponse(null)]);
    await run();
    expect(await hub.anonymous('scheduler.getTaskRuns', [[['task_id', fits]], ['active']])).toEqual([
      { active: false },
    ]);
  });

  it('counts a task that waits for subtasks as one, but not its load', async () => {
    const parent = await make({ arch: 'x86_64', assign: b1.hostId });
    await b1('host.openTask', [parent]);
    await b1('host.setTaskWeight', [parent, 2]);
    const child = (await b1('host.subtask', ['sleep', [1], parent])) as number;
    await b1('host.updateHost', [2, true]);
    await run();
    expect(await info(child)).toMatchObject({ state: 0 });
    await b1('host.taskSetWait', [parent, [child]]);
    await run();
    expect(await info(child)).toMatchObject({ state: 4, host_id: b1.hostId });
  });

  it('takes an assigned task that the host does not open for a refusal, which ends after a while', async () => {
    await b1('host.updateHost', [0, true]);
    const id = await make({ arch: 'x86_64' });
    await run();
    await sleep(20);
    await b1('host.updateHost', [0, true]);
    await run();
    expect(await info(id)).toMatchObject({ state: 0 });
    expect(await admin('scheduler.getTaskRefusals', [[['task_id', id]], ['msg', 'soft', 'by_host']])).toEqual(
      [{ msg: 'assignment timeout', soft: true, by_host: false }],
    );
    await run();
    expect(await info(id)).toMatchObject({ state: 0 });
    await hub.database.write((db) => db.run(sql`UPDATE scheduler_task_refusals SET time = ${anHourAgo()}`));
    await b1('host.updateHost', [0, true]);
    await run();
    expect(await info(id)).toMatchObject({ state: 4, host_id: b1.hostId });
  });

  it('leaves what an admin assigned by override where it is', async () => {
    const id = await make({ arch: 'x86_64' });
    expect(await admin('assignTask', [id, 'b2.example.com'], { override: true })).toBe(true);
    await sleep(20);
    await run();
    expect(await info(id)).toMatchObject({ state: 4, host_id: b2.hostId });
    expect(await admin('scheduler.getLogMessages', [[['task_id', id]], ['msg']])).toEqual([
      { msg: 'Assigning task (override)' },
    ]);
  });

  it('frees the open tasks of a host that is not heard of any more, even a disabled one', async () => {
    const id = await make({ arch: 'aarch64', assign: b2.hostId });
    await b2('host.updateHost', [0, true]);
    await b2('host.openTask', [id]);
    await run();
    expect(await info(id)).toMatchObject({ state: 1 });
    await admin('disableHost', ['b2.example.com']);
    await hub.database.write((db) =>
      db.run(sql`UPDATE host SET update_time = ${anHourAgo()} WHERE id = ${b2.hostId}`),
    );
    await run();
    expect(await info(id)).toMatchObject({ state: 0, host_id: null });
    await admin('enableHost', ['b2.example.com']);
  });

  it('is asked about its tables by field, with clauses, order and limits', async () => {
    await b1('host.updateHost', [0, true]);
    const ids = [await make({ assign: b1.hostId }), await make({ arch: 'x86_64' })];
    await run();
    const rows = (await admin('scheduler.getTaskRuns', [
      [
        ['task_id', ids],
        ['create_ts', '>', 5.5],
      ],
      '**',
      { order: '-id', limit: 1 },
    ])) as object[];
    expect(rows).toEqual([
      expect.objectContaining({
        task_id: ids[1],
        host_ready: true,
        arch: 'x86_64',
        create_ts: expect.any(Number) as number,
      }),
    ]);
    expect(
      Object.keys(
        ((await admin('scheduler.getTaskRuns', [null, '*', { limit: 1 }])) as object[])[0] ?? {},
      ).sort(),
    ).toEqual(['active', 'create_ts', 'host_id', 'id', 'task_id']);
    for (const args of [[[['nosuch', 1]]], [null, ['nosuch']], [[['id', 'LIKE', 'x']]], [[['id']]]])
      expect((await faultOf(admin('scheduler.getTaskRuns', args)))[0]).toBe(1019);
  });
});
