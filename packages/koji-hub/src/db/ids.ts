import type { Connection } from './connection.js';
import { sql } from './sql.js';

/** Returns the next id of a table with ascending ids, for callers that need it before the row exists; it is never reused. */
export async function nextId(db: Connection, table: 'repo'): Promise<number> {
  const next =
    db.dialect === 'postgres'
      ? sql`SELECT nextval(pg_get_serial_sequence(${table}, 'id'))::integer AS id`
      : sql`UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = ${table} RETURNING seq AS id`;
  const row =
    (await db.get<{ id: number }>(next)) ??
    (await db.get<{ id: number }>(
      sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, 1) RETURNING seq AS id`,
    ));
  if (!row) throw new Error(`there is no next id of ${table}`);
  return row.id;
}
