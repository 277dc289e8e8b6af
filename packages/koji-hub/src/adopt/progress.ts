/** Progress of a copy, in a table of the target that exists until the copy is complete. No hub serves from such a database. */
import { ConfigError } from '@koji/core';
import type { Connection } from '../db/connection.js';
import { adoptionTable } from '../db/migrate.js';
import { id, sql } from '../db/sql.js';
import type { TableMap } from './mapping.js';

/** How far the copy of a table is. */
export interface TableProgress {
  readonly rows: number;
  /** The key of the last row that was copied; null before the first. */
  readonly after: readonly (string | number)[] | null;
  readonly done: boolean;
}

const progress = id(adoptionTable);
/** The row that describes the copy; no table has such a name. */
const ofSource = '*';

/**
 * Starts a copy: removes the rows of a new database.
 *
 * @throws ConfigError if the database is in use
 */
export async function beginProgress(
  db: Connection,
  maps: readonly TableMap[],
  fingerprint: string,
): Promise<void> {
  const used = await db.get<{ users: number; events: number }>(
    sql`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM events) AS events`,
  );
  if (used && used.users + used.events > 0)
    throw new ConfigError(
      'the database of hub.conf has users or events already: a copy needs a new one; name another by Database',
    );
  for (const { name } of [...maps].reverse()) await db.run(sql`DELETE FROM ${id(name)}`);
  await db.run(
    sql`CREATE TABLE ${progress} (name text PRIMARY KEY, copied bigint NOT NULL, after_key text, done boolean NOT NULL)`,
  );
  await db.run(
    sql`INSERT INTO ${progress} (name, copied, after_key, done) VALUES (${ofSource}, 0, ${fingerprint}, FALSE)`,
  );
}

/** Reads how far a copy is, and the fingerprint of its source. */
export async function readProgress(
  db: Connection,
): Promise<{ fingerprint: string; tables: ReadonlyMap<string, TableProgress> }> {
  const rows = await db.all<{ name: string; copied: number; after_key: string | null; done: boolean }>(
    sql`SELECT name, copied, after_key, done FROM ${progress}`,
  );
  return {
    fingerprint: rows.find(({ name }) => name === ofSource)?.after_key ?? '',
    tables: new Map(
      rows
        .filter(({ name }) => name !== ofSource)
        .map((row) => [
          row.name,
          {
            rows: row.copied,
            after: row.after_key === null ? null : (JSON.parse(row.after_key) as (string | number)[]),
            done: row.done,
          },
        ]),
    ),
  };
}

/** Notes how far a table is, in the transaction that copies the rows. */
export async function noteProgress(
  db: Connection,
  table: string,
  { rows, after, done }: TableProgress,
): Promise<void> {
  const key = after === null ? null : JSON.stringify(after);
  await db.run(
    sql`INSERT INTO ${progress} (name, copied, after_key, done) VALUES (${table}, ${rows}, ${key}, ${done})
          ON CONFLICT (name) DO UPDATE SET copied = excluded.copied, after_key = excluded.after_key, done = excluded.done`,
  );
}

/** Ends a copy: from now on a hub may serve from the database. */
export async function endProgress(db: Connection): Promise<void> {
  await db.run(sql`DROP TABLE ${progress}`);
}

/** Empties the target of what an interrupted copy brought. */
export async function forgetProgress(db: Connection, maps: readonly TableMap[]): Promise<void> {
  for (const { name } of [...maps].reverse()) await db.run(sql`DELETE FROM ${id(name)}`);
  await endProgress(db);
}
