/**
 * Carries out what plan.ts decides. One run at a time over all hub processes: the row `scheduler` of `locks` is held until the
 * run's transaction ends. Runs begin
 * - when something changed and a builder is waiting (`host.waitForTasks`), a few milliseconds later, or as soon as one waits;
 * - when a builder asks for its tasks and has none, at most every RunInterval seconds as in Koji;
 * - by the clock, for the timeouts of hosts that no longer ask.
 */
import { TASK_STATES, messageOf } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Call, Hub } from '../call.js';
import { takeLock } from '../db/locks.js';
import { anyOf, epoch, sql } from '../db/sql.js';
import { readJson } from '../domain/values/json.js';
import { logScheduling, refuse } from '../domain/tasks/refusals.js';
import { assignTask, freeTask } from '../domain/tasks/tasks.js';
import { plan } from './plan.js';
import { renewCheckIns } from './presence.js';
import type { ActiveTask, FreeTask, Plan, PlanHost, Refusal, Release, Situation } from './plan.js';

/** How a run may be skipped: `gentle` when another has the lock or RunInterval is not over, `forced` never. */
export type RunMode = 'gentle' | 'forced';

/** The most free tasks of one channel and arch that one run looks at, the most urgent ones. */
const freeLimit = 1000;

/** Runs the scheduler in the call's transaction. Returns true if it ran. */
export async function runScheduler(call: Call, mode: RunMode): Promise<boolean> {
  if (!(await takeLock(call.db, 'scheduler', { wait: mode === 'forced' }))) return false;
  if (mode === 'gentle' && !(await isDue(call))) return false;
  await carryOut(call, plan(await readSituation(call)));
  return true;
}

/** Takes the scheduler's lock, waiting for it; for changes that must not meet a run. */
export async function lockScheduler(call: Call): Promise<void> {
  await takeLock(call.db, 'scheduler');
}

/** Whether RunInterval is over; notes this run if so. */
async function isDue(call: Call): Promise<boolean> {
  const now = Date.now() / 1000;
  const row = await call.db.get<{ data: string | null }>(
    sql`SELECT data FROM scheduler_sys_data WHERE name = 'last_run_ts'`,
  );
  const since = now - Number(readJson(row?.data ?? null, 'last_run_ts') ?? 0);
  if (since >= 0 && since < call.hub.options.RunInterval) return false;
  await call.db.run(
    sql`INSERT INTO scheduler_sys_data (name, data) VALUES ('last_run_ts', ${JSON.stringify(now)})
        ON CONFLICT (name) DO UPDATE SET data = excluded.data`,
  );
  if (since >= 0) return true;
  call.log.error(`the last scheduler run is ${(-since).toFixed(0)} seconds in the future`);
  return false;
}

async function readSituation(call: Call): Promise<Situation> {
  return {
    free: await readFree(call),
    active: await readActive(call),
    hosts: await readHosts(call),
    refusals: await readRefusals(call),
    options: call.hub.options,
    now: Date.now() / 1000,
  };
}

async function readFree(call: Call): Promise<FreeTask[]> {
  const rows = await call.db.all<
    Record<'id' | 'channel_id' | 'priority', number> &
      Record<'weight' | 'create_ts', Float> & { arch: string }
  >(
    // By channel and arch, or urgent tasks that no host can take would keep all others waiting.
    sql`SELECT id, channel_id, arch, weight, priority, ${epoch('create_time', 'create_ts')}
        FROM (SELECT task.*, row_number() OVER (PARTITION BY channel_id, arch ORDER BY priority, create_time, id) AS place
          FROM task WHERE state = ${TASK_STATES.FREE}) free
        WHERE place <= ${freeLimit} ORDER BY priority, create_time, id`,
  );
  return rows.map(({ id, channel_id: channelId, arch, weight, priority, create_ts: created }) => ({
    id,
    channelId,
    arch,
    weight: Number(weight),
    priority,
    created: Number(created),
  }));
}

interface ActiveRow {
  readonly id: number;
  readonly state: number;
  readonly host_id: number | null;
  readonly waiting: boolean | null;
  readonly weight: Float;
  readonly assigned_ts: Float | null;
}

async function readActive(call: Call): Promise<ActiveTask[]> {
  const rows = await call.db.all<ActiveRow>(
    sql`SELECT held.id, held.state, held.host_id, held.waiting, held.weight, ${epoch('held.assigned_time', 'assigned_ts')}
        FROM (SELECT task.id, task.state, task.host_id, task.waiting, task.weight,
            (SELECT min(create_time) FROM scheduler_task_runs WHERE task_id = task.id AND active = TRUE) AS assigned_time
          FROM task WHERE ${anyOf(sql`task.state`, [TASK_STATES.ASSIGNED, TASK_STATES.OPEN])}) held
        ORDER BY held.id`,
  );
  return rows.map((row) => ({
    id: row.id,
    hostId: row.host_id,
    open: row.state === TASK_STATES.OPEN,
    waiting: row.waiting === true,
    weight: Number(row.weight),
    assigned: row.assigned_ts === null ? null : Number(row.assigned_ts),
  }));
}

interface HostRow {
  readonly id: number;
  readonly enabled: boolean;
  readonly ready: boolean;
  readonly update_ts: Float | null;
  readonly arches: string | null;
  readonly capacity: Float;
  readonly data: string | null;
}

async function readHosts(call: Call): Promise<PlanHost[]> {
  const rows = await call.db.all<HostRow>(
    sql`SELECT host.id, host_config.enabled, host.ready, ${epoch('host.update_time', 'update_ts')}, host_config.arches,
          host_config.capacity, scheduler_host_data.data
        FROM host JOIN host_config ON host_config.host_id = host.id
        LEFT JOIN scheduler_host_data ON scheduler_host_data.host_id = host.id
        WHERE host_config.active = TRUE ORDER BY host.id`,
  );
  const channels = new Map<number, number[]>(rows.map((row) => [row.id, []]));
  const links = await call.db.all<{ host_id: number; channel_id: number }>(
    sql`SELECT host_channels.host_id, host_channels.channel_id FROM host_channels
        JOIN channels ON channels.id = host_channels.channel_id
        WHERE host_channels.active = TRUE AND channels.enabled = TRUE`,
  );
  for (const link of links) channels.get(link.host_id)?.push(link.channel_id);
  return rows.map((row) => ({
    id: row.id,
    enabled: row.enabled,
    ready: row.ready,
    updated: row.update_ts === null ? null : Number(row.update_ts),
    arches: (row.arches ?? '').split(/\s+/).filter(Boolean),
    channels: channels.get(row.id) ?? [],
    capacity: Number(row.capacity),
    maxJobs: maxJobsOf(row.data),
  }));
}

function maxJobsOf(data: string | null): number | null {
  const most = (readJson(data, 'data of a host') as { maxjobs?: unknown } | null)?.maxjobs;
  return typeof most === 'number' && most > 0 ? most : null;
}

async function readRefusals(call: Call): Promise<Refusal[]> {
  const rows = await call.db.all<{
    id: number;
    task_id: number;
    host_id: number;
    soft: boolean;
    ts: Float;
    state: number;
  }>(
    sql`SELECT refusals.id, refusals.task_id, refusals.host_id, refusals.soft, ${epoch('refusals.time', 'ts')}, task.state
        FROM scheduler_task_refusals refusals JOIN task ON task.id = refusals.task_id`,
  );
  const unfinished: number[] = [TASK_STATES.FREE, TASK_STATES.ASSIGNED, TASK_STATES.OPEN];
  return rows.map(({ id, task_id: taskId, host_id: hostId, soft, ts, state }) => ({
    id,
    taskId,
    hostId,
    soft,
    at: Number(ts),
    finished: !unfinished.includes(state),
  }));
}

async function carryOut(
  call: Call,
  { assignments, releases, notReady, stale, reasons }: Plan,
): Promise<void> {
  for (const hostId of notReady) await logScheduling(call, 'Marking host not ready', { hostId });
  if (notReady.length > 0)
    await call.db.run(sql`UPDATE host SET ready = FALSE WHERE ${anyOf(sql`id`, notReady)}`);
  if (stale.length > 0)
    await call.db.run(sql`DELETE FROM scheduler_task_refusals WHERE ${anyOf(sql`id`, stale)}`);
  for (const { taskId, hostId } of assignments)
    await attempt(call, taskId, () => giveTask(call, taskId, hostId));
  for (const release of releases) await attempt(call, release.taskId, () => takeBack(call, release));
  for (const [taskId, reason] of reasons) call.log.debug(`task ${taskId} stays free: ${reason}`);
  await call.db.run(
    sql`UPDATE scheduler_task_runs SET active = FALSE WHERE active = TRUE AND NOT EXISTS (SELECT 1 FROM task
        WHERE task.id = scheduler_task_runs.task_id
        AND ${anyOf(sql`task.state`, [TASK_STATES.ASSIGNED, TASK_STATES.OPEN])})`,
  );
}

/** One task that can't be given out, since a plugin objects say, must not hold up the others. */
async function attempt(call: Call, taskId: number, work: () => Promise<unknown>): Promise<void> {
  try {
    await call.db.savepoint(work);
  } catch (error) {
    call.log.error(`task ${taskId} is left as it is: ${messageOf(error)}`, error);
  }
}

async function takeBack(call: Call, { taskId, hostId, reason, refused }: Release): Promise<void> {
  if (refused && hostId !== null)
    await refuse(call, { hostId, taskId, soft: true, message: 'assignment timeout' });
  await logScheduling(call, reason, { taskId, hostId });
  await freeTask(call, taskId);
}

/**
 * Assigns a task and notes it as a run; with `override` it is not one, so that the scheduler leaves it where it is.
 *
 * @returns whether the host has it
 */
export async function giveTask(
  call: Call,
  taskId: number,
  hostId: number,
  { force = false, override = false } = {},
): Promise<boolean> {
  if (!(await assignTask(call, taskId, hostId, force))) {
    await logScheduling(call, 'Assignment failed', { taskId, hostId });
    return false;
  }
  await logScheduling(call, override ? 'Assigning task (override)' : 'Assigning task', { taskId, hostId });
  await call.db.run(
    sql`UPDATE scheduler_task_runs SET active = FALSE WHERE task_id = ${taskId} AND active = TRUE`,
  );
  if (!override)
    await call.db.run(sql`INSERT INTO scheduler_task_runs (task_id, host_id) VALUES (${taskId}, ${hostId})`);
  return true;
}

/** Runs work of the hub itself as a call, in a transaction that commits when it resolves. */
export type RunCall = <T>(work: (call: Call) => Promise<T>) => Promise<T>;

/** Milliseconds in which further events join a run that is about to begin. */
const gathering = 5;
/** The clock looks for vanished hosts at least this many seconds apart, however small RunInterval is. */
const slowest = 15;

/** Most seconds between two renewals of the check-ins of builders that wait. */
const slowestRenewal = 30;

/** Starts to run the scheduler on events and by the clock; `stop` waits for a run in progress. */
export function startScheduler(hub: Hub, runCall: RunCall): { stop(): Promise<void> } {
  const log = hub.logger('koji.scheduler');
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;
  let again = false;
  /** Whether something may have changed that no run has seen. */
  let news = true;
  const more = (): boolean => again && !stopped;
  const run = async (): Promise<void> => {
    do {
      again = false;
      news = false;
      try {
        await runCall((call) => runScheduler(call, 'forced'));
      } catch (error) {
        news = true;
        log.error(`a run failed: ${messageOf(error)}`, error);
      }
    } while (more());
    running = null;
  };
  const begin = (): void => {
    timer = null;
    if (stopped) return;
    if (running) again = true;
    else running = run();
  };
  const soon = (): void => {
    if (!stopped) timer ??= setTimeout(begin, gathering);
  };
  hub.waitingBuilders.onBegin = () => {
    if (news) soon();
  };
  const unlisten = hub.database.listen((channel) => {
    // After a lost connection anything may have been missed.
    if (channel !== 'scheduler' && channel !== '*') return;
    news = true;
    if (hub.waitingBuilders.any) soon();
  });
  const clock = setInterval(soon, Math.max(slowest, hub.options.RunInterval) * 1000);
  let renewing: Promise<void> | null = null;
  const renew = async (): Promise<void> => {
    try {
      await runCall((call) => renewCheckIns(call, hub.waitingBuilders.list()));
    } catch (error) {
      log.error(`the check-ins of waiting builders are not renewed: ${messageOf(error)}`, error);
    }
    renewing = null;
  };
  const { ReadyTimeout, HostTimeout } = hub.options;
  const renewal = Math.max(1, Math.min(slowestRenewal, ReadyTimeout / 4, HostTimeout / 4));
  const renewals = setInterval(() => {
    if (hub.waitingBuilders.any) renewing ??= renew();
  }, renewal * 1000);
  return {
    async stop() {
      stopped = true;
      unlisten();
      clearInterval(clock);
      clearInterval(renewals);
      if (timer) clearTimeout(timer);
      await running;
      await renewing;
    },
  };
}
