import { beginningOf, beginsWith } from '../../db/beginnings.js';
import { id, like, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';

/** Whether a value off the wire is a whole number, as ids are. */
export function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value);
}

/** Whether an id column can hold a number; PostgreSQL would refuse to compare it with any other. */
export function isPossibleId(value: number): boolean {
  return Math.abs(value) <= 0x7fffffff;
}

/** `column = id`; false for a number that no id can be, which PostgreSQL would refuse to compare. */
export function idIs(column: string, value: number): Sql {
  return isPossibleId(value) ? sql`${id(column)} = ${value}` : sql`1 = 0`;
}

/** Whether a text column starts with a text, whatever the case; only `_` and `%` in it are wildcards, like Koji. */
export function prefixIs(column: string, prefix: string): Sql {
  return like(id(column), `${prefix}%`);
}

/** As {@link prefixIs}, for a name that has an index by its lower case. */
export function hasPrefix(column: string, prefix: string): Sql[] {
  const start = beginningOf(`${prefix}%`);
  return [...(start ? [beginsWith(id(column), start)] : []), prefixIs(column, prefix)];
}
