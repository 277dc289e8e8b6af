/** Backups: a consistent copy of the database, and a list of the files that belong to it. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, realpath, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, PathInfo, writeIndentedJson } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { openExisting } from '../commands.js';
import { databaseUrl, folderOf, storeOf } from '../config.js';
import { checkSchema, schemaState } from '../db/migrate.js';
import type { Dialect } from '../db/sql.js';
import { sqliteDriver } from '../db/sqlite-driver.js';
import { syncPath, writeDurably } from '../domain/files/durable.js';
import { digestOf } from '../domain/values/digests.js';
import { runPostgresTool } from './postgres-tools.js';
import { listStore } from './store-list.js';

/** The files of a backup. */
export const backupFiles = {
  /** Written last: a backup without it is not complete. */
  description: 'backup.json',
  database: { sqlite: 'koji.db', postgres: 'koji.dump' },
  list: 'files.jsonl',
} as const;

const format = 1;

/** The description of a backup, `backup.json`. */
export interface BackupDescription {
  readonly format: number;
  /** When the copy of the database was begun, in ISO form. */
  readonly made: string;
  readonly database: { readonly kind: Dialect; readonly bytes: number; readonly sha256: string };
  /** The migrations of the database, oldest first. */
  readonly migrations: readonly string[];
  /** The file store, and how many files with how many bytes it had. */
  readonly store: { readonly folder: string; readonly files: number; readonly bytes: number };
}

/**
 * Copies the database of a hub into a folder and lists the files of its store; the hub may keep running. The list is created
 * after the copy, so that it contains every file of every build in the copy, unless somebody deleted the build in between.
 *
 * @param folder a new or empty folder outside of KojiDir
 * @throws ConfigError when the folder has something in it, or a tool of PostgreSQL is missing or fails
 */
export async function backUp(config: HubConfig, folder: string): Promise<BackupDescription> {
  await prepareFolder(config, folder);
  const made = new Date().toISOString();
  const database = await openExisting(config);
  const { dialect } = database;
  let migrations: readonly string[];
  try {
    const state = await schemaState(database);
    checkSchema(state);
    migrations = state.applied;
  } finally {
    await database.close();
  }
  const copy = path.join(folder, backupFiles.database[dialect]);
  const url = databaseUrl(config.options);
  await (dialect === 'sqlite' ? copySqlite(sqliteFile(config), copy) : dumpPostgres(url, copy));
  await syncPath(copy);
  const { size: bytes } = await stat(copy);
  const sha256 = await digestOf(copy, 'sha256');
  const counted = await writeList(config, path.join(folder, backupFiles.list));
  const description: BackupDescription = {
    format,
    made,
    database: { kind: dialect, bytes, sha256 },
    migrations,
    store: { folder: storeOf(config), ...counted },
  };
  const unfinished = path.join(folder, `.${backupFiles.description}`);
  await writeDurably(unfinished, Buffer.from(`${writeIndentedJson(description)}\n`));
  await rename(unfinished, path.join(folder, backupFiles.description));
  await syncPath(folder);
  return description;
}

/** The path of a SQLite database. */
export function sqliteFile(config: HubConfig): string {
  return path.resolve(folderOf(config), databaseUrl(config.options).slice('sqlite:'.length));
}

/**
 * Reads the description of a backup.
 *
 * @throws ConfigError when the folder holds no complete backup, or one of a later version
 */
export async function readDescription(folder: string): Promise<BackupDescription> {
  const file = path.join(folder, backupFiles.description);
  const text = await readFile(file, 'utf8').catch(() => {
    throw new ConfigError(`${file} is missing: '${folder}' is no complete backup`);
  });
  let found: Partial<BackupDescription>;
  try {
    found = JSON.parse(text) as Partial<BackupDescription>;
  } catch (cause) {
    throw new ConfigError(`${file} is damaged: use another backup`, { cause });
  }
  if (found.format !== format || !found.database || !found.migrations)
    throw new ConfigError(
      `${file} has format ${String(found.format)}, not ${format}: use the version of koji-hub that made it`,
    );
  return found as BackupDescription;
}

async function prepareFolder(config: HubConfig, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0)
    throw new ConfigError(`'${folder}' is not empty: name a new folder for each backup`);
  const store = await realpath(storeOf(config)).catch(() => storeOf(config));
  const place = `${await realpath(folder)}/`;
  if (place.startsWith(`${store}/`))
    throw new ConfigError(`'${folder}' is in KojiDir, which the backup is of: name another folder`);
}

/** Copies a database that others may write to meanwhile. */
async function copySqlite(file: string, to: string): Promise<void> {
  const Driver = sqliteDriver();
  const source = new Driver(file, { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    // A copy begins again whenever somebody writes, unless it is of a snapshot.
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_master').get();
    await source.backup(to, { progress: () => 1000 });
    source.exec('COMMIT');
  } finally {
    source.close();
  }
  const copy = new Driver(to);
  try {
    // One file, without the log beside it that the original has.
    copy.pragma('journal_mode = DELETE');
    const [found] = copy.pragma('quick_check(1)') as { quick_check: string }[];
    if (found?.quick_check !== 'ok')
      throw new ConfigError(`the database ${file} is damaged: ${found?.quick_check ?? 'it cannot be read'}`);
  } finally {
    copy.close();
  }
}

async function dumpPostgres(url: string, to: string): Promise<void> {
  await runPostgresTool('pg_dump', url, ['--format=custom', '--no-owner', '--no-acl', `--file=${to}`]);
}

/** Writes a line for each file of the store. */
async function writeList(config: HubConfig, file: string): Promise<{ files: number; bytes: number }> {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 });
  const failed = once(out, 'close');
  failed.catch(() => undefined);
  let [files, bytes] = [0, 0];
  for await (const entry of listStore(new PathInfo(storeOf(config)))) {
    files += 1;
    bytes += entry.size ?? 0;
    if (!out.write(`${JSON.stringify(entry)}\n`)) await Promise.race([once(out, 'drain'), failed]);
  }
  out.end();
  await failed;
  await syncPath(file);
  return { files, bytes };
}
