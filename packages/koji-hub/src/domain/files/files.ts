import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { GenericError, joinSafe } from '@koji/core';
import type { Call } from '../../call.js';
import { sql } from '../../db/sql.js';
import { firstMissing, inFolder, linkOrCopy, syncPath, syncTree, writeNew } from './durable.js';
import type { Content } from './durable.js';
import { checkNames, beside, isFile } from './changes.js';
import type { Change, Made } from './changes.js';
import { finishChanges, finishOwn, isCommitted, tokenLock, undoChanges } from './ending.js';
import { Journal, newToken } from './journal.js';
import { checkInside, placeOf } from './places.js';
import { waitUntilRestored } from './restored.js';
import { syncsOf } from './syncs.js';

/**
 * Files that change together with the database, or not at all, also when the machine stops at any moment:
 *
 * 1. the call's token goes into `file_intent`, in the call's own transaction;
 * 2. each change is written down in a journal (KojiDir/.hub/journal/PROCESS/TOKEN.journal) before it is made;
 * 3. new files are put in place, old ones aside, while the originals stay; all of them are synced together before the commit;
 * 4. a call that failed takes its changes back: new files go, old ones come back, then the journal;
 * 5. the transaction commits or rolls back;
 * 6. committed: originals become links, what was set aside goes, then the journal.
 *
 * A journal of a process that has ended belongs to an interrupted call; its token in the database shows whether 4 or 6 must be
 * done: see recovery.ts. Each of their steps may be repeated. {@link lookAt} and the functions below wait until the changes of
 * such a call at a place are reverted.
 */
const journals = new WeakMap<Call, Journal>();

/**
 * Tells what is at a path of the store, links as they are; null for nothing. Waits until what a call that was cut off changed
 * there is taken back.
 *
 * @throws GenericError when that takes too long
 */
export async function lookAt(call: Call, file: string): Promise<Stats | null> {
  await waitUntilRestored(call, placeOf(call.hub.paths.topdir, file));
  return fs.lstat(file).catch(() => null);
}

/**
 * Puts an uploaded file in its place. After the commit a relative link is left where it was, unless `leave` says otherwise.
 *
 * @throws GenericError if its place is already taken, or it is not a plain file
 */
export async function stageMove(
  call: Call,
  from: string,
  to: string,
  leave: 'link' | 'nothing' = 'link',
): Promise<void> {
  if (!(await isFile(from))) throw new GenericError(`Not a regular file: ${from}`);
  const top = call.hub.paths.topdir;
  const place = placeOf(top, to);
  await waitUntilRestored(call, place);
  const made = await madeFor(top, place);
  const move = await plan(call, { kind: 'move', from: placeOf(top, from), to: place, made, leave });
  await putInPlace(call, { from, to, copying: async () => journals.get(call)?.note('copied', move) });
}

/** Writes a file; an existing one is replaced. */
export async function stageWrite(call: Call, to: string, content: Content): Promise<void> {
  await makeRoom(call, to);
  await inPlace(call, to, () => writeNew(to, content));
  syncsOf(call).add(to);
}

/**
 * Creates a folder and fills it; its files need no staging of their own.
 *
 * @throws GenericError if the name already exists
 */
export async function stageFolder(call: Call, to: string, fill: () => Promise<void>): Promise<void> {
  if (await lookAt(call, to)) throw new GenericError(`Destination exists: ${to}`);
  await makeRoom(call, to);
  await inPlace(call, to, () => fs.mkdir(to));
  await fill();
  await syncTree(to);
}

/**
 * Gives a file a second place, with a hard link or, on another file system, a copy.
 *
 * @throws GenericError if the place is taken, or the file does not exist
 */
export async function stageSecond(call: Call, from: string, to: string): Promise<void> {
  const found = await fs.stat(from).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`Not a regular file: ${from}`);
  if (await lookAt(call, to)) throw new GenericError(`Destination exists: ${to}`);
  await makeRoom(call, to);
  await putInPlace(call, { from: await fs.realpath(from), to, copying: () => Promise.resolve() });
}

/** Creates a symbolic link; an existing file or link is replaced. */
export async function stageLink(call: Call, to: string, target: string): Promise<void> {
  await makeRoom(call, to);
  await inPlace(call, to, () => fs.symlink(target, to));
}

/**
 * Copies a directory tree, including its links, to a place that may be on another file system.
 *
 * @throws GenericError if the place is taken
 */
export async function stageCopy(call: Call, from: string, to: string): Promise<void> {
  if (await lookAt(call, to)) throw new GenericError(`Destination exists: ${to}`);
  await makeRoom(call, to);
  await inPlace(call, to, async () => {
    // A copy would make the folders that it lacks, and nobody would sync them.
    await fs.access(path.dirname(to));
    await fs.cp(from, to, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      force: false,
      errorOnExist: true,
    });
  });
  await syncTree(to);
}

/**
 * Renames a directory on the same file system.
 *
 * @throws GenericError if it does not exist, or the new name does
 */
export async function stageRename(call: Call, from: string, to: string): Promise<void> {
  const found = await lookAt(call, from);
  if (!found?.isDirectory()) throw new GenericError(`Not a directory: ${from}`);
  if (await lookAt(call, to)) throw new GenericError(`Destination exists: ${to}`);
  const top = call.hub.paths.topdir;
  const place = placeOf(top, to);
  await plan(call, { kind: 'rename', from: placeOf(top, from), to: place, made: await madeFor(top, place) });
  await syncsOf(call).leave(from);
  await inPlace(call, to, () => fs.rename(from, to));
  // Later changes of the journal may be below the new name.
  await Promise.all([syncPath(path.dirname(from)), syncPath(path.dirname(to))]);
}

/** Sets aside what is at a place where something new is about to be. */
async function makeRoom(call: Call, to: string): Promise<void> {
  const top = call.hub.paths.topdir;
  const place = placeOf(top, to);
  const aside = (await lookAt(call, to)) ? beside(place) : null;
  await plan(call, { kind: 'write', to: place, aside, made: await madeFor(top, place) });
  if (aside) await fs.rename(to, path.join(top, aside));
}

/** Removes a file, link or directory tree. */
export async function stageRemoval(call: Call, target: string): Promise<void> {
  const top = call.hub.paths.topdir;
  const place = placeOf(top, target);
  const aside = beside(place);
  await waitUntilRestored(call, place);
  await plan(call, { kind: 'remove', path: place, aside });
  await fs.rename(target, path.join(top, aside));
  // Later changes of the journal may be at the same place.
  await syncPath(path.dirname(target));
}

/** Writes a change down before it is made; the first one also makes the call's token. */
async function plan(call: Call, change: Change): Promise<Made> {
  const top = call.hub.paths.topdir;
  // If it can't be created, it couldn't be found either when the change is undone.
  checkNames(change);
  await checkInside(top, change.kind === 'remove' ? change.path : change.to);
  if (change.kind === 'move' || change.kind === 'rename') await checkInside(top, change.from);
  let journal = journals.get(call);
  if (!journal) journals.set(call, (journal = await begin(call)));
  return journal.plan(change);
}

async function begin(call: Call): Promise<Journal> {
  const { hub } = call;
  const { journals: folder } = hub;
  if (!folder) throw new Error(`${call.method}: this process changes no files`);
  const journal = new Journal(folder, newToken());
  // The row first: a process that finds the journal can then wait for the end of this transaction by querying the row.
  await call.db.run(
    call.db.dialect === 'sqlite'
      ? sql`INSERT INTO file_intent (token) VALUES (${journal.token})`
      : sql`INSERT INTO file_intent (token) SELECT ${journal.token}
            WHERE pg_try_advisory_xact_lock(CAST(${tokenLock(journal.token)} AS bigint))`,
  );
  const { token } = journal;
  const { retries, finished } = folder;
  const reopened = async (): Promise<Journal> => {
    await journal.close();
    return Journal.open(folder, token);
  };
  const finishAnew = async (): Promise<void> => {
    await finishChanges(hub, await reopened());
    await hub.database.write((db) => db.run(sql`DELETE FROM file_intent WHERE token = ${token}`));
  };
  const undoAnew = async (): Promise<void> => undoChanges(hub, await reopened());
  // The database has the last word.
  const settle = async (): Promise<void> =>
    (await hub.database.write((db) => isCommitted(db, token))) ? finishAnew() : undoAnew();
  call.beforeRollback((end) =>
    end === 'unknown' ? retries.run(settle, settle) : retries.run(() => undoChanges(hub, journal), undoAnew),
  );
  call.afterCommit(async () => {
    await retries.run(() => finishOwn(hub, journal, finished), finishAnew);
  });
  return journal;
}

/** The uppermost folder that goes when `to` is taken back, if it is empty by then. */
async function madeFor(top: string, to: string): Promise<string | null> {
  const names = path.dirname(to).split('/');
  const tops = names[0] === 'vol' ? 3 : 1;
  // Folders that several calls make at once: whichever of them is taken back last removes it.
  if (names[tops - 1] === 'packages' || names.length === tops + 1)
    return names.length > tops ? names.slice(0, tops + 1).join('/') : null;
  const missing = await firstMissing(path.join(top, ...names));
  return missing === null ? null : path.relative(top, missing);
}

/** Runs what makes a name, in a folder that is made if need be. The name is synced before the commit. */
async function inPlace(call: Call, to: string, work: () => Promise<void>): Promise<void> {
  const syncs = syncsOf(call);
  await inFolder(path.dirname(to), work, (folder) => syncs.begin(folder));
  syncs.add(path.dirname(to));
}

interface Placement {
  readonly from: string;
  readonly to: string;
  /** Runs before a copy where no link is possible. */
  readonly copying: () => Promise<void>;
}

/** Puts a file at a place where nothing is, without taking it away from where it was. */
async function putInPlace(call: Call, { from, to, copying }: Placement): Promise<void> {
  try {
    await inPlace(call, to, () => linkOrCopy(from, to, copying));
    syncsOf(call).add(to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new GenericError(`Destination exists: ${to}`, { cause: error });
  }
}

/**
 * A folder below another, as a stranger says.
 *
 * @throws GenericError when it leads elsewhere, or no file system could hold it
 */
export function below(directory: string, relative: string): string {
  try {
    return relative === '' ? directory : joinSafe(directory, relative);
  } catch (cause) {
    throw new GenericError(`Invalid path: ${relative}`, { cause });
  }
}

/** Moves an imported file into a folder of its build, and leaves a link to it. */
export async function placeFile(call: Call, file: string, directory: string): Promise<void> {
  const target = `${directory}/${path.basename(file)}`;
  if (await lookAt(call, target))
    throw new GenericError(`Error importing archive file, ${target} already exists`);
  const found = await fs.lstat(file).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`Error importing archive file, ${file} is not a regular file`);
  await stageMove(call, file, target);
}
