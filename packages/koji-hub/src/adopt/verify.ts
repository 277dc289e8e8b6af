/** `koji-hub adopt --verify`: holds an adopted database against Koji's, and the answers of two hubs against each other. */
import type { HubConfig } from '@koji/core/config';
import { openExisting } from '../commands.js';
import { databaseUrl, folderOf } from '../config.js';
import type { Connection, Row } from '../db/connection.js';
import { openDatabase } from '../db/database.js';
import { id, join, sql } from '../db/sql.js';
import { sourceOf } from './adopt.js';
import { compareAnswers } from './answers.js';
import { encodeRow } from './encode.js';
import { leftBehind, tableMaps } from './mapping.js';
import type { TableMap } from './mapping.js';
import { countRows, readCatalog, readColumns, sampleRows, sourceUrl } from './source.js';
import { startingTables } from './starting-rows.js';

/** Options of a comparison. */
export interface VerifyOptions {
  readonly from: string;
  /** The URLs of Koji's hub and of this one, for comparing answers; without them only the databases are compared. */
  readonly hubs: readonly [string, string] | null;
  /** Rows of each table to compare, and to ask the hubs about. */
  readonly sample: number;
  readonly tell: (line: string) => void;
}

/** Compared objects, and the number of differences. */
export interface VerifySummary {
  readonly tables: number;
  readonly rows: number;
  readonly answers: number;
  readonly differences: number;
}

/** Compares the number of rows of each table, sampled rows, and sampled answers. */
export async function verify(config: HubConfig, options: VerifyOptions): Promise<VerifySummary> {
  const target = await openExisting(config);
  const url = sourceUrl(sourceOf({ from: options.from }, databaseUrl(config.options)));
  const source = await openDatabase({ url, folder: folderOf(config) }).catch(async (error: unknown) => {
    await target.close();
    throw error;
  });
  try {
    return await source.read((theirs) => target.read((ours) => compare(theirs, ours, options)));
  } finally {
    await source.close();
    await target.close();
  }
}

async function compare(theirs: Connection, ours: Connection, options: VerifyOptions): Promise<VerifySummary> {
  let differences = 0;
  const differs = (line: string): void => {
    differences += 1;
    options.tell(line);
  };
  const catalog = await readCatalog(theirs);
  const maps = tableMaps().filter(({ name }) => catalog.has(name) && leftBehind[name] === undefined);
  const names = maps.map(({ name }) => name);
  const [wanted, found] = [await countRows(theirs, names), await countRows(ours, names)];
  for (const name of names) {
    const [here, there] = [found.get(name) ?? 0, wanted.get(name) ?? 0];
    if (here !== there && !(startingTables.has(name) && here > there))
      differs(`${name}: ${there} rows in Koji, ${here} here`);
  }
  const samples = new Map<string, readonly Row[]>();
  let rows = 0;
  for (const table of maps) {
    const columns = readColumns(table, catalog);
    const sampled = await sampleRows(theirs, table, {
      catalog,
      rows: wanted.get(table.name) ?? 0,
      sample: options.sample,
    });
    samples.set(table.name, sampled);
    rows += sampled.length;
    for (const line of await compareRows(ours, { table, columns }, sampled)) differs(line);
  }
  let answers = 0;
  if (options.hubs) answers = await compareAnswers(options.hubs, samples, differs);
  return { tables: names.length, rows, answers, differences };
}

/** Compares rows of Koji's with ours of the same keys. */
async function compareRows(
  ours: Connection,
  { table, columns }: { readonly table: TableMap; readonly columns: readonly string[] },
  sampled: readonly Row[],
): Promise<string[]> {
  if (sampled.length === 0) return [];
  const matching = sampled.map(
    (row) =>
      sql`(${join(
        table.key.map((name) => sql`${id(name)} = ${row[name] as string | number}`),
        ' AND ',
      )})`,
  );
  const found = await ours.all(
    sql`SELECT ${join(columns.map(id), ', ')} FROM ${id(table.name)} WHERE ${join(matching, ' OR ')}`,
  );
  const keyOf = (row: Row): string => table.key.map((name) => `${name} ${String(row[name])}`).join(', ');
  const byKey = new Map(found.map((row) => [keyOf(row), row]));
  return sampled.flatMap((row) => {
    const here = byKey.get(keyOf(row));
    if (!here) return [`${table.name} ${keyOf(row)}: is missing here`];
    const different = columns.filter((name) => textOf(table, name, row) !== textOf(table, name, here));
    return different.length === 0 ? [] : [`${table.name} ${keyOf(row)}: ${different.join(', ')} differ`];
  });
}

function textOf(table: TableMap, name: string, row: Row): string {
  // Koji has the password itself, this hub its hash.
  if (table.name === 'users' && name === 'password')
    return row[name] === null || row[name] === '' ? 'none' : 'some';
  return encodeRow(row, [[name, table.columns.get(name)?.kind ?? 'plain']], 'postgres');
}
