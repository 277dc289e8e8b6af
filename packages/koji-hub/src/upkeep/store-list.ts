/** Lists the contents of the file store. */
import type { Dirent } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { PathInfo } from '@koji/core';

/** A file or link of the store. */
export interface StoreEntry {
  /** Below KojiDir. */
  readonly path: string;
  /** Bytes; absent for a link. */
  readonly size?: number;
  /** When its content was last changed, in ISO form; absent for a link. */
  readonly mtime?: string;
  /** The target of a link. */
  readonly link?: string;
}

/** The entries of a folder by name; none when it is missing or no folder. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Lists all files and links of the store but those of hidden folders at its top, which are the hub's own. Links are followed
 * at the top and at volumes only, where an administrator may have put a folder on another file system.
 */
export async function* listStore({ topdir }: PathInfo): AsyncGenerator<StoreEntry, void, void> {
  for (const { name } of (await entriesOf(topdir)).filter(isShown)) {
    if (name !== 'vol') yield* listTop(topdir, name);
    else
      for (const volume of (await entriesOf(path.join(topdir, name))).filter(isShown))
        for (const top of (await entriesOf(path.join(topdir, name, volume.name))).filter(isShown))
          yield* listTop(topdir, path.join(name, volume.name, top.name));
  }
}

const isShown = ({ name }: Dirent): boolean => !name.startsWith('.');

async function* listTop(topdir: string, place: string): AsyncGenerator<StoreEntry, void, void> {
  // The toplink of a volume leads back to all of this.
  const found = await describe(topdir, place);
  if (found && (found.size !== undefined || path.basename(place) === 'toplink')) yield found;
  else yield* listFolder(topdir, place);
}

async function* listFolder(topdir: string, place: string): AsyncGenerator<StoreEntry, void, void> {
  for (const entry of await entriesOf(path.join(topdir, place))) {
    const below = path.join(place, entry.name);
    if (entry.isDirectory()) yield* listFolder(topdir, below);
    else {
      const found = await describe(topdir, below);
      if (found) yield found;
    }
  }
}

/** Describes a file or link; null for what is gone by now or is a folder, a pipe or the like. */
async function describe(topdir: string, place: string): Promise<StoreEntry | null> {
  const file = path.join(topdir, place);
  try {
    const found = await lstat(file);
    if (found.isSymbolicLink()) return { path: place, link: await readlink(file) };
    return found.isFile() ? { path: place, size: found.size, mtime: found.mtime.toISOString() } : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
