/** The changes of files that a call makes: how each is written down, finished after a commit and taken back otherwise. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { GenericError } from '@koji/core';
import { exists, removeEmpty } from './durable.js';
import { checkInside, isBelowTop, isPlace } from './places.js';

/** All paths are places in the store. `made` is the uppermost folder that goes with the change if it is empty by then. */
export type Change =
  /** `from` is linked (or copied, from another file system) to `to`, and becomes a relative link to it or goes. */
  | {
      readonly kind: 'move';
      readonly from: string;
      readonly to: string;
      readonly made: string | null;
      readonly leave: 'link' | 'nothing';
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
  /** `path` is set aside, then removed, with the folders of its package and version if they are empty by then. */
  | { readonly kind: 'remove'; readonly path: string; readonly aside: string };

/** A change, and whether it became a copy or was taken back. */
export interface Made {
  readonly change: Change;
  /** Whether its places were found in the store by the call that makes it, so that the end of the call need not look again. */
  readonly checked: boolean;
  copied: boolean;
  undone: boolean;
}

/** An entry of a journal: a change, or the outcome of a numbered change. */
export type JournalRecord = Change | { readonly kind: 'copied' | 'undone'; readonly number: number };

/** Returns the record if it has exactly the form that a hub writes, else null. */
export function asRecord(value: unknown): JournalRecord | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const record = value as Record<string, unknown>;
  const { kind } = record;
  if (typeof kind !== 'string' || !Object.hasOwn(forms, kind)) return null;
  const form = forms[kind as JournalRecord['kind']];
  const names = Object.keys(form);
  if (Object.keys(record).length !== names.length + 1) return null;
  const holds = names.every((name) => Object.hasOwn(record, name) && form[name]?.(record[name], record));
  return holds ? (record as unknown as JournalRecord) : null;
}

type Check = (value: unknown, record: Readonly<Record<string, unknown>>) => boolean;

const isMade: Check = (value, { to }) =>
  value === null || (isBelowTop(value) && typeof to === 'string' && to.startsWith(`${value}/`));
const isAside =
  (name: string): Check =>
  (value, record) => {
    const target = record[name];
    if (!isPlace(value) || !isPlace(target)) return false;
    const folder = path.dirname(target);
    return value.startsWith(`${folder}/.${path.basename(target)}.`) && /\.[0-9a-f]{12}$/.test(value);
  };
const isNumber: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

const forms: Readonly<Record<JournalRecord['kind'], Readonly<Record<string, Check>>>> = {
  move: {
    from: isPlace,
    to: isPlace,
    made: isMade,
    leave: (value) => value === 'link' || value === 'nothing',
  },
  write: {
    to: isPlace,
    aside: (value, record) => value === null || isAside('to')(value, record),
    made: isMade,
  },
  rename: { from: isPlace, to: isPlace, made: isMade },
  remove: { path: isPlace, aside: isAside('path') },
  copied: { number: isNumber },
  undone: { number: isNumber },
};

/** Bytes that a file system takes as one name. */
const longestName = 255;

/** @throws GenericError when a place of a change has a name that no file can have */
export function checkNames(change: Change): void {
  for (const value of Object.values(change) as unknown[])
    for (const name of typeof value === 'string' ? value.split('/') : [])
      if (Buffer.byteLength(name) > longestName) throw new GenericError('A file name or path is too long');
}

/** Returns a hidden name next to a place, on the same file system. */
export function beside(place: string): string {
  return path.join(path.dirname(place), `.${path.basename(place)}.${randomBytes(6).toString('hex')}`);
}

/** Whether a name is that of a plain file. */
export async function isFile(name: string): Promise<boolean> {
  return (await fs.lstat(name).catch(() => null))?.isFile() ?? false;
}

/** Whether two names are names of one plain file. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((name) => fs.lstat(name).catch(() => null)));
  return Boolean(a?.isFile() && b?.isFile() && a.ino === b.ino && a.dev === b.dev);
}

/**
 * Finishes a change whose call was committed: what it replaced goes. May be done again.
 *
 * @returns a folder that must be synced before the change is forgotten; null for none
 * @throws GenericError when a link leads out of the store
 */
export async function finish(top: string, { change, copied, checked }: Made): Promise<string | null> {
  if (!checked) await checkPlaces(top, change);
  const at = (place: string): string => path.join(top, place);
  if (change.kind === 'move') {
    const [from, to] = [at(change.from), at(change.to)];
    // Another file with this name by now was created later.
    if (!(copied ? await isFile(from) : await isSameFile(from, to))) return null;
    await (change.leave === 'link' ? leaveLink(from, to) : fs.rm(from, { force: true }));
    return path.dirname(from);
  }
  if (change.kind !== 'rename' && change.aside)
    await fs.rm(at(change.aside), { recursive: true, force: true });
  if (change.kind !== 'remove') return null;
  const last = packageFolder(change.path);
  if (last !== null) await removeEmpty(at(path.dirname(change.path)), at(last));
  return null;
}

/** Returns the folder of a package that a place is below; null for a place elsewhere. */
function packageFolder(place: string): string | null {
  const names = place.split('/');
  const tops = names[0] === 'vol' ? 3 : 1;
  return names[tops - 1] === 'packages' && names.length > tops + 1
    ? names.slice(0, tops + 1).join('/')
    : null;
}

async function leaveLink(from: string, to: string): Promise<void> {
  // Always the same name, so that a second try finds what the first left.
  const link = path.join(path.dirname(from), `.${path.basename(from)}.link`);
  const target = path.relative(path.dirname(from), to);
  await fs.symlink(target, link).catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await fs.rm(link, { force: true });
    await fs.symlink(target, link);
  });
  await fs.rename(link, from);
}

/**
 * Takes a change back, however far it came.
 *
 * @throws GenericError when a link leads out of the store
 */
export async function takeBack(top: string, { change, copied }: Made): Promise<void> {
  await checkPlaces(top, change);
  const at = (place: string): string => path.join(top, place);
  if (change.kind === 'remove') return bringBack(at(change.aside), at(change.path));
  const to = at(change.to);
  if (change.kind === 'rename') await bringBack(to, at(change.from));
  else if (change.kind === 'write') await unwrite(to, change.aside && at(change.aside));
  // If the link was not created, the file at its place belongs to somebody else.
  else if (copied || (await isSameFile(at(change.from), to))) await fs.rm(to, { force: true });
  if (change.made) await removeEmpty(path.dirname(to), at(change.made));
}

async function checkPlaces(top: string, change: Change): Promise<void> {
  const places = change.kind === 'remove' ? [change.path] : [change.to];
  if (change.kind === 'move' || change.kind === 'rename') places.push(change.from);
  for (const place of places) await checkInside(top, place);
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
