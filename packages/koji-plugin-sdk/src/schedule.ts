import { GenericError } from '@koji/core';

/** One run of a schedule. */
export interface ScheduledRun {
  /** The time at which it was due. */
  readonly due: Date;
  /** How many further runs were missed, because no hub was running or the last run took too long. */
  readonly missed: number;
}

/** Does the work of one run. An error is a failed run. */
export type RunSchedule = (run: ScheduledRun) => unknown;

/** Options of a schedule. */
export interface ScheduleOptions {
  /** The time zone of its pattern, such as `Europe/Prague`. Default `UTC`. */
  readonly zone?: string;
  /**
   * `write`: a run is one transaction, and all its changes are undone when it fails. `none`: a run has no transaction, and
   * each `context.call` is one; use it for runs that wait for something other than the database. Default `write`.
   */
  readonly access?: 'write' | 'none';
}

/** Regular work of a plugin. */
export interface Schedule {
  /** The declared name. */
  readonly name: string;
  /** The pattern in the format of cron. */
  readonly cron: string;
}

/** The hub's view of a schedule. */
export interface PluginSchedule extends Required<ScheduleOptions>, Schedule {
  readonly run: RunSchedule;
}

const brand = Symbol.for('koji.plugin.schedule');

/**
 * Declares regular work of a hub. Export it. Of all hub processes on a database, one does each run, as the user
 * `plugin-NAME`, which the hub creates. One run makes up for all runs that were missed or that were due during a long run,
 * and the log reports it.
 *
 * @param name unique among the schedules of the plugin; letters, digits, `_`, `.` and `-`
 * @param cron five fields in the format of cron, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`
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

/** Returns the hub's side of a {@link schedule}; null for anything else. */
export function scheduleOf(value: unknown): PluginSchedule | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as PluginSchedule;
}
