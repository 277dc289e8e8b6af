import type { Call, Session } from '../../src/call.js';
import { ActionNotAllowed } from '@koji/core';
import type { Connection } from '../../src/db/connection.js';
import { now, sql } from '../../src/db/sql.js';

/** The part of a call that the database's own functions ask for. */
export function callerOf(
  db: Connection,
  userId: number | null,
): Pick<Call, 'afterCommit' | 'db' | 'event' | 'hub' | 'session'> {
  let event: number | undefined;
  const session: Partial<Session> = {
    userId,
    assertLogin() {
      if (userId === null) throw new ActionNotAllowed('you must be logged in for this operation');
    },
  };
  return {
    db,
    hub: { options: { RepoManager: 'external' } } as Call['hub'],
    afterCommit: () => undefined,
    session: session as Session,
    event: async () =>
      (event ??= (await db.get<{ id: number }>(sql`INSERT INTO events (time) VALUES (${now}) RETURNING id`))!
        .id),
  };
}
