/** Rows of the source that our constraints refuse. A constraint that the source has itself needs no look at its rows. */
import type { Connection, Row } from '../db/connection.js';
import { id, join, sql, Sql } from '../db/sql.js';
import { leftBehind, sourceOf } from './mapping.js';
import type { TableMap } from './mapping.js';
import type { Catalog } from './schema-level.js';

/** Keys that are shown of the rows that break a constraint. */
const shownKeys = 5;

/** Rows that can't become ours. */
export interface BrokenRows {
  readonly table: string;
  readonly constraint: string;
  readonly count: number;
  /** Some of them by their keys, such as `id 5`. */
  readonly keys: readonly string[];
  readonly remedy: string;
}

/** One of our constraints that the source does not guarantee. */
interface Condition {
  readonly table: TableMap;
  readonly constraint: string;
  /** Holds of the rows that break it. */
  readonly broken: Sql;
  readonly remedy: string;
}

/** Finds the rows that violate our constraints. */
export async function findBrokenRows(
  db: Connection,
  maps: readonly TableMap[],
  catalog: Catalog,
): Promise<BrokenRows[]> {
  const copied = maps.filter(({ name }) => catalog.has(name) && leftBehind[name] === undefined);
  const has = await readGuarantees(db);
  const conditions = copied.flatMap((table) => conditionsOf(table, catalog, has));
  const found: BrokenRows[] = [];
  // One statement for each condition that the source lacks: none for a regular database of Koji.
  for (const condition of conditions) {
    const rows = await breaking(db, condition, catalog);
    if (rows) found.push(rows);
  }
  return found;
}

/** Conditions that the source guarantees, each as a text that {@link conditionsOf} searches for. */
async function readGuarantees(db: Connection): Promise<ReadonlySet<string>> {
  const rows = await db.all<{ what: string }>(sql`
    SELECT k.contype::text || ' ' || c.relname || ' ' || CASE WHEN k.contype = 'c' THEN k.conname::text ELSE
        (SELECT string_agg(a.attname::text, ',' ORDER BY a.attname::text COLLATE "C") FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey))
      END AS what
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.convalidated AND c.relnamespace = current_schema()::regnamespace
    UNION ALL SELECT 'u ' || c.relname || ' ' || (SELECT string_agg(a.attname::text, ',' ORDER BY a.attname::text COLLATE "C")
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey))
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
      WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND c.relnamespace = current_schema()::regnamespace
    UNION ALL SELECT 'n ' || table_name || ' ' || column_name FROM information_schema.columns
      WHERE table_schema = current_schema() AND is_nullable = 'NO'
    UNION ALL SELECT 'l ' || table_name || ' ' || column_name || ' ' || character_maximum_length FROM information_schema.columns
      WHERE table_schema = current_schema() AND character_maximum_length IS NOT NULL`);
  return new Set(rows.map(({ what }) => what.replace(/^p /, 'u ')));
}

function conditionsOf(table: TableMap, catalog: Catalog, has: ReadonlySet<string>): Condition[] {
  const { name } = table;
  const real = catalog.get(name) ?? new Set<string>();
  const isRead = (column: string): boolean => sourceOf(name, column, real) !== null;
  const made: Condition[] = [];
  for (const [column, { nullable, length }] of table.columns) {
    if (!real.has(column)) continue;
    if (!nullable && !has.has(`n ${name} ${column}`))
      made.push({
        table,
        constraint: `${column} is needed`,
        broken: sql`t.${id(column)} IS NULL`,
        remedy: `give ${column} a value, or delete the rows`,
      });
    if (length !== null && !has.has(`l ${name} ${column} ${length}`))
      made.push({
        table,
        constraint: `${column} has at most ${length} characters`,
        broken: sql`length(t.${id(column)}) > ${length}`,
        remedy: `shorten ${column}`,
      });
  }
  for (const columns of [table.key, ...table.unique]) {
    if (!columns.every((column) => real.has(column)) || has.has(`u ${name} ${sorted(columns)}`)) continue;
    const same = columns.map((column) => sql`o.${id(column)} = t.${id(column)}`);
    made.push({
      table,
      constraint: `${columns.join(', ')} are unique`,
      broken: sql`EXISTS (SELECT 1 FROM ${id(name)} o WHERE ${join(same, ' AND ')} AND o.ctid <> t.ctid)`,
      remedy: 'keep one of the rows and delete the others',
    });
  }
  for (const { columns, table: parent, references } of table.foreign) {
    if (![...columns].every((column) => real.has(column)) || has.has(`f ${name} ${sorted(columns)}`))
      continue;
    const same = columns.map((column, i) => sql`o.${id(references[i] ?? 'id')} = t.${id(column)}`);
    const set = columns.map((column) => sql`t.${id(column)} IS NOT NULL`);
    const nullable = columns.every((column) => table.columns.get(column)?.nullable);
    made.push({
      table,
      constraint: `${columns.join(', ')} of ${parent}`,
      broken: sql`${join(set, ' AND ')} AND NOT EXISTS (SELECT 1 FROM ${id(parent)} o WHERE ${join(same, ' AND ')})`,
      remedy: `${nullable ? `set ${columns.join(', ')} to NULL` : 'delete the rows'}: what they point at does not exist`,
    });
  }
  for (const { name: check, expression } of table.checks) {
    const used = [...table.columns.keys()].filter((column) => new RegExp(`\\b${column}\\b`).test(expression));
    if (has.has(`c ${name} ${check}`) || !used.every(isRead)) continue;
    made.push({
      table,
      constraint: `${check} (${expression})`,
      broken: new Sql([`(${expression}) IS FALSE`]),
      remedy: 'correct or delete the rows',
    });
  }
  return made;
}

const sorted = (columns: readonly string[]): string => [...columns].sort().join(',');

async function breaking(
  db: Connection,
  { table, constraint, broken, remedy }: Condition,
  catalog: Catalog,
): Promise<BrokenRows | null> {
  const real = catalog.get(table.name) ?? new Set<string>();
  // Columns that the source lacks and that the copy computes.
  const later = [...table.columns.keys()].flatMap((column) => {
    const source = real.has(column) ? null : sourceOf(table.name, column, real);
    return source ? [sql`, ${source} AS ${id(column)}`] : [];
  });
  const from = sql`(SELECT ctid, *${join(later, '')} FROM ${id(table.name)}) t`;
  const counted = await db.get<{ count: number }>(sql`SELECT count(*) AS count FROM ${from} WHERE ${broken}`);
  if (!counted || counted.count === 0) return null;
  const key = table.key.filter((column) => real.has(column));
  const columns = join(
    key.map((column) => sql`t.${id(column)}`),
    ', ',
  );
  const rows = await db.all(
    sql`SELECT ${columns} FROM ${from} WHERE ${broken} ORDER BY ${columns} LIMIT ${shownKeys}`,
  );
  return {
    table: table.name,
    constraint,
    count: counted.count,
    keys: rows.map((row) => keyText(row)),
    remedy,
  };
}

function keyText(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}
