/**
 * Treats a waiting builder (`host.waitForTasks`) as present, because it has a connection. Renews the check-ins of all of them
 * in one statement, and notifies a builder whose login was closed meanwhile.
 */
import type { Call } from '../call.js';
import { anyOf, forUpdateSkipLocked, now, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { tell } from '../domain/task-records/news.js';
import type { WaitingBuilder } from './waiting-builders.js';

/** Renews the check-in of builders that wait. */
export async function renewCheckIns(call: Call, waiting: readonly WaitingBuilder[]): Promise<void> {
  const closed = await closedSessions(call, waiting);
  const isOpen = ({ sessionId }: WaitingBuilder): boolean => sessionId === null || !closed.has(sessionId);
  const present = waiting.filter(isOpen);
  await touch(
    call,
    sql`host`,
    present.map(({ hostId }) => hostId),
  );
  await touch(
    call,
    sql`sessions`,
    present.map(({ sessionId }) => sessionId),
  );
  const gone = waiting.filter((builder) => !isOpen(builder)).map(({ hostId }) => hostId);
  tell(call, { hosts: gone });
}

/** Sets the times of rows; one that another call holds has its next time soon. */
async function touch(call: Call, table: Sql, ids: readonly (number | null)[]): Promise<void> {
  const rows = [...new Set(ids)].filter((id) => id !== null).sort((a, b) => a - b);
  if (rows.length > 0)
    await call.db.run(sql`UPDATE ${table} SET update_time = ${now} WHERE id IN (
      SELECT held.id FROM ${table} held WHERE ${anyOf(sql`held.id`, rows)}${forUpdateSkipLocked})`);
}

async function closedSessions(call: Call, waiting: readonly WaitingBuilder[]): Promise<ReadonlySet<number>> {
  const ids = waiting.map(({ sessionId }) => sessionId).filter((id) => id !== null);
  if (ids.length === 0) return new Set();
  const rows = await call.db.all<{ id: number }>(
    sql`SELECT id FROM sessions WHERE ${anyOf(sql`id`, ids)} AND closed = TRUE`,
  );
  return new Set(rows.map(({ id }) => id));
}
