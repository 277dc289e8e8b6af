/** How the tables of Koji become ours: one place, made of our own declarations of tables, whose names are Koji's. */
import { id, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { tables } from '../db/tables/index.js';

/** How a column's values are written. */
export type ColumnKind = 'time' | 'json' | 'plain';

/** One of our tables, as the copy and the checks see it. */
export interface TableMap {
  readonly name: string;
  readonly columns: ReadonlyMap<string, ColumnMap>;
  /** Orders the rows, so that an interrupted copy knows where it stood. */
  readonly key: readonly string[];
  /** Whether `id` counts up by a sequence. */
  readonly counts: boolean;
  readonly foreign: readonly ForeignMap[];
  readonly unique: readonly (readonly string[])[];
  readonly checks: readonly { readonly name: string; readonly expression: string }[];
}

/** A column that points, alone or with others, at another table. */
interface ForeignMap {
  readonly columns: readonly string[];
  readonly table: string;
  readonly references: readonly string[];
}

/** A column of {@link TableMap}. */
export interface ColumnMap {
  readonly kind: ColumnKind;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  readonly length: number | null;
}

/** Values of columns that Koji added after 1.33, for a database that lacks them; other new columns get their defaults. */
const laterColumns: Readonly<Record<string, Readonly<Record<string, Sql>>>> = {
  rpminfo: { draft: sql`CASE WHEN build_id IS NULL THEN NULL ELSE FALSE END` },
  repo: {
    creation_time: sql`(SELECT events.time FROM events WHERE events.id = create_event)`,
    state_time: sql`(SELECT events.time FROM events WHERE events.id = create_event)`,
  },
};

/** Tables whose rows are not copied, with the reason. */
export const leftBehind: Readonly<Record<string, string>> = {
  proton_queue:
    'messages of the plugin protonmsg that were not sent; the messagebus plugin has a queue of its own',
};

const kinds: Readonly<Record<string, ColumnKind>> = {
  timestamptz: 'time',
  datetime: 'time',
  json: 'json',
  jsonb: 'json',
};

/** All of our tables; one comes after those that its rows point at. */
export function tableMaps(): TableMap[] {
  const all = tables('postgres').map(({ options }): TableMap => {
    const columns = Object.entries(options.columns).flatMap(([name, column]) =>
      column ? [[name, column] as const] : [],
    );
    return {
      name: options.name,
      columns: new Map(
        columns.map(([name, column]) => [
          name,
          {
            kind: kinds[String(column.type)] ?? 'plain',
            nullable: column.nullable ?? false,
            hasDefault: column.default !== undefined || column.generated !== undefined,
            length: column.length === undefined ? null : Number(column.length),
          },
        ]),
      ),
      key: columns.filter(([, column]) => column.primary).map(([name]) => name),
      counts: columns.some(([, column]) => column.generated !== undefined),
      foreign: (options.foreignKeys ?? []).map((foreign) => ({
        columns: foreign.columnNames,
        table: typeof foreign.target === 'string' ? foreign.target : '',
        references: foreign.referencedColumnNames,
      })),
      unique: (options.uniques ?? []).map(({ columns: names }) => (Array.isArray(names) ? names : [])),
      checks: (options.checks ?? []).map(({ name = '', expression }) => ({ name, expression })),
    };
  });
  return inOrder(all);
}

/** Puts each table after those that it points at. */
function inOrder(all: readonly TableMap[]): TableMap[] {
  const byName = new Map(all.map((table) => [table.name, table]));
  const done = new Set<TableMap>();
  const visit = (table: TableMap): void => {
    if (done.has(table)) return;
    for (const { table: name } of table.foreign) {
      const parent = byName.get(name);
      if (parent && parent !== table) visit(parent);
    }
    done.add(table);
  };
  all.forEach(visit);
  return [...done];
}

/** Returns what to read for a column of a source table with the columns given; null where our default takes its place. */
export function sourceOf(table: string, column: string, has: ReadonlySet<string>): Sql | null {
  if (has.has(column)) return id(`${table}.${column}`);
  return laterColumns[table]?.[column] ?? null;
}
