/** The end of a call's journal: its changes are finished or taken back. */
import type { Hub } from '../../call.js';
import type { Connection } from '../../db/connection.js';
import { claimLock } from '../../db/locks.js';
import { sql } from '../../db/sql.js';
import { finish, takeBack } from './changes.js';
import { syncAll } from './durable.js';
import type { FinishedCalls } from './finished.js';
import type { Journal } from './journal.js';

/** The number of the lock that a call's transaction holds on PostgreSQL for as long as its token may still be committed. */
export function tokenLock(token: string): string {
  return claimLock(`file intent ${token}`);
}

/** Whether the call of a token was committed; waits for the end of a transaction that the database still has open. */
export async function isCommitted(db: Connection, token: string): Promise<boolean> {
  const added = await db.run(sql`INSERT INTO file_intent (token) VALUES (${token}) ON CONFLICT DO NOTHING`);
  if (added > 0) await db.run(sql`DELETE FROM file_intent WHERE token = ${token}`);
  return added === 0;
}

/** Finishes a committed call's changes; after a failure the journal stays for another try. */
export async function finishChanges(hub: Hub, journal: Journal): Promise<void> {
  try {
    await syncAll(await finishAll(hub, journal));
    await journal.drop();
  } finally {
    await journal.close();
  }
}

/** As {@link finishChanges}, for a call that has just been committed; the syncs join those of others. */
export async function finishOwn(hub: Hub, journal: Journal, finished: FinishedCalls): Promise<void> {
  const { token } = journal;
  try {
    const unsynced = await finishAll(hub, journal);
    // Once a copy's original is gone, another file may get its name, and must not be taken for the original.
    const isCopy = journal.changes.some(({ copied }) => copied);
    if (isCopy) await syncAll(unsynced);
    if (isCopy || unsynced.size === 0) await journal.remove();
    else await journal.keepFinished();
    finished.add(token, isCopy ? [] : [...unsynced]);
  } finally {
    await journal.close();
  }
}

/** Finishes changes, and returns the folders to sync. */
async function finishAll(hub: Hub, { changes }: Journal): Promise<Set<string>> {
  const unsynced = new Set<string>();
  for (const made of changes) {
    const folder = await finish(hub.paths.topdir, made);
    if (folder !== null) unsynced.add(folder);
  }
  return unsynced;
}

/** Takes a rolled-back call's changes back, last one first. */
export async function undoChanges(hub: Hub, journal: Journal): Promise<void> {
  const log = hub.logger('koji.hub.files');
  try {
    for (const made of journal.changes.filter(({ undone }) => !undone).reverse()) {
      await takeBack(hub.paths.topdir, made);
      // A later change may fill the place that this one emptied, so this one must not be repeated after it.
      await journal
        .note('undone', made)
        .catch((error: unknown) => log.warn('could not note a change that was taken back', error));
    }
    await journal.drop();
  } finally {
    await journal.close();
  }
}
