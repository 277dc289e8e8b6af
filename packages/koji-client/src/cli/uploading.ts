import { chown, link, mkdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { runsInBackground } from './background.js';
import type { Run } from './command.js';
import { hasScreen } from './output.js';
import { uniqueDirectory } from '../upload.js';
import type { UploadProgress } from '../upload.js';
import { TransferMeter, uploadLine } from './progress.js';

/**
 * Uploads a file to a new folder, with a progress bar if somebody is watching.
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
  await run.session.upload(file, directory, shown ? { onProgress: uploadShower(run) } : {});
  run.print('');
  return `${directory}/${basename(file)}`;
}

/** Returns the progress display of an upload: with the time left on a terminal, otherwise like Koji's. */
export function uploadShower({ write }: Pick<Run, 'write'>): (progress: UploadProgress) => void {
  if (!hasScreen()) return (progress) => write(`${uploadLine(progress)}\r`);
  const meter = new TransferMeter();
  return ({ done, total }) => {
    const line = meter.line(done, total, process.stdout.columns || 80);
    if (line !== null) write(`\r${line}\x1b[K`);
  };
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
