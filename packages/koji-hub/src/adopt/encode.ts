/** Rows as JSON, which both databases read into typed columns by one statement of one value, whatever the number of rows. */
import { Double } from '@koji/core/wire';
import type { Row } from '../db/connection.js';
import { id, join, sql, Sql } from '../db/sql.js';
import type { Dialect } from '../db/sql.js';
import type { ColumnKind, TableMap } from './mapping.js';

/** Writes a row of the source as JSON for the target. */
export function encodeRow(
  row: Row,
  columns: readonly (readonly [string, ColumnKind])[],
  dialect: Dialect,
): string {
  if (dialect === 'sqlite') return `[${columns.map(([name, kind]) => forSqlite(row[name], kind)).join(',')}]`;
  return `{${columns.map(([name, kind]) => `"${name}":${forPostgres(row[name], kind)}`).join(',')}}`;
}

function forPostgres(value: unknown, kind: ColumnKind): string {
  // JSON of a json column is a part of the row's.
  return kind === 'json' && typeof value === 'string' ? value : plain(value);
}

function forSqlite(value: unknown, kind: ColumnKind): string {
  return kind === 'time' && typeof value === 'string' ? JSON.stringify(storedTime(value)) : plain(value);
}

function plain(value: unknown): string {
  if (value instanceof Double) return Number.isFinite(value.value) ? String(value.value) : `"${value.value}"`;
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value ?? null);
}

/** A time with its fraction, as SQLite stores all. */
function storedTime(text: string): string {
  return text.length === 25 ? `${text.slice(0, 19)}.000000${text.slice(19)}` : text;
}

/** Inserts rows that {@link encodeRow} wrote. */
export function insertRows(table: TableMap, columns: readonly string[], rows: string): Sql {
  const names = join(columns.map(id), ', ');
  const places = columns.map((_, i) => new Sql([`json_extract(value, '$[${i}]')`]));
  const select = (dialect: Dialect): string =>
    dialect === 'postgres'
      ? `SELECT ${columns.join(', ')} FROM json_populate_recordset(NULL::${table.name}, `
      : `SELECT ${places.map((place) => place.render('sqlite').text).join(', ')} FROM json_each(`;
  return sql`INSERT INTO ${id(table.name)} (${names}) ${new Sql([select, { value: rows }])})`;
}
