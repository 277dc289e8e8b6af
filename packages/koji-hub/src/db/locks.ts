import { createHash } from 'node:crypto';
import { LockError } from '@koji/core';
import type { Connection } from './connection.js';
import { forUpdate, forUpdateSkipLocked, sql } from './sql.js';
import type { Sql } from './sql.js';

/**
 * Takes one of the hub's named locks until the end of the transaction. On SQLite, where only one transaction writes at a time,
 * it is taken at once.
 *
 * @returns false when somebody else holds it and `wait` is off
 * @throws LockError if the lock does not exist
 */
export async function takeLock(db: Connection, name: string, { wait = true } = {}): Promise<boolean> {
  const lock = wait ? forUpdate : forUpdateSkipLocked;
  const taken = await db.get(sql`SELECT name FROM locks WHERE name = ${name}${lock}`);
  if (taken) return true;
  if (!wait && (await db.get(sql`SELECT name FROM locks WHERE name = ${name}`))) return false;
  throw new LockError(`Lock not defined: ${name}`);
}

/** The number of the lock that a process of the hub holds on PostgreSQL as long as it lives. */
export function processLock(id: string): string {
  return BigInt.asIntN(64, BigInt(`0x${id}`)).toString();
}

/** The number of the lock of a name that a process claims on PostgreSQL. */
export function claimLock(name: string): string {
  return processLock(createHash('sha256').update(name).digest('hex').slice(0, 16));
}

/** A query on PostgreSQL that has a row when somebody holds the lock of a number. */
export function lockHeld(lock: string): Sql {
  return sql`SELECT 1 AS held FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (CAST(classid AS bigint) << 32) | CAST(objid AS bigint) = CAST(${lock} AS bigint)`;
}

/**
 * Whether the process that attended the database by this id has ended; no other can then ask so before this transaction's
 * end. On SQLite one process serves at a time, so that any other has.
 */
export async function claimEnded(db: Connection, id: string): Promise<boolean> {
  if (db.dialect === 'sqlite') return true;
  const lock = sql`SELECT pg_try_advisory_xact_lock(CAST(${processLock(id)} AS bigint)) AS free`;
  return (await db.get<{ free: boolean }>(lock))?.free === true;
}
