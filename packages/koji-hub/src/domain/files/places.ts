/** Places in the file store: paths relative to its top, which lead neither out of it nor into what is the hub's own. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { GenericError } from '@koji/core';

/** The folder below KojiDir that is the hub's own: no upload reaches it, and nothing in it is served. */
export const ownFolder = '.hub';

/**
 * Returns the place of a file of the store.
 *
 * @throws GenericError for a path that is not below a folder of the store
 */
export function placeOf(top: string, file: string): string {
  const place = path.relative(top, file);
  if (!isPlace(place)) throw new GenericError(`not in the file store: ${file}`);
  return place;
}

/** Whether a text is a place: two names or more, none of which leads up or into a hidden folder at the top. */
export function isPlace(text: unknown): text is string {
  return isBelowTop(text) && text.includes('/');
}

/** Like {@link isPlace}, also for a folder at the top. */
export function isBelowTop(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > 4096 || text.startsWith('.') || text.includes('\0'))
    return false;
  return text.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/**
 * Checks that no link on the way to a place leads out of the store. What is at the place itself is not looked at.
 *
 * @throws GenericError when one does
 */
export async function checkInside(top: string, place: string): Promise<void> {
  const folder = await realFolder(path.dirname(path.join(top, place)));
  if ((await belowRoot(top, folder)) !== null) return;
  throw new GenericError(`a link leads out of the file store: ${place}`);
}

/**
 * Returns the real path of a file in the store; null if it does not exist, a link leads out of the store, or it belongs to the
 * hub itself.
 */
export async function findInStore(top: string, relative: string): Promise<string | null> {
  const found = await real(path.join(top, relative));
  const below = found === null ? null : await belowRoot(top, found);
  return below === null || below.split('/').some((name) => name.startsWith('.')) ? null : found;
}

/**
 * The way to a real path from that root of the store which it is below; null when it is below none. The administrator may
 * have put a folder at the top, or a volume, on another file system: those are roots, too.
 */
async function belowRoot(top: string, place: string): Promise<string | null> {
  const below = (root: string | null): string | null =>
    root !== null && (place === root || place.startsWith(root === '/' ? root : `${root}/`))
      ? path.relative(root, place)
      : null;
  const atTop = below(await real(top));
  if (atTop !== null) return atTop;
  for (const parent of [top, path.join(top, 'vol')])
    for (const name of await fs.readdir(parent).catch(() => [])) {
      const found = name.startsWith('.') ? null : below(await real(path.join(parent, name)));
      if (found !== null) return found;
    }
  return null;
}

/** The real path of the nearest folder on the way to `folder` that exists. */
async function realFolder(folder: string): Promise<string> {
  for (let current = folder; ; current = path.dirname(current)) {
    const found = await real(current);
    if (found !== null || current === path.dirname(current)) return found ?? current;
  }
}

function real(name: string): Promise<string | null> {
  return fs.realpath(name).catch(() => null);
}
