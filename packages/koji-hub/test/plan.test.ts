import fc from 'fast-check';
import { plan } from '../src/scheduler/plan.js';
import type {
  ActiveTask,
  FreeTask,
  PlanHost,
  PlanOptions,
  Refusal,
  Situation,
} from '../src/scheduler/plan.js';

const options: PlanOptions = {
  MaxJobs: 15,
  CapacityOvercommit: 5,
  ReadyTimeout: 180,
  AssignTimeout: 300,
  SoftRefusalTimeout: 900,
  HostTimeout: 900,
};
const now = 1_000_000;

const host = (id: number, about: Partial<PlanHost> = {}): PlanHost => ({
  id,
  enabled: true,
  ready: true,
  updated: now - 1,
  arches: ['x86_64'],
  channels: [1],
  capacity: 2,
  maxJobs: null,
  ...about,
});
const free = (id: number, about: Partial<FreeTask> = {}): FreeTask => ({
  id,
  channelId: 1,
  arch: 'x86_64',
  weight: 1,
  priority: 20,
  created: now - 100,
  ...about,
});
const active = (id: number, about: Partial<ActiveTask> = {}): ActiveTask => ({
  id,
  hostId: 1,
  open: true,
  waiting: false,
  weight: 1,
  assigned: now - 10,
  ...about,
});
const refusal = (about: Partial<Refusal> = {}): Refusal => ({
  id: 1,
  taskId: 1,
  hostId: 1,
  soft: true,
  at: now - 1,
  finished: false,
  ...about,
});
const decide = (about: Partial<Situation>): ReturnType<typeof plan> =>
  plan({ free: [], active: [], hosts: [], refusals: [], options, now, ...about });

describe('which host gets a task', () => {
  it('is one of the channel and the arch, and any host of the channel for noarch', () => {
    const hosts = [host(1, { channels: [2] }), host(2, { arches: ['aarch64'] }), host(3)];
    expect(decide({ free: [free(7)], hosts }).assignments).toEqual([{ taskId: 7, hostId: 3 }]);
    expect(decide({ free: [free(7, { arch: 'noarch' })], hosts: hosts.slice(0, 2) }).assignments).toEqual([
      { taskId: 7, hostId: 2 },
    ]);
    const nowhere = decide({ free: [free(7, { arch: 's390x' })], hosts });
    expect(nowhere.assignments).toEqual([]);
    expect(nowhere.reasons.get(7)).toBe('no ready host for s390x in channel 1');
  });

  it('is the least busy one', () => {
    const hosts = [host(1), host(2)];
    const decided = decide({
      free: [free(7), free(8)],
      hosts,
      active: [active(5, { hostId: 1, weight: 0.5 })],
    });
    expect(decided.assignments).toEqual([
      { taskId: 7, hostId: 2 },
      { taskId: 8, hostId: 1 },
    ]);
  });

  it('is chosen for urgent tasks first, and for older ones among equals', () => {
    const tasks = [free(1, { created: now - 5 }), free(2, { created: now - 50 }), free(3, { priority: 3 })];
    const decided = decide({ free: tasks, hosts: [host(1, { maxJobs: 2 })] });
    expect(decided.assignments.map(({ taskId }) => taskId)).toEqual([3, 2]);
    expect(decided.reasons.get(1)).toBe('more urgent tasks took every host');
  });

  it('is none that is disabled, not ready, unheard of for ReadyTimeout, or that declined it', () => {
    for (const about of [{ enabled: false }, { ready: false }, { updated: null }, { updated: now - 181 }])
      expect(decide({ free: [free(1)], hosts: [host(1, about)] }).assignments).toEqual([]);
    const refused = decide({ free: [free(1)], hosts: [host(1)], refusals: [refusal()] });
    expect(refused.assignments).toEqual([]);
    expect(refused.reasons.get(1)).toBe('every host refused it');
  });

  it('is none that has lost its tasks because it is silent', () => {
    const silent = host(1, { updated: now - 16 });
    const impatient = { ...options, HostTimeout: 15 };
    const { assignments, notReady } = decide({ free: [free(1)], hosts: [silent], options: impatient });
    expect(assignments).toEqual([]);
    expect(notReady).toEqual([1]);
  });

  it('may be one that declined for a while, once SoftRefusalTimeout is over; a hard refusal stays', () => {
    const old = { at: now - 901 };
    const soft = decide({ free: [free(1)], hosts: [host(1)], refusals: [refusal(old)] });
    expect(soft.assignments).toEqual([{ taskId: 1, hostId: 1 }]);
    expect(soft.stale).toEqual([1]);
    const hard = decide({ free: [free(1)], hosts: [host(1)], refusals: [refusal({ ...old, soft: false })] });
    expect(hard.assignments).toEqual([]);
    expect(hard.stale).toEqual([]);
    expect(decide({ refusals: [refusal({ soft: false, finished: true })] }).stale).toEqual([1]);
  });

  it('has capacity left, where waiting tasks count as tasks but not as load', () => {
    const full = [active(5, { weight: 2 })];
    expect(decide({ free: [free(1)], hosts: [host(1)], active: full }).reasons.get(1)).toBe(
      'every host is busy',
    );
    const waiting = [active(5, { weight: 2, waiting: true })];
    expect(decide({ free: [free(1)], hosts: [host(1)], active: waiting }).assignments).toHaveLength(1);
    expect(
      decide({ free: [free(1)], hosts: [host(1, { maxJobs: 1 })], active: waiting }).assignments,
    ).toEqual([]);
  });

  it('may be overcommitted by one task, up to CapacityOvercommit', () => {
    expect(decide({ free: [free(1, { weight: 6.5 })], hosts: [host(1)] }).assignments).toHaveLength(1);
    expect(decide({ free: [free(1, { weight: 7 })], hosts: [host(1)] }).assignments).toEqual([]);
  });
});

describe('tasks that are taken from a host', () => {
  it('are those it did not open within AssignTimeout; it counts as a refusal when it checked in since', () => {
    const late = [active(5, { open: false, assigned: now - 301 })];
    expect(decide({ active: late, hosts: [host(1)] }).releases).toEqual([
      { taskId: 5, hostId: 1, reason: 'Task assignment timeout', refused: true },
    ]);
    expect(decide({ active: late, hosts: [host(1, { updated: now - 400 })] }).releases).toMatchObject([
      { refused: false },
    ]);
  });

  it('are the open ones of a host unheard of for HostTimeout, disabled or not', () => {
    for (const enabled of [true, false]) {
      const gone = host(1, { enabled, updated: now - 901 });
      expect(decide({ active: [active(5)], hosts: [gone] }).releases).toEqual([
        { taskId: 5, hostId: 1, reason: 'Freeing task from unresponsive host', refused: false },
      ]);
    }
    expect(decide({ active: [active(5)], hosts: [host(1, { updated: now - 899 })] }).releases).toEqual([]);
  });

  it('are not those that an admin assigned', () => {
    expect(
      decide({ active: [active(5, { open: false, assigned: null })], hosts: [host(1)] }).releases,
    ).toEqual([]);
  });

  it('are those without any host', () => {
    expect(decide({ active: [active(5, { hostId: null })] }).releases).toEqual([
      { taskId: 5, hostId: null, reason: 'Active task with no host', refused: false },
    ]);
  });
});

it('says which hosts are ready in word only', () => {
  const hosts = [
    host(1),
    host(2, { updated: now - 181 }),
    host(3, { updated: null }),
    host(4, { ready: false, updated: null }),
  ];
  expect(decide({ hosts }).notReady).toEqual([2, 3]);
});

const weights = fc.integer({ min: 0, max: 80 }).map((n) => n / 10);
const arches = fc.constantFrom('x86_64', 'aarch64', 'noarch');
const ids = { host: fc.integer({ min: 1, max: 5 }), channel: fc.integer({ min: 1, max: 2 }) };
const hostOf = (id: number): fc.Arbitrary<PlanHost> =>
  fc.record({
    id: fc.constant(id),
    enabled: fc.boolean(),
    ready: fc.boolean(),
    updated: fc.option(fc.integer({ min: 0, max: 1200 }).map((age) => now - age)),
    arches: fc.subarray(['x86_64', 'aarch64']),
    channels: fc.subarray([1, 2]),
    capacity: fc.integer({ min: 2, max: 12 }),
    maxJobs: fc.option(fc.integer({ min: 1, max: 4 })),
  });
const situations: fc.Arbitrary<Situation> = fc.record({
  hosts: fc.tuple(hostOf(1), hostOf(2), hostOf(3), hostOf(4)).map((all) => [...all]),
  free: fc
    .array(
      fc.record({
        channelId: ids.channel,
        arch: arches,
        weight: weights,
        priority: fc.integer({ min: 1, max: 3 }),
        created: fc.integer({ min: 0, max: 9 }),
      }),
      { maxLength: 12 },
    )
    .map((tasks) => tasks.map((task, i) => ({ ...task, id: i + 1 }))),
  active: fc
    .array(
      fc.record({
        hostId: fc.option(ids.host),
        open: fc.boolean(),
        waiting: fc.boolean(),
        weight: weights,
        assigned: fc.option(fc.constant(now - 50)),
      }),
      { maxLength: 8 },
    )
    .map((tasks) => tasks.map((task, i) => ({ ...task, id: 100 + i }))),
  refusals: fc
    .array(
      fc.record({
        taskId: fc.integer({ min: 1, max: 12 }),
        hostId: ids.host,
        soft: fc.boolean(),
        at: fc.integer({ min: 0, max: 1200 }).map((age) => now - age),
        finished: fc.constant(false),
      }),
      { maxLength: 6 },
    )
    .map((all) => all.map((one, i) => ({ ...one, id: i + 1 }))),
  options: fc.constant({ ...options, CapacityOvercommit: 3 }),
  now: fc.constant(now),
});

const mayTake = (
  situation: Situation,
  task: FreeTask,
  { id, channels, arches: known, ...about }: PlanHost,
): boolean =>
  about.enabled &&
  about.ready &&
  about.updated !== null &&
  now - about.updated <= options.ReadyTimeout &&
  channels.includes(task.channelId) &&
  (task.arch === 'noarch' || known.includes(task.arch)) &&
  !situation.refusals.some(
    (one) =>
      one.taskId === task.id && one.hostId === id && !(one.soft && one.at < now - options.SoftRefusalTimeout),
  );

const loadOf = (situation: Situation, hostId: number): { load: number; tasks: number } => {
  const own = situation.active.filter((task) => task.hostId === hostId);
  return { tasks: own.length, load: own.reduce((sum, task) => sum + (task.waiting ? 0 : task.weight), 0) };
};

describe('whatever the tasks and hosts are', () => {
  const check = (property: (situation: Situation, decided: ReturnType<typeof plan>) => void): void => {
    fc.assert(
      fc.property(situations, (situation) => property(situation, plan(situation))),
      { numRuns: 500 },
    );
  };

  it('no task is given out twice, and only to a host that may take it', () => {
    check((situation, { assignments }) => {
      expect(new Set(assignments.map(({ taskId }) => taskId)).size).toBe(assignments.length);
      for (const { taskId, hostId } of assignments) {
        const task = situation.free.find(({ id }) => id === taskId);
        const taker = situation.hosts.find(({ id }) => id === hostId);
        expect(task && taker && mayTake(situation, task, taker)).toBe(true);
      }
    });
  });

  it('no host gets more than its jobs, nor a task beyond its capacity and the overcommit', () => {
    check((situation, { assignments }) => {
      for (const { id, capacity, maxJobs } of situation.hosts) {
        let { load, tasks } = loadOf(situation, id);
        for (const { taskId } of assignments.filter(({ hostId }) => hostId === id)) {
          const weight = situation.free.find((task) => task.id === taskId)?.weight ?? NaN;
          expect(capacity - load).toBeGreaterThan(Math.max(0, weight - situation.options.CapacityOvercommit));
          load += weight;
          tasks += 1;
          expect(tasks).toBeLessThanOrEqual(maxJobs ?? options.MaxJobs);
        }
      }
    });
  });

  it('a task that stays free has no host left with room for it, and a reason', () => {
    check((situation, { assignments, reasons }) => {
      const given = new Map(assignments.map(({ taskId, hostId }) => [taskId, hostId]));
      for (const task of situation.free) {
        expect(reasons.has(task.id)).toBe(!given.has(task.id));
        if (given.has(task.id)) continue;
        for (const taker of situation.hosts.filter((one) => mayTake(situation, task, one))) {
          const own = situation.free.filter(({ id }) => given.get(id) === taker.id);
          const { load, tasks } = loadOf(situation, taker.id);
          const room = taker.capacity - load - own.reduce((sum, { weight }) => sum + weight, 0);
          const needed = Math.max(0, task.weight - situation.options.CapacityOvercommit);
          const jobs = (taker.maxJobs ?? options.MaxJobs) - tasks - own.length;
          expect(room > needed + 1e-9 && jobs > 0).toBe(false);
        }
      }
    });
  });
});
