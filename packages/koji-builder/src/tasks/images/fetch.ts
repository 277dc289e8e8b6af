import { chmod, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, openFileBelow, pathOfOpen } from '@koji/core';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import type { BuildRoot } from '../../buildroot/index.js';
import { Scm } from '../../scm/index.js';
import { settingsOf } from '../../settings.js';

/** A file of a user that an image is made by, and where it comes from. */
export interface GivenFile {
  /** Below the sources of `url`, else below the hub's folder. */
  readonly name: string;
  /** An SCM URL. */
  readonly url?: string | null | undefined;
  /** Name in errors: `Kickstart`. */
  readonly kind: string;
}

/** How a file is fetched. */
export interface Fetching {
  readonly buildTag: string;
  readonly scratch: boolean;
  /** The log of the checkout. */
  readonly log: string;
  /** The folder that it is fetched to, which is made if need be. */
  readonly folder: string;
  /** The buildroot that has the folder, if one has. */
  readonly buildroot?: BuildRoot;
}

/** A file on the builder. */
export interface Fetched {
  /** Without links. */
  readonly folder: string;
  /** Below the folder. */
  readonly name: string;
}

/**
 * Fetches a file from source control or from the hub, and uploads it to the task's output.
 *
 * @throws BuildError when it does not exist
 */
export async function fetchGiven(task: BaseTaskHandler, given: GivenFile, how: Fetching): Promise<Fetched> {
  const found = given.url ? await checkOut(task, given, how) : await download(task, given, how);
  const handle = await openFileBelow(found.folder, found.name).catch((cause: unknown) => {
    if (!isMissing(cause)) throw cause;
    throw doesNotExist(given, path.join(found.folder, found.name), cause);
  });
  try {
    const file = pathOfOpen(handle, path.join(found.folder, found.name));
    await task.uploadFile(file, { name: path.basename(found.name) });
  } finally {
    await handle.close();
  }
  return found;
}

async function checkOut(
  task: BaseTaskHandler,
  { name, url }: GivenFile,
  { folder, ...how }: Fetching,
): Promise<Fetched> {
  const scm = Scm.parse(url ?? '', { allowPassword: settingsOf(task).allow_password_in_scm_url });
  await scm.assertAllowed(task, { scratch: how.scratch });
  return { folder: (await scm.checkout(task, folder, how)).folder, name };
}

async function download(task: BaseTaskHandler, given: GivenFile, { folder }: Fetching): Promise<Fetched> {
  const file = await task.localPath(given.name).catch((cause: unknown) => {
    if (!isMissing(cause)) throw cause;
    throw doesNotExist(given, given.name, cause);
  });
  await mkdir(folder, { recursive: true });
  const name = path.basename(given.name);
  await copyFile(file, path.join(folder, name));
  await chmod(path.join(folder, name), 0o644);
  return { folder, name };
}

function doesNotExist({ kind }: GivenFile, file: string, cause: unknown): BuildError {
  return new BuildError(`${kind} ${file} does not exist.`, { cause });
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
