import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, joinSafe } from '@koji/core';
import type { Call } from '../../call.js';
import { stageMove } from './files.js';

/** Returns the path of a file below the upload folder; a path that no upload could have created is treated as missing. */
export function uploadedFile(call: Call, ...relative: readonly string[]): string {
  return uploadIn(call.hub.paths.work(), relative);
}

/** Returns the path of a file that a task uploaded, as {@link uploadedFile}. */
export function taskFile(call: Call, taskId: number, ...relative: readonly string[]): string {
  return uploadIn(call.hub.paths.task(taskId), relative);
}

function uploadIn(folder: string, relative: readonly string[]): string {
  const file = fileIn(folder, ...relative);
  if (relative.some(isHidden)) throw new GenericError(`No such file: ${folder}/${relative.join('/')}`);
  return file;
}

/** Whether a part of a relative path begins with a dot, as the hub's own files do. */
export function isHidden(relative: string): boolean {
  return path.posix
    .normalize(relative)
    .split('/')
    .some((part) => /^\.[^/]/.test(part));
}

/** A path below a folder; one that would be elsewhere is treated as missing. */
export function fileIn(folder: string, ...relative: readonly string[]): string {
  try {
    joinSafe(folder, ...relative);
    // Not joined any further: fault texts name a file in an empty subfolder by `./`, as Koji's do.
    return [folder, ...relative.map((part) => path.posix.normalize(part))].join('/');
  } catch {
    throw new GenericError(`No such file: ${folder}/${relative.join('/')}`);
  }
}

/** For `catch`: null instead of the error that there is no such file, or a file where a folder should be. */
export function nothingThere(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  return null;
}

/** @throws GenericError for the first file that does not exist */
export async function checkUploaded(call: Call, relative: readonly string[]): Promise<void> {
  for (const one of relative) {
    const file = uploadedFile(call, one);
    if (!(await stat(file).catch(() => null))) throw new GenericError(`No such file: ${file}`);
  }
}

/** Where to move a file to. */
export interface Destination {
  readonly file: string;
  readonly folder: string;
  /** Below the folder; it must not lead out of it. */
  readonly subdir?: string;
  /** Beginning of a fault's text. */
  readonly failure: string;
}

/**
 * Moves a file into a folder, under its own name.
 *
 * @throws GenericError if the name already exists, or it is not a plain file
 */
export async function moveInto(call: Call, { file, folder, subdir, failure }: Destination): Promise<void> {
  const target = path.join(fileIn(folder, subdir || '.'), path.basename(file));
  if (await lstat(target).catch(() => null)) throw new GenericError(`${failure} ${target} already exists.`);
  const found = await lstat(file).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`${failure} ${file} is not a regular file.`);
  await stageMove(call, file, target);
}
