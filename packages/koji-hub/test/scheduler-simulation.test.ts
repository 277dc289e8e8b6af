import { encodeCall, encodeFault, encodeResponse, decodeResponse } from '@koji/core/wire';
import { anyOf, sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

const FREE = 0;
const OPEN = 1;
const CLOSED = 2;
const ASSIGNED = 4;
const FAILED = 5;

/** Koji's defaults. */
const maxJobs = 15;
const overcommit = 5;

interface Scale {
  readonly tasks: number;
  readonly hosts: number;
}

interface MultiCall {
  readonly methodName: string;
  readonly params: readonly unknown[];
}

/** Open tasks of a host, and the tasks that it knows are assigned to it. */
interface Host {
  readonly id: number;
  readonly call: (calls: readonly MultiCall[]) => Promise<unknown[]>;
  assigned: number[];
  readonly open: Map<number, 'working' | 'parent' | 'waiting'>;
}

/** The same numbers in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/**
 * A farm: half of the tasks are for x86_64, a third of those are urgent; some are for an arch whose hosts come last, and
 * are the most urgent of all. Hosts open what they are given, close or fail it a round later, free some, decline some,
 * have subtasks for some, and a tenth of them vanish with all that they hold.
 */
class Farm {
  private readonly roll = dice(20);
  private hosts: Host[] = [];
  /** By task: which host runs it now. */
  private readonly running = new Map<number, number>();
  /** Tasks that came to an end, and how often. */
  readonly ends = new Map<number, number>();
  readonly problems: string[] = [];
  freed = 0;
  refused = 0;

  constructor(
    private readonly hub: TestHub,
    private readonly schedulers: readonly Caller[],
    private readonly scale: Scale,
  ) {}

  async build(): Promise<void> {
    const { tasks, hosts } = this.scale;
    const request = encodeCall('sleep', [1]);
    const upTo = (most: number) =>
      sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
    await this.hub.database.write(async (db) => {
      await db.run(sql`INSERT INTO events (time) VALUES (${new Date()})`);
      await db.run(
        sql`INSERT INTO task (state, owner, method, request, priority, channel_id, arch, weight) ${upTo(tasks)}
            SELECT ${FREE}, 1, 'sleep', ${request}, CASE WHEN i % 8 = 7 THEN 1 WHEN i % 3 = 0 THEN 10 ELSE 20 END, 1,
              CASE WHEN i % 8 = 7 THEN 'riscv64' WHEN i % 2 = 0 THEN 'x86_64' WHEN i % 5 = 0 THEN 'noarch' ELSE 'aarch64' END,
              1.0 + (i % 4) * 0.5 FROM n`,
      );
      await db.run(
        sql`INSERT INTO users (name, status, usertype) ${upTo(hosts)} SELECT 'farm' || i, 0, 1 FROM n`,
      );
      await db.run(
        sql`INSERT INTO host (user_id, name) SELECT id, name FROM users WHERE usertype = 1 ORDER BY id`,
      );
      await db.run(
        sql`INSERT INTO host_config (host_id, arches, capacity, enabled, create_event, creator_id)
            SELECT id, CASE WHEN id % 10 = 0 THEN 'riscv64' WHEN id % 2 = 0 THEN 'x86_64 i686' ELSE 'aarch64' END,
              12 + id % 8, TRUE, (SELECT max(id) FROM events), 1 FROM host`,
      );
      await db.run(
        sql`INSERT INTO host_channels (host_id, channel_id, create_event, creator_id)
            SELECT id, 1, (SELECT max(id) FROM events), 1 FROM host`,
      );
      await db.run(
        sql`INSERT INTO sessions (user_id, key, authtype, hostip, exclusive)
            SELECT user_id, 'key', 0, '127.0.0.1', TRUE FROM host`,
      );
    });
    const rows = await this.hub.database.read((db) =>
      db.all<{ id: number; session: number }>(
        sql`SELECT host.id, sessions.id AS session FROM host JOIN sessions ON sessions.user_id = host.user_id
            ORDER BY host.id`,
      ),
    );
    this.hosts = rows.map(({ id, session }) => ({
      id,
      call: this.caller(session),
      assigned: [],
      open: new Map(),
    }));
  }

  private caller(session: number): Host['call'] {
    const headers = {
      'Content-Type': 'text/xml',
      'Koji-Session-Id': String(session),
      'Koji-Session-Key': 'key',
    };
    return async (calls) => {
      const body = encodeCall('multiCall', [calls]);
      const answer = await fetch(this.hub.url, { method: 'POST', headers, body });
      const message = decodeResponse(new Uint8Array(await answer.arrayBuffer()), { doubles: 'number' });
      if ('fault' in message) throw new Error(message.fault.faultString);
      return message.value as unknown[];
    };
  }

  /** Hosts that exist from the start, or those of the arch that comes last. */
  group(late: boolean): Host[] {
    return this.hosts.filter(({ id }) => (id % 10 === 0) === late);
  }

  /** The last tenth of the hosts says no word any more; a day passes for them, not for the others. */
  async vanish(): Promise<void> {
    const gone = this.group(false).slice(-Math.ceil(this.hosts.length / 10));
    this.hosts = this.hosts.filter((host) => !gone.includes(host));
    const ids = gone.map(({ id }) => id);
    const longAgo = new Date(Date.now() - 86_400_000);
    await this.hub.database.write(async (db) => {
      await db.run(sql`UPDATE host SET update_time = ${longAgo} WHERE ${anyOf(sql`id`, ids)}`);
      await db.run(
        sql`UPDATE scheduler_task_runs SET create_time = ${longAgo} WHERE active = TRUE AND ${anyOf(sql`host_id`, ids)}`,
      );
    });
    for (const host of gone) for (const id of host.open.keys()) this.running.delete(id);
  }

  /** The scheduler runs, twice at once where that can be; then every host does what it has to and hears what is new. */
  async round(hosts: readonly Host[]): Promise<void> {
    const runs = this.hub.database.dialect === 'postgres' ? this.schedulers : this.schedulers.slice(1);
    await Promise.all(runs.map((run) => run('scheduler.doRun', [true])));
    await this.checkLoad();
    for (let i = 0; i < hosts.length; i += 20)
      await Promise.all(hosts.slice(i, i + 20).map((host) => this.work(host)));
  }

  private async work(host: Host): Promise<void> {
    const calls: MultiCall[] = [];
    const then: ((result: unknown) => void)[] = [];
    const add = (methodName: string, params: readonly unknown[], done: (result: unknown) => void): void => {
      calls.push({ methodName, params });
      then.push(done);
    };
    for (const [id, state] of host.open) this.goOn(host, id, state, add);
    for (const id of host.assigned) this.begin(host, id, add);
    add('host.updateHost', [0, true], () => undefined);
    add('host.getTasks', [], (tasks) => (host.assigned = (tasks as { id: number }[]).map(({ id }) => id)));
    const answers = await host.call(calls);
    answers.forEach((answer, i) => {
      if (Array.isArray(answer)) then[i]?.(answer[0]);
      else this.problems.push(`${calls[i]!.methodName}: ${JSON.stringify(answer)}`);
    });
  }

  private begin(
    host: Host,
    id: number,
    add: (m: string, p: unknown[], done: (r: unknown) => void) => void,
  ): void {
    const fate = this.roll(100);
    if (fate < 3) {
      // Not for good, or a task that every host declined would never end.
      add('host.refuseTask', [id, true, 'no space'], () => (this.refused += 1));
      return;
    }
    add('host.openTask', [id], (task) => {
      if (task === null) return;
      const other = this.running.get(id);
      if (other !== undefined) this.problems.push(`task ${id} runs on ${other} and ${host.id}`);
      this.running.set(id, host.id);
      host.open.set(
        id,
        (task as { parent: number | null }).parent === null && fate < 8 ? 'parent' : 'working',
      );
    });
  }

  private goOn(
    host: Host,
    id: number,
    state: 'working' | 'parent' | 'waiting',
    add: (m: string, p: unknown[], done: (r: unknown) => void) => void,
  ): void {
    const end = (): void => {
      host.open.delete(id);
      this.running.delete(id);
      this.ends.set(id, (this.ends.get(id) ?? 0) + 1);
    };
    if (state === 'parent') {
      host.open.set(id, 'waiting');
      for (const label of ['a', 'b'])
        add('host.subtask', ['sleep', [1], id, { __starstar: true, label }], () => undefined);
      add('host.taskSetWait', [id, null], () => undefined);
    } else if (state === 'waiting') {
      add('host.taskWait', [id], (answer) => {
        const [, unfinished] = answer as [number[], number[]];
        if (unfinished.length === 0) host.open.set(id, 'working');
      });
    } else if (this.roll(100) < 4) {
      add('host.freeTasks', [[id]], () => {
        host.open.delete(id);
        this.running.delete(id);
        this.freed += 1;
      });
    } else if (this.roll(100) < 5) add('host.failTask', [id, encodeFault(1000, 'broken')], end);
    else add('host.closeTask', [id, encodeResponse(0)], end);
  }

  /** No host has more than it said it can take. */
  private async checkLoad(): Promise<void> {
    const rows = await this.hub.database.read((db) =>
      db.all<{ host_id: number; tasks: number; load: unknown; capacity: unknown }>(
        sql`SELECT task.host_id, count(*) AS tasks,
              sum(CASE WHEN task.waiting IS TRUE THEN 0 ELSE task.weight END) AS load, max(host_config.capacity) AS capacity
            FROM task JOIN host_config ON host_config.host_id = task.host_id
            WHERE ${anyOf(sql`task.state`, [OPEN, ASSIGNED])} GROUP BY task.host_id`,
      ),
    );
    for (const { host_id: id, tasks, load, capacity } of rows)
      if (tasks > maxJobs || Number(load) > Number(capacity) + overcommit)
        this.problems.push(`host ${id} has ${tasks} tasks, load ${Number(load)} of ${Number(capacity)}`);
  }

  /** How many tasks are in each state; with an arch, of it only. */
  async states(arch?: string): Promise<Map<number, number>> {
    const of = arch === undefined ? sql`` : sql` WHERE arch = ${arch}`;
    const rows = await this.hub.database.read((db) =>
      db.all<{ state: number; n: number }>(sql`SELECT state, count(*) AS n FROM task${of} GROUP BY state`),
    );
    return new Map(rows.map(({ state, n }) => [state, n]));
  }
}

const unfinished = (states: ReadonlyMap<number, number>): number =>
  [FREE, ASSIGNED, OPEN].reduce((sum, state) => sum + (states.get(state) ?? 0), 0);

describe.each(databases)('a farm of builders on $name', (kind) => {
  // Several times as many tasks as the hosts can take at once; a bigger farm shows the same.
  const scale: Scale = { tasks: 1500, hosts: 30 };
  let hub: TestHub;

  beforeAll(async () => {
    hub = await startTestHub(kind, { RunInterval: '3600', SoftRefusalTimeout: '1' });
  });
  afterAll(() => hub.stop());

  it('does every task once, whatever hosts do, and keeps none waiting for others', async () => {
    const farm = new Farm(hub, [await hub.login('kojiadmin'), await hub.login('kojiadmin')], scale);
    await farm.build();
    const early = farm.group(false).length;
    for (let round = 0; round < 4; round++) await farm.round(farm.group(false));
    await farm.vanish();
    expect(farm.group(false).length).toBeLessThan(early);
    const waitingForHosts = Math.floor((scale.tasks + 1) / 8);
    const most = 400;
    let rounds = 0;
    while (unfinished(await farm.states()) > waitingForHosts && rounds++ < most)
      await farm.round(farm.group(false));
    // The most urgent ones, which had no host, did not block anything else.
    expect((await farm.states('riscv64')).get(FREE)).toBe(waitingForHosts);
    while (unfinished(await farm.states()) > 0 && rounds++ < most)
      await farm.round([...farm.group(false), ...farm.group(true)]);

    expect(farm.problems).toEqual([]);
    const states = await farm.states();
    expect([...states.keys()].sort()).toEqual([CLOSED, FAILED]);
    const total = states.get(CLOSED)! + states.get(FAILED)!;
    expect(total).toBeGreaterThan(scale.tasks);
    expect(farm.ends.size).toBe(total);
    expect(Math.max(...farm.ends.values())).toBe(1);
    expect(Math.min(farm.freed, farm.refused)).toBeGreaterThan(0);
  });
});
