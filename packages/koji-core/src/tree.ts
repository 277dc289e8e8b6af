import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Everything below a folder that is no folder itself, in no particular order. Links are among it and not followed: a
 * recursive `readdir` follows them, or not, as the version of Node.js has it.
 *
 * @throws the error of `readdir`, such as ENOENT
 */
export async function* entriesBelow(folder: string): AsyncGenerator<Dirent, void, void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) yield* entriesBelow(path.join(folder, entry.name));
    else yield entry;
}
