/**
 * Runs the schedules of plugins:
 *
 *   due ──claimed by one process──► running ──► due at its next moment
 *
 * The claim ends with the process that has it, in whatever way; another one then runs it again, within seconds. A run that
 * takes longer than its period is therefore never beside the next one.
 */
import { GenericError, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import { limitOf, runInContext, withTimeLimit } from '@koji/plugin-sdk/host';
import type {
  ActivityLog,
  LimitRules,
  LoadedPlugin,
  PluginSchedule,
  ScheduledRun,
} from '@koji/plugin-sdk/host';
import type { Connection, Database } from '../db/connection.js';
import type { PluginCalls } from '../plugin-calls.js';
import { readCron } from './cron.js';
import type { CronTimes } from './cron.js';
import { beginRun, declareSchedules, dueSchedules, endRun, nextDue, putOff, readSchedules } from './rows.js';
import type { RunEnd, ScheduleRow } from './rows.js';

/** Dependencies of running schedules. */
export interface ScheduleParts {
  readonly database: Database;
  readonly log: Logger;
  readonly activity: ActivityLog;
  readonly calls: PluginCalls;
  readonly limits: LimitRules;
  /** Failures in a row after which one is put off, and milliseconds for which. */
  readonly circuit: { readonly limit: number; readonly pause: number };
  /** Until when a plugin is switched off. */
  readonly offUntil: (plugin: string) => Date | null;
  /** Milliseconds since the epoch. Default: the machine's clock. */
  readonly now?: () => number;
}

/** Schedules that run until they are stopped. */
export interface RunningSchedules {
  /** Goes on with the schedules of these plugins; what runs ends as it began. */
  replace(plugins: readonly LoadedPlugin[]): Promise<void>;
  /** Runs a schedule at once, whenever it is due, and throws when that fails; for tests. */
  runNow(plugin: string, name: string): Promise<void>;
  /** Runs all that is due, in its order, and waits for it; when the next one is due, in epoch milliseconds. */
  catchUp(): Promise<number | null>;
  /** Starts nothing more, and waits for what runs. */
  stop(): Promise<void>;
}

interface Served {
  readonly plugin: LoadedPlugin;
  readonly schedule: PluginSchedule;
  readonly times: CronTimes;
}

/** Notes the end of a run. */
type End = (db: Connection) => Promise<void>;

/** Milliseconds after which it looks at the database in any case: another process may be gone. */
const beat = 15_000;
/** Seconds by which a run may be late without a word. */
const lateness = 60;

/** Starts to run schedules. */
export async function startSchedules(
  plugins: readonly LoadedPlugin[],
  parts: ScheduleParts,
): Promise<RunningSchedules> {
  const schedules = new Schedules(parts);
  await schedules.replace(plugins);
  return schedules;
}

class Schedules implements RunningSchedules {
  private served: ReadonlyMap<number, Served> = new Map();
  private readonly running = new Map<number, Promise<boolean>>();
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;
  private stopped = false;

  constructor(private readonly parts: ScheduleParts) {}

  private now(): number {
    return this.parts.now?.() ?? Date.now();
  }

  async replace(plugins: readonly LoadedPlugin[]): Promise<void> {
    const { database } = this.parts;
    const all: Served[] = [];
    for (const plugin of plugins)
      for (const schedule of plugin.schedules)
        all.push({ plugin, schedule, times: await readCron(schedule) });
    this.served = new Map();
    if (all.length === 0) return;
    const now = new Date(this.now());
    const declared = all.map(({ plugin, schedule: { name, cron, zone }, times }) => ({
      ...{ plugin: plugin.name, name, cron, zone },
      next: times.after(now).getTime() / 1000,
    }));
    await database.write((db) => declareSchedules(db, declared));
    const rows = await database.read(readSchedules);
    this.served = new Map(
      all.flatMap((one) => {
        const row = rows.find(({ plugin, name }) => plugin === one.plugin.name && name === one.schedule.name);
        return row ? [[row.id, one] as const] : [];
      }),
    );
    this.look();
  }

  async runNow(plugin: string, name: string): Promise<void> {
    const [id] =
      [...this.served].find(([, one]) => one.plugin.name === plugin && one.schedule.name === name) ?? [];
    if (id === undefined) throw new GenericError(`plugin ${plugin} has no schedule '${name}'`);
    await this.running.get(id);
    const { database } = this.parts;
    await database.write((db) => putOff(db, id, this.now() / 1000));
    await this.start(id);
    const rows = await database.read(readSchedules);
    const failure = rows.find((row) => row.id === id)?.lastError ?? null;
    if (failure !== null) throw new GenericError(`schedule ${name} of ${plugin} failed: ${failure}`);
  }

  async catchUp(): Promise<number | null> {
    const ids = [...this.served.keys()];
    if (ids.length === 0) return null;
    const { database } = this.parts;
    const due = await database.read((db) => dueSchedules(db, ids, this.now() / 1000));
    for (const { id } of due) await this.start(id);
    const next = await database.read((db) => nextDue(db, ids));
    return next === null ? null : next * 1000;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.looking;
    await Promise.all(this.running.values());
  }

  private look(): void {
    if (this.timer) clearTimeout(this.timer);
    if (this.stopped) return;
    this.looking ??= this.lookOver().finally(() => {
      this.looking = null;
    });
  }

  private async lookOver(): Promise<void> {
    const { database, log } = this.parts;
    let pause = beat;
    try {
      const ids = [...this.served.keys()].filter((id) => !this.running.has(id));
      const now = this.now();
      if (ids.length > 0) {
        const due = await database.read((db) => dueSchedules(db, ids, now / 1000));
        // One that another process runs is looked at again with the next beat.
        for (const { id } of due) void this.start(id).then((ran) => ran && this.look());
        const others = ids.filter((id) => !due.some((one) => one.id === id));
        const next = others.length > 0 ? await database.read((db) => nextDue(db, others)) : null;
        if (next !== null) pause = Math.min(beat, Math.max(0, Math.ceil(next * 1000 - now)));
      }
    } catch (error) {
      log.error(`schedules could not be looked at: ${messageOf(error)}`, error);
    }
    if (!this.stopped) this.timer = setTimeout(() => this.look(), pause);
  }

  /** Runs a schedule once, unless it runs; never rejects. Resolves to false when another process has it. */
  private start(id: number): Promise<boolean> {
    const known = this.running.get(id);
    if (known) return known;
    const started = this.turn(id)
      .catch((error: unknown) => {
        this.parts.log.error(`a schedule could not run: ${messageOf(error)}`, error);
        return false;
      })
      .finally(() => this.running.delete(id));
    this.running.set(id, started);
    return started;
  }

  private async turn(id: number): Promise<boolean> {
    const served = this.served.get(id);
    if (!served || this.stopped) return false;
    const { database, offUntil } = this.parts;
    const { plugin, schedule } = served;
    const release = await database.claim(`schedule ${plugin.name} ${schedule.name}`);
    if (!release) return false;
    try {
      const until = offUntil(plugin.name);
      if (until) {
        this.parts.activity.of(actorOf(served)).skipped += 1;
        await database.write((db) => putOff(db, id, served.times.after(until).getTime() / 1000));
        return true;
      }
      const started = new Date(this.now());
      const row = await database.write((db) => beginRun(db, id, started.getTime() / 1000));
      if (row) await this.run(served, row, started);
      return true;
    } finally {
      await release();
    }
  }

  private async run(served: Served, row: ScheduleRow, started: Date): Promise<void> {
    const { times } = served;
    const { database, log } = this.parts;
    const due = new Date(row.next * 1000);
    const missed = times.count(due, started);
    this.tellLateness(served, row, missed);
    const ended = (next: Date, error: string | null): RunEnd => ({
      ...{ began: started.getTime() / 1000, at: this.now() / 1000, next: next.getTime() / 1000, error },
    });
    try {
      const end: End = (db) => endRun(db, row.id, ended(times.after(new Date(this.now())), null));
      await this.runOnce(served, { due, missed }, end);
    } catch (error) {
      const { next, what } = this.afterFailure(served, row);
      log.error(`${what}: ${messageOf(error)}`, error);
      await database.write((db) => endRun(db, row.id, ended(next, messageOf(error))));
    }
    const left = times.count(started, new Date(this.now()));
    if (left > 0)
      log.warn(
        `${titleOf(served)}: its run took longer than its period; ${left} moments passed without a run`,
      );
  }

  private tellLateness(served: Served, row: ScheduleRow, missed: number): void {
    const { log } = this.parts;
    const { next, started, ended } = row;
    const due = new Date(next * 1000).toISOString();
    if (started !== null && ended === null)
      log.warn(
        `${titleOf(served)}: the process of its run for ${due} ended before the run did; it runs again`,
      );
    else if (missed > 0)
      log.warn(
        `${titleOf(served)}: it did not run at ${due} and ${missed} times after that; it runs once now`,
      );
    else if (this.now() / 1000 - next > lateness)
      log.warn(`${titleOf(served)}: it did not run at ${due}; it runs now`);
  }

  /** Runs the plugin's function; its changes and `end` are one transaction, if it has one. */
  private runOnce(served: Served, run: ScheduledRun, end: End): Promise<void> {
    const { plugin, schedule } = served;
    const { activity, calls, database, limits } = this.parts;
    const code = { plugin: plugin.name, part: `schedule ${schedule.name}` };
    const limit = limitOf(plugin.limits, 'schedules', limits);
    const work = (): Promise<unknown> => withTimeLimit(limit, async () => schedule.run(run));
    return activity.measure(actorOf(served), async () => {
      if (schedule.access === 'write')
        return calls.write(code, async (call) => {
          await runInContext(call, code, work);
          await end(call.db);
        });
      await calls.without(code, (call) => runInContext(call, code, work));
      return database.write(end);
    });
  }

  /** Returns when a failed schedule runs next, and the text for the log. */
  private afterFailure(served: Served, { failures }: ScheduleRow): { next: Date; what: string } {
    const { activity, circuit } = this.parts;
    const what = `${titleOf(served)} failed`;
    const now = this.now();
    if (circuit.limit === 0 || failures + 1 < circuit.limit)
      return { next: served.times.after(new Date(now)), what };
    const until = new Date(now + circuit.pause);
    activity.of(actorOf(served)).offUntil = until;
    return {
      next: served.times.after(until),
      what: `${what} ${failures + 1} times in a row and is switched off for ${circuit.pause / 1000} s`,
    };
  }
}

const titleOf = ({ plugin, schedule }: Served): string => `schedule ${schedule.name} of ${plugin.name}`;

const actorOf = ({ plugin, schedule }: Served) =>
  ({ plugin: plugin.name, kind: 'schedule', name: schedule.name }) as const;
