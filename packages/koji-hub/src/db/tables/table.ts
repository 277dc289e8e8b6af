import type { ColumnType, EntitySchema as Schema, EntitySchemaColumnOptions } from 'typeorm';
import type { Dialect } from '../sql.js';
import { EntitySchema, EntitySchemaOptions } from '../typeorm.js';

/** Contents of a column; {@link columnTypes} has the types of each database. */
type Kind = 'int' | 'small' | 'big' | 'text' | 'varchar' | 'bool' | 'float' | 'time' | 'json' | 'jsonb';

/** A default as SQL for each database, null for none. */
type Default = Readonly<Record<Dialect, string | null>>;

/** One column of a table. */
export interface Column {
  readonly kind: Kind;
  readonly length?: number;
  readonly nullable?: boolean;
  readonly serial?: boolean;
  readonly default?: boolean | number | Default;
  /** The table whose `id` it points at. */
  readonly references?: string;
  readonly deferrable?: boolean;
}

/** Parts of a table besides its columns. Constraint names are Koji's, which are PostgreSQL's defaults unless given. */
export interface TableOptions {
  /** Primary key; absent when there is an `id`. */
  readonly key?: readonly string[];
  /** For a table that has no primary key in Koji: the name of the unique key that replaces it. */
  readonly keyName?: string;
  readonly unique?: readonly (readonly string[] | { name: string; columns: readonly string[] })[];
  readonly checks?: Readonly<Record<string, string | Readonly<Record<Dialect, string>>>>;
  readonly indexes?: Readonly<
    Record<string, { columns?: readonly string[]; where?: string; unique?: boolean }>
  >;
  readonly foreign?: readonly { columns: readonly string[]; table: string; references: readonly string[] }[];
}

/** A table: TypeORM's description of it for one database. */
export type Table = (dialect: Dialect) => Schema;

const columnTypes: Readonly<Record<Kind, Readonly<Record<Dialect, ColumnType>>>> = {
  int: { postgres: 'integer', sqlite: 'integer' },
  small: { postgres: 'smallint', sqlite: 'smallint' },
  big: { postgres: 'bigint', sqlite: 'bigint' },
  text: { postgres: 'text', sqlite: 'text' },
  varchar: { postgres: 'varchar', sqlite: 'varchar' },
  bool: { postgres: 'boolean', sqlite: 'boolean' },
  float: { postgres: 'double precision', sqlite: 'double precision' },
  time: { postgres: 'timestamptz', sqlite: 'datetime' },
  json: { postgres: 'json', sqlite: 'text' },
  jsonb: { postgres: 'jsonb', sqlite: 'text' },
};

// SQLite's own clock, not koji_now(): a default must work for every tool that opens the file.
const clock: Default = {
  postgres: 'now()',
  sqlite: `strftime('%Y-%m-%d %H:%M:%f000+00:00','now')`,
};

export const serial = (): Column => ({ kind: 'int', serial: true });
export const int = (value?: number): Column => ({
  kind: 'int',
  ...(value === undefined ? {} : { default: value }),
});
export const small = (): Column => ({ kind: 'small' });
export const big = (): Column => ({ kind: 'big' });
export const text = (value?: string): Column => ({
  kind: 'text',
  ...(value === undefined ? {} : { default: { postgres: `'${value}'`, sqlite: `'${value}'` } }),
});
export const varchar = (length: number): Column => ({ kind: 'varchar', length });
export const bool = (value?: boolean): Column => ({
  kind: 'bool',
  ...(value === undefined ? {} : { default: value }),
});
export const float = (value?: string): Column => ({
  kind: 'float',
  ...(value === undefined ? {} : { default: { postgres: value, sqlite: value } }),
});
/** A time; by default the start of the transaction (`now`) or the wall clock, which are one in SQLite. */
export const time = (fallback?: 'now' | 'clock'): Column => ({
  kind: 'time',
  ...(fallback === undefined
    ? {}
    : { default: fallback === 'now' ? clock : { ...clock, postgres: 'clock_timestamp()' } }),
});
export const json = (): Column => ({ kind: 'json' });
export const jsonb = (): Column => ({ kind: 'jsonb' });
/** The id of a row of another table. */
export const ref = (table: string): Column => ({ kind: 'int', references: table });
/** The event of a row; PostgreSQL makes a new one when none is given, as Koji's schema does. */
export const event = (): Column => ({
  ...ref('events'),
  default: { postgres: 'get_event()', sqlite: null },
});
export const maybe = (column: Column): Column => ({ ...column, nullable: true });

/** Describes a table. */
export function table(
  name: string,
  columns: Readonly<Record<string, Column>>,
  options: TableOptions = {},
): Table {
  return (dialect) =>
    new EntitySchema<object>(
      Object.assign(new EntitySchemaOptions<object>(), {
        name,
        tableName: name,
        columns: Object.fromEntries(
          Object.entries(columns).map(([key, column]) => [
            key,
            columnOptions({ table: name, name: key, column, options }, dialect),
          ]),
        ),
        foreignKeys: foreignKeys(name, columns, options),
        uniques: (options.unique ?? []).map((unique) =>
          'name' in unique
            ? { name: unique.name, columns: [...unique.columns] }
            : { name: `${name}_${unique.join('_')}_key`, columns: [...unique] },
        ),
        checks: Object.entries(options.checks ?? {}).map(([key, check]) => ({
          name: key,
          expression: typeof check === 'string' ? check : check[dialect],
        })),
        indices: Object.entries(options.indexes ?? {}).map(([key, index]) => ({
          name: key,
          unique: index.unique ?? false,
          ...(index.columns ? { columns: [...index.columns] } : { columns: ['id'], synchronize: false }),
          ...(index.where === undefined ? {} : { where: index.where }),
        })),
      }),
    );
}

function columnOptions(
  {
    table: owner,
    name,
    column,
    options,
  }: { table: string; name: string; column: Column; options: TableOptions },
  dialect: Dialect,
): EntitySchemaColumnOptions {
  const primary = column.serial ?? options.key?.includes(name) ?? false;
  const fallback = typeof column.default === 'object' ? column.default[dialect] : column.default;
  return {
    type: columnTypes[column.kind][dialect],
    nullable: column.nullable ?? false,
    ...(column.length === undefined ? {} : { length: column.length }),
    ...(primary ? { primary, primaryKeyConstraintName: options.keyName ?? `${owner}_pkey` } : {}),
    ...(column.serial ? { generated: 'increment' as const } : {}),
    ...(fallback === undefined || fallback === null
      ? {}
      : { default: typeof fallback === 'string' ? () => fallback : fallback }),
  };
}

function foreignKeys(name: string, columns: Readonly<Record<string, Column>>, options: TableOptions) {
  const own = Object.entries(columns).flatMap(([key, column]) =>
    column.references === undefined
      ? []
      : [
          {
            name: `${name}_${key}_fkey`,
            target: column.references,
            columnNames: [key],
            referencedColumnNames: ['id'],
            ...(column.deferrable ? { deferrable: 'INITIALLY IMMEDIATE' as const } : {}),
          },
        ],
  );
  const others = (options.foreign ?? []).map((foreign) => ({
    name: `${name}_${foreign.columns.join('_')}_fkey`,
    target: foreign.table,
    columnNames: [...foreign.columns],
    referencedColumnNames: [...foreign.references],
    onUpdate: 'CASCADE' as const,
  }));
  return [...own, ...others];
}

/**
 * Describes a table whose rows are never changed in place: a row is current while `active` is true, and revoked (active
 * null, never false) by an event. Keys hold among current rows.
 */
export function versioned(
  name: string,
  columns: Readonly<Record<string, Column>>,
  options: { key: readonly string[]; unique?: readonly (readonly string[])[] } & Omit<
    TableOptions,
    'key' | 'unique'
  >,
): Table {
  return table(
    name,
    {
      create_event: event(),
      ...columns,
      revoke_event: maybe(ref('events')),
      creator_id: ref('users'),
      revoker_id: maybe(ref('users')),
      active: maybe(bool(true)),
    },
    {
      ...options,
      key: ['create_event', ...options.key],
      unique: (options.unique ?? [options.key]).map((unique) => [...unique, 'active']),
      checks: {
        ...options.checks,
        active_revoke_sane:
          '(active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL)' +
          ' OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)',
        [`${name}_active_check`]: 'active',
      },
    },
  );
}
