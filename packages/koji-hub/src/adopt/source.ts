/** The database of Koji that is adopted: what is in it, and rows of it. */
import { ConfigError } from '@koji/core';
import type { Connection, Row } from '../db/connection.js';
import { anyOf, id, join, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import type { Catalog } from './schema-level.js';
import { sourceOf } from './mapping.js';
import type { TableMap } from './mapping.js';

/** Rows that are counted exactly; of larger tables PostgreSQL's estimate is used before the copy, if there is one. */
const countedExactly = 100_000;

/** Reads which tables and columns a database has. */
export async function readCatalog(db: Connection): Promise<Catalog> {
  const rows = await db.all<{ table: string; column: string }>(sql`
    SELECT c.table_name AS "table", c.column_name AS "column"
      FROM information_schema.columns c JOIN information_schema.tables t
        ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
      WHERE c.table_schema = current_schema()`);
  const catalog = new Map<string, Set<string>>();
  for (const { table, column } of rows) catalog.set(table, (catalog.get(table) ?? new Set()).add(column));
  return catalog;
}

/** A table with its size. */
export interface TableSize {
  readonly rows: number;
  readonly bytes: number;
}

/** Reads how many rows tables have, large ones as PostgreSQL estimates it. */
export async function readSizes(db: Connection, names: readonly string[]): Promise<Map<string, TableSize>> {
  const rows = await db.all<{ name: string; rows: number; bytes: number }>(sql`
    SELECT relname AS name, reltuples::bigint AS rows, pg_total_relation_size(oid) AS bytes
      FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND ${anyOf(sql`relname`, names)}`);
  const small = rows.filter(
    (row) => row.rows < 0 || (row.rows < countedExactly && row.bytes < countedExactly * 1000),
  );
  const exact = await countRows(
    db,
    small.map(({ name }) => name),
  );
  return new Map(
    rows.map(({ name, rows: estimated, bytes }) => [name, { rows: exact.get(name) ?? estimated, bytes }]),
  );
}

/** Counts the rows of tables. */
export async function countRows(db: Connection, names: readonly string[]): Promise<Map<string, number>> {
  if (names.length === 0) return new Map();
  const each = names.map((name) => sql`SELECT ${name} AS name, count(*) AS rows FROM ${id(name)}`);
  const rows = await db.all<{ name: string; rows: number }>(join(each, ' UNION ALL '));
  return new Map(rows.map(({ name, rows: found }) => [name, found]));
}

/** The last values of the sequences of tables; null where none was drawn. */
export async function readSequences(
  db: Connection,
  names: readonly string[],
): Promise<Map<string, number | null>> {
  const rows = await db.all<{ name: string; last: number | null }>(sql`
    SELECT relname AS name, pg_sequence_last_value(pg_get_serial_sequence(quote_ident(relname), 'id')::regclass) AS last
      FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND ${anyOf(sql`relname`, names)}`);
  return new Map(rows.map(({ name, last }) => [name, last]));
}

/**
 * Counters that change with every login, call, check-in, task and event. If they are equal, nobody has written to the database.
 */
export async function readFingerprint(db: Connection, counting: readonly string[]): Promise<string> {
  const last = await readSequences(db, counting);
  const row = await db.get(sql`
    SELECT current_database() AS name, (SELECT max(update_time)::text FROM sessions) AS session,
      (SELECT max(update_time)::text FROM host) AS host, (SELECT count(*) FROM sessions) AS sessions`);
  return JSON.stringify({ ...row, last: [...last].sort(([a], [b]) => (a < b ? -1 : 1)) });
}

/** Lists who else is connected to the database: a Koji hub, say. */
export async function listOthers(db: Connection): Promise<string[]> {
  const rows = await db.all<{ who: string }>(sql`
    SELECT DISTINCT usename || CASE WHEN coalesce(application_name, '') = '' THEN '' ELSE ' (' || application_name || ')' END AS who
      FROM pg_stat_activity
      WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
        AND coalesce(application_name, '') <> ${ownName}`);
  return rows.map(({ who }) => who);
}

/** The application name of our own connections to the source. */
const ownName = 'koji-hub adopt';

/** The url of the source with our name in it. */
export function sourceUrl(url: string): string {
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new ConfigError(
      "--from: name Koji's database as postgresql://USER@HOST:PORT/NAME, or the path of Koji's hub.conf",
    );
  return `${url}${url.includes('?') ? '&' : '?'}application_name=${encodeURIComponent(ownName)}`;
}

/** The columns of a table to read, and how. */
export function readColumns(table: TableMap, catalog: Catalog): string[] {
  const has = catalog.get(table.name) ?? new Set<string>();
  return [...table.columns.keys()].filter((column) => sourceOf(table.name, column, has) !== null);
}

function selected(table: TableMap, catalog: Catalog): Sql {
  const has = catalog.get(table.name) ?? new Set<string>();
  const columns = readColumns(table, catalog).flatMap((column) => {
    const source = sourceOf(table.name, column, has);
    return source ? [sql`${source} AS ${id(column)}`] : [];
  });
  return join(columns, ', ');
}

/** Selects the rows of a table in the order of its key, those after a key if one is given. */
export function selectRows(
  db: Connection,
  table: TableMap,
  { catalog, after }: { readonly catalog: Catalog; readonly after: readonly (string | number)[] | null },
): AsyncIterable<readonly Row[]> {
  const key = join(
    table.key.map((column) => id(`${table.name}.${column}`)),
    ', ',
  );
  const values = (after ?? []).map((value) => sql`${value}`);
  const where = after === null ? sql`` : sql` WHERE (${key}) > (${join(values, ', ')})`;
  return db.iterate(sql`SELECT ${selected(table, catalog)} FROM ${id(table.name)}${where} ORDER BY ${key}`)
    .portions;
}

/** Reads some rows of a table, from all over it. */
export function sampleRows(
  db: Connection,
  table: TableMap,
  { catalog, rows, sample }: { readonly catalog: Catalog; readonly rows: number; readonly sample: number },
): Promise<Row[]> {
  // Of a large table blocks are drawn, so that it is not read as a whole; of each block there are many rows.
  const part = rows <= sample * 100 ? 100 : Math.max(0.001, (10_000 * sample) / rows);
  return db.all(
    sql`SELECT ${selected(table, catalog)} FROM ${id(table.name)} TABLESAMPLE SYSTEM (${Math.min(part, 100)}) ORDER BY random() LIMIT ${sample}`,
  );
}
