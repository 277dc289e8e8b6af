/** Copies the rows of a Koji database into a new database of this hub, in batches that are each durable. */
import { ConfigError, messageOf } from '@koji/core';
import type { Connection, Opened, Row } from '../db/connection.js';
import { id, sql } from '../db/sql.js';
import { encodeRow, insertRows } from './encode.js';
import type { TableMap } from './mapping.js';
import { hashPasswords } from './passwords.js';
import type { Plan } from './plan.js';
import { noteProgress, endProgress } from './progress.js';
import type { TableProgress } from './progress.js';
import { countRows, readColumns, readSequences, selectRows } from './source.js';
import { addStartingRows } from './starting-rows.js';

/** The most rows and characters of one batch; of users fewer, since hashing takes a while and is lost when interrupted. */
const limits = { rows: 5000, characters: 4_000_000, users: 200 } as const;

/** Source and target of a copy. */
export interface CopyParts {
  /** A snapshot of the source. */
  readonly source: Connection;
  readonly target: Opened;
  readonly plan: Plan;
  /** How far an earlier copy came. */
  readonly progress: ReadonlyMap<string, TableProgress>;
  readonly tell: (line: string) => void;
  readonly hash?: (password: string) => Promise<string>;
}

/** Copies all tables that are not done. */
export async function copyTables(parts: CopyParts): Promise<void> {
  for (const table of parts.plan.copied) {
    const before = parts.progress.get(table.name) ?? { rows: 0, after: null, done: false };
    if (!before.done) await copyTable(parts, table, before);
  }
}

async function copyTable(parts: CopyParts, table: TableMap, before: TableProgress): Promise<void> {
  const { source, target, plan, tell } = parts;
  const columns = readColumns(table, plan.catalog);
  const kinds = columns.map((name) => [name, table.columns.get(name)?.kind ?? 'plain'] as const);
  const most = table.name === 'users' ? limits.users : limits.rows;
  const keyOf = (row: Row): (string | number)[] => table.key.map((name) => row[name] as string | number);
  let { rows: copied, after } = before;
  let batch: Row[] = [];
  let texts: string[] = [];
  let characters = 0;
  const flush = async (done: boolean): Promise<void> => {
    // Most tables of a small site are empty: to note each of them would take longer than all the rest.
    if (batch.length === 0 && copied === 0) return;
    const [first, last] = [batch[0], batch.at(-1)];
    if (table.name === 'users') {
      const hashed = await hashPasswords(batch, parts.hash);
      texts = hashed.map((row) => encodeRow(row, kinds, target.dialect));
    }
    copied += batch.length;
    if (last) after = keyOf(last);
    const inserted = `[${texts.join(',')}]`;
    await target
      .write(async (db) => {
        if (first) await db.run(insertRows(table, columns, inserted));
        await noteProgress(db, table.name, { rows: copied, after, done });
      })
      .catch((cause: unknown) => {
        const keys =
          first && last ? ` between the keys ${keyOf(first).join(', ')} and ${keyOf(last).join(', ')}` : '';
        throw new ConfigError(`the rows of ${table.name}${keys} cannot be copied: ${messageOf(cause)}`, {
          cause,
        });
      });
    [batch, texts, characters] = [[], [], 0];
    if (!done) tell(`${table.name}: ${copied} rows so far`);
  };
  for await (const portion of selectRows(source, table, { catalog: plan.catalog, after })) {
    for (const row of portion) {
      batch.push(row);
      if (table.name === 'users') continue;
      const text = encodeRow(row, kinds, target.dialect);
      texts.push(text);
      characters += text.length;
    }
    if (batch.length >= most || characters >= limits.characters) await flush(false);
  }
  await flush(true);
  if (copied > 0) tell(`${table.name}: ${copied} rows`);
}

/**
 * Completes a copy: compares the number of rows of each table, and continues ids where Koji's ended.
 *
 * @throws ConfigError with the tables that differ; the copy then stays incomplete
 */
export async function finishCopy(
  { source, target, plan }: CopyParts,
  maps: readonly TableMap[],
): Promise<void> {
  const names = plan.copied.map(({ name }) => name);
  const wanted = await countRows(source, names);
  const found = await target.read((db) => countRows(db, names));
  const different = names.filter((name) => wanted.get(name) !== found.get(name));
  if (different.length > 0) {
    const shown = different.map((name) => `${name} ${found.get(name) ?? 0} of ${wanted.get(name) ?? 0}`);
    throw new ConfigError(`rows are missing in the copy: ${shown.join(', ')}; copy again with --restart`);
  }
  const counting = plan.copied.filter(({ counts }) => counts).map(({ name }) => name);
  const last = await readSequences(source, counting);
  await target.write(async (db) => {
    for (const name of counting) await setSequence(db, name, last.get(name) ?? null);
    await addStartingRows(db, maps);
    await endProgress(db);
  });
}

/** Sets the id that a table gave last; ids of rows that are gone are not given again. */
async function setSequence(db: Connection, table: string, last: number | null): Promise<void> {
  const highest = await db.get<{ id: number | null }>(sql`SELECT max(id) AS id FROM ${id(table)}`);
  const value = Math.max(last ?? 0, highest?.id ?? 0);
  if (db.dialect === 'postgres')
    await db.get(
      sql`SELECT setval(pg_get_serial_sequence(${table}, 'id'), ${Math.max(value, 1)}, ${value > 0}) AS value`,
    );
  else {
    await db.run(sql`DELETE FROM sqlite_sequence WHERE name = ${table}`);
    await db.run(sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${value})`);
  }
}
