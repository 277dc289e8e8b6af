import { LockError } from '@koji/core';
import type { Connection } from './connection.js';
import { forUpdate, forUpdateSkipLocked, sql } from './sql.js';

/**
 * Takes one of the hub's named locks until the end of the transaction. On SQLite, where only one transaction writes at
 * a time, it is taken at once.
 *
 * @returns false when somebody else holds it and `wait` is off
 * @throws LockError when there is no lock of that name
 */
export async function takeLock(db: Connection, name: string, { wait = true } = {}): Promise<boolean> {
  const lock = wait ? forUpdate : forUpdateSkipLocked;
  const taken = await db.get(sql`SELECT name FROM locks WHERE name = ${name}${lock}`);
  if (taken) return true;
  if (!wait && (await db.get(sql`SELECT name FROM locks WHERE name = ${name}`))) return false;
  throw new LockError(`Lock not defined: ${name}`);
}
