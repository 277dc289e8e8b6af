import { ParameterError } from '@koji/core';
import type { QueryOpts } from '@koji/core/api';
import type { Call } from '../../call.js';
import type { Row } from '../../db/connection.js';
import { query } from '../../db/rows.js';
import type { Query, TypedColumn } from '../../db/rows.js';
import { Sql, anyOf, join, jsonContains, sql } from '../../db/sql.js';
import type { SqlValue } from '../../db/sql.js';
import { isPossibleId } from '../values/ids.js';
import { readJson } from '../values/json.js';
import { plain } from '../values/repr.js';

/** The types of values that columns are compared with. */
export type FieldType = 'integer' | 'number' | 'boolean' | 'text' | 'time';

/** A field that can be asked for, and the joined table that it needs. */
export interface Field {
  readonly column: Sql | TypedColumn;
  readonly of?: string;
  /** The column holds JSON: it can be compared by containment, and is answered as what it says. */
  readonly json?: boolean;
  /** Type of the values that the column is compared with; default `integer`. */
  readonly type?: FieldType;
}

/** A table that callers ask with clauses, fields and options of their own, Koji's QueryView. */
export interface View {
  readonly table: Sql;
  readonly joins: Readonly<Record<string, Sql>>;
  readonly fields: Readonly<Record<string, Field>>;
  /** The fields of a caller who names none. */
  readonly usual: readonly string[];
}

/** Options of a view, with unchecked values from the caller. */
export interface Question {
  /** `[field, value]` (a list means one of them), or `[field, operator, value]`; all must hold. */
  readonly clauses: unknown;
  /** A field, several, `*` for those that need no further table or `**` for all. */
  readonly fields: unknown;
  readonly opts: QueryOpts | null;
  /** Conditions that are not the caller's. */
  readonly where?: readonly Sql[];
}

/**
 * The rows of a view that fulfil all clauses, as {@link query} answers them.
 *
 * @throws ParameterError for an unknown field or operator, or a value that can't be compared
 */
export async function look<T extends object>(call: Call, view: View, question: Question): Promise<T[]> {
  return query<T>(call.db, asQuery<T>(view, question));
}

/** The {@link Query} of {@link look}, for callers that stream it. */
export function asQuery<T extends object>(
  view: View,
  { clauses, fields, opts, where = [] }: Question,
): Query<T> {
  const order = typeof opts?.order === 'string' ? opts.order : '';
  const ordered = order.split(',').flatMap((term) => term.replace(/^-/, '') || []);
  const asked = (Array.isArray(clauses) ? (clauses as unknown[]) : []).map(splitClause);
  const named = [...ordered, ...asked.map(({ field }) => field)];
  const joinedBefore = new Set(named.map((name) => fieldOf(view, name).of));
  const wanted = fieldNames(view, fields, joinedBefore);
  const needed = new Set([...wanted, ...named].map((name) => fieldOf(view, name).of));
  const joins = Object.keys(view.joins).flatMap((table) =>
    needed.has(table) ? (view.joins[table] ?? []) : [],
  );
  const json = wanted.filter((name) => fieldOf(view, name).json);
  return {
    columns: Object.fromEntries(wanted.map((name) => [name, fieldOf(view, name).column])),
    from: sql`${view.table}${join(joins, '')}`,
    where: [...where, ...asked.map((clause) => conditionOf(view, clause))],
    opts,
    orders: Object.fromEntries(ordered.map((name) => [name, expressionOf(fieldOf(view, name).column)])),
    ...(json.length > 0 && { transform: (row) => readFields(row as Row, json) }),
  };
}

function readFields(row: Row, names: readonly string[]): Row {
  for (const name of names) row[name] = readJson(row[name], `Invalid ${name}`);
  return row;
}

function fieldOf(view: View, name: unknown): Field {
  const field = typeof name === 'string' && Object.hasOwn(view.fields, name) ? view.fields[name] : undefined;
  if (!field) throw new ParameterError(`Invalid field for query ${plain(name)}`);
  return field;
}

const expressionOf = (column: Sql | TypedColumn): Sql => (column instanceof Sql ? column : column.expression);

function fieldNames(view: View, fields: unknown, joined: ReadonlySet<string | undefined>): string[] {
  const given: unknown[] = typeof fields === 'string' ? [fields] : Array.isArray(fields) ? fields : [];
  if (given.length === 0 || given[0] === '') return [...view.usual];
  const names = given.flatMap((name) => {
    if (name === '**') return Object.keys(view.fields);
    if (name !== '*') return [name as string];
    return Object.keys(view.fields).filter(
      (field) => joined.has(fieldOf(view, field).of) || !fieldOf(view, field).of,
    );
  });
  return [...new Set(names)];
}

interface Condition {
  readonly field: string;
  readonly operator: string;
  readonly value: unknown;
}

function splitClause(clause: unknown): Condition {
  const parts: unknown[] = Array.isArray(clause) ? clause : [];
  if (parts.length === 2)
    return { field: parts[0] as string, operator: Array.isArray(parts[1]) ? 'IN' : '=', value: parts[1] };
  if (parts.length !== 3) throw new ParameterError(`Invalid clause: ${plain(clause)}`);
  return { field: parts[0] as string, operator: plain(parts[1]).toUpperCase(), value: parts[2] };
}

const comparisons = new Map(['=', '!=', '>', '<', '>=', '<='].map((sign) => [sign, new Sql([` ${sign} `])]));

function conditionOf(view: View, condition: Condition): Sql {
  const { field, operator, value } = condition;
  const about = fieldOf(view, field);
  const { column, json } = about;
  const expression = expressionOf(column);
  if (operator === 'IS' || operator === 'IS NOT') {
    const not = operator === 'IS NOT' ? sql` NOT` : sql``;
    if (value === null) return sql`${expression} IS${not} NULL`;
    if (typeof value === 'boolean' && !json)
      return value ? sql`${expression} IS${not} TRUE` : sql`${expression} IS${not} FALSE`;
    throw wrongClause(condition);
  }
  if (json) return jsonCondition(expression, condition);
  if (operator === 'IN') {
    if (!Array.isArray(value)) throw wrongClause(condition);
    const values = value.map((one) => comparable(field, typeOf(about), one));
    // Booleans are few; a number that no column holds is among none.
    if (typeOf(about) !== 'boolean')
      return anyOf(
        expression,
        values.filter((one) => typeof one === 'string' || isStorable(about, one)) as (number | string)[],
      );
    return values.length === 0
      ? sql`1 = 0`
      : sql`(${join(
          values.map((one) => sql`${expression} = ${one}`),
          ' OR ',
        )})`;
  }
  const comparison = comparisons.get(operator);
  if (!comparison)
    throw ['@>', '<@'].includes(operator)
      ? wrongClause(condition)
      : new ParameterError(`Invalid operator: ${operator}`);
  const given = comparable(field, typeOf(about), value);
  // As a number of any size, which a column of integers can be compared with in both databases.
  if (typeof given === 'number' && !isStorable(about, given))
    return sql`${expression}${comparison}CAST(${given} AS double precision)`;
  return sql`${expression}${comparison}${given}`;
}

/** Whether a column can hold a number, so that it can be bound as one of its values. */
function isStorable(field: Field, value: SqlValue): boolean {
  return typeOf(field) === 'number' || (Number.isInteger(value) && isPossibleId(Number(value)));
}

function typeOf({ column, type }: Field): FieldType {
  if (column instanceof Sql) return type ?? 'integer';
  return column.kind === 'bool' ? 'boolean' : 'number';
}

function jsonCondition(expression: Sql, condition: Condition): Sql {
  const { operator, value } = condition;
  if (typeof value !== 'string') throw wrongClause(condition);
  try {
    JSON.parse(value);
  } catch {
    throw wrongClause(condition);
  }
  const given = sql`${value}`;
  if (operator === '@>') return jsonContains(expression, given);
  if (operator === '<@') return jsonContains(given, expression);
  const equal = sql`(${jsonContains(expression, given)} AND ${jsonContains(given, expression)})`;
  if (operator === '=') return equal;
  if (operator === '!=') return sql`NOT ${equal}`;
  throw comparisons.has(operator) || operator === 'IN'
    ? wrongClause(condition)
    : new ParameterError(`Invalid operator: ${operator}`);
}

const wrongClause = ({ field, operator, value }: Condition): ParameterError =>
  new ParameterError(`Invalid clause: ${plain(field)} ${operator} ${plain(value)}`);

const booleans: ReadonlyMap<string, boolean> = new Map(
  [true, false].flatMap((value) =>
    (value ? ['t', 'true', 'y', 'yes', 'on', '1'] : ['f', 'false', 'n', 'no', 'off', '0']).map(
      (text) => [text, value] as const,
    ),
  ),
);

/** Reads text as PostgreSQL does for a column of a type; undefined when it means nothing there. */
function readText(type: FieldType, text: string): SqlValue | undefined {
  if (type === 'text') return text;
  const trimmed = text.trim();
  if (type === 'boolean') return booleans.get(trimmed.toLowerCase());
  if (type === 'time') return Number.isNaN(Date.parse(trimmed)) ? undefined : text;
  const isNumber = type === 'integer' ? /^[-+]?\d{1,15}$/ : /^[-+]?\d{1,15}(\.\d{0,15})?$/;
  return isNumber.test(trimmed) ? Number(trimmed) : undefined;
}

/**
 * Reads a value to compare a column with.
 *
 * @throws ParameterError for one that no column of the type can be compared with
 */
function comparable(field: string, type: FieldType, value: unknown): SqlValue {
  const given: unknown = typeof value === 'object' && value !== null ? value.valueOf() : value;
  if (given === null) return null;
  const isNumeric = type === 'integer' || type === 'number';
  if (typeof given === 'boolean' && type === 'boolean') return given;
  if (typeof given === 'number' && isNumeric && Number.isFinite(given)) return given;
  const read = typeof given === 'string' ? readText(type, given) : undefined;
  if (read === undefined) throw new ParameterError(`Invalid value for ${field}: ${plain(value)}`);
  return read;
}
