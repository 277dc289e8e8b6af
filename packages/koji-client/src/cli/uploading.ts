import { randomInt } from 'node:crypto';
import { chown, link, mkdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { runsInBackground } from './background.js';
import type { Run } from './command.js';
import { uploadLine } from './progress.js';

/** Returns a path below the work folder that no other upload has: time and random letters. */
export function uniqueDirectory(prefix: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const random = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
  return `${prefix}/${(Date.now() / 1000).toFixed(7)}.${random}`;
}

/**
 * Uploads a file to a folder of its own, with a progress bar where somebody watches.
 *
 * @returns its path below the hub's work folder
 */
export async function uploadShown(
  run: Run,
  file: string,
  { prefix, silent }: { prefix: string; silent: boolean },
): Promise<string> {
  const directory = uniqueDirectory(prefix);
  const shown = !silent && !runsInBackground();
  await run.session.upload(
    file,
    directory,
    shown ? { onProgress: (progress) => run.write(`${uploadLine(progress)}\r`) } : {},
  );
  run.print('');
  return `${directory}/${basename(file)}`;
}

/** Links a file into the hub's work folder, which must be on this machine, instead of uploading it. */
export async function linkIntoWork({ paths, print }: Run, file: string, directory: string): Promise<void> {
  const work = paths.work();
  const folder = `${work}/${directory}`;
  const target = `${folder}/${basename(file)}`;
  await mkdir(folder, { recursive: true });
  // The hub must be able to move the file out of the folder.
  const { uid, gid } = await stat(work);
  await chown(folder, uid, gid).catch(() => undefined);
  print(`Linking rpm to: ${target}`);
  await link(file, target);
}
