import { GenericError } from '@koji/core';

/** One run of a schedule. */
export interface ScheduledRun {
  /** When it was due. */
  readonly due: Date;
  /** How many further moments have passed without a run of their own, since no hub ran or the last run took too long. */
  readonly missed: number;
}

/** Does the work of one run; what it throws is a failed run. */
export type RunSchedule = (run: ScheduledRun) => unknown;

/** How a schedule runs. */
export interface ScheduleOptions {
  /** The time zone of its pattern, such as `Europe/Prague`. Default `UTC`. */
  readonly zone?: string;
  /**
   * `write`: a run is one transaction, all of whose changes are undone when it fails. `none`: a run has no transaction, and
   * each `context.call` is one; for runs that wait for others than the database. Default `write`.
   */
  readonly access?: 'write' | 'none';
}

/** Periodic work of a plugin. */
export interface Schedule {
  /** The name that it was declared with. */
  readonly name: string;
  /** When it runs, as cron writes it. */
  readonly cron: string;
}

/** A schedule as the hub has it. */
export interface PluginSchedule extends Required<ScheduleOptions>, Schedule {
  readonly run: RunSchedule;
}

const brand = Symbol.for('koji.plugin.schedule');

/**
 * Declares periodic work of a hub. Export it: of all hub processes on a database, one does each run, in the name of the user
 * `plugin-NAME`, whom the hub makes. A run that is missed or takes longer than its period is made up for by one run, never
 * by several, and the log says so.
 *
 * @param name no other schedule of the plugin has it; letters, digits, `_`, `.` and `-`
 * @param cron five fields as cron has them, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`
 * @example
 * export const lastLook = schedule('last-look', '0 6 * * mon', async ({ due }) => {
 *   const builds = await context.call('listTagged', ['f44-pending']);
 *   context.log.info(`${builds.length} builds wait at ${due.toISOString()}`);
 * });
 */
export function schedule(
  name: string,
  cron: string,
  run: RunSchedule,
  options: ScheduleOptions = {},
): Schedule {
  if (!/^[\w.-]{1,100}$/.test(name)) throw new GenericError(`'${name}' can't be the name of a schedule`);
  const { zone = 'UTC', access = 'write' } = options;
  const served: PluginSchedule = { name, cron, zone, access, run };
  return Object.defineProperty({ name, cron }, brand, { value: served });
}

/** The hub's side of what {@link schedule} made; null for anything else. */
export function scheduleOf(value: unknown): PluginSchedule | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as PluginSchedule;
}
