import { constants, type Dirent } from 'node:fs';
import { mkdir, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { GenericError } from './faults.js';

/**
 * Files in folders that strangers fill: the root of a build, a checkout, what a program left behind. A link there may lead
 * anywhere, and a folder may become one between two looks. So folders are held open on the way, every name is looked up in
 * the folder that is held, and a file is opened only once it is known to be one: a device or a pipe never is.
 *
 * Hard links need no care: nothing can make one to a file that it can't name, and none leads to another file system.
 */

/** What to do about symbolic links: refuse them, or follow them as a program does whose root is the folder. */
export type Links = 'refuse' | 'inside';

const mostLinks = 40;
const isLinux = process.platform === 'linux';
/** Opens for looks only: no permission to read is needed, and no driver of a device hears of it. */
const lookOnly = isLinux ? 0o10000000 : constants.O_RDONLY | constants.O_NONBLOCK;

/** A folder or file that is open. */
interface Held {
  readonly handle: FileHandle;
  /** Where it was found. */
  readonly place: string;
}

/** The path of what is open, whatever its name has become meanwhile. */
function pathOf({ handle, place }: Held): string {
  return isLinux ? `/proc/self/fd/${handle.fd}` : place;
}

/** Opens what has a name in a folder that is held; a link is never followed. */
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

/** The target of a link; null for what is none. */
async function targetOf(folder: Held, name: string): Promise<string | null> {
  return readlink(`${pathOf(folder)}/${name}`).catch(() => null);
}

/** What a walk ended at: a folder that is held, and a name in it. */
interface Found {
  readonly folder: Held;
  readonly name: string;
}

/**
 * Walks down from a folder, holding every folder on the way, and hands what it found to `use` while they are held.
 *
 * @param makes whether folders that are missing are made
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
 * @throws GenericError for a link that is refused, and for what is no regular file; an error with the code ENOENT when
 *   there is nothing
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
 * Opens a file for reading, as {@link openFileBelow} does: the file itself may be no link, the folders on the way may.
 *
 * @throws GenericError for a link, and for what is no regular file
 */
export function openRegular(file: string): Promise<FileHandle> {
  return openFileBelow(path.dirname(file), path.basename(file));
}

/** The path by which a file that is open can be opened again by this process, as long as it is open. */
export function pathOfOpen(handle: FileHandle, file: string): string {
  return pathOf({ handle, place: file });
}

/**
 * Hands a folder below another one to `use`, as a path that leads to it while `use` runs, whatever becomes of its name.
 *
 * @throws GenericError for a link that is refused; an error with the code ENOENT or ENOTDIR when it is no folder
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

/** Lists a folder below another one; what is no folder has no entries. */
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
 * Makes a folder below another one, with those above it.
 *
 * @throws GenericError for a link that is refused; an error with the code ENOTDIR when something else has its name
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
  /** Its path below that folder. */
  readonly below: string;
  /** Whether it is a regular file, and no link, pipe or device. */
  readonly isFile: boolean;
}

/** Everything below a folder that is no folder itself. No link is followed, whatever changes meanwhile. */
export async function* filesBelow(top: string, below = ''): AsyncGenerator<FileBelow, void, void> {
  for (const entry of await listBelow(top, below)) {
    const place = path.join(below, entry.name);
    if (entry.isDirectory()) yield* filesBelow(top, place);
    else yield { below: place, isFile: entry.isFile() };
  }
}
