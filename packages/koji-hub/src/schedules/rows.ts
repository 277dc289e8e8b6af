/** The schedules of plugins in the database: when each is due, and what became of its last run. */
import { GenericError } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Connection } from '../db/connection.js';
import { anyOf, forUpdate, join, sql } from '../db/sql.js';

/** A schedule as a plugin declares it. */
export interface DeclaredSchedule {
  readonly plugin: string;
  readonly name: string;
  readonly cron: string;
  readonly zone: string;
  /** Its first moment from now on, in epoch seconds. */
  readonly next: number;
}

/** Stored data of a schedule; times are epoch seconds. */
export interface ScheduleRow {
  readonly id: number;
  readonly plugin: string;
  readonly name: string;
  readonly cron: string;
  readonly zone: string;
  /** When it runs next; in the past while it runs. */
  readonly next: number;
  /** When its last run began; null before the first one. */
  readonly started: number | null;
  /** When that one ended; null while it runs, or when its process is gone. */
  readonly ended: number | null;
  /** Failed runs since the last one that did not fail. */
  readonly failures: number;
  /** Why the last one failed. */
  readonly lastError: string | null;
}

const columns = sql`id, plugin, name, cron, zone, next_ts, start_ts, end_ts, failures, last_error`;

interface Stored {
  readonly id: number;
  readonly plugin: string;
  readonly name: string;
  readonly cron: string;
  readonly zone: string;
  readonly next_ts: Float;
  readonly start_ts: Float | null;
  readonly end_ts: Float | null;
  readonly failures: number;
  readonly last_error: string | null;
}

function rowOf(stored: Stored): ScheduleRow {
  const { next_ts: next, start_ts: started, end_ts: ended, last_error: lastError, ...row } = stored;
  const seconds = (value: Float | null): number | null => (value === null ? null : Number(value));
  return { ...row, next: Number(next), started: seconds(started), ended: seconds(ended), lastError };
}

/** Notes schedules that are new, or come at other times than before; the others stay as they are. */
export async function declareSchedules(db: Connection, all: readonly DeclaredSchedule[]): Promise<void> {
  const rows = all.map(
    ({ plugin, name, cron, zone, next }) => sql`(${plugin}, ${name}, ${cron}, ${zone}, ${next})`,
  );
  await db.run(
    sql`INSERT INTO plugin_schedule (plugin, name, cron, zone, next_ts) VALUES ${join(rows, ', ')}
        ON CONFLICT (plugin, name) DO UPDATE SET cron = excluded.cron, zone = excluded.zone,
          next_ts = excluded.next_ts, failures = 0
        WHERE plugin_schedule.cron <> excluded.cron OR plugin_schedule.zone <> excluded.zone`,
  );
}

/** All schedules that any plugin ever had here. */
export async function readSchedules(db: Connection): Promise<ScheduleRow[]> {
  const rows = await db.all<Stored>(sql`SELECT ${columns} FROM plugin_schedule ORDER BY plugin, name`);
  return rows.map(rowOf);
}

/** Those of some ids that are due. */
export async function dueSchedules(
  db: Connection,
  ids: readonly number[],
  now: number,
): Promise<ScheduleRow[]> {
  const rows = await db.all<Stored>(
    sql`SELECT ${columns} FROM plugin_schedule WHERE ${anyOf(sql`id`, ids)} AND next_ts <= ${now}
        ORDER BY next_ts, id`,
  );
  return rows.map(rowOf);
}

/** When the first of some ids is due, in epoch seconds; null for none. */
export async function nextDue(db: Connection, ids: readonly number[]): Promise<number | null> {
  const row = await db.get<{ due: Float | null }>(
    sql`SELECT min(next_ts) AS due FROM plugin_schedule WHERE ${anyOf(sql`id`, ids)}`,
  );
  return row?.due == null ? null : Number(row.due);
}

/** Notes that a run begins. Returns the schedule as it was before; null when it is not due any more. */
export async function beginRun(db: Connection, id: number, now: number): Promise<ScheduleRow | null> {
  const found = await db.get<Stored>(
    sql`SELECT ${columns} FROM plugin_schedule WHERE id = ${id} AND next_ts <= ${now}${forUpdate}`,
  );
  if (!found) return null;
  await db.run(sql`UPDATE plugin_schedule SET start_ts = ${now}, end_ts = NULL WHERE id = ${id}`);
  return rowOf(found);
}

/** How a run ended. */
export interface RunEnd {
  /** The record of {@link beginRun}. */
  readonly began: number;
  /** In epoch seconds. */
  readonly at: number;
  readonly next: number;
  /** Null when it did not fail. */
  readonly error: string | null;
}

/**
 * Notes that a run ended.
 *
 * @throws GenericError when another process has begun to run it, since the claim of this one was lost
 */
export async function endRun(db: Connection, id: number, { began, at, next, error }: RunEnd): Promise<void> {
  const failures = error === null ? sql`0` : sql`failures + 1`;
  const ended = await db.run(
    sql`UPDATE plugin_schedule SET end_ts = ${at}, next_ts = ${next}, failures = ${failures}, last_error = ${error}
        WHERE id = ${id} AND start_ts = ${began}`,
  );
  if (ended === 0)
    throw new GenericError('another process runs it now: the connection to the database was lost');
}

/** Puts off a schedule whose plugin is switched off. */
export async function putOff(db: Connection, id: number, next: number): Promise<void> {
  await db.run(sql`UPDATE plugin_schedule SET next_ts = ${next} WHERE id = ${id}`);
}
