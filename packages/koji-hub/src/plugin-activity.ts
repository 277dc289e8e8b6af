import type { Logger } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Activity, ActivityLog } from '@koji/plugin-sdk/host';
import type { Connection, Database } from './db/connection.js';
import { join, sql } from './db/sql.js';

/** Activity of a part of a plugin since it was first used, in all processes together. */
export interface StoredActivity {
  readonly plugin: string;
  readonly kind: string;
  readonly name: string;
  readonly runs: number;
  readonly failures: number;
  readonly ignored: number;
  readonly timeouts: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly first_time: string;
  readonly last_failure: string | null;
  readonly last_failure_time: string | null;
  readonly off_until: string | null;
}

/** Adds what happened to what is stored, in one statement. */
async function addActivity(db: Connection, entries: readonly Readonly<Activity>[]): Promise<void> {
  const rows = entries.map(
    (entry) =>
      sql`(${entry.plugin}, ${entry.kind}, ${entry.name}, ${entry.runs}, ${entry.failures}, ${entry.ignored},
        ${entry.timeouts}, ${entry.skipped}, ${entry.milliseconds / 1000}, ${entry.lastFailure?.message ?? null},
        ${entry.lastFailure?.at ?? null}, ${entry.offUntil})`,
  );
  await db.run(
    sql`INSERT INTO plugin_activity (plugin, kind, name, runs, failures, ignored, timeouts, skipped, seconds,
          last_failure, last_failure_time, off_until)
        VALUES ${join(rows, ', ')}
        ON CONFLICT (plugin, kind, name) DO UPDATE SET
          runs = plugin_activity.runs + excluded.runs,
          failures = plugin_activity.failures + excluded.failures,
          ignored = plugin_activity.ignored + excluded.ignored,
          timeouts = plugin_activity.timeouts + excluded.timeouts,
          skipped = plugin_activity.skipped + excluded.skipped,
          seconds = plugin_activity.seconds + excluded.seconds,
          last_time = excluded.last_time,
          last_failure = coalesce(excluded.last_failure, plugin_activity.last_failure),
          last_failure_time = coalesce(excluded.last_failure_time, plugin_activity.last_failure_time),
          off_until = CASE WHEN excluded.runs = 0 THEN plugin_activity.off_until ELSE excluded.off_until END`,
  );
}

/** Everything that plugins did on this database. */
export async function readActivity(db: Connection): Promise<StoredActivity[]> {
  const rows = await db.all<Omit<StoredActivity, 'seconds'> & { seconds: Float }>(
    sql`SELECT plugin, kind, name, runs, failures, ignored, timeouts, skipped, seconds, first_time, last_failure,
          last_failure_time, off_until
        FROM plugin_activity ORDER BY plugin, kind, name`,
  );
  return rows.map((row) => ({ ...row, seconds: Number(row.seconds) }));
}

/** Milliseconds between two notes in the database. */
const interval = 5000;

/** Notes in the database what plugins did, from time to time and at the end, for `koji-hub plugins`. */
export class ActivityWriter {
  private readonly timer: NodeJS.Timeout;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly activity: ActivityLog,
    private readonly database: Database,
    private readonly log: Logger,
  ) {
    this.timer = setInterval(() => {
      this.writing = this.writing.then(() => this.write());
    }, interval).unref();
  }

  private async write(): Promise<void> {
    const entries = this.activity.drain();
    if (entries.length === 0) return;
    try {
      await this.database.write((db) => addActivity(db, entries));
    } catch (error) {
      this.log.error('what plugins did could not be noted', error);
    }
  }

  /** Notes the rest and stops. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.writing;
    await this.write();
  }
}
