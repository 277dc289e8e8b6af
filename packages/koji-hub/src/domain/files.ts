import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { GenericError, messageOf } from '@koji/core';
import type { Call, Hub } from '../call.js';
import { sql } from '../db/sql.js';

/**
 * Files that change together with the database, or not at all, also when the machine stops at any moment:
 *
 * 1. the call's token goes into `file_intent`, in the call's own transaction;
 * 2. each change is written down in a journal (KojiDir/work/.journal/TOKEN.json) before it is made;
 * 3. new files are put in place, old ones aside, while the originals stay;
 * 4. the transaction commits or rolls back;
 * 5. committed: originals become links, what was set aside goes, then the journal; rolled back: new files go, old ones
 *    come back, then the journal.
 *
 * A journal that is still there when a hub starts belongs to a call that was cut off; its token in the database says
 * which half of 5 is to be done. Every step of 5 may be done twice in a row.
 */
type Change =
  /** `from` is linked (or copied, from another file system) to `to`, and becomes a relative link to it or goes. */
  | {
      readonly kind: 'move';
      readonly from: string;
      readonly to: string;
      readonly made: string | null;
      readonly leave: 'link' | 'nothing';
      copied?: boolean;
    }
  /** `to` is a new file, link or directory tree; what was there is set aside. */
  | {
      readonly kind: 'write';
      readonly to: string;
      readonly aside: string | null;
      readonly made: string | null;
    }
  /** The directory `from` gets the name `to`. */
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly made: string | null }
  /** `path` is set aside, then removed. */
  | { readonly kind: 'remove'; readonly path: string; readonly aside: string };

interface Staging {
  readonly token: string;
  readonly journal: string;
  readonly changes: Change[];
}

const stagings = new WeakMap<Call, Staging>();

/**
 * Puts an uploaded file in its place. After the commit a relative link is left where it was, unless `leave` says otherwise.
 *
 * @throws GenericError when something is at its place already, or it is no plain file
 */
export async function stageMove(
  call: Call,
  from: string,
  to: string,
  leave: 'link' | 'nothing' = 'link',
): Promise<void> {
  const found = await fs.lstat(from).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`Not a regular file: ${from}`);
  const move: Change = { kind: 'move', from, to, made: await firstMissing(path.dirname(to)), leave };
  const staging = await plan(call, move);
  await fs.mkdir(path.dirname(to), { recursive: true });
  await place(from, to, async () => {
    move.copied = true;
    await writeJournal(staging);
  });
}

/** What a file is written from: bytes, or blocks as they come. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

/** Writes a file; one that is there already is replaced. */
export async function stageWrite(call: Call, to: string, content: Content): Promise<void> {
  await makeRoom(call, to);
  await writeDurably(to, content);
}

/**
 * Makes a folder and has it filled; its files need no staging of their own.
 *
 * @throws GenericError when something is there already
 */
export async function stageFolder(call: Call, to: string, fill: () => Promise<void>): Promise<void> {
  if (await exists(to)) throw new GenericError(`Destination exists: ${to}`);
  await makeRoom(call, to);
  await fs.mkdir(to);
  await fill();
  await syncTree(to);
}

/**
 * Gives a file a second place, by a hard link or, on another file system, a copy.
 *
 * @throws GenericError when something is there already, or there is no such file
 */
export async function stageSecond(call: Call, from: string, to: string): Promise<void> {
  const found = await fs.stat(from).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`Not a regular file: ${from}`);
  if (await exists(to)) throw new GenericError(`Destination exists: ${to}`);
  await makeRoom(call, to);
  await place(await fs.realpath(from), to, () => Promise.resolve());
}

/** Makes a symbolic link; what is there already is replaced. */
export async function stageLink(call: Call, to: string, target: string): Promise<void> {
  await makeRoom(call, to);
  await fs.symlink(target, to);
  await syncPath(path.dirname(to));
}

/**
 * Copies a directory tree, links as they are, to a place that may be on another file system.
 *
 * @throws GenericError when something is there already
 */
export async function stageCopy(call: Call, from: string, to: string): Promise<void> {
  if (await exists(to)) throw new GenericError(`Destination exists: ${to}`);
  await makeRoom(call, to);
  await fs.cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
    force: false,
    errorOnExist: true,
  });
  await syncTree(to);
}

/**
 * Gives a directory another name on the same file system.
 *
 * @throws GenericError when it is not there, or something has that name already
 */
export async function stageRename(call: Call, from: string, to: string): Promise<void> {
  const found = await fs.lstat(from).catch(() => null);
  if (!found?.isDirectory()) throw new GenericError(`Not a directory: ${from}`);
  if (await exists(to)) throw new GenericError(`Destination exists: ${to}`);
  await plan(call, { kind: 'rename', from, to, made: await firstMissing(path.dirname(to)) });
  await fs.mkdir(path.dirname(to), { recursive: true });
  await fs.rename(from, to);
  await syncPath(path.dirname(from));
  await syncPath(path.dirname(to));
}

/** Sets aside what is at a place where something new is about to be. */
async function makeRoom(call: Call, to: string): Promise<void> {
  const aside = (await exists(to)) ? beside(to) : null;
  await plan(call, { kind: 'write', to, aside, made: await firstMissing(path.dirname(to)) });
  await fs.mkdir(path.dirname(to), { recursive: true });
  if (aside) await fs.rename(to, aside);
}

/** Removes a file, link or directory tree. */
export async function stageRemoval(call: Call, target: string): Promise<void> {
  const aside = beside(target);
  await plan(call, { kind: 'remove', path: target, aside });
  await fs.rename(target, aside);
  await syncPath(path.dirname(target));
}

/** Writes a change down before it is made; the first one also makes the call's token. */
async function plan(call: Call, change: Change): Promise<Staging> {
  let staging = stagings.get(call);
  if (!staging) {
    staging = await begin(call);
    stagings.set(call, staging);
  }
  staging.changes.push(change);
  await writeJournal(staging);
  return staging;
}

async function begin(call: Call): Promise<Staging> {
  const token = randomBytes(16).toString('hex');
  const staging = { token, journal: path.join(journalDirectory(call.hub), `${token}.json`), changes: [] };
  // The row first: whoever finds the journal can then wait for this transaction's end by asking for the row.
  await call.db.run(sql`INSERT INTO file_intent (token) VALUES (${token})`);
  call.onRollback(() => undo(staging));
  call.afterCommit(() => complete(call.hub, staging));
  return staging;
}

function journalDirectory(hub: Hub): string {
  return path.join(hub.paths.work(), '.journal');
}

async function writeJournal(staging: Staging): Promise<void> {
  await fs.mkdir(path.dirname(staging.journal), { recursive: true });
  const next = `${staging.journal}.new`;
  await fs.rm(next, { force: true });
  await writeDurably(next, Buffer.from(JSON.stringify(staging.changes)));
  await fs.rename(next, staging.journal);
  await syncPath(path.dirname(staging.journal));
}

/** The journal itself last: as long as it is there, the work is known to be unfinished. */
async function dropJournal(journal: string): Promise<void> {
  await fs.rm(`${journal}.new`, { force: true });
  await fs.rm(journal, { force: true });
}

/** Finishes a committed call's changes; what fails is left in the journal for the next start. */
async function complete(hub: Hub, staging: Staging): Promise<void> {
  for (const change of staging.changes) await finish(change);
  await dropJournal(staging.journal);
  await hub.database.write((db) => db.run(sql`DELETE FROM file_intent WHERE token = ${staging.token}`));
}

async function finish(change: Change): Promise<void> {
  if (change.kind === 'move')
    await (change.leave === 'link' ? leaveLink(change.from, change.to) : fs.rm(change.from, { force: true }));
  else if (change.kind !== 'rename' && change.aside)
    await fs.rm(change.aside, { recursive: true, force: true });
}

async function leaveLink(from: string, to: string): Promise<void> {
  const found = await fs.lstat(from).catch(() => null);
  if (!found || found.isSymbolicLink()) return;
  // Always the same name, so that a second try finds what the first left.
  const link = path.join(path.dirname(from), `.${path.basename(from)}.link`);
  await fs.rm(link, { force: true });
  await fs.symlink(path.relative(path.dirname(from), to), link);
  await fs.rename(link, from);
  await syncPath(path.dirname(from));
}

/** Takes a rolled-back call's changes back, last one first. */
async function undo(staging: Staging): Promise<void> {
  const { changes, journal } = staging;
  for (let change = changes.at(-1); change; change = changes.at(-1)) {
    await takeBack(change);
    changes.pop();
    // What comes next may fill the place that this one emptied, so this one must never be done again behind it.
    if (changes.length > 0) await writeJournal(staging);
  }
  await dropJournal(journal);
}

async function takeBack(change: Change): Promise<void> {
  if (change.kind === 'remove') return bringBack(change.aside, change.path);
  if (change.kind === 'rename') await bringBack(change.to, change.from);
  else if (change.kind === 'write') await unwrite(change.to, change.aside);
  // Where the link was not made, what stands at the place is somebody else's.
  else if (change.copied || (await isSameFile(change.from, change.to)))
    await fs.rm(change.to, { force: true });
  if (change.made) await removeEmpty(path.dirname(change.to), change.made);
}

async function unwrite(target: string, aside: string | null): Promise<void> {
  // The old file is still in its place: nothing was done yet.
  if (aside && !(await exists(aside))) return;
  await fs.rm(target, { recursive: true, force: true });
  if (aside) await fs.rename(aside, target);
}

async function bringBack(aside: string, target: string): Promise<void> {
  if ((await exists(aside)) && !(await exists(target))) await fs.rename(aside, target);
}

async function isSameFile(from: string, to: string): Promise<boolean> {
  const [a, b] = await Promise.all([from, to].map((name) => fs.lstat(name).catch(() => null)));
  return Boolean(a?.isFile() && b?.isFile() && a.ino === b.ino && a.dev === b.dev);
}

async function removeEmpty(directory: string, last: string): Promise<void> {
  for (let current = directory; ; current = path.dirname(current)) {
    const gone = await fs.rmdir(current).then(
      () => true,
      () => false,
    );
    if (!gone || current === last || current.length <= last.length) return;
  }
}

/**
 * Brings files and database back in step after a crash: finishes the changes of calls that were committed and takes
 * those of all others back. Call it before the hub takes requests; other hubs on the same files may be running.
 */
export async function recoverFiles(hub: Hub): Promise<void> {
  const directory = journalDirectory(hub);
  const names: string[] = await fs.readdir(directory).catch(() => []);
  const log = hub.logger('koji.hub.files');
  for (const name of names) {
    const [, token, ending] = /^([0-9a-f]+)\.json(\.new)?$/.exec(name) ?? [];
    if (token === undefined) continue;
    const journal = path.join(directory, name);
    if (ending) {
      if (!names.includes(`${token}.json`)) await dropUnstarted(hub, token, journal);
      continue;
    }
    try {
      await recover(hub, token, journal);
    } catch (cause) {
      log.error(`cannot recover the files of ${journal}: ${messageOf(cause)}`, cause);
    }
  }
  await hub.database.write((db) => forgetFinished(db, directory));
}

type Db = Parameters<Parameters<Hub['database']['write']>[0]>[0];

/** Whether the call of a token was committed; waits for the end of one that still runs in another hub. */
async function claim(db: Db, token: string): Promise<boolean> {
  const added = await db.run(sql`INSERT INTO file_intent (token) VALUES (${token}) ON CONFLICT DO NOTHING`);
  if (added > 0) await db.run(sql`DELETE FROM file_intent WHERE token = ${token}`);
  return added === 0;
}

async function recover(hub: Hub, token: string, journal: string): Promise<void> {
  const log = hub.logger('koji.hub.files');
  await hub.database.write(async (db) => {
    const committed = await claim(db, token);
    const text = await fs.readFile(journal, 'utf8').catch(() => null);
    // Its own hub has dealt with it in the meantime.
    if (text === null) return;
    const changes = JSON.parse(text) as Change[];
    const count = changes.length;
    if (committed) {
      for (const change of changes) await finish(change);
      await dropJournal(journal);
      await db.run(sql`DELETE FROM file_intent WHERE token = ${token}`);
    } else await undo({ token, journal, changes });
    log.info(`${committed ? 'finished' : 'took back'} ${count} file changes of an interrupted call`);
  });
}

/** A journal that never got its name: its call had not touched a file yet. */
async function dropUnstarted(hub: Hub, token: string, journal: string): Promise<void> {
  await hub.database.write(async (db) => {
    await claim(db, token);
    await fs.rm(journal, { force: true });
  });
}

/** Tokens whose journal is gone: the hub stopped between the last two steps. */
async function forgetFinished(db: Db, directory: string): Promise<void> {
  const rows = await db.all<{ token: string }>(sql`SELECT token FROM file_intent`);
  for (const { token } of rows)
    if (!(await exists(path.join(directory, `${token}.json`))))
      await db.run(sql`DELETE FROM file_intent WHERE token = ${token}`);
}

/** Puts a file at a place where nothing is, without taking it away from where it was; by a copy if it must be. */
async function place(from: string, to: string, copying: () => Promise<void>): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new GenericError(`Destination exists: ${to}`);
    if (code !== 'EXDEV' && code !== 'EPERM') throw error;
    await copying();
    await fs.copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await syncPath(to);
  await syncPath(path.dirname(to));
}

async function writeDurably(to: string, content: Content): Promise<void> {
  const file = await fs.open(to, 'wx', 0o644);
  try {
    // Each goes where the one before it ended.
    for await (const block of content instanceof Uint8Array ? [content] : content)
      await file.writeFile(block);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncPath(path.dirname(to));
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await fs.readdir(directory, { withFileTypes: true })) {
    const name = path.join(directory, entry.name);
    if (entry.isDirectory()) await syncTree(name);
    else if (entry.isFile()) await syncPath(name);
  }
  await syncPath(directory);
}

// A name is durable only once its directory is.
async function syncPath(target: string): Promise<void> {
  const handle = await fs.open(target, 'r');
  await handle.sync().finally(() => handle.close());
}

/** A hidden name next to a path, on the same file system. */
function beside(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}.${randomBytes(6).toString('hex')}`);
}

/** The uppermost directory that has to be made for a path to exist; null when none has. */
async function firstMissing(directory: string): Promise<string | null> {
  let missing: string | null = null;
  for (let current = directory; !(await exists(current)); current = path.dirname(current)) missing = current;
  return missing;
}

function exists(target: string): Promise<boolean> {
  return fs.lstat(target).then(
    () => true,
    () => false,
  );
}
