import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { databaseUrl, folderOf } from '../config.js';
import { openDatabase } from '../db/database.js';
import { migrations } from '../db/migrations/index.js';
import { isAdditive, recordedName } from '../db/migrations/migration.js';
import { lockSqlite } from '../db/sqlite-lock.js';
import { syncPath } from '../domain/files/durable.js';
import { digestOf } from '../domain/values/digests.js';
import { backupFiles, readDescription, sqliteFile } from './backup.js';
import type { BackupDescription } from './backup.js';
import { runPostgresTool } from './postgres-tools.js';

/**
 * Puts the database of a backup in place of one that is missing or empty. Files are not touched.
 *
 * @throws ConfigError when the database has anything in it, or the backup is incomplete, damaged, of the other kind of
 *   database or of a later version; then nothing is changed
 */
export async function restore(config: HubConfig, folder: string): Promise<BackupDescription> {
  const description = await readDescription(folder);
  const url = databaseUrl(config.options);
  const { kind, sha256 } = description.database;
  const wanted = url.startsWith('sqlite:') ? 'sqlite' : 'postgres';
  if (kind !== wanted)
    throw new ConfigError(`the backup is of a ${kind} database, but ${config.file} names a ${wanted} one`);
  const known = new Set(migrations.map(recordedName));
  const unknown = description.migrations.filter((name) => !known.has(name) && !isAdditive(name));
  if (unknown.length > 0)
    throw new ConfigError(`the backup is of a later version (${unknown.join(', ')}): use that version`);
  const copy = path.join(folder, backupFiles.database[kind]);
  await stat(copy).catch(() => {
    throw new ConfigError(`${copy} is missing: use another backup`);
  });
  if ((await digestOf(copy, 'sha256')) !== sha256)
    throw new ConfigError(`${copy} is damaged, its SHA-256 is not that of backup.json: use another backup`);
  await (kind === 'sqlite' ? restoreSqlite(sqliteFile(config), copy) : restorePostgres(config, copy));
  return description;
}

async function restoreSqlite(file: string, copy: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const unlock = lockSqlite(file);
  try {
    // A log that is left over would be read as a part of the new database.
    for (const name of [file, `${file}-wal`, `${file}-journal`]) {
      const found = await stat(name).catch(() => null);
      if (found && found.size > 0)
        throw new ConfigError(
          `${name} exists: a backup is restored where no database is; move the file away first`,
        );
    }
    const unfinished = `${file}.restoring`;
    try {
      await copyFile(copy, unfinished);
      await syncPath(unfinished);
      await rename(unfinished, file);
    } finally {
      await rm(unfinished, { force: true });
    }
    await syncPath(path.dirname(file));
  } finally {
    unlock();
  }
}

async function restorePostgres(config: HubConfig, copy: string): Promise<void> {
  const url = databaseUrl(config.options);
  const database = await openDatabase({ url, folder: folderOf(config) });
  try {
    const found = await database.withDataSource((source) =>
      source.query<{ name: string }[]>(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() LIMIT 1`,
      ),
    );
    if (found[0])
      throw new ConfigError(
        `the database has tables, such as ${found[0].name}: a backup is restored into an empty database; make one by createdb`,
      );
  } finally {
    await database.close();
  }
  await runPostgresTool('pg_restore', url, [
    '--single-transaction',
    '--exit-on-error',
    '--no-owner',
    '--no-acl',
    copy,
  ]);
}
