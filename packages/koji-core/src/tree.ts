import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Lists everything below a folder except folders, in no particular order. Links are included and not followed, whereas a
 * recursive `readdir` follows them or not, depending on the version of Node.js.
 *
 * @throws the error of `readdir`, such as ENOENT
 */
export async function* entriesBelow(folder: string): AsyncGenerator<Dirent, void, void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) yield* entriesBelow(path.join(folder, entry.name));
    else yield entry;
}
