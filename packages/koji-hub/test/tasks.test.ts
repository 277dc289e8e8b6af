import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeFault, encodeResponse } from '@koji/core/wire';
import fc from 'fast-check';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

interface Task {
  readonly id: number;
  readonly state: number;
  readonly host_id: number | null;
  readonly parent: number | null;
  readonly priority: number;
}

const states = { FREE: 0, OPEN: 1, CLOSED: 2, CANCELED: 3, ASSIGNED: 4, FAILED: 5 } as const;
const { FREE, OPEN, CLOSED, CANCELED, ASSIGNED } = states;

describe.each(databases)('tasks on $name', (database) => {
  let hub: TestHub;
  let admin: Caller;
  let alice: Caller;
  let b1: Caller;
  let b2: Caller;

  beforeAll(async () => {
    hub = await startTestHub(database);
    admin = await hub.login('kojiadmin');
    alice = await hub.login('alice');
    b1 = await hub.builder('b1.example.com', ['x86_64']);
    b2 = await hub.builder('b2.example.com', ['aarch64']);
  });
  afterAll(() => hub.stop());

  const make = async (options: object = {}, params: unknown[] = [1]): Promise<number> =>
    (await admin('makeTask', ['sleep', params], options)) as number;
  const info = async (id: number): Promise<Task> => (await hub.anonymous('getTaskInfo', [id])) as Task;
  const opened = async (options: object = {}): Promise<number> => {
    const id = await make({ ...options, assign: b1.hostId });
    await b1('host.openTask', [id]);
    return id;
  };
  const failed = async (): Promise<number> => {
    const id = await opened();
    await b1('host.failTask', [id, encodeFault(1005, 'it broke')]);
    return id;
  };

  describe('making one', () => {
    it('is for admins, in their own name', async () => {
      const denied = 'admin permission required (logged in as alice)';
      expect(await faultOf(alice('makeTask', ['sleep', [1]]))).toEqual([1004, denied]);
      expect(await faultOf(admin('makeTask', ['sleep', [1]], { owner: 1 }))).toEqual([
        1004,
        'The owner option is not allowed here',
      ]);
    });

    it("takes parameters of every kind and Koji's defaults", async () => {
      const params = [1, 'two', null, 2.5, true, { k: ['v', { deep: null }] }, 'ünï <&>'];
      const id = await make({ priority: '7' }, params);
      expect(await hub.anonymous('getTaskRequest', [id])).toEqual(params);
      expect(await hub.anonymous('getTaskInfo', [id], { request: true })).toMatchObject({
        state: FREE,
        owner: 1,
        channel_id: 1,
        arch: 'noarch',
        priority: 7,
        parent: null,
        label: null,
        host_id: null,
        weight: 1,
        request: params,
      });
      expect((await info(await make({ label: 'ignored' }))).priority).toBe(20);
    });

    it("refuses what makes no sense, in Koji's words", async () => {
      const free = await make();
      const problems: [object, number, string | RegExp][] = [
        [{ channel: 'nope' }, 1000, 'No such channel: nope'],
        [{ arch: 'bad/arch' }, 1000, 'Architecture can be only [a-zA-Z0-9_-]'],
        [{ arch: 5 }, 1019, /arch/],
        [
          { priority: 'soon' },
          1019,
          "Invalid type for value 'soon': <class 'str'>, expected type <class 'int'>",
        ],
        [{ assign: 'nohost' }, 1000, 'Invalid hostInfo: nohost'],
        [{ parent: 987654 }, 1000, 'Invalid parent task: 987654'],
        [{ parent: free }, 1000, `Parent task (id ${free}) is not open`],
        [
          { parent: free, label: 6 },
          1019,
          "Invalid type for value '6': <class 'int'>, expected type <class 'str'>",
        ],
        [
          { colour: 'red' },
          1019,
          "'colour' is no option of a task; there are parent, label, channel, arch, priority, assign",
        ],
      ];
      for (const [options, code, text] of problems)
        expect(await faultOf(admin('makeTask', ['sleep', [1]], options))).toEqual([
          code,
          typeof text === 'string' ? text : expect.stringMatching(text),
        ]);
    });
  });

  describe('reading', () => {
    it('answers one or several, missing ones as null or, strictly, with a fault', async () => {
      const [one, two] = [await make(), await make()];
      expect(await hub.anonymous('getTaskInfo', [[two, 987654, one]])).toEqual([
        expect.objectContaining({ id: two }),
        null,
        expect.objectContaining({ id: one }),
      ]);
      expect(await hub.anonymous('getTaskInfo', [String(one)])).toMatchObject({ id: one });
      expect(await hub.anonymous('getTaskInfo', [987654])).toBeNull();
      expect(await hub.anonymous('getTaskInfo', [[]])).toEqual([]);
      expect(await faultOf(hub.anonymous('getTaskInfo', [[one, 987654], false, true]))).toEqual([
        1000,
        'query returned no rows',
      ]);
      expect(await faultOf(hub.anonymous('taskFinished', [987654]))).toEqual([
        1000,
        'query returned no rows',
      ]);
      expect(await hub.anonymous('getTaskInfo', [99999999999])).toBeNull();
      for (const wrong of ['abc', null, { id: 1 }])
        expect((await faultOf(hub.anonymous('getTaskInfo', [wrong])))[0]).toBe(1019);
    });

    it('answers what is below a task, however deep', async () => {
      const top = await opened();
      const child = (await b1('host.subtask', ['sleep', [2], top], {
        label: 'x',
        assign: b1.hostId,
      })) as number;
      await b1('host.openTask', [child]);
      const grandchild = (await b1('host.subtask', ['sleep', [3], child])) as number;
      expect(await hub.anonymous('getTaskChildren', [top, true])).toMatchObject([
        { id: child, request: [2] },
      ]);
      expect(await hub.anonymous('getTaskDescendents', [top])).toEqual({
        [top]: [expect.objectContaining({ id: child })],
        [child]: [expect.objectContaining({ id: grandchild })],
        [grandchild]: [],
      });
      expect(await hub.anonymous('getTaskDescendents', [987654])).toEqual({ 987654: [] });
      expect(await hub.anonymous('getTaskChildren', [987654])).toEqual([]);
    });

    it('answers results only of finished tasks', async () => {
      const id = await opened();
      expect(await faultOf(hub.anonymous('getTaskResult', [id]))).toEqual([
        1000,
        `Task ${id} is not finished`,
      ]);
      expect(await hub.anonymous('taskFinished', [id])).toBe(false);
      await admin('cancelTask', [id]);
      expect(await faultOf(hub.anonymous('getTaskResult', [id, false]))).toEqual([
        1000,
        `Task ${id} is canceled`,
      ]);
      expect(await hub.anonymous('taskFinished', [id])).toBe(true);
      expect(await faultOf(hub.anonymous('getTaskResult', [987654]))).toEqual([1000, 'No such task']);
    });
  });

  describe('listing', () => {
    const count = (filter: object): Promise<unknown> =>
      hub.anonymous('listTasks', [filter, { countOnly: true }]);

    it('filters by every field and its opposite, nulls included', async () => {
      const parent = await opened({ arch: 'x86_64' });
      const child = (await b1('host.subtask', ['listed', [1], parent], { arch: 'i386' })) as number;
      const all = (await count({})) as number;
      expect(await count({ parent })).toBe(1);
      expect(await count({ parent: [parent], arch: ['i386'], state: [FREE] })).toBe(1);
      expect(
        ((await count({ parent: null })) as number) + ((await count({ not_parent: null })) as number),
      ).toBe(all);
      expect(
        ((await count({ state: [FREE] })) as number) + ((await count({ not_state: [FREE] })) as number),
      ).toBe(all);
      expect(await count({ not_owner: 1 })).toBe(0);
      expect(await count({ host_id: b1.hostId, parent: null })).toBeGreaterThan(0);
      expect(await count({ method: 'nosuch' })).toBe(0);
      expect(
        await hub.anonymous('listTasks', [
          { method: 'listed', decode: true },
          { order: '-id', limit: 1 },
        ]),
      ).toEqual([
        expect.objectContaining({
          id: child,
          request: [1],
          result: null,
          owner_name: 'kojiadmin',
          owner_type: 0,
        }),
      ]);
      for (const wrong of [{ owner: 'x' }, { state: ['x'] }, { createdAfter: 'not a date' }])
        expect((await faultOf(hub.anonymous('listTasks', [wrong])))[0]).toBe(1019);
    });

    it('filters by time, given as epoch seconds or text', async () => {
      const all = await count({});
      for (const past of [1000000000.5, '2001-01-01', '2001-01-01 10:11:12'])
        expect([await count({ createdAfter: past }), await count({ createdBefore: past })]).toEqual([all, 0]);
      expect(await count({ createdAfter: null })).toBe(all);
      expect(await count({ completedBefore: 4102444800 })).toBe(await count({ completeAfter: 1 }));
    });
  });

  describe('canceling', () => {
    it('takes a task and everything below it, and only that', async () => {
      const top = await opened();
      const child = (await b1('host.subtask', ['sleep', [1], top])) as number;
      const other = await make();
      await admin('cancelTask', [top]);
      expect([(await info(top)).state, (await info(child)).state, (await info(other)).state]).toEqual([
        CANCELED,
        CANCELED,
        FREE,
      ]);
      expect(await admin('cancelTask', [top])).toBeNull();
    });

    it('is for the owner, the host that has it open, and admins', async () => {
      const id = await make({ assign: b1.hostId });
      const denied = [1004, 'Cannot cancel task, not owner'];
      expect(await faultOf(alice('cancelTask', [id]))).toEqual(denied);
      expect(await faultOf(b1('cancelTask', [id]))).toEqual(denied);
      expect(await faultOf(alice('cancelTaskFull', [id]))).toEqual([
        1004,
        'admin permission required (logged in as alice)',
      ]);
      expect(await faultOf(hub.anonymous('cancelTaskChildren', [id]))).toEqual([
        1004,
        'you must be logged in for this operation',
      ]);
      await b1('host.openTask', [id]);
      expect(await b1('cancelTask', [id], { recurse: false })).toBeNull();
      expect((await info(id)).state).toBe(CANCELED);
    });

    it('of a whole tree starts at its top, past finished tasks', async () => {
      const top = await opened();
      const child = (await b1('host.subtask', ['sleep', [1], top], { assign: b1.hostId })) as number;
      await b1('host.openTask', [child]);
      const leaf = (await b1('host.subtask', ['sleep', [1], child])) as number;
      await b1('host.closeTask', [child, encodeResponse(null)]);
      expect(await faultOf(admin('cancelTaskFull', [leaf]))).toEqual([
        1000,
        `Task ${leaf} is not top-level (parent=${child})`,
      ]);
      await admin('cancelTaskFull', [leaf], { strict: false });
      expect([(await info(top)).state, (await info(child)).state, (await info(leaf)).state]).toEqual([
        CANCELED,
        CLOSED,
        CANCELED,
      ]);
      expect(await faultOf(admin('cancelTaskFull', [987654]))).toEqual([1000, 'query returned no rows']);
    });

    it('can spare the task itself', async () => {
      const top = await opened();
      const child = (await b1('host.subtask', ['sleep', [1], top])) as number;
      await admin('cancelTaskChildren', [top]);
      expect([(await info(top)).state, (await info(child)).state]).toEqual([OPEN, CANCELED]);
      expect(await faultOf(admin('cancelTaskChildren', [987654]))).toEqual([1000, 'No such task: 987654']);
    });
  });

  it('are assigned by admins, by force from another host, but never when finished', async () => {
    const id = await make();
    expect(await admin('assignTask', [id, b1.hostId])).toBe(true);
    expect(await admin('assignTask', [id, b1.hostId])).toBe(true);
    expect(await admin('assignTask', [id, b2.hostId])).toBe(false);
    expect(await admin('assignTask', [id, 'b2.example.com'], { force: true })).toBe(true);
    expect(await info(id)).toMatchObject({ state: ASSIGNED, host_id: b2.hostId });
    await admin('cancelTask', [id]);
    expect(await admin('assignTask', [id, b1.hostId])).toBe(false);
    expect(await faultOf(admin('assignTask', [id, 'nohost']))).toEqual([1000, 'Invalid hostInfo: nohost']);
    expect(await faultOf(admin('assignTask', [987654, b1.hostId]))).toEqual([1000, 'query returned no rows']);
  });

  it('are freed unless they are free or finished', async () => {
    const id = await opened();
    expect(await admin('freeTask', [id])).toBeNull();
    expect(await info(id)).toMatchObject({ state: FREE, host_id: null });
    expect(await faultOf(admin('freeTask', [id]))).toEqual([1000, `No such task: ${id}`]);
    const broken = await failed();
    expect(await faultOf(admin('freeTask', [broken]))).toEqual([
      1000,
      `Cannot free task ${broken}, state is FAILED`,
    ]);
    expect(await faultOf(admin('freeTask', [987654]))).toEqual([1000, 'query returned no rows']);
  });

  it('change priority with everything below them, until they are finished', async () => {
    const top = await opened();
    const child = (await b1('host.subtask', ['sleep', [1], top])) as number;
    await admin('setTaskPriority', [top, 50]);
    expect([(await info(top)).priority, (await info(child)).priority]).toEqual([50, 50]);
    await admin('setTaskPriority', [top, 12], { recurse: false });
    expect([(await info(top)).priority, (await info(child)).priority]).toEqual([12, 50]);
    expect(await faultOf(admin('setTaskPriority', [await failed(), 3]))).toEqual([
      1000,
      "Finished task's priority can't be updated",
    ]);
  });

  it('are made again from failed or canceled ones at the top', async () => {
    const id = await failed();
    const again = (await admin('resubmitTask', [id])) as number;
    expect(await hub.anonymous('getTaskInfo', [again, true])).toMatchObject({
      method: 'sleep',
      state: FREE,
      request: [1],
    });
    expect(await faultOf(alice('resubmitTask', [id]))).toEqual([
      1000,
      'only the task owner or an admin may resubmit a task',
    ]);
    expect(await faultOf(admin('resubmitTask', [again]))).toEqual([
      1000,
      'only canceled or failed tasks may be resubmitted',
    ]);
  });

  describe('output', () => {
    const content = Buffer.from('line 1\nline 2\n');
    let id: number;
    let folder: string;

    beforeAll(async () => {
      id = await make();
      folder = path.join(hub.kojiDir, 'work/tasks', String(id % 10000), String(id));
      await mkdir(path.join(folder, 'logs'), { recursive: true });
      await writeFile(path.join(folder, 'build.log'), content);
      await writeFile(path.join(folder, 'logs/root.log'), 'root');
      await symlink('/nowhere/at/all', path.join(folder, 'gone.rpm'));
    });

    it('is listed, with facts and volumes where asked for', async () => {
      expect(((await hub.anonymous('listTaskOutput', [id])) as string[]).sort()).toEqual([
        'build.log',
        'gone.rpm',
        'logs/root.log',
      ]);
      expect(await hub.anonymous('listTaskOutput', [id], { stat: true })).toEqual({
        'build.log': {
          st_size: '14',
          st_atime: expect.anything() as unknown,
          st_ctime: expect.anything() as unknown,
          st_mtime: expect.anything() as unknown,
        },
        'logs/root.log': expect.objectContaining({ st_size: '4' }) as unknown,
      });
      expect(await hub.anonymous('listTaskOutput', [id], { all_volumes: true })).toMatchObject({
        'build.log': ['DEFAULT'],
      });
      expect(await hub.anonymous('listTaskOutput', [id, true, true])).toMatchObject({
        'build.log': { DEFAULT: { st_size: '14' } },
      });
      expect(await hub.anonymous('listTaskOutput', [987654])).toEqual([]);
      expect(await hub.anonymous('listTaskOutput', [987654, true])).toEqual({});
      expect(await faultOf(hub.anonymous('listTaskOutput', [987654], { strict: true }))).toEqual([
        1000,
        "Task doesn't exist",
      ]);
    });

    it('is read in pieces, from the end too', async () => {
      const read = async (options: object): Promise<string> =>
        Buffer.from(
          (await hub.anonymous('downloadTaskOutput', [id, 'build.log'], options)) as string,
          'base64',
        ).toString();
      expect(await read({})).toBe('line 1\nline 2\n');
      expect(await read({ offset: 7 })).toBe('line 2\n');
      expect(await read({ offset: '2', size: '3' })).toBe('ne ');
      expect(await read({ offset: -7, volume: 'DEFAULT' })).toBe('line 2\n');
      expect(await read({ offset: -700 })).toBe('line 1\nline 2\n');
      expect(await read({ offset: 700 })).toBe('');
    });

    it('is nothing else that lies on the disk', async () => {
      const problems = [
        ['../x', 'Invalid file name: ../x'],
        ['missing.log', `no file "missing.log" output by task ${id}`],
        ['logs', `no file "logs" output by task ${id}`],
        ['/etc/passwd', `no file "/etc/passwd" output by task ${id}`],
      ];
      for (const [name, text] of problems)
        expect(await faultOf(hub.anonymous('downloadTaskOutput', [id, name]))).toEqual([1000, text]);
      // A file with a hole: much larger than what one answer may hold.
      const large = path.join(hub.kojiDir, 'work', `tasks/${id % 10000}/${id}`, 'large.log');
      await writeFile(large, 'start');
      await truncate(large, 100_000_000);
      expect(await faultOf(hub.anonymous('downloadTaskOutput', [id, 'large.log']))).toEqual([
        1000,
        '100000000 bytes of "large.log" are too many for one answer: ask for at most 67108864 at a time, by offset and size',
      ]);
      const folder = path.dirname(large);
      await mkdir(path.join(hub.kojiDir, 'packages/moved'), { recursive: true });
      await writeFile(path.join(hub.kojiDir, 'packages/moved/a.log'), 'imported');
      await symlink('../../../../packages/moved/a.log', path.join(folder, 'imported.log'));
      expect(await hub.anonymous('downloadTaskOutput', [id, 'imported.log'])).toBe(
        Buffer.from('imported').toString('base64'),
      );
      await symlink('/etc/passwd', path.join(folder, 'planted.log'));
      await symlink('/etc', path.join(folder, 'planted'));
      for (const name of ['planted.log', 'planted/passwd'])
        expect(await faultOf(hub.anonymous('downloadTaskOutput', [id, name]))).toEqual([
          1000,
          `no file "${name}" output by task ${id}`,
        ]);
      const facts = Object.keys((await hub.anonymous('listTaskOutput', [id, true])) as object);
      expect(facts).toContain('imported.log');
      expect(facts).not.toContain('planted.log');
      const piece = await hub.anonymous('downloadTaskOutput', [id, 'large.log', 0, 5]);
      expect(piece).toBe(Buffer.from('start').toString('base64'));
      expect(
        await faultOf(hub.anonymous('downloadTaskOutput', [id, 'build.log'], { volume: 'nope' })),
      ).toEqual([1000, 'No such volume: nope']);
      expect(
        (await faultOf(hub.anonymous('downloadTaskOutput', [id, 'build.log'], { size: 'many' })))[0],
      ).toBe(1019);
    });
  });

  it('live as the diagram says, whatever is done to them in whatever order', async () => {
    type Model = { state: number; host: number | null };
    const over = (state: number): boolean =>
      state === CLOSED || state === CANCELED || state === states.FAILED;
    const hosts = { b1, b2 };
    const action = fc.oneof(
      fc.record({ do: fc.constantFrom('cancel', 'freeByAdmin' as const) }),
      fc.record({
        do: fc.constantFrom('assign', 'force', 'open', 'close', 'fail', 'free', 'refuse' as const),
        by: fc.constantFrom('b1' as const, 'b2' as const),
      }),
    );
    const step = (model: Model, what: string, host: number | null): Model => {
      const mine = model.host === host;
      const { state } = model;
      if (what === 'cancel') return over(state) ? model : { ...model, state: CANCELED };
      if (what === 'freeByAdmin') return state === FREE || over(state) ? model : { state: FREE, host: null };
      if (what === 'force') return { state: ASSIGNED, host };
      if (what === 'assign') return state === FREE ? { state: ASSIGNED, host } : model;
      if (what === 'open')
        return state === FREE || (state === ASSIGNED && mine) ? { state: OPEN, host } : model;
      if (what === 'refuse')
        return mine && (state === ASSIGNED || state === OPEN) ? { state: FREE, host: null } : model;
      if (state !== OPEN || !mine) return model;
      if (what === 'free') return { state: FREE, host: null };
      return { ...model, state: what === 'close' ? CLOSED : states.FAILED };
    };
    const perform = (id: number, what: string, by: 'b1' | 'b2' | undefined): Promise<unknown> => {
      const host = hosts[by ?? 'b1'];
      const calls: Record<string, () => Promise<unknown>> = {
        cancel: () => admin('cancelTask', [id]),
        freeByAdmin: () => admin('freeTask', [id]),
        assign: () => admin('assignTask', [id, host.hostId]),
        force: () => admin('assignTask', [id, host.hostId, true]),
        open: () => host('host.openTask', [id]),
        close: () => host('host.closeTask', [id, encodeResponse(1)]),
        fail: () => host('host.failTask', [id, encodeFault(1, 'x')]),
        free: () => host('host.freeTasks', [[id]]),
        refuse: () => host('host.refuseTask', [id]),
      };
      return calls[what]?.() ?? Promise.reject(new Error(`no action ${what}`));
    };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 10 }), async (actions) => {
        const id = await make();
        let model: Model = { state: FREE, host: null };
        for (const given of actions) {
          const by = 'by' in given ? given.by : undefined;
          await perform(id, given.do, by).catch((error: unknown) =>
            expect((error as Error).name).toMatch(/^(GenericError|ActionNotAllowed)$/),
          );
          model = step(model, given.do, by ? (hosts[by].hostId ?? null) : null);
          expect(await info(id)).toMatchObject({ state: model.state, host_id: model.host });
        }
      }),
      { numRuns: 40 },
    );
  });
});
