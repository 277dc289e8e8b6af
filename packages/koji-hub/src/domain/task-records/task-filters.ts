import { ParameterError } from '@koji/core';
import type { QueryOpts, TaskFilter } from '@koji/core/api';
import { anyOf, id, sql, unkeyed } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { epochOf } from '../../db/times.js';
import { plain } from '../values/repr.js';
import { isFinished } from './states.js';

/** A condition, and whether few tasks fulfil it, so that they are found by it. */
interface Condition {
  readonly column: Sql;
  readonly where: (column: Sql) => Sql;
  /** The most selective condition first; null if no index helps. */
  readonly rank: number | null;
}

/**
 * The conditions of a filter of listTasks. Of several SQLite looks tasks up by the one that fits fewest.
 *
 * @throws ParameterError for a value that the column can't be compared with
 */
export function taskConditions(filter: TaskFilter, opts: QueryOpts | null): Sql[] {
  const given = filter as Readonly<Record<string, unknown>>;
  const order = typeof opts?.order === 'string' ? opts.order.replace(/^-/, '') : '';
  const conditions = [...valueConditions(given, order), ...timeConditions(given, order)];
  const best = Math.min(...conditions.map(({ rank }) => rank ?? Infinity));
  return conditions.map(({ column, where, rank }) => where(rank === best ? column : unkeyed(column)));
}

const names = ['arch', 'state', 'owner', 'host_id', 'channel_id', 'parent', 'method'];

function valueConditions(given: Readonly<Record<string, unknown>>, order: string): Condition[] {
  const conditions: Condition[] = [];
  for (const name of names) {
    const column = id(`task.${name}`);
    if (Object.hasOwn(given, name)) {
      const value = given[name];
      conditions.push({ column, where: equals(name, value), rank: rankOf(name, value, order) });
    }
    // As in SQL, rows without a value are neither equal nor different.
    if (name !== 'method' && Object.hasOwn(given, `not_${name}`)) {
      const excluded = equals(name, given[`not_${name}`]);
      conditions.push({ column, where: (own) => sql`NOT (${excluded(own)})`, rank: null });
    }
  }
  return conditions;
}

/** Whether an index finds a task by a value, and how well. Half of all tasks have no parent, and most are over. */
function rankOf(name: string, value: unknown, order: string): number | null {
  if (name === 'parent') return value === null ? null : 0;
  if (name === 'owner') return 2;
  if (name === 'host_id') return 3;
  const isOne = !Array.isArray(value) || value.length === 1;
  const inOrder = isOne && (order === '' || order === 'id');
  if (name === 'method') return inOrder ? 5 : null;
  if (name !== 'state') return null;
  const states: unknown[] = Array.isArray(value) ? value : [value];
  if (states.every((state) => typeof state === 'number' && !isFinished(state))) return 1;
  return inOrder ? 6 : null;
}

function equals(name: string, value: unknown): Condition['where'] {
  if (value === null) return (column) => sql`${column} IS NULL`;
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const text = name === 'arch' || name === 'method';
  for (const one of values) {
    if (text ? typeof one === 'string' : typeof one === 'number' && Math.abs(one) <= 0x7fffffff) continue;
    throw new ParameterError(
      `listTasks: ${name} must be ${text ? 'a string' : 'a number'}, not ${plain(one)}`,
    );
  }
  const [first] = values as (number | string)[];
  // Rows of one value have the order of the index.
  if (values.length === 1 && first !== undefined && (text || Number.isInteger(first)))
    return (column) => sql`${column} = ${first}`;
  return (column) => anyOf(column, values as (number | string)[]);
}

const before = sql`<`;
const after = sql`>`;
const timeFilters: readonly (readonly [keyof TaskFilter, string, Sql])[] = [
  ['createdBefore', 'create_time', before],
  ['createdAfter', 'create_time', after],
  ['startedBefore', 'start_time', before],
  ['startedAfter', 'start_time', after],
  ['completeBefore', 'completion_time', before],
  ['completeAfter', 'completion_time', after],
  ['completedBefore', 'completion_time', before],
  ['completedAfter', 'completion_time', after],
];

function timeConditions(given: Readonly<Record<string, unknown>>, order: string): Condition[] {
  const asked = timeFilters.filter(([name]) => given[name] !== undefined && given[name] !== null);
  return asked.map(([name, column, sign]) => {
    const moment = momentOf(name, given[name]);
    const ofColumn = asked.filter(([, other]) => other === column);
    const isSpan = ofColumn.some(([, , other]) => other !== sign);
    const isOrder = order === column || order === column.replace(/time$/, 'ts');
    return {
      column: id(`task.${column}`),
      where: (own) => sql`${own} ${sign} ${moment}`,
      // A time with one end only fits most tasks, unless they are wanted in its order.
      rank: column !== 'start_time' && (isSpan || isOrder) ? 4 : null,
    };
  });
}

function momentOf(name: string, value: unknown): Date {
  const seconds = typeof value === 'string' ? epochOf(value) : Number((value as object).valueOf());
  const moment = new Date((seconds ?? NaN) * 1000);
  if (Number.isNaN(moment.getTime()))
    throw new ParameterError(`listTasks: ${name} must be epoch seconds or an ISO date, not ${plain(value)}`);
  return moment;
}
