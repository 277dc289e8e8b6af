/**
 * The messages that plugins send, in the database. A lane is one topic of one queue: the process that delivers its messages
 * holds a lease on it, so that they are sent one after the other whatever the number of processes.
 */
import { GenericError } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Connection } from '../db/connection.js';
import { anyOf, epoch, forUpdateSkipLocked, join, sql } from '../db/sql.js';

/** A lane that was claimed. */
export interface Lane {
  readonly id: number;
  readonly queue: string;
  readonly topic: string;
}

/** A message that waits. */
export interface Message {
  readonly id: number;
  readonly body: string;
  readonly attempts: number;
  readonly created: Date;
}

const longestTopic = 255;

/** Appends a message to those of its topic. */
export async function putMessage(db: Connection, queue: string, topic: unknown, body: string): Promise<void> {
  if (typeof topic !== 'string' || topic === '' || topic.length > longestTopic)
    throw new GenericError(
      `outbox ${queue}: the topic ${JSON.stringify(topic)} is no text of 1 to ${longestTopic} characters`,
    );
  const isThere = sql`SELECT id FROM outbox_lane WHERE queue = ${queue} AND topic = ${topic}`;
  if (!(await db.get(isThere)))
    await db.run(
      sql`INSERT INTO outbox_lane (queue, topic) VALUES (${queue}, ${topic}) ON CONFLICT DO NOTHING`,
    );
  await db.run(sql`INSERT INTO outbox_message (lane_id, body) SELECT id, ${body} FROM (${isThere}) AS lane`);
}

const hasMessages = sql`EXISTS (SELECT 1 FROM outbox_message
  WHERE outbox_message.lane_id = outbox_lane.id AND outbox_message.dead = FALSE)`;

/** When the next lane of these queues may be claimed, in epoch seconds; null when no message waits. */
export async function nextDue(db: Connection, queues: readonly string[]): Promise<number | null> {
  const row = await db.get<{ due: Float | null }>(
    sql`SELECT min(CASE WHEN lease_ts > next_ts THEN lease_ts ELSE next_ts END) AS due FROM outbox_lane
        WHERE ${anyOf(sql`queue`, queues)} AND ${hasMessages}`,
  );
  return row?.due == null ? null : Number(row.due);
}

/** Takes leases on lanes that are due, those that have waited longest first. */
export function claimLanes(
  db: Connection,
  queues: readonly string[],
  { now, until, most }: { readonly now: number; readonly until: number; readonly most: number },
): Promise<Lane[]> {
  return db.all<Lane>(
    sql`UPDATE outbox_lane SET lease_ts = ${until} WHERE id IN (
          SELECT id FROM outbox_lane
          WHERE ${anyOf(sql`queue`, queues)} AND next_ts <= ${now} AND lease_ts <= ${now} AND ${hasMessages}
          ORDER BY next_ts, id LIMIT ${most}${forUpdateSkipLocked})
        RETURNING id, queue, topic`,
  );
}

/** The next messages of a lane, in their order. */
export async function nextMessages(db: Connection, laneId: number, most: number): Promise<Message[]> {
  const rows = await db.all<{ id: number; body: string; attempts: number; create_ts: Float }>(
    sql`SELECT id, body, attempts, ${epoch('create_time', 'create_ts')} FROM outbox_message
        WHERE lane_id = ${laneId} AND dead = FALSE ORDER BY id LIMIT ${most}`,
  );
  return rows.map(({ create_ts: seconds, ...row }) => ({
    ...row,
    created: new Date(Number(seconds) * 1000),
  }));
}

/** How a lane's turn ended. */
export interface Outcome {
  readonly delivered: readonly number[];
  /** The message that could not be delivered, and whether it is given up. */
  readonly failed: { readonly id: number; readonly error: string; readonly dead: boolean } | null;
  /** When the lane is due again, in epoch seconds. */
  readonly next: number;
}

/** Notes how a lane's turn ended and gives its lease back. */
export async function settle(db: Connection, laneId: number, outcome: Outcome): Promise<void> {
  const { delivered, failed, next } = outcome;
  if (delivered.length > 0) await db.run(sql`DELETE FROM outbox_message WHERE ${anyOf(sql`id`, delivered)}`);
  if (failed)
    await db.run(
      sql`UPDATE outbox_message SET attempts = attempts + 1, last_error = ${failed.error}, dead = ${failed.dead}
          WHERE id = ${failed.id}`,
    );
  await db.run(sql`UPDATE outbox_lane SET next_ts = ${next}, lease_ts = 0 WHERE id = ${laneId}`);
}

/** How many messages of a queue there are. */
export interface QueueState {
  readonly queue: string;
  readonly waiting: number;
  readonly dead: number;
  /** Epoch seconds of the oldest message that waits; null when none does. */
  readonly oldest: number | null;
}

/** Every queue that has messages. */
export async function queueStates(db: Connection): Promise<QueueState[]> {
  const rows = await db.all<{ queue: string; waiting: number; dead: number; oldest: Float | null }>(
    sql`SELECT queue, sum(CASE WHEN dead = FALSE THEN 1 ELSE 0 END) AS waiting,
          sum(CASE WHEN dead = TRUE THEN 1 ELSE 0 END) AS dead,
          ${epoch('min_time', 'oldest')}
        FROM (SELECT outbox_lane.queue, outbox_message.dead,
            min(CASE WHEN outbox_message.dead = FALSE THEN outbox_message.create_time END)
              OVER (PARTITION BY outbox_lane.queue) AS min_time
          FROM outbox_message JOIN outbox_lane ON outbox_lane.id = outbox_message.lane_id) AS messages
        GROUP BY queue, min_time ORDER BY queue`,
  );
  return rows.map((row) => ({ ...row, oldest: row.oldest === null ? null : Number(row.oldest) }));
}

/** A message that was given up. */
export interface DeadLetter {
  readonly id: number;
  readonly queue: string;
  readonly topic: string;
  readonly body: string;
  readonly attempts: number;
  readonly last_error: string | null;
}

/** Filter for dead letters: all, those of a queue, or one. */
export interface DeadLetterChoice {
  readonly queue?: string;
  readonly id?: number;
}

/** The dead letters, oldest first, at most a thousand. */
export function deadLetters(db: Connection, choice: DeadLetterChoice): Promise<DeadLetter[]> {
  return db.all<DeadLetter>(
    sql`SELECT outbox_message.id, outbox_lane.queue, outbox_lane.topic, outbox_message.body, outbox_message.attempts,
          outbox_message.last_error
        FROM outbox_message JOIN outbox_lane ON outbox_lane.id = outbox_message.lane_id
        WHERE ${chosen(choice)} ORDER BY outbox_message.id LIMIT 1000`,
  );
}

/** Queues dead letters for delivery again, as if they were new, and returns how many there were. */
export function replay(db: Connection, choice: DeadLetterChoice): Promise<number> {
  return db.run(sql`UPDATE outbox_message SET dead = FALSE, attempts = 0 WHERE id IN (${chosenIds(choice)})`);
}

/** Deletes dead letters and returns how many there were. */
export function drop(db: Connection, choice: DeadLetterChoice): Promise<number> {
  return db.run(sql`DELETE FROM outbox_message WHERE id IN (${chosenIds(choice)})`);
}

function chosenIds(choice: DeadLetterChoice) {
  return sql`SELECT outbox_message.id FROM outbox_message
    JOIN outbox_lane ON outbox_lane.id = outbox_message.lane_id WHERE ${chosen(choice)}`;
}

function chosen({ queue, id }: DeadLetterChoice) {
  return join(
    [
      sql`outbox_message.dead = TRUE`,
      ...(queue === undefined ? [] : [sql`outbox_lane.queue = ${queue}`]),
      ...(id === undefined ? [] : [sql`outbox_message.id = ${id}`]),
    ],
    ' AND ',
  );
}
