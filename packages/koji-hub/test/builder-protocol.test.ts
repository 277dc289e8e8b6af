import { readFileSync } from 'node:fs';
import path from 'node:path';
import { encodeFault, encodeResponse } from '@koji/core/wire';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

interface Task {
  readonly id: number;
  readonly state: number;
  readonly host_id: number | null;
  readonly request: unknown;
  readonly waiting: boolean | null;
  readonly weight: number;
}

/** Waits for what the hub does by itself. */
async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await test()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('not within 30 s');
}

const FREE = 0;
const OPEN = 1;
const CLOSED = 2;
const CANCELED = 3;
const ASSIGNED = 4;
const FAILED = 5;

describe.each(databases)('the protocol of builders on $name', (database) => {
  let hub: TestHub;
  let admin: Caller;
  let b1: Caller;
  let b2: Caller;

  beforeAll(async () => {
    hub = await startTestHub(database, {
      RunInterval: '0',
      ReadyTimeout: '8',
      LogFile: 'hub.log',
      LogLevel: 'DEBUG',
    });
    admin = await hub.login('kojiadmin');
    b1 = await hub.builder('b1.example.com', ['x86_64', 'i386']);
    b2 = await hub.builder('b2.example.com', ['aarch64']);
  });
  afterAll(() => hub.stop());

  const info = async (id: number): Promise<Task> => (await admin('getTaskInfo', [id])) as Task;
  const make = async (options: object = {}, params: unknown[] = [1]): Promise<number> =>
    (await admin('makeTask', ['sleep', params], options)) as number;
  const opened = async (host: Caller, options: object = {}): Promise<number> => {
    const id = await make({ ...options, assign: host.hostId });
    expect(await host('host.openTask', [id])).toMatchObject({ id, state: OPEN, host_id: host.hostId });
    return id;
  };
  const clean = async (): Promise<void> => {
    for (const task of (await admin('listTasks', [{ state: [FREE, OPEN, ASSIGNED] }])) as Task[])
      await admin('cancelTask', [task.id]);
    for (const host of [b1, b2]) await host('host.updateHost', [0, false]);
  };
  afterEach(clean);

  it('is for builders with an exclusive session', async () => {
    const alice = await hub.login('alice');
    expect(await faultOf(alice('host.getID'))).toMatchObject([1002, /^User \d+ is not a host$/]);
    const again = await hub.login('b1.example.com');
    expect(await faultOf(again('host.getTasks'))).toEqual([1006, 'User locked by another session']);
    expect(await faultOf(hub.anonymous('host.getTasks'))).toEqual([1002, 'Not logged-in']);
    expect(await b1('host.getID')).toBe(b1.hostId);
    expect(await b1('host.isEnabled')).toBe(true);
  });

  it('lets a builder check in with load, readiness and data for the scheduler', async () => {
    expect(await b1('host.updateHost', ['1.5', true, { maxjobs: 7, methods: ['build'] }])).toBeNull();
    expect(await b1('host.getHost')).toMatchObject({ ready: true, task_load: 1.5 });
    expect(await admin('scheduler.getHostData', [b1.hostId])).toEqual([
      { host_id: b1.hostId, data: { maxjobs: 7, methods: ['build'] } },
    ]);
    await b1('host.setHostData', ['{"maxjobs": 2}']);
    expect(await admin('scheduler.getHostData', [b1.hostId])).toMatchObject([{ data: { maxjobs: 2 } }]);
    for (const wrong of ['text', ['x'], 5])
      expect(await faultOf(b1('host.updateHost', [0, true, wrong]))).toEqual([
        1019,
        'Host data should be a dictionary',
      ]);
    expect((await faultOf(b1('host.updateHost', ['heavy', true])))[0]).toBe(1019);
  });

  it('takes a task from the scheduler to its result, as an unmodified kojid asks for it', async () => {
    const id = await make({ arch: 'x86_64', priority: 5 }, [1, 'zwei', null, { k: [true] }]);
    expect(await b1('host.getHostTasks')).toEqual([]);
    await b1('host.updateHost', [0.0, true, { maxjobs: 10, methods: ['sleep'] }]);
    const [task] = (await b1('host.getTasks')) as Task[];
    expect(task).toEqual({
      id,
      state: ASSIGNED,
      channel_id: 1,
      host_id: b1.hostId,
      arch: 'x86_64',
      method: 'sleep',
      priority: 5,
      create_ts: expect.any(Number) as number,
    });
    expect(await b1('getTaskInfo', [id], { request: true })).toMatchObject({
      request: [1, 'zwei', null, { k: [true] }],
    });
    const data = (await b1('host.openTask', [id])) as Task;
    expect(data.request).toMatch(
      /^<\?xml version='1\.0'\?>\n<methodCall>\n<methodName>sleep<\/methodName>\n/,
    );
    expect(await b1('host.openTask', [id])).toBeNull();
    await b1('host.setTaskWeight', [id, 2.5]);
    expect(await b1('host.getHostTasks')).toEqual([{ id, waiting: null, weight: 2.5 }]);
    expect(await b1('host.closeTask', [id, encodeResponse({ done: 'ja' })])).toBeNull();
    expect(await admin('getTaskResult', [id])).toEqual({ done: 'ja' });
    expect(await b1('host.getHostTasks')).toEqual([]);
    expect(await info(id)).toMatchObject({
      state: CLOSED,
      host_id: b1.hostId,
      completion_ts: expect.any(Number) as number,
    });
  });

  it('fails a task with the fault of its builder', async () => {
    const id = await opened(b1);
    await b1('host.failTask', [id, encodeFault(1005, 'disk on fire')]);
    expect(await faultOf(admin('getTaskResult', [id]))).toEqual([1005, 'disk on fire']);
    expect(await admin('getTaskResult', [id, false])).toEqual({
      faultCode: 1005,
      faultString: 'disk on fire',
    });
    expect((await info(id)).state).toBe(FAILED);
  });

  it('lets a builder have only what is free or its own', async () => {
    const id = await make({ assign: b2.hostId });
    expect(await b1('host.openTask', [id])).toBeNull();
    expect(await faultOf(b1('host.closeTask', [id, encodeResponse(1)]))).toEqual([
      1004,
      `host ${b1.hostId} does not own task ${id}`,
    ]);
    await b2('host.openTask', [id]);
    for (const [method, args] of [
      ['host.closeTask', [id, encodeResponse(1)]],
      ['host.failTask', [id, encodeFault(1, 'x')]],
      ['host.setTaskWeight', [id, 1]],
      ['host.subtask', ['sleep', [1], id]],
      ['host.subtask2', [id, {}, 'sleep', 1]],
      ['host.taskSetWait', [id, null]],
      ['host.taskWaitResults', [id, null]],
    ] as const)
      expect(await faultOf(b1(method, [...args]))).toEqual([
        1004,
        `host ${b1.hostId} does not own task ${id}`,
      ]);
    expect(await b1('host.freeTasks', [[id]])).toBeNull();
    expect((await info(id)).state).toBe(OPEN);
    expect(await faultOf(b1('host.openTask', [987654]))).toEqual([1000, 'query returned no rows']);
    expect(await faultOf(b1('host.closeTask', [987654, 'x']))).toEqual([1000, 'No such task: 987654']);
    expect((await faultOf(b1('host.openTask', ['x'])))[0]).toBe(1019);
  });

  it('gives tasks back when a builder restarts, and another time round they run', async () => {
    const id = await opened(b1);
    await b1('host.freeTasks', [[id]]);
    expect(await info(id)).toMatchObject({ state: FREE, host_id: null });
    expect(await b1('host.openTask', [id])).toMatchObject({ id });
    await b1('host.closeTask', [id, encodeResponse(null)]);
    expect(await admin('getTaskResult', [id])).toBeNull();
    expect(await faultOf(b1('host.freeTasks', [[987654]]))).toEqual([1000, 'No such task: 987654']);
  });

  it('makes subtasks that inherit from the parent, each label once', async () => {
    const parent = await opened(b1, { arch: 'x86_64', priority: 10 });
    const sub = (await b1('host.subtask', ['sleep', [1], parent], { label: 'one' })) as number;
    expect(await info(sub)).toMatchObject({ parent, label: 'one', priority: 9, arch: 'x86_64', state: FREE });
    expect(await b1('host.subtask', ['sleep', [2], parent], { label: 'one' })).toBe(sub);
    const named = await b1('host.subtask', ['mytask', [1, 'a'], parent], {
      kwargs: { kw: 2 },
      channel: 'createrepo',
    });
    expect(await admin('getTaskInfo', [named, true])).toMatchObject({
      channel_id: 2,
      request: [1, 'a', { kw: 2, __starstar: true }],
    });
    const second = await b1('host.subtask2', [parent, { arch: 'noarch' }, 'mytask', 1, 2], { n: 'x' });
    expect(await admin('getTaskInfo', [second, true])).toMatchObject({
      arch: 'noarch',
      request: [1, 2, { n: 'x', __starstar: true }],
    });
    const problems = [
      [{ owner: 1 }, 1004, 'The owner option is not allowed here'],
      [{ channel: 'nochannel' }, 1000, 'No such channel: nochannel'],
    ] as const;
    for (const [options, code, text] of problems)
      expect(await faultOf(b1('host.subtask', ['sleep', [1], parent], options))).toEqual([code, text]);
    expect((await faultOf(b1('host.subtask', ['sleep', [1], parent], { priority: 'x' })))[0]).toBe(1019);
    expect((await faultOf(b1('host.subtask', ['sleep', [1], parent], { colour: 'x' })))[0]).toBe(1019);
  });

  it('tells a waiting task when subtasks are finished, and what came of them', async () => {
    const parent = await opened(b1, { arch: 'x86_64' });
    const [one, two, three] = [
      await b1('host.subtask', ['sleep', [1], parent], { assign: b2.hostId }),
      await b1('host.subtask', ['sleep', [1], parent], { assign: b2.hostId }),
      await b1('host.subtask', ['sleep', [1], parent]),
    ] as [number, number, number];
    expect(await b1('host.taskWait', [parent])).toEqual([[], []]);
    await b1('host.taskSetWait', [parent, [one, two]]);
    expect(await b1('host.getHostTasks')).toMatchObject([{ id: parent, waiting: true }]);
    await b2('host.openTask', [one]);
    await b2('host.closeTask', [one, encodeResponse(5)]);
    expect(await b1('host.getHostTasks')).toMatchObject([{ id: parent, alert: true }]);
    expect(await b1('host.taskWait', [parent])).toEqual([[one], [two]]);
    expect(await b1('host.taskWait', [parent])).toEqual([[], [two]]);
    await b2('host.openTask', [two]);
    await b2('host.failTask', [two, encodeFault(1000, 'out of sleep')]);
    await admin('cancelTask', [three]);
    const results = (tasks: number[] | null, canfail?: number[]): Promise<unknown> =>
      b1('host.taskWaitResults', [parent, tasks, ...(canfail ? [canfail] : [])]);
    expect(await results([one])).toEqual([[one, 5]]);
    expect(await faultOf(results([one, two]))).toEqual([1000, 'out of sleep']);
    expect(await results([two, one], [two])).toEqual([
      [two, { faultCode: 1000, faultString: 'out of sleep' }],
      [one, 5],
    ]);
    expect(await faultOf(results([three]))).toEqual([1000, `Task ${three} is canceled`]);
    expect(await results(null, [two, three])).toEqual([
      [one, 5],
      [two, { faultCode: 1000, faultString: 'out of sleep' }],
      [three, { faultCode: 1000, faultString: `Task ${three} is canceled` }],
    ]);
    expect(await faultOf(results([parent], [parent]))).toEqual([1000, `Task ${parent} is not finished`]);
    expect(await faultOf(results([987654]))).toEqual([1000, 'No such task']);
    expect(await info(parent)).toMatchObject({ waiting: false });
  });

  it('keeps a refused task from the builder: for good, or for a while', async () => {
    const id = await make({ arch: 'x86_64', assign: b1.hostId });
    expect(await b1('host.refuseTask', [id, false, 'no such thing here'])).toBeNull();
    expect(await info(id)).toMatchObject({ state: FREE, host_id: null });
    await b1('host.updateHost', [0, true]);
    expect(await b1('host.getTasks')).toEqual([]);
    expect(
      await admin('scheduler.getTaskRefusals', [[['task_id', id]], ['host_name', 'soft', 'by_host', 'msg']]),
    ).toEqual([{ host_name: 'b1.example.com', soft: false, by_host: true, msg: 'no such thing here' }]);
    expect(await b2('host.refuseTask', [id])).toBeNull();
    expect(await faultOf(b1('host.refuseTask', [987654]))).toEqual([1000, 'query returned no rows']);
  });

  describe('waiting for tasks', () => {
    const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
      const started = performance.now();
      const result = await work();
      return [result, performance.now() - started];
    };
    const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

    it('ends with false when nothing comes', async () => {
      const [found, took] = await timed(() => b1('host.waitForTasks', [1]));
      expect(found).toBe(false);
      expect(took).toBeGreaterThan(950);
    });

    it('ends at once when a task already exists', async () => {
      await make({ assign: b1.hostId });
      const [found, took] = await timed(() => b1('host.waitForTasks', [20]));
      expect(found).toBe(true);
      expect(took).toBeLessThan(15_000);
    });

    it('ends within milliseconds of a new task', async () => {
      await b1('host.updateHost', [0, true]);
      const times: number[] = [];
      for (let i = 0; i < 7; i++) {
        const waiting = b1('host.waitForTasks', [20]);
        await soon();
        const [, took] = await timed(async () => {
          await make({ arch: 'x86_64' });
          expect(await waiting).toBe(true);
        });
        times.push(took);
        for (const { id } of (await b1('host.getTasks')) as Task[]) {
          await b1('host.openTask', [id]);
          await b1('host.closeTask', [id, encodeResponse(null)]);
        }
      }
      // The quickest, since the machine may be busy; a poll would take its interval each time.
      expect(Math.min(...times)).toBeLessThan(1000);
    });

    it('ends when an awaited subtask is finished or a task of the builder is canceled', async () => {
      const parent = await opened(b1);
      const child = (await b1('host.subtask', ['sleep', [1], parent], { assign: b2.hostId })) as number;
      await b2('host.openTask', [child]);
      await b1('host.taskSetWait', [parent, null]);
      const waiting = b1('host.waitForTasks', [20, [parent]]);
      await soon();
      await b2('host.closeTask', [child, encodeResponse(null)]);
      expect(await waiting).toBe(true);
      await b1('host.taskWaitResults', [parent, null]);
      const again = b1('host.waitForTasks', [20, [parent]]);
      await soon();
      await admin('cancelTask', [parent]);
      expect(await again).toBe(true);
      expect(await b1('host.waitForTasks', [20, [parent]])).toBe(true);
      expect((await info(parent)).state).toBe(CANCELED);
    });

    it('counts as a check-in', async () => {
      await b1('host.updateHost', [0, true]);
      const { update_ts: before } = (await b1('host.getHost')) as { update_ts: number };
      const waiting = b1('host.waitForTasks', [60]);
      await until(async () => {
        const { update_ts: after } = (await admin('getHost', ['b1.example.com'])) as { update_ts: number };
        return after > before;
      });
      await make({ assign: b1.hostId });
      expect(await waiting).toBe(true);
    });

    it('ends when another login takes the place of the builder', async () => {
      const waiting = faultOf(b2('host.waitForTasks', [60]));
      await soon();
      const later = await hub.login('b2.example.com');
      await later('exclusiveSession', [true]);
      b2 = Object.assign(later, { hostId: b2.hostId });
      expect(await waiting).toEqual([1002, 'Invalid session or bad credentials']);
    });

    it('makes no scheduler run, and neither do check-ins that bring nothing new', async () => {
      await b2('host.updateHost', [0, true]);
      await make({ arch: 'x86_64' });
      const log = path.join(path.dirname(hub.kojiDir), 'hub.log');
      const runs = (): number => readFileSync(log, 'utf8').split('stays free').length;
      const waiting = b2('host.waitForTasks', [60]);
      await until(() => runs() > 1);
      let before = -1;
      // Until the runs that the task and the check-in began are over.
      await until(async () => {
        const same = before === runs();
        before = runs();
        await soon();
        return same;
      });
      for (let i = 0; i < 5; i++) {
        await b2('host.updateHost', [0, true]);
        expect(await b2('host.waitForTasks', [0])).toBe(false);
      }
      await soon();
      expect(runs()).toBe(before);
      await b2('host.updateHost', [0.5, true]);
      await until(() => runs() > before);
      await make({ assign: b2.hostId });
      expect(await waiting).toBe(true);
    });

    it('notifies anybody of a task that changes', async () => {
      const id = await opened(b1);
      const waiting = hub.anonymous('waitTask', [id, OPEN, 20]);
      await soon();
      await b1('host.closeTask', [id, encodeResponse(null)]);
      expect(await waiting).toMatchObject({ id, state: CLOSED });
      expect(await hub.anonymous('waitTask', [id])).toMatchObject({ state: CLOSED });
      expect(await faultOf(hub.anonymous('waitTask', [987654]))).toEqual([1000, 'query returned no rows']);
    });
  });
});
