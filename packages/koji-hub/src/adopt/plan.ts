/** Plans an adoption without changing anything. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '../db/connection.js';
import { sql } from '../db/sql.js';
import type { Dialect } from '../db/sql.js';
import { findBrokenRows } from './constraints.js';
import type { BrokenRows } from './constraints.js';
import { leftBehind } from './mapping.js';
import type { TableMap } from './mapping.js';
import { newestVersion, recogniseSchema } from './schema-level.js';
import type { Catalog, SchemaLevel } from './schema-level.js';
import { listOthers, readCatalog, readSizes } from './source.js';
import type { TableSize } from './source.js';

/** How the database becomes ours. */
export type Way = 'copy' | 'inPlace';

/** Rows a second on a machine of two cores, and seconds for a password, for an estimate. */
const speeds = { sqlite: 40_000, postgres: 30_000, bytes: 20_000_000, password: 0.06 } as const;

/** Findings and planned steps of an adoption. */
export interface Plan {
  readonly way: Way;
  readonly level: SchemaLevel;
  readonly catalog: Catalog;
  /** The tables whose rows are copied, in order. */
  readonly copied: readonly TableMap[];
  readonly sizes: ReadonlyMap<string, TableSize>;
  /** Foreign tables, and tables whose rows are not copied, with what happens to them. */
  readonly left: readonly { readonly table: string; readonly rows: number; readonly why: string }[];
  /** Columns that are not ours, as `table.column`. */
  readonly strange: readonly string[];
  readonly passwords: number;
  readonly broken: readonly BrokenRows[];
  /** Who else is connected to the source. */
  readonly others: readonly string[];
  readonly warnings: readonly string[];
  readonly seconds: number;
}

/** Where the rows go. */
export interface Destination {
  readonly way: Way;
  readonly dialect: Dialect;
  readonly store: string;
}

/**
 * Looks at a database of Koji.
 *
 * @throws ConfigError when its schema is not one that can be adopted
 */
export async function planAdoption(
  db: Connection,
  maps: readonly TableMap[],
  { way, dialect, store }: Destination,
): Promise<Plan> {
  const catalog = await readCatalog(db);
  const level = recogniseSchema(catalog);
  const ours = new Map(maps.map((table) => [table.name, table]));
  const copied = maps.filter(({ name }) => catalog.has(name) && leftBehind[name] === undefined);
  const sizes = await readSizes(db, [...catalog.keys()]);
  const left = [...catalog.keys()]
    .filter((table) => !ours.has(table) || leftBehind[table] !== undefined)
    .map((table) => ({
      table,
      rows: sizes.get(table)?.rows ?? 0,
      why: leftBehind[table] ?? 'no table of this hub: of a plugin, or made by hand',
    }));
  const strange = [...catalog].flatMap(([table, columns]) => {
    const known = ours.get(table);
    return known
      ? [...columns].filter((column) => !known.columns.has(column)).map((column) => `${table}.${column}`)
      : [];
  });
  const row = await db.get<{ passwords: number; encoding: string }>(sql`
    SELECT count(*) AS passwords, current_setting('server_encoding') AS encoding FROM users WHERE coalesce(password, '') <> ''`);
  const passwords = row?.passwords ?? 0;
  const warnings = await storeWarnings(db, store);
  if (row?.encoding === 'SQL_ASCII')
    warnings.push(
      'the source has the encoding SQL_ASCII: text that is not UTF-8 cannot be read and stops the adoption',
    );
  const rows = copied.reduce((sum, { name }) => sum + (sizes.get(name)?.rows ?? 0), 0);
  const bytes = copied.reduce((sum, { name }) => sum + (sizes.get(name)?.bytes ?? 0), 0);
  const seconds =
    (way === 'copy' ? rows / speeds[dialect] + bytes / speeds.bytes : 2) + passwords * speeds.password;
  const broken = await findBrokenRows(db, maps, catalog);
  const others = await listOthers(db);
  return { way, level, catalog, copied, sizes, left, strange, passwords, broken, others, warnings, seconds };
}

async function storeWarnings(db: Connection, store: string): Promise<string[]> {
  const volumes = await db.all<{ name: string }>(
    sql`SELECT name FROM volume WHERE name <> 'DEFAULT' ORDER BY name`,
  );
  const wanted = [
    store,
    path.join(store, 'packages'),
    ...volumes.map(({ name }) => path.join(store, 'vol', name)),
  ];
  return wanted
    .filter((folder) => !existsSync(folder))
    .map(
      (folder) => `${folder} is missing: set KojiDir to the file store of Koji, which this hub uses as it is`,
    );
}

/** The lines that tell people of a plan. */
export function describePlan(plan: Plan, from: string, to: string): string[] {
  const { way, level, copied, sizes, left, strange, passwords, broken, others, warnings } = plan;
  const rows = copied.map(({ name }) => ({ name, rows: sizes.get(name)?.rows ?? 0 }));
  const all = rows.reduce((sum, one) => sum + one.rows, 0);
  const filled = rows.filter((one) => one.rows > 0);
  return [
    `source: ${from}, the schema of Koji ${level.shown}`,
    way === 'copy'
      ? `copies ${all} rows of ${filled.length} tables to ${to}:`
      : `makes it a database of this hub where it is; ${all} rows stay:`,
    ...(way === 'inPlace' && level.version !== newestVersion
      ? [`brings its tables to those of Koji ${newestVersion} first`]
      : []),
    ...filled.map((one) => `  ${one.name.padEnd(28)}${String(one.rows).padStart(12)}`),
    `takes about ${duration(plan.seconds)}`,
    `sessions are kept: builders and people stay logged in`,
    `${passwords} passwords, which Koji stores as they are, are hashed`,
    ...left.map(({ table, rows: count, why }) =>
      way === 'copy'
        ? `not copied: ${table}, ${count} rows (${why})`
        : `stays unused: ${table}, ${count} rows (${why})`,
    ),
    ...strange.map(
      (column) =>
        `${way === 'copy' ? 'not copied' : 'stays unused'}: column ${column}, which this hub does not know`,
    ),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...others.map((who) => `connected to the source: ${who}`),
    ...broken.flatMap(describeBroken),
  ];
}

function describeBroken({ table, constraint, count, keys, remedy }: BrokenRows): string[] {
  const more = count > keys.length ? ' …' : '';
  return [
    `cannot adopt ${count} rows of ${table}: ${constraint}`,
    `  rows ${keys.join('; ')}${more}`,
    `  remedy: ${remedy}`,
  ];
}

/** A length of time for people. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return `${(seconds / 3600).toFixed(1)} hours`;
}
