/** Waits for the recovery of interrupted calls of other processes. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericError } from '@koji/core';
import type { Call } from '../../call.js';
import type { Connection } from '../../db/connection.js';
import { lockHeld } from '../../db/locks.js';
import { sql } from '../../db/sql.js';
import { tokenLock } from './ending.js';
import { listJournals, readPlaces } from './journal-files.js';
import { recoverEnded } from './recovery.js';

/** How long the database may take to notice that a process has ended, and others to take its changes back, in milliseconds. */
const patience = 10_000;

/**
 * Waits until nothing is left of calls that changed files at, above or below a place and were cut off: the database took their
 * changes back at once, and lets others at the rows. Takes their changes of files back itself when nobody else does.
 *
 * On SQLite no other process serves, and a start recovers the files first.
 *
 * @throws GenericError when that takes too long
 */
export async function waitUntilRestored(call: Call, place: string): Promise<void> {
  const own = call.hub.journals?.path;
  if (own === undefined || call.db.dialect === 'sqlite') return;
  for (const end = performance.now() + patience; ;) {
    const processes = await processesLeaving(call.db, own, place);
    if (processes.length === 0) return;
    for (const id of processes) await recoverEnded(call.hub, call.db, id);
    if ((await processesLeaving(call.db, own, place)).length === 0) return;
    if (performance.now() >= end)
      throw new GenericError(
        `${place} is not as it was before a call that failed: the log of the hub says why; try again later`,
      );
    await sleep(20);
  }
}

/** The other processes with a journal of a call that was rolled back and had changed something at a place. */
async function processesLeaving(db: Connection, own: string, place: string): Promise<string[]> {
  const parent = path.dirname(own);
  const found: string[] = [];
  for (const id of await fs.readdir(parent)) {
    const folder = path.join(parent, id);
    if (folder !== own && (await leaves(db, folder, place))) found.push(id);
  }
  return found;
}

async function leaves(db: Connection, folder: string, place: string): Promise<boolean> {
  for (const { token, isFinished } of await listJournals(folder)) {
    if (isFinished) continue;
    const places = await readPlaces(folder, token);
    if (places.some((other) => overlap(other, place)) && (await wasRolledBack(db, token))) return true;
  }
  return false;
}

function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

/** Whether the transaction of a token has ended, and failed. While it is open, it also holds the lock on the rows. */
async function wasRolledBack(db: Connection, token: string): Promise<boolean> {
  if (await db.get(lockHeld(tokenLock(token)))) return false;
  return !(await db.get(sql`SELECT token FROM file_intent WHERE token = ${token}`));
}
