/** Changes of the file system that outlast a power failure once they are done. */
import { constants } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

/** Contents of a file: bytes, or blocks as they arrive. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

/** Whether something is at a path, a link that leads nowhere included. */
export function exists(target: string): Promise<boolean> {
  return fs.lstat(target).then(
    () => true,
    () => false,
  );
}

/** Makes a folder with its parents, and syncs each folder that one was made in. */
export async function makeFolder(
  folder: string,
  sync: (folder: string) => Promise<void> | void = syncPath,
): Promise<void> {
  const first = await fs.mkdir(folder, { recursive: true });
  if (first === undefined) return;
  const parents: string[] = [];
  for (let current = folder; current.length >= first.length; current = path.dirname(current))
    parents.push(path.dirname(current));
  await Promise.all(parents.map(async (parent) => sync(parent)));
}

/**
 * Runs `work` in a folder. Makes the folder if `work` finds none, also when somebody else has just removed it as empty.
 *
 * @param sync is called for each folder that one was made in
 */
export async function inFolder<T>(
  folder: string,
  work: () => Promise<T>,
  sync?: (folder: string) => void,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT' && !(await exists(folder));
      if (!isGone || tries === 5) throw error;
      await makeFolder(folder, sync);
    }
  }
}

/** Returns the uppermost folder that has to be made for a folder to exist; null when none has. */
export async function firstMissing(folder: string): Promise<string | null> {
  let missing: string | null = null;
  for (let current = folder; !(await exists(current)); current = path.dirname(current)) missing = current;
  return missing;
}

/** Removes empty folders from `folder` up to `last`; one that is missing already is passed over. */
export async function removeEmpty(folder: string, last: string): Promise<void> {
  for (let current = folder; current.length >= last.length; current = path.dirname(current)) {
    const code = await fs.rmdir(current).then(
      () => 'ENOENT',
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
    if (code !== 'ENOENT') return;
  }
}

/** Writes a new file and syncs it. */
export async function writeDurably(to: string, content: Content): Promise<void> {
  await writeNew(to, content);
  await Promise.all([syncPath(to), syncPath(path.dirname(to))]);
}

/** Writes a new file, which is not durable yet. */
export async function writeNew(to: string, content: Content): Promise<void> {
  const file = await fs.open(to, 'wx', 0o644);
  try {
    // Each goes where the one before it ended.
    for await (const block of content instanceof Uint8Array ? [content] : content)
      await file.writeFile(block);
  } finally {
    await file.close();
  }
}

/**
 * Gives a file a second name that must not exist: with a link, or with a copy where a link is impossible; `copying` runs before
 * a copy. Neither is durable yet.
 *
 * @throws an error with code EEXIST if the name exists
 */
export async function linkOrCopy(from: string, to: string, copying: () => Promise<void>): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM') throw error;
    await copying();
    await fs.copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

/** Makes everything in a folder durable. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(name);
    else if (entry.isFile()) await syncPath(name);
  }
  await syncPath(folder);
}

/** Makes a file, or the names in a folder, durable. */
export async function syncPath(target: string): Promise<void> {
  const handle = await fs.open(target, 'r');
  await handle.sync().finally(() => handle.close());
}

/** As {@link syncPath}, but a file or folder that is gone is passed over. */
export async function syncIfThere(target: string): Promise<void> {
  await syncPath(target).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  });
}

/** Files and folders that are opened at a time. */
const atOnce = 8;

/** Syncs files and folders, some at a time. Those that are gone are passed over. */
export async function syncAll(paths: Iterable<string>): Promise<void> {
  const waiting = [...paths];
  const some = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await syncIfThere(next);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, some));
}
