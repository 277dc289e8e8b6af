import type { Connection } from './connection.js';
import { sql } from './sql.js';

/** The next id of a table whose ids count up, for who needs it before there is a row; it is not given again. */
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
