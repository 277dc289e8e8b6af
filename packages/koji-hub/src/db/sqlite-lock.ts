import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import { ConfigError } from '@koji/core';
import { sqliteDriver } from './sqlite-driver.js';

/**
 * Makes this process the only one that serves from a SQLite database. The lock is one of the operating system's on the file
 * beside it, `koji.db.lock`, so that it ends with the process in whatever way that ends; the file says who holds it.
 *
 * @returns gives the lock up
 * @throws ConfigError when another process has it, naming that
 */
export function lockSqlite(database: string): () => void {
  const lock = new (sqliteDriver())(`${realName(database)}.lock`, { timeout: 0 });
  try {
    take(lock);
    lock.exec('CREATE TABLE IF NOT EXISTS holder (host TEXT NOT NULL, pid INTEGER NOT NULL)');
    lock.exec('DELETE FROM holder');
    lock.prepare('INSERT INTO holder (host, pid) VALUES (?, ?)').run(hostname(), process.pid);
    // Nobody else can read uncommitted changes.
    lock.exec('COMMIT');
    take(lock);
  } catch (error) {
    const who = isBusy(error) ? holder(lock) : null;
    lock.close();
    if (who === null) throw error;
    throw new ConfigError(
      `${who} serves from ${database}: stop that hub first, or use PostgreSQL for a hub of several processes`,
      { cause: error },
    );
  }
  return () => lock.close();
}

/** One file may have several names by links. */
function realName(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.join(realpathSync(path.dirname(file)), path.basename(file));
  }
}

/** Others can still read, but not take this themselves. */
function take(lock: SqliteDatabase.Database): void {
  lock.exec('BEGIN IMMEDIATE');
}

function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');
}

function holder(lock: SqliteDatabase.Database): string {
  const unknown = 'another process';
  try {
    const found = lock.prepare('SELECT host, pid FROM holder').get() as
      { host: string; pid: number } | undefined;
    if (!found) return unknown;
    return `process ${found.pid}${found.host === hostname() ? '' : ` on ${found.host}`}`;
  } catch {
    return unknown; // it is about to write its name
  }
}
