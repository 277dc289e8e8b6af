import { ParameterError } from '@koji/core';
import type { Double } from '@koji/core/wire';

/** The two databases. */
export type Dialect = 'sqlite' | 'postgres';

/** A value bound to a query: a Date or an epoch as {@link timeText} writes it, a list only where {@link anyOf} puts it. */
export type SqlValue =
  null | boolean | number | bigint | string | Date | Double | Uint8Array | readonly (number | string)[];

type Part = string | { readonly value: SqlValue } | ((dialect: Dialect) => string);

/**
 * A piece of SQL with its values. Made by {@link sql} only, so that no caller's text can become SQL: every `${value}` is
 * bound, every `${fragment}` is spliced in.
 */
export class Sql {
  constructor(
    readonly parts: readonly Part[],
    /** The texts by database, one object for all fragments that differ in nothing but their values. */
    readonly texts: Partial<Record<Dialect, string>> = {},
  ) {}

  /** The text for one database with its values in order. */
  render(dialect: Dialect): { text: string; values: SqlValue[] } {
    const values: SqlValue[] = [];
    for (const part of this.parts) if (typeof part === 'object') values.push(part.value);
    return { text: (this.texts[dialect] ??= this.textFor(dialect)), values };
  }

  private textFor(dialect: Dialect): string {
    let text = '';
    let count = 0;
    for (const part of this.parts) {
      if (typeof part === 'string') text += part;
      else if (typeof part === 'function') text += part(dialect);
      else text += dialect === 'postgres' ? `$${++count}` : '?';
    }
    return text;
  }
}

/** Builds a query: `` sql`SELECT id FROM tag WHERE name = ${name}` ``. */
export function sql(strings: TemplateStringsArray, ...values: (SqlValue | Sql)[]): Sql {
  const parts: Part[] = [];
  let text = strings[0] ?? '';
  const add = (part: Part): void => {
    if (typeof part === 'string') text += part;
    else {
      if (text !== '') parts.push(text);
      text = '';
      parts.push(part);
    }
  };
  values.forEach((value, i) => {
    if (value instanceof Sql) value.parts.forEach(add);
    else add({ value });
    text += strings[i + 1] ?? '';
  });
  if (text !== '') parts.push(text);
  return new Sql(parts, textsOf(strings, values));
}

interface Shape {
  readonly fragments: readonly unknown[];
  readonly texts: Sql['texts'];
}

/** The last shape that each place in our code made: mostly it makes the same one every time. */
const shapes = new WeakMap<TemplateStringsArray, Shape>();

function textsOf(strings: TemplateStringsArray, values: readonly (SqlValue | Sql)[]): Sql['texts'] {
  const fragments = values.map((value) => (value instanceof Sql ? value.texts : null));
  const known = shapes.get(strings);
  if (known?.fragments.every((fragment, i) => fragment === fragments[i])) return known.texts;
  const shape: Shape = { fragments, texts: {} };
  shapes.set(strings, shape);
  return shape.texts;
}

/** Fragments with a separator between them; nothing for an empty list. */
export function join(fragments: readonly Sql[], separator: string): Sql {
  return new Sql(
    fragments.flatMap((fragment, i) => (i === 0 ? fragment.parts : [separator, ...fragment.parts])),
  );
}

/** `WHERE a AND b`, or nothing without conditions. */
export function where(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`` : sql` WHERE ${join(conditions, ' AND ')}`;
}

/** The name of a column or table (`build.id`), from our own code only. */
export function id(name: string): Sql {
  const known = names.get(name);
  if (known) return known;
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(name)) throw new Error(`not a column name: ${name}`);
  const fragment = new Sql([name]);
  names.set(name, fragment);
  return fragment;
}

const names = new Map<string, Sql>();

/** `column IN (values)` with one bound value whatever the length, so that the statement stays the same. */
export function anyOf(column: Sql, values: readonly (number | string)[]): Sql {
  return new Sql([
    ...column.parts,
    (dialect) => (dialect === 'postgres' ? ' = ANY(' : ' IN (SELECT value FROM json_each('),
    { value: values },
    (dialect) => (dialect === 'postgres' ? ')' : '))'),
  ]);
}

/**
 * As {@link anyOf}, for what is a single value mostly. PostgreSQL takes a list for ten values when it plans for any, and so would plan
 * the statement again each time.
 */
export function isOneOf(column: Sql, values: readonly (number | string)[]): Sql {
  const [value] = values;
  return values.length === 1 && value !== undefined ? sql`${column} = ${value}` : anyOf(column, values);
}

/**
 * A column by which SQLite is not to look rows up. It plans without statistics, so that it takes a key that most rows have
 * for as good as any other.
 */
export function unkeyed(column: Sql): Sql {
  return new Sql([(dialect) => (dialect === 'sqlite' ? '+' : ''), ...column.parts]);
}

/** `column IN (query)`, where PostgreSQL runs the query first: in a long list of joins it may well read all rows else. */
export function isAmong(column: Sql, query: Sql): Sql {
  return new Sql([
    ...column.parts,
    (dialect) => (dialect === 'postgres' ? ' = ANY(ARRAY(' : ' IN ('),
    ...query.parts,
    (dialect) => (dialect === 'postgres' ? '))' : ')'),
  ]);
}

/** The place of a column's value among ids, to order by. */
export function placeIn(column: Sql, ids: readonly number[]): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'array_position(' : '(SELECT key FROM json_each('),
    { value: ids },
    (dialect) => (dialect === 'postgres' ? '::integer[], ' : ') WHERE value = '),
    ...column.parts,
    ')',
  ]);
}

/** Ids as rows of a table `place` with `value` and `key`, the place to order by; an id may be there twice. */
export function placesOf(ids: readonly number[]): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'unnest(' : 'json_each('),
    { value: ids },
    (dialect) =>
      dialect === 'postgres' ? '::integer[]) WITH ORDINALITY AS place(value, key)' : ') AS place',
  ]);
}

/** A time column as epoch seconds (a float) under a name of its own; {@link id} rules hold for both names. */
export function epoch(column: string, alias: string): Sql {
  return epochAs(id(column), alias);
}

/** A time expression as epoch seconds under a name; what SQLite stores is made a number when the row is read. */
export function epochAs(time: Sql, alias: string): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'EXTRACT(EPOCH FROM ' : ''),
    ...time.parts,
    (dialect) => (dialect === 'postgres' ? `)::float8 AS ${alias}` : ` AS "${alias}::epoch"`),
  ]);
}

/** A time expression as epoch seconds, to compute and compare with. */
export function epochOf(time: Sql): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'EXTRACT(EPOCH FROM ' : 'koji_epoch('),
    ...time.parts,
    (dialect) => (dialect === 'postgres' ? ')::float8' : ')'),
  ]);
}

/** The seconds from one time to another; SQLite tells them to a millisecond, without a call of code for each row. */
export function secondsBetween(from: Sql, to: Sql): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'EXTRACT(EPOCH FROM (' : '((julianday('),
    ...to.parts,
    (dialect) => (dialect === 'postgres' ? ' - ' : ') - julianday('),
    ...from.parts,
    (dialect) => (dialect === 'postgres' ? '))::float8' : ')) * 86400)'),
  ]);
}

/** The day of a time: whole days since 1970 in UTC. */
export function dayOf(time: Sql): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'FLOOR(EXTRACT(EPOCH FROM ' : 'CAST(julianday(date('),
    ...time.parts,
    (dialect) => (dialect === 'postgres' ? ') / 86400)::integer' : ')) - 2440587.5 AS integer)'),
  ]);
}

/** An expression that is a boolean, under a name: SQLite alone would answer 0 or 1. */
export function boolAs(expression: Sql, alias: string): Sql {
  return new Sql([
    ...expression.parts,
    (dialect) => (dialect === 'postgres' ? ` AS ${alias}` : ` AS "${alias}::bool"`),
  ]);
}

/** An expression that is a float, under a name: SQLite alone would not tell 2.0 from 2. */
export function floatAs(expression: Sql, alias: string): Sql {
  return new Sql([
    ...expression.parts,
    (dialect) => (dialect === 'postgres' ? ` AS ${alias}` : ` AS "${alias}::float"`),
  ]);
}

/** The wall clock, in the form time columns have in each database. */
export const now = new Sql([(dialect) => (dialect === 'postgres' ? 'clock_timestamp()' : 'koji_now()')]);

/** The longest regular expression, which costs more for each character than a pattern with wildcards. */
const longestExpression = 1000;

/** Whether a text matches a regular expression of PostgreSQL's; a wrong or long one is a ParameterError. */
export function matches(text: Sql, pattern: string, { ignoreCase = false } = {}): Sql {
  if (pattern.length > longestExpression)
    throw new ParameterError(`The regular expression is longer than ${longestExpression} characters`);
  return new Sql([
    (dialect) => (dialect === 'postgres' ? '' : ignoreCase ? 'koji_imatches(' : 'koji_matches('),
    ...text.parts,
    (dialect) => (dialect === 'postgres' ? (ignoreCase ? ' ~* ' : ' ~ ') : ', '),
    { value: pattern },
    (dialect) => (dialect === 'postgres' ? '' : ')'),
  ]);
}

/** Whether the JSON of one expression has everything that the other's has: the options that were asked for, say. */
export function jsonContains(outer: Sql, inner: Sql): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? '((' : 'koji_json_contains('),
    ...outer.parts,
    (dialect) => (dialect === 'postgres' ? ')::jsonb @> (' : ', '),
    ...inner.parts,
    (dialect) => (dialect === 'postgres' ? ')::jsonb)' : ')'),
  ]);
}

/** Rows as the text of a JSON list of lists; `[]` for none. */
export function jsonRows(columns: Sql): Sql {
  return new Sql([
    (dialect) =>
      dialect === 'postgres' ? 'coalesce(json_agg(json_build_array(' : 'json_group_array(json_array(',
    ...columns.parts,
    (dialect) => (dialect === 'postgres' ? ")), '[]')" : '))'),
  ]);
}

/** Ends each later statement of the transaction after so many milliseconds; SQLite has limits of its own. */
export function limitStatements(milliseconds: number): Sql {
  return new Sql([
    (dialect) =>
      dialect === 'postgres' ? `SET LOCAL statement_timeout TO ${Math.trunc(milliseconds)}` : 'SELECT 1',
  ]);
}

/** Takes {@link limitStatements} back. */
export const unlimitStatements = new Sql([
  (dialect) => (dialect === 'postgres' ? 'SET LOCAL statement_timeout TO DEFAULT' : 'SELECT 1'),
]);

/** Ten times the longest text that any pattern could be meant for; a database works on a pattern for every row. */
const longestPattern = 10_000;

/**
 * Checks the length of a pattern before any work on it.
 *
 * @throws ParameterError for one that is too long
 */
export function checkPattern(pattern: string): void {
  if (pattern.length > longestPattern)
    throw new ParameterError(`The pattern is longer than ${longestPattern} characters`);
}

/** Case-insensitive matching with `*` and `?`, as Koji's pattern arguments have it (`%` is a wildcard too, as there). */
export function glob(column: Sql, pattern: string): Sql {
  checkPattern(pattern);
  return liked(column, likeOf(pattern));
}

/** The pattern with the wildcards of SQL for one with `*` and `?`. */
export function likeOf(pattern: string): string {
  return pattern.replaceAll('_', '\\_').replaceAll('*', '%').replaceAll('?', '_');
}

/** Case-insensitive matching with the wildcards of SQL, `%` and `_`; `\` takes the meaning from the next character. */
export function like(column: Sql, pattern: string): Sql {
  checkPattern(pattern);
  return liked(column, pattern);
}

function liked(column: Sql, pattern: string): Sql {
  return new Sql([
    ...column.parts,
    (dialect) => (dialect === 'postgres' ? ' ILIKE ' : ' LIKE '),
    { value: pattern },
    " ESCAPE '\\'",
  ]);
}

/** Whether a list of words separated by spaces has one; "ppc" does not find "ppc64". */
export function hasWord(column: Sql, word: string): Sql {
  checkPattern(word);
  const pattern = `% ${word.replace(/[\\%_]/g, '\\$&')} %`;
  return sql`' ' || ${column} || ' ' LIKE ${pattern} ESCAPE '\\'`;
}

/** Ends a SELECT that locks its rows until the transaction ends; SQLite has one writer at a time anyway. */
export const forUpdate = new Sql([(dialect) => (dialect === 'postgres' ? ' FOR UPDATE' : '')]);

/** As {@link forUpdate}, but leaves out rows that others have locked. */
export const forUpdateSkipLocked = new Sql([
  (dialect) => (dialect === 'postgres' ? ' FOR UPDATE SKIP LOCKED' : ''),
]);
