import { constants, type Dirent } from 'node:fs';
import { mkdir, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { GenericError } from './faults.js';

/**
 * Access to files in untrusted folders: the root of a build, a checkout, the output of a program. A link there may lead
 * anywhere, and a folder may be replaced by a link between two accesses. Therefore each folder on the path stays open, every
 * name is looked up in the open folder, and a file is opened only once it is known to be a regular file, never a device or a
 * pipe.
 *
 * Hard links need no protection: a program can only make one to a file that it can name, and none leads to another file system.
 */

/** Treatment of symbolic links: refuse them, or follow them as a program does whose root is the folder. */
export type Links = 'refuse' | 'inside';

const mostLinks = 40;
const isLinux = process.platform === 'linux';
/** Opens only to inspect: needs no permission to read, and does not trigger device drivers. */
const lookOnly = isLinux ? 0o10000000 : constants.O_RDONLY | constants.O_NONBLOCK;

/** An open folder or file. */
interface Held {
  readonly handle: FileHandle;
  /** Path at which it was found. */
  readonly place: string;
}

/** Path of the open file, valid even if it is renamed. */
function pathOf({ handle, place }: Held): string {
  return isLinux ? `/proc/self/fd/${handle.fd}` : place;
}

/** Opens a name in an open folder; never follows a link. */
async function openIn(folder: Held, name: string, flags: number): Promise<Held> {
  const place = path.join(folder.place, name);
  const handle = await open(`${pathOf(folder)}/${name}`, flags | constants.O_NOFOLLOW).catch(
    (cause: unknown) => {
      throw withPlace(cause, place);
    },
  );
  return { handle, place };
}

function withPlace(cause: unknown, place: string): Error {
  const { code = 'ERROR', message } = cause as NodeJS.ErrnoException;
  if (code === 'ELOOP') return isLink(place);
  const [reason = code] = message.split(',');
  return Object.assign(new Error(`${reason}: ${place}`, { cause }), { code, path: place });
}

const isLink = (place: string): GenericError =>
  new GenericError(`${place} is a symbolic link, which could lead anywhere`);

/** Returns the target of a link, or null if it is not a link. */
async function targetOf(folder: Held, name: string): Promise<string | null> {
  return readlink(`${pathOf(folder)}/${name}`).catch(() => null);
}

/** End of a walk: an open folder, and a name in it. */
interface Found {
  readonly folder: Held;
  readonly name: string;
}

/**
 * Walks down from a folder, keeping every folder on the path open, and calls `use` with the result while they are open.
 *
 * @param makes whether to create missing folders
 */
async function walk<T>(
  top: string,
  below: string,
  { links, makes = false }: { readonly links: Links; readonly makes?: boolean },
  use: (found: Found) => Promise<T>,
): Promise<T> {
  const root = { handle: await open(top, lookOnly | constants.O_DIRECTORY), place: top };
  const held: Held[] = [root];
  const at = (): Held => held.at(-1) ?? root;
  const release = async (from: number): Promise<void> => {
    for (const { handle } of held.splice(from)) await handle.close();
  };
  try {
    const left = below.split('/').filter(Boolean);
    let followed = 0;
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === '.') continue;
      if (name === '..') {
        if (links === 'refuse') throw new GenericError(`${below} leads upward`);
        if (held.length > 1) await release(held.length - 1);
        continue;
      }
      const target = await targetOf(at(), name);
      if (target !== null) {
        const place = path.join(at().place, name);
        if (links === 'refuse') throw isLink(place);
        if (++followed > mostLinks) throw new GenericError(`too many symbolic links: ${below}`);
        if (target.startsWith('/')) await release(1);
        left.unshift(...target.split('/').filter(Boolean));
        continue;
      }
      if (left.length === 0) return await use({ folder: at(), name });
      held.push(await enter(at(), name, makes));
    }
    return await use({ folder: at(), name: '.' });
  } finally {
    await release(0);
  }
}

async function enter(folder: Held, name: string, makes: boolean): Promise<Held> {
  const flags = lookOnly | constants.O_DIRECTORY;
  try {
    return await openIn(folder, name, flags);
  } catch (error) {
    if (!makes || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(`${pathOf(folder)}/${name}`).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
        throw withPlace(cause, path.join(folder.place, name));
    });
    return openIn(folder, name, flags);
  }
}

/**
 * Opens a file below a folder for reading.
 *
 * @param top the folder, which is trusted: links on the way to it are followed
 * @throws GenericError for a link that is refused, and for anything but a regular file; an error with the code ENOENT if the
 *   file is missing
 */
export async function openFileBelow(
  top: string,
  below: string,
  links: Links = 'refuse',
): Promise<FileHandle> {
  return walk(top, below, { links }, async ({ folder, name }) => {
    const seen = await openIn(folder, name, lookOnly);
    try {
      const { place } = seen;
      const stat = await seen.handle.stat();
      if (stat.isSymbolicLink()) throw isLink(place);
      if (!stat.isFile()) throw new GenericError(`${place} is no regular file`);
      return await open(pathOf(seen), constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
        throw withPlace(cause, place);
      });
    } finally {
      await seen.handle.close();
    }
  });
}

/**
 * Opens a file for reading, like {@link openFileBelow}. The file itself must not be a link, but folders on its path may be.
 *
 * @throws GenericError for a link, and for anything but a regular file
 */
export function openRegular(file: string): Promise<FileHandle> {
  return openFileBelow(path.dirname(file), path.basename(file));
}

/** Path through which this process can reopen an open file. */
export function pathOfOpen(handle: FileHandle, file: string): string {
  return pathOf({ handle, place: file });
}

/**
 * Calls `use` with a path that leads to a folder below another one while `use` runs, even if the folder is renamed.
 *
 * @throws GenericError for a link that is refused; an error with the code ENOENT or ENOTDIR if it is not a folder
 */
export async function inFolderBelow<T>(
  top: string,
  below: string,
  links: Links,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  return walk(top, below, { links }, async ({ folder, name }) => {
    const found = await openIn(folder, name, lookOnly | constants.O_DIRECTORY);
    try {
      return await use(pathOf(found));
    } finally {
      await found.handle.close();
    }
  });
}

/** Lists a folder below another one. Anything but a folder has no entries. */
export async function listBelow(top: string, below: string, links: Links = 'refuse'): Promise<Dirent[]> {
  return inFolderBelow(top, below, links, (folder) => readdir(folder, { withFileTypes: true })).catch(
    (error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      throw error;
    },
  );
}

/**
 * Creates a folder below another one, with its parents.
 *
 * @throws GenericError for a link that is refused; an error with the code ENOTDIR if the name exists and is not a folder
 */
export async function makeFolderBelow(top: string, below: string, links: Links = 'refuse'): Promise<void> {
  await walk(top, below, { links, makes: true }, async ({ folder, name }) => {
    if (name === '.') return;
    const { handle } = await enter(folder, name, true);
    await handle.close();
  });
}

/** A file below a folder. */
export interface FileBelow {
  /** Its path relative to that folder. */
  readonly below: string;
  /** True for a regular file, false for a link, pipe or device. */
  readonly isFile: boolean;
}

/** Lists everything below a folder except folders. Follows no link, even if something changes at the same time. */
export async function* filesBelow(top: string, below = ''): AsyncGenerator<FileBelow, void, void> {
  for (const entry of await listBelow(top, below)) {
    const place = path.join(below, entry.name);
    if (entry.isDirectory()) yield* filesBelow(top, place);
    else yield { below: place, isFile: entry.isFile() };
  }
}
