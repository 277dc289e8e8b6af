import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The process of a task with everything that it needs in one script. */
const script = fileURLToPath(new URL('./lone-child.cjs', import.meta.url));

/**
 * Loads what a process of a task needs, and writes the memory of that process to a file. Processes that start from the file
 * have everything loaded. The file holds code, and no settings or secrets.
 *
 * @returns the open file, which has no name any more, so that nobody can change it and it goes with kojid; null when the
 *   packages are not bundled
 * @throws Error if this release of Node.js can't do it
 */
export async function openPreloaded(signal: AbortSignal): Promise<FileHandle | null> {
  if (!existsSync(script)) return null;
  const folder = await mkdtemp(path.join(tmpdir(), 'kojid-'));
  try {
    const file = path.join(folder, 'task.blob');
    // V8 accepts such a file only with the options that were set when it was written.
    const words = [...process.execArgv, '--no-warnings', '--snapshot-blob', file, '--build-snapshot', script];
    const writing = promisify(execFile)(process.execPath, words, { signal });
    if (writing.child.pid !== undefined) setPriority(writing.child.pid, constants.priority.PRIORITY_LOW);
    await writing;
    return await open(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The file's descriptor in a process of a task: the first one after the standard descriptors. */
export const preloadedDescriptor = 4;

/** Options of Node.js that start a process from the file. */
export const preloadedWords = ['--snapshot-blob', `/proc/self/fd/${preloadedDescriptor}`];
