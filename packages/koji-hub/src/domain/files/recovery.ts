/** Brings files and database back in step after a process of the hub was cut off. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, messageOf } from '@koji/core';
import type { Hub } from '../../call.js';
import type { Connection } from '../../db/connection.js';
import { claimEnded } from '../../db/locks.js';
import { anyOf, sql } from '../../db/sql.js';
import { exists, makeFolder, syncPath } from './durable.js';
import { Journal } from './journal.js';
import { listJournals } from './journal-files.js';
import type { JournalFolder, OwnJournals } from './journal.js';
import { FinishedCalls } from './finished.js';
import { FileRetries } from './retries.js';
import { finishChanges, isCommitted, undoChanges } from './ending.js';
import { ownFolder } from './places.js';

/** A process that serves, or served, as the database has it. */
interface ProcessRow {
  readonly id: string;
  readonly journal_key: string;
  readonly host: string;
  readonly pid: number;
}

/** How long the database may take to notice that a process of this machine has ended, in milliseconds. */
const noticeTime = 10_000;

/**
 * Makes this process one that changes files: the database gets to know it with a key of its own, and it gets a folder for
 * its journals. The result ends that; what is unfinished then is left for the next start.
 *
 * @throws ConfigError when the hub's own folder in the store is not its own
 */
export async function openJournals(hub: Hub): Promise<{ folder: OwnJournals; close(): Promise<void> }> {
  const id = randomBytes(8).toString('hex');
  const log = hub.logger('koji.hub.files');
  const place = path.join(await prepareFolder(hub), id);
  const retries = new FileRetries(log);
  const finished = new FinishedCalls(place, hub.database, log);
  const folder = { path: place, key: randomBytes(32), retries, finished };
  await hub.database.attend(id);
  // The row first: a folder without one is nobody's.
  await hub.database.write((db) =>
    db.run(
      sql`INSERT INTO hub_process (id, journal_key, host, pid)
          VALUES (${id}, ${folder.key.toString('hex')}, ${hostname()}, ${process.pid})`,
    ),
  );
  await makeFolder(folder.path);
  const close = async (): Promise<void> => {
    await retries.close();
    await finished.close();
    if ((await listJournals(folder.path)).length > 0) return;
    await fs.rm(folder.path, { recursive: true, force: true });
    await hub.database.write((db) => db.run(sql`DELETE FROM hub_process WHERE id = ${id}`));
  };
  return { folder, close };
}

/** The folder of all journals, below one that nobody but the hub can look into. */
async function prepareFolder({ paths }: Hub): Promise<string> {
  const own = path.join(paths.topdir, ownFolder);
  const journals = path.join(own, 'journal');
  for (const folder of [own, journals]) {
    await fs.mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    const found = await fs.lstat(folder);
    const isOurs = process.geteuid === undefined || found.uid === process.geteuid();
    if (!found.isDirectory() || !isOurs)
      throw new ConfigError(`${folder} must be a directory of the user that the hub runs as: move it away`);
    if ((found.mode & 0o077) !== 0) await fs.chmod(folder, 0o700);
    await syncPath(path.dirname(folder));
  }
  return journals;
}

/**
 * Finishes the changes of calls that were committed before their process ended, and takes those of all others back. Only
 * journals of processes that the database knows count, and of those only lines with the key that the database has for the
 * process. Call it before the hub takes requests; other hubs on the same files may be running.
 */
export async function recoverFiles(hub: Hub): Promise<void> {
  const { database } = hub;
  const journals = await prepareFolder(hub);
  const rows = await database.read((db) =>
    db.all<ProcessRow>(sql`SELECT id, journal_key, host, pid FROM hub_process ORDER BY id`),
  );
  for (const row of rows) {
    const folder = folderOf(journals, row);
    if (folder.path === hub.journals?.path || !/^[0-9a-f]{16}$/.test(row.id)) continue;
    await recoverProcess(hub, row, folder).catch((error: unknown) => logFailure(hub, folder, error));
  }
  await database.write((db) => forgetFinished(db, journals));
  await reportStrange(hub, journals);
}

/** Recovers the files of a process that has ended; leaves those of one that runs. */
async function recoverProcess(hub: Hub, row: ProcessRow, folder: JournalFolder): Promise<void> {
  const patience = isGone(row) ? noticeTime : 0;
  for (const end = performance.now() + patience; ;) {
    const wasOver = await hub.database.write((db) => recoverClaimed(hub, db, { row, folder }));
    if (wasOver || performance.now() >= end) return;
    await sleep(50);
  }
}

/** Recovers the files of a process if it has ended and nobody else is doing so, in an open transaction. */
async function recoverClaimed(
  hub: Hub,
  db: Connection,
  { row, folder }: { readonly row: ProcessRow; readonly folder: JournalFolder },
): Promise<boolean> {
  if (!(await claimEnded(db, row.id))) return false;
  await recoverFolder(hub, db, folder);
  await db.run(sql`DELETE FROM hub_process WHERE id = ${row.id}`);
  return true;
}

/** Recovers the files of one process if it has ended, in the transaction of somebody who needs them; a failure is logged. */
export async function recoverEnded(hub: Hub, db: Connection, id: string): Promise<void> {
  const journals = hub.journals && path.dirname(hub.journals.path);
  const row = await db.get<ProcessRow>(
    sql`SELECT id, journal_key, host, pid FROM hub_process WHERE id = ${id}`,
  );
  if (!row || journals === null) return;
  const folder = folderOf(journals, row);
  try {
    await db.savepoint(() => recoverClaimed(hub, db, { row, folder }));
  } catch (error) {
    logFailure(hub, folder, error);
  }
}

function folderOf(journals: string, { id, journal_key: key }: ProcessRow): JournalFolder {
  return { path: path.join(journals, id), key: Buffer.from(key, 'hex') };
}

function logFailure(hub: Hub, folder: JournalFolder, error: unknown): void {
  const text = `cannot recover the files of ${folder.path}: ${messageOf(error)}`;
  hub.logger('koji.hub.files').error(text, error);
}

function isGone({ host, pid }: ProcessRow): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** @throws Error when a journal can't be worked off; it then stays for the next start, and the others are worked off. */
async function recoverFolder(hub: Hub, db: Connection, folder: JournalFolder): Promise<void> {
  const failures: unknown[] = [];
  // The latest first, as within a journal: an earlier call's change may lie below a later one's.
  for (const { token } of await listJournals(folder.path))
    await recoverJournal(hub, db, { folder, token }).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
  await fs.rm(folder.path, { recursive: true, force: true });
}

async function recoverJournal(
  hub: Hub,
  db: Connection,
  { folder, token }: { readonly folder: JournalFolder; readonly token: string },
): Promise<void> {
  const committed = await isCommitted(db, token);
  const journal = await Journal.open(folder, token);
  await (committed ? finishChanges(hub, journal) : undoChanges(hub, journal));
  const { length } = journal.changes;
  hub
    .logger('koji.hub.files')
    .info(`${committed ? 'finished' : 'took back'} ${length} file changes of an interrupted call`);
}

/** Forgets tokens whose journal is gone: the process stopped between the last two steps. */
async function forgetFinished(db: Connection, journals: string): Promise<void> {
  // The tokens first: a journal exists before its token is visible here.
  const rows = await db.all<{ token: string }>(sql`SELECT token FROM file_intent`);
  const kept = new Set<string>();
  for (const id of await fs.readdir(journals))
    for (const { token } of await listJournals(path.join(journals, id))) kept.add(token);
  const finished = rows.map(({ token }) => token).filter((token) => !kept.has(token));
  await db.run(sql`DELETE FROM file_intent WHERE ${anyOf(sql`token`, finished)}`);
}

/** Warns of journals that are not used, since nobody can tell who wrote them. */
async function reportStrange(hub: Hub, journals: string): Promise<void> {
  const log = hub.logger('koji.hub.files');
  const known = await hub.database.read((db) => db.all<{ id: string }>(sql`SELECT id FROM hub_process`));
  const ids = new Set(known.map(({ id }) => id));
  for (const name of await fs.readdir(journals))
    if (!ids.has(name))
      log.warn(`${path.join(journals, name)} is of no process that the database knows: it is not used`);
  const old = path.join(hub.paths.work(), '.journal');
  if (await exists(old))
    log.warn(
      `${old} is of an older version of the hub and is not used, since users could write there: look through it, then remove it`,
    );
}
