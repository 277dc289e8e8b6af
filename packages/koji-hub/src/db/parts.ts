import { join, Sql, sql } from './sql.js';

/** A field to sort by. */
export interface SortTerm {
  readonly name: string;
  readonly descending: boolean;
  /** Nulls are the greatest, unless they come first. */
  readonly nullsFirst?: boolean;
}

/** A part of a sorted list. */
export interface Part {
  readonly offset: number;
  /** Rows; 0 or less for all that are left. */
  readonly limit: number;
  /** None keeps the order that the list has by itself. */
  readonly terms: readonly SortTerm[];
}

/** A part of a list, and how many rows the whole list has. */
export interface PartOfRows<T> {
  readonly total: number;
  readonly rows: T[];
}

/** Returns whether both databases can count so far. */
export const isPossible = (place: number): boolean => place <= 0x7fffffff;

/** A column that a list is sorted by in the database. */
export interface SortColumn {
  readonly expression: Sql;
  /** Texts are sorted by code points, whatever the collation of the database. */
  readonly text?: boolean;
  /** The joins that the expression needs. */
  readonly join?: Sql;
}

/** The columns that a list can be sorted by in the database, by name. */
export type SortColumns = Readonly<Record<string, SortColumn>>;

/** Returns whether the database can sort by all of these. */
export function canSort(columns: SortColumns, terms: readonly SortTerm[]): boolean {
  return terms.every(({ name }) => Object.hasOwn(columns, name));
}

/** Returns the joins that sorting needs. */
export function sortJoins(columns: SortColumns, terms: readonly SortTerm[]): Sql {
  const joins = new Set(terms.flatMap(({ name }) => columns[name]?.join ?? []));
  return join([sql``, ...joins], ' ');
}

/** Returns what to order by: the terms as sortRows sorts in memory, then what keeps the order of the list. */
export function sortOrder(columns: SortColumns, terms: readonly SortTerm[], own: Sql): Sql {
  const expressions = terms.flatMap(({ name, descending, nullsFirst = false }) => {
    const column = columns[name];
    if (!column) return [];
    const { expression, text = false } = column;
    const end = `${descending ? ' DESC' : ''} NULLS ${nullsFirst === descending ? 'LAST' : 'FIRST'}`;
    const collation = (dialect: string): string => (text && dialect === 'postgres' ? ' COLLATE "C"' : '');
    return [new Sql(['(', ...expression.parts, ')', collation, end])];
  });
  return join([...expressions, own], ', ');
}

/** Returns the end of a query that cuts out a part. */
export function cutPart({ limit, offset }: Part): Sql {
  const most =
    limit > 0 ? sql` LIMIT ${limit}` : new Sql([(dialect) => (dialect === 'sqlite' ? ' LIMIT -1' : '')]);
  return sql`${most} OFFSET ${offset}`;
}
