import { ParameterError, compareTexts } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { QueryOpts } from '@koji/core/api';
import type { RowStream } from '@koji/core/wire';
import type { Connection, Row } from './connection.js';
import { mapInTurns, sortInTurns } from './in-turns.js';
import { isPossible } from './parts.js';
import type { Part, SortTerm } from './parts.js';
import { boolAs, epochAs, epochOf, floatAs, join, Sql, sql, where as whereAll } from './sql.js';
import type { Dialect } from './sql.js';

/** An expression whose type SQLite alone would not tell. */
export interface TypedColumn {
  readonly expression: Sql;
  readonly kind: 'bool' | 'float';
  /** The time that the expression computes seconds of. */
  readonly time?: Sql;
}

/** A selection of rows, and how the caller's `queryOpts` may change it. */
export interface Query<T extends object = Row> {
  /** Expressions by the name they get in the answer. */
  readonly columns: Readonly<Record<string, Sql | TypedColumn>>;
  /** Tables with their joins. */
  readonly from: Sql;
  readonly where?: readonly Sql[];
  readonly opts?: QueryOpts | null;
  /** Changes each row before it is answered; may add fields and take them away. */
  readonly transform?: (row: T) => object;
  /** Whether the caller may group; `group` is ignored otherwise. */
  readonly grouping?: boolean;
  /** Columns that the caller may sort by, if not just any of them. */
  readonly orders?: Readonly<Record<string, Sql>>;
  /** Where the caller names no order: the table whose rows come as they were added, as PostgreSQL gives them by itself. */
  readonly asAdded?: string;
  /** Default order. */
  readonly usually?: Sql;
  /** The key of a row, with which SQLite sorts keys alone, and reads only the rows that the caller gets. */
  readonly key?: Sql;
}

const streamFrom = 1000;
/** Fields to order or group by: each makes a query longer, and no answer has as many, so that nobody needs an option. */
const mostNames = 64;

/** A boolean expression among {@link Query.columns}. */
export const boolColumn = (expression: Sql): TypedColumn => ({ expression, kind: 'bool' });

/** A floating point expression among {@link Query.columns}. */
export const floatColumn = (expression: Sql): TypedColumn => ({ expression, kind: 'float' });

/** A time column as seconds since 1970 among {@link Query.columns}. */
export function epochColumn(column: Sql): TypedColumn {
  return { expression: epochOf(column), kind: 'float', time: column };
}

/**
 * Answers a list method: rows as structs, or as lists of values in the order of the column names (`asList`), or their
 * number (`countOnly`). The type says rows, since that is what callers who gave no options get.
 *
 * @throws ParameterError when an option is not what it should be
 */
export async function query<T extends object = Row>(db: Connection, wanted: Query<T>): Promise<T[]> {
  const opts = readOpts(wanted);
  if (opts.countOnly) return (await count(db, wanted, opts)) as never;
  const rows = await db.all<T>(select(db.dialect, wanted, opts));
  const finish = finisher(wanted, opts);
  return finish ? mapInTurns(rows, finish) : rows;
}

/** As {@link query}, but rows come one by one unless they are few or only counted. */
export async function stream<T extends object = Row>(
  db: Connection,
  wanted: Query<T>,
): Promise<RowStream<T> | T[]> {
  const opts = readOpts(wanted);
  const few = opts.limit > 0 && opts.limit < streamFrom && !db.writesRows;
  if (opts.countOnly || few) return query(db, wanted);
  const rows = db.iterate<T>(select(db.dialect, wanted, opts));
  const finish = finisher(wanted, opts);
  return finish ? rows.map(finish) : rows;
}

/** A result that may be a stream of rows, or a list or struct with some within, read to its end. */
export async function whole(result: unknown): Promise<unknown> {
  if (typeof result !== 'object' || result === null) return result;
  const rows: unknown[] = [];
  if (isStream(result)) for await (const row of result) rows.push(row);
  else if (Array.isArray(result) && result.some(isStream))
    for (const part of result as unknown[]) rows.push(await whole(part));
  else if (
    !Array.isArray(result) &&
    !(result instanceof Uint8Array) &&
    Object.values(result).some(isStream)
  ) {
    const parts: Record<string, unknown> = {};
    for (const [name, part] of Object.entries(result)) parts[name] = await whole(part);
    return parts;
  } else return result;
  return rows;
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/**
 * Does to rows in memory what `queryOpts` ask for (order by one or more fields, offset, limit, countOnly).
 *
 * @throws ParameterError when an option is not what it should be
 */
export async function applyOpts<T extends object>(
  rows: readonly T[],
  given: QueryOpts | null | undefined,
): Promise<T[]> {
  const { order, offset, limit, countOnly } = readGiven(given);
  const found = (await sortRows(rows, order)).slice(offset, limit > 0 ? offset + limit : undefined);
  return countOnly ? (found.length as never) : found;
}

/** Returns the part of rows that {@link applyOpts} leaves, or that only their number is wanted; null for all of them. */
export function readPart(given: QueryOpts | null | undefined): (Part & { readonly isCount: boolean }) | null {
  const { order: terms, offset, limit, countOnly: isCount } = readGiven(given);
  const isWhole = isCount ? limit > 0 || offset > 0 || terms.length > 0 : limit === 0;
  return isWhole || !isPossible(offset + limit) ? null : { offset, limit, terms, isCount };
}

/**
 * Rows sorted by one field, then the next; those that are equal keep their order.
 *
 * @throws ParameterError when a row does not have a field
 */
export async function sortRows<T>(rows: readonly T[], terms: readonly SortTerm[]): Promise<T[]> {
  if (terms.length === 0) return [...rows];
  await mapInTurns(rows, (row) => {
    for (const { name } of terms)
      if (typeof row !== 'object' || row === null || !Object.hasOwn(row, name))
        throw new ParameterError(`Invalid order: ${name}`);
  });
  return sortInTurns(rows, (a, b) => {
    for (const { name, descending, nullsFirst = false } of terms) {
      const order = compare((a as Row)[name], (b as Row)[name], nullsFirst ? -1 : 1);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

function compare(a: unknown, b: unknown, ofNulls: number): number {
  if (a === null || b === null) return ofNulls * (Number(a === null) - Number(b === null));
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  const x = (a as object).valueOf() as number | string;
  const y = (b as object).valueOf() as number | string;
  return x < y ? -1 : x > y ? 1 : 0;
}

interface Options {
  readonly countOnly: boolean;
  readonly asList: boolean;
  readonly offset: number;
  readonly limit: number;
  readonly order: { name: string; descending: boolean }[];
  readonly group: string[];
}

function readGiven(given: QueryOpts | null | undefined): Options {
  const opts = given ?? {};
  return {
    countOnly: truthy(opts.countOnly),
    asList: truthy(opts.asList),
    offset: readNumber('offset', opts.offset),
    limit: readNumber('limit', opts.limit),
    order: readNames('order', opts.order).map((term) =>
      term.startsWith('-') ? { name: term.slice(1), descending: true } : { name: term, descending: false },
    ),
    group: readNames('group', opts.group).filter((name) => name !== ''),
  };
}

function readOpts<T extends object>({ opts, grouping = false }: Query<T>): Options {
  const read = readGiven(opts);
  return grouping ? read : { ...read, group: [] };
}

function readNumber(name: string, value: unknown): number {
  if (!truthy(value)) return 0;
  const number = Number((value as object).valueOf());
  if (typeof value === 'string' || !Number.isFinite(number)) {
    throw new ParameterError(`queryOpts: ${name} must be a number`);
  }
  if (number < 0) throw new ParameterError(`queryOpts: ${name} must not be negative`);
  return Math.trunc(number);
}

function readNames(name: string, value: unknown): string[] {
  if (!truthy(value)) return [];
  if (typeof value !== 'string') throw new ParameterError(`queryOpts: ${name} must be a string`);
  const names = value.split(',', mostNames + 1);
  if (names.length > mostNames)
    throw new ParameterError(`queryOpts: ${name} has more than ${mostNames} fields`);
  return names;
}

const expressionOf = (column: Sql | TypedColumn): Sql => (column instanceof Sql ? column : column.expression);

/** `expression AS alias`, the alias quoted since some are words of SQL. */
function named(alias: string, column: Sql | TypedColumn): Sql {
  if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(alias)) throw new Error(`not a column name: ${alias}`);
  if (column instanceof Sql) return sql`${column} AS ${new Sql([`"${alias}"`])}`;
  if (column.time) return epochAs(column.time, alias);
  return (column.kind === 'bool' ? boolAs : floatAs)(column.expression, alias);
}

function select<T extends object>(dialect: Dialect, wanted: Query<T>, opts: Options): Sql {
  const aliases = Object.keys(wanted.columns).sort();
  const columns = aliases.map((alias) => named(alias, wanted.columns[alias] as Sql | TypedColumn));
  const { key, from } = wanted;
  const sorted = order(wanted, opts);
  const rest = sql`${body(wanted, opts)}${sorted}${cut(opts)}`;
  // It would carry whole rows through the sort, where PostgreSQL keeps no more than it answers.
  const keysFirst =
    dialect === 'sqlite' && opts.limit > 0 && opts.order.length > 0 && opts.group.length === 0;
  if (!key || !keysFirst) return sql`SELECT ${join(columns, ', ')}${rest}`;
  return sql`SELECT ${join(columns, ', ')} FROM ${from} WHERE ${key} IN (SELECT ${key}${rest})${sorted}`;
}

function body<T extends object>({ columns, from, where = [] }: Query<T>, { group }: Options): Sql {
  const conditions = where.map((condition) => sql`(${condition})`);
  const groups = group.map((name) => {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (!column) throw new ParameterError(`Invalid group: ${name}`);
    return expressionOf(column);
  });
  const by = groups.length > 0 ? sql` GROUP BY ${join(groups, ', ')}` : sql``;
  return sql` FROM ${from}${whereAll(conditions)}${by}`;
}

function order<T extends object>(
  { columns, orders, asAdded, usually }: Query<T>,
  { order: terms }: Options,
): Sql {
  if (terms.length === 0 && usually) return sql` ORDER BY ${usually}`;
  if (terms.length === 0)
    return asAdded === undefined
      ? sql``
      : new Sql([(dialect) => (dialect === 'sqlite' ? ` ORDER BY ${asAdded}.rowid` : '')]);
  const expressions = terms.map(({ name, descending }) => {
    const allowed = orders ?? columns;
    const column = Object.hasOwn(allowed, name)
      ? allowed[name]
      : orders
        ? undefined
        : columnOf(columns, name);
    if (!column) throw new ParameterError(orders ? `Invalid order term: ${name}` : `Invalid order: ${name}`);
    // PostgreSQL puts nulls last, and so first when descending; SQLite has to be told.
    const nulls = descending ? ' NULLS FIRST' : ' NULLS LAST';
    const suffix = (dialect: string): string =>
      (descending ? ' DESC' : '') + (dialect === 'sqlite' ? nulls : '');
    return new Sql([...sortedBy(column).parts, suffix]);
  });
  return sql` ORDER BY ${join(expressions, ', ')}`;
}

/** Returns an expression that sorts like a column: for a time, which may have an index, its seconds. */
const sortedBy = (column: Sql | TypedColumn): Sql =>
  column instanceof Sql ? column : (column.time ?? column.expression);

/** The column of a table, `table.column`, that one of the columns is of: callers may also order by these. */
function columnOf(columns: Query['columns'], name: string): Sql | undefined {
  return Object.values(columns)
    .map(expressionOf)
    .find(({ parts: [text, ...more] }) => more.length === 0 && text === name);
}

function cut({ limit, offset }: Options): Sql {
  const some =
    limit > 0 ? sql` LIMIT ${limit}` : new Sql([(dialect) => (dialect === 'sqlite' ? ' LIMIT -1' : '')]);
  if (offset > 0) return sql`${some} OFFSET ${offset}`;
  return limit > 0 ? some : sql``;
}

async function count<T extends object>(db: Connection, wanted: Query<T>, opts: Options): Promise<number> {
  const whole = opts.limit === 0 && opts.offset === 0 && opts.group.length === 0;
  const row = await db.get<{ n: number }>(
    whole
      ? sql`SELECT count(*) AS n${body(wanted, opts)}`
      : sql`SELECT count(*) AS n FROM (SELECT 1${body(wanted, opts)}${cut(opts)}) AS found`,
  );
  return row?.n ?? 0;
}

function finisher<T extends object>(wanted: Query<T>, opts: Options): ((row: T) => T) | null {
  const { transform } = wanted;
  if (!opts.asList) return transform ? (row) => transform(row) as T : null;
  const aliases = Object.keys(wanted.columns).sort();
  return (row) => {
    const done = (transform ? transform(row) : row) as Row;
    return aliases.map((alias) => done[alias]) as T;
  };
}
