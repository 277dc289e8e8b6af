import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { ConfigError } from '@koji/core';
import type { Opened } from './connection.js';
import type { Dialect } from './sql.js';
import { migrations } from './migrations/index.js';
import { isAdditive, recordedName, runnable } from './migrations/migration.js';
import type { Migration } from './migrations/migration.js';

/** Where a database's schema stands. */
export interface SchemaState {
  /** Migrations done, oldest first, by name; of those some may be unknown to this version. */
  readonly applied: readonly string[];
  /** Migrations still to do. */
  readonly pending: readonly string[];
  /** Migrations done by a later version of the hub. */
  readonly unknown: readonly string[];
  /** Whether tables of Koji exist that none of our migrations created. */
  readonly foreign: boolean;
  /** Whether a copy of a database of Koji into this one is not complete. */
  readonly adopting: boolean;
}

/** The table that exists while a Koji database is copied into this one. */
export const adoptionTable = 'adopt_progress';

// Any number will do, as long as nobody else locks by it.
const migrationLock = 0x6b6f6a69;

/** Tells which migrations a database has and lacks, without changing anything. */
export async function schemaState(
  database: Opened,
  steps: readonly Migration[] = migrations,
): Promise<SchemaState> {
  return database.withDataSource((source) => stateOf(source, database.dialect, steps));
}

/**
 * Brings the schema of a database up to date, each step in a transaction of its own, so that an interrupted upgrade continues
 * where it stopped. Several hubs may do so at once.
 *
 * @param options.foreign takes tables that Koji made for those of the first step
 * @returns the names of the steps done
 * @throws ConfigError when a later version has been at the database, or another program made its tables
 */
export async function migrate(
  database: Opened,
  steps: readonly Migration[] = migrations,
  { foreign = false }: { readonly foreign?: boolean } = {},
): Promise<string[]> {
  return database.withDataSource(async (source) => {
    if (database.dialect === 'sqlite') return run(source, { dialect: 'sqlite', steps, foreign });
    const runner = source.createQueryRunner();
    try {
      // Waiting in the database would be a statement that new indexes wait for.
      const take = `SELECT pg_try_advisory_lock(${migrationLock}) AS taken`;
      while (!((await runner.query(take)) as { taken: boolean }[])[0]?.taken) await sleep(100);
      return await run(source, { dialect: 'postgres', steps, foreign });
    } finally {
      await runner.query(`SELECT pg_advisory_unlock(${migrationLock})`);
      await runner.release();
    }
  });
}

async function run(
  source: DataSource,
  { dialect, steps, foreign }: { dialect: Dialect; steps: readonly Migration[]; foreign: boolean },
): Promise<string[]> {
  const state = await stateOf(source, dialect, steps);
  checkSchema(foreign ? { ...state, foreign: false } : state);
  Object.assign(source, { migrations: steps.map((step) => runnable(step, dialect)) });
  const done = await source.runMigrations({ transaction: 'each' });
  return done.map((migration) => migration.name);
}

/**
 * Refuses a database that this version can't work on. Pending migrations alone are fine, and so are additive ones of a later
 * version: a hub runs on beside one that is newer.
 *
 * @throws ConfigError saying what to do
 */
export function checkSchema({ unknown, foreign, adopting }: SchemaState): void {
  if (adopting)
    throw new ConfigError(
      'a copy of a database of Koji into this one is not complete: run koji-hub adopt again to continue it',
    );
  const breaking = unknown.filter((name) => !isAdditive(name));
  if (breaking.length > 0) {
    throw new ConfigError(
      `the database has migrations of a later version (${breaking.join(', ')}): use that version, or restore a backup`,
    );
  }
  if (foreign) {
    throw new ConfigError(
      'the database has tables of Koji that this hub did not make: take it over by koji-hub adopt, or name an empty database',
    );
  }
}

async function stateOf(
  source: DataSource,
  dialect: Dialect,
  steps: readonly Migration[],
): Promise<SchemaState> {
  const names = await source.query<{ name: string }[]>(
    dialect === 'postgres'
      ? `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()`
      : `SELECT name FROM sqlite_master WHERE type = 'table'`,
  );
  const has = (table: string): boolean => names.some(({ name }) => name === table);
  const rows = has('migrations')
    ? await source.query<{ name: string }[]>('SELECT name FROM migrations ORDER BY id')
    : [];
  const applied = rows.map(({ name }) => name);
  const known = steps.map(recordedName);
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
    foreign: applied.length === 0 && (has('events') || has('tag')),
    adopting: has(adoptionTable),
  };
}
