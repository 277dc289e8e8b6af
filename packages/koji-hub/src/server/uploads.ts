/**
 * Files that clients and builders bring: below `work` of a volume, under plain names, in folders that belong to the user
 * who came first or, for a task's, to the builder that runs it. Nothing here follows a symbolic link.
 */
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { ActionNotAllowed, GenericError, LockError, TASK_STATES, joinSafe, nameProblem } from '@koji/core';
import type { UploadInfo, UploadResult } from '@koji/core/api';
import type { Call } from '../call.js';
import { fileTime } from '../domain/values/file-times.js';
import { lookupName } from '../domain/values/lookup.js';
import { openDigest } from '../domain/values/digests.js';
import type { Digest } from '../domain/values/digests.js';
import { findTask } from '../domain/task-records/task-records.js';
import { BlockWriter, writeAll } from './block-writer.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** Where an upload goes. */
export interface UploadPlace {
  readonly directory: string;
  readonly name: string;
  readonly volume: string | null;
}

/** Longest name of a file, in bytes. Leaves room for the hidden names that the hub gives to files on their way. */
const longestName = 240;

const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

interface Found {
  readonly work: string;
  /** The folder below `work`, normalised. */
  readonly relative: string;
  readonly file: string;
}

async function place(call: Call, { directory, name, volume }: UploadPlace): Promise<Found> {
  if (name.includes('/') || nameProblem(name) !== null || Buffer.byteLength(name) > longestName)
    throw new GenericError(`Invalid upload filename: ${cut(name)}`);
  const relative = path.posix.normalize(directory || '.').replace(/(?<=.)\/$/, '');
  // Names with a dot in front are the hub's own, on the way to a file too.
  const isLong = relative.split('/').some((part) => Buffer.byteLength(part) > longestName);
  if (relative !== '.' && (isLong || nameProblem(relative) !== null))
    throw new GenericError(`Invalid upload directory: ${cut(directory)}`);
  if (volume !== null) await lookupName(call, 'volume', volume, { strict: true });
  const work = call.hub.paths.work(volume);
  return { work, relative, file: joinSafe(work, relative, name) };
}

/** Finds the place of an upload of the caller, who must own it; makes its folder. */
async function claimPlace(call: Call, wanted: UploadPlace): Promise<Found> {
  const found = await place(call, wanted);
  const [first, , id = ''] = found.relative.split('/');
  if (first === 'tasks') {
    if (!/^\d{1,9}$/.test(id)) throw new GenericError(`Invalid task upload directory: ${wanted.directory}`);
    await checkTask(call, Number(id));
    await makeFolder(found);
  } else {
    const folder = await makeFolder(found);
    await claimFolder(folder, call.session.userId, wanted.directory);
  }
  return found;
}

/** The caller must be the builder that has the task open. Looked at without a lock: the body comes later in any case. */
async function checkTask(call: Call, taskId: number): Promise<void> {
  const hostId = call.session.assertHost();
  const task = await findTask(call, taskId);
  if (!task) throw new GenericError(`No such task: ${taskId}`);
  if (task.state !== TASK_STATES.OPEN || task.host_id !== hostId)
    throw new ActionNotAllowed(`host ${hostId} does not own task ${taskId}`);
}

/** Makes the folders of an upload one by one, since a link on the way would lead out of the work area. */
async function makeFolder({ work, relative }: Found): Promise<string> {
  let folder = work;
  const parts = relative === '.' ? [] : relative.split('/');
  // Most uploads add to a folder that exists.
  if (!(await isThere(work))) await fs.mkdir(work, { recursive: true });
  for (const part of parts) {
    folder = path.join(folder, part);
    let found = await isThere(folder);
    if (!found) {
      await fs.mkdir(folder).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new GenericError(`Invalid upload directory: ${relative}`, { cause: error });
      });
      found = await fs.lstat(folder);
    }
    if (!found.isDirectory()) throw new GenericError(`Invalid upload directory: ${relative}`);
  }
  return folder;
}

const isThere = (target: string): Promise<Stats | null> => fs.lstat(target).catch(() => null);

async function claimFolder(folder: string, userId: number | null, directory: string): Promise<void> {
  const file = path.join(folder, '.user');
  // One after the other, so that one user is not written twice.
  const before = claims.get(file);
  const claim = (before ?? Promise.resolve()).then(() => claimOwner(file, String(userId)));
  const quiet = claim.then(ignore, ignore);
  claims.set(file, quiet);
  try {
    if ((await claim) !== String(userId))
      throw new GenericError(`Invalid upload directory, not owner: ${directory}`);
  } finally {
    if (claims.get(file) === quiet) claims.delete(file);
  }
}

/** The last claim of each file in this process. */
const claims = new Map<string, Promise<void>>();
const ignore = (): void => undefined;

/**
 * Returns the owner that a file names, which is `owner` when it named none. The first line counts and lines are only
 * appended, so that of several processes one wins, and a cut leaves nothing but a file that names nobody yet.
 */
async function claimOwner(file: string, owner: string): Promise<string> {
  const handle = await fs.open(file, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o644);
  try {
    const named = await firstLine(handle);
    if (named !== '') return named;
    await handle.write(`${owner}\n`);
    return await firstLine(handle);
  } finally {
    await handle.close();
  }
}

async function firstLine(handle: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
  return buffer.toString('utf8', 0, bytesRead).trim().split('\n', 1)[0] ?? '';
}

/** Files that are being written by this process. */
const busy = new Set<string>();

/** Name for a file that is the same in all processes that share a store, even if it is mounted elsewhere. */
const claimName = ({ hub }: Call, file: string): string => `upload ${path.relative(hub.paths.topdir, file)}`;

/** Runs `work` while nobody else writes the file: neither this process nor another one, on any machine. */
async function exclusively<T>(call: Call, file: string, work: () => Promise<T>): Promise<T> {
  const refusal = `another upload of ${file} is in progress`;
  if (busy.has(file)) throw new LockError(refusal);
  busy.add(file);
  try {
    const release = await call.hub.database.claim(claimName(call, file));
    if (!release) throw new LockError(refusal);
    return await work().finally(release);
  } finally {
    busy.delete(file);
  }
}

async function openTarget(file: string): Promise<FileHandle> {
  const handle = await fs.open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
  try {
    if (!(await handle.stat()).isFile()) throw new GenericError(`destination not a file: ${file}`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Parameters in the query of a raw upload. */
export interface RawUpload extends UploadPlace {
  readonly verify: string;
  /** -1 appends. */
  readonly offset: number;
  readonly overwrite: boolean;
}

/** Reads the query of a raw upload; see the table of parameters in Koji's wire protocol. */
export function readRawUpload(query: ReadonlyMap<string, string>): RawUpload {
  const name = query.get('filename');
  if (name === undefined) throw new GenericError('raw upload without filename');
  const verify = query.get('fileverify') ?? '';
  if (verify === '') throw new GenericError('raw upload without fileverify: name md5, adler32 or sha256');
  const offset = query.get('offset') ?? '0';
  if (!/^(-1|\d{1,15})$/.test(offset.trim())) throw new GenericError(`Invalid upload offset: ${offset}`);
  return {
    name,
    verify,
    directory: query.get('filepath') ?? '',
    volume: query.get('volume') ?? 'DEFAULT',
    offset: Number(offset),
    overwrite: query.has('overwrite'),
  };
}

/** Writes the body of a raw upload to its place, chunk by chunk as it comes. */
export async function receiveUpload(
  call: Call,
  upload: RawUpload,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadResult> {
  const { file } = await call.read((reading) => claimPlace(reading, upload));
  const { verify, overwrite } = upload;
  const digest = openDigest(verify);
  return exclusively(call, file, async () => {
    const before = await checkTarget(file, upload);
    const handle = await openTarget(file);
    let writer: BlockWriter | null = null;
    let isDone = false;
    try {
      let offset = upload.offset;
      if (offset === -1) offset = (await handle.stat()).size;
      else if (overwrite) await handle.truncate(offset);
      writer = new BlockWriter(handle, offset);
      let size = 0;
      for await (const block of body) {
        digest.update(block);
        size += block.length;
        await writer.add(block);
      }
      await writer.end();
      const length = overwrite ? offset + size : (await handle.stat()).size;
      if (length !== offset + size)
        throw new GenericError(
          `Incorrect upload length for ${file} - Expected ${offset + size}, actual ${length}`,
        );
      isDone = true;
      return { size, fileverify: verify, offset, hexdigest: digest.hex() };
    } finally {
      await writer?.settled();
      if (!isDone) await takePartBack(handle, file, before?.size ?? null);
      await handle.close();
    }
  });
}

/** Removes bytes that a failed upload appended to the file, so that the client can send them again. */
async function takePartBack(handle: FileHandle, file: string, before: number | null): Promise<void> {
  if (before === null) await fs.rm(file, { force: true });
  else if ((await handle.stat()).size > before) await handle.truncate(before);
}

/** Checks what is in the place of an upload, and returns it; null for nothing. */
async function checkTarget(file: string, { offset, overwrite }: RawUpload): Promise<Stats | null> {
  const there = await isThere(file);
  if (there?.isSymbolicLink()) throw new GenericError(`destination is a symlink: ${file}`);
  if (there && !there.isFile()) throw new GenericError(`destination not a file: ${file}`);
  if (there && offset === 0 && !overwrite) throw new GenericError(`upload path exists: ${file}`);
  return there;
}

/** A chunk of the older upload by XML-RPC. */
export interface Chunk extends UploadPlace {
  readonly size: number | null;
  /** Null for none. */
  readonly verify: string | null;
  readonly digest: string;
  /** -1 for the last chunk: size and digest then are the whole file's. */
  readonly offset: number;
  readonly contents: Uint8Array;
}

/** Writes a chunk; false when size or digest differ from what came. */
export async function writeChunk(call: Call, chunk: Chunk): Promise<boolean> {
  const { size, verify, digest, offset, contents } = chunk;
  const sum = verify === null ? null : openDigest(verify);
  if (offset !== -1) {
    if (size !== null && size !== contents.length) return false;
    sum?.update(contents);
    if (sum && sum.hex() !== digest) return false;
  }
  const { file } = await call.read((reading) => claimPlace(reading, chunk));
  return exclusively(call, file, async () => {
    const there = await isThere(file);
    if (there && !there.isFile()) throw new GenericError(`destination not a file: ${file}`);
    if (there && offset === 0 && !file.endsWith('.log'))
      throw new GenericError(`file already exists: ${file}`);
    const handle = await openTarget(file);
    let isDone = false;
    try {
      if (offset === 0 || (offset === -1 && size === contents.length)) await handle.truncate(0);
      await writeAll(handle, [contents], offset === -1 ? (await handle.stat()).size : offset);
      isDone = true;
      if (offset !== -1) return true;
      if (size !== null) await handle.truncate(size);
      return sum === null || (await digestOf(handle, sum, 0)).hexdigest === digest;
    } finally {
      if (!isDone) await takePartBack(handle, file, there?.size ?? null);
      await handle.close();
    }
  });
}

async function digestOf(
  handle: FileHandle,
  digest: Digest,
  start: number,
): Promise<{ sumlength: number; hexdigest: string }> {
  const buffer = Buffer.allocUnsafe(262_144);
  let sumlength = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start + sumlength);
    if (bytesRead === 0) return { sumlength, hexdigest: digest.hex() };
    digest.update(buffer.subarray(0, bytesRead));
    sumlength += bytesRead;
  }
}

/** Information about an uploaded file; null if it does not exist. */
export async function checkUpload(
  call: Call,
  wanted: UploadPlace,
  verify: string | null,
  tail: number | null,
): Promise<UploadInfo | null> {
  const { file } = await place(call, wanted);
  if (busy.has(file) || (await call.hub.database.isClaimed(claimName(call, file))))
    throw new LockError(`an upload of ${file} is in progress`);
  // Imported files leave a link to their place in the store; nothing outside of it is looked at.
  const real = await fs.realpath(file).catch(() => null);
  if (real === null || !(await isInStore(call, real, wanted.volume))) return null;
  const handle = await fs.open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => null);
  if (!handle) return null;
  try {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw new GenericError(`Not a regular file: ${file}`);
    const size = Number(found.size);
    const info = { size, mtime: fileTime(found.mtimeNs) };
    if (!verify) return info;
    const digest = openDigest(verify);
    if (tail !== null && tail < 0) throw new GenericError(`Invalid tail value: ${tail}`);
    return {
      ...info,
      ...(await digestOf(handle, digest, tail === null ? 0 : Math.max(size - tail, 0))),
    };
  } finally {
    await handle.close();
  }
}

async function isInStore(call: Call, real: string, volume: string | null): Promise<boolean> {
  const { paths } = call.hub;
  const roots = await Promise.all(
    [paths.topdir, paths.volumedir(volume), paths.work(volume)].map((root) =>
      fs.realpath(root).catch(() => null),
    ),
  );
  return roots.some((root) => root !== null && real.startsWith(`${root}/`));
}
