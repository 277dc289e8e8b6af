/** Files that tasks uploaded: `work/tasks/…` on each volume. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, openRegular } from '@koji/core';
import type { OutputStat, TaskOutput } from '@koji/core/api';
import { fileTime } from '../values/file-times.js';
import type { Call } from '../../call.js';
import { findInStore } from '../files/places.js';
import { listVolumes } from '../builds/volumes.js';

/** Characters of a path below a task's folder; no file system has longer ones. */
const longestPath = 4096;

function taskFolder(call: Call, taskId: number, volume: string): string {
  const { paths } = call.hub;
  return path.join(paths.work(volume), paths.taskrelpath(taskId));
}

/** Names of a task's files, or by name their facts (`stat`) or the volumes they are on (`allVolumes`). */
export async function listOutput(
  call: Call,
  taskId: number,
  { stat: withStat = false, allVolumes = false } = {},
): Promise<TaskOutput> {
  const volumes = allVolumes ? (await listVolumes(call)).map(({ name }) => name) : ['DEFAULT'];
  const names: string[] = [];
  const facts: Record<string, OutputStat> = {};
  const byVolume: Record<string, string[]> = {};
  const factsByVolume: Record<string, Record<string, OutputStat>> = {};
  for (const volume of volumes) {
    const folder = taskFolder(call, taskId, volume);
    for (const name of await filesIn(folder)) {
      const fact = withStat ? await factsOf(call, path.join(folder, name)) : null;
      if (allVolumes && fact) (factsByVolume[name] ??= {})[volume] = fact;
      else if (fact) facts[name] = fact;
      else if (allVolumes) (byVolume[name] ??= []).push(volume);
      else if (!withStat) names.push(name);
    }
  }
  if (allVolumes) return withStat ? factsByVolume : byVolume;
  return withStat ? facts : names;
}

/** Files at any depth, relative; links to files count, links to folders are listed by os.walk as folders, so not. */
async function filesIn(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(path.join(folder, below), { withFileTypes: true }).catch(() => []);
  const files: string[] = [];
  for (const entry of entries) {
    const name = path.posix.join(below, entry.name);
    if (entry.isDirectory()) files.push(...(await filesIn(folder, name)));
    else if (
      !entry.isSymbolicLink() ||
      !(await stat(path.join(folder, name)).catch(() => null))?.isDirectory()
    )
      files.push(name);
  }
  return files;
}

async function factsOf(call: Call, file: string): Promise<OutputStat | null> {
  const { topdir } = call.hub.paths;
  const real = await findInStore(topdir, path.relative(topdir, file));
  // A link to a build that was deleted since leads nowhere; one such file must not hide the others.
  const found = real === null ? null : await stat(real, { bigint: true }).catch(() => null);
  if (!found) return null;
  return {
    st_atime: fileTime(found.atimeNs),
    st_mtime: fileTime(found.mtimeNs),
    st_ctime: fileTime(found.ctimeNs),
    st_size: String(found.size),
  };
}

/**
 * A piece of a task's file.
 *
 * @param piece `offset` from the start, from the end when negative; `size` in bytes, all when negative
 * @throws GenericError for a name that leads elsewhere, no such file, or more bytes than MaxDownloadSize
 */
export async function readOutput(
  call: Call,
  taskId: number,
  fileName: string,
  { offset, size, volume }: { offset: number; size: number; volume: string },
): Promise<Buffer> {
  if (fileName.length > longestPath || fileName.includes('..') || fileName.includes('\0'))
    throw new GenericError(`Invalid file name: ${fileName.slice(0, longestPath)}`);
  const { topdir } = call.hub.paths;
  const folder = taskFolder(call, taskId, volume);
  const missing = (): GenericError => new GenericError(`no file "${fileName}" output by task ${taskId}`);
  // A file that was imported left a link to where it is now.
  const file = await findInStore(topdir, path.relative(topdir, path.join(folder, fileName)));
  if (file === null || !(await stat(file).catch(() => null))?.isFile()) throw missing();
  const handle = await openRegular(file);
  try {
    const found = await handle.stat();
    const start = offset < 0 ? Math.max(0, found.size + offset) : offset;
    const left = Math.max(0, found.size - start);
    const wanted = size < 0 ? left : Math.min(size, left);
    const most = call.hub.options.MaxDownloadSize;
    if (most > 0 && wanted > most)
      throw new GenericError(
        `${wanted} bytes of "${fileName}" are too many for one answer: ask for at most ${most} at a time, by offset and size`,
      );
    const buffer = Buffer.alloc(wanted);
    const { bytesRead } = await handle.read(buffer, 0, wanted, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
