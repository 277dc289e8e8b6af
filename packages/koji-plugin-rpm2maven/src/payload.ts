import { link, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { CallbackError, GenericError, messageOf } from '@koji/core';
import { blocksOf } from '@koji/plugin-sdk/host';
import { readCpio } from './cpio.js';
import type { CpioHeader, CpioMember } from './cpio.js';

/** Seconds that unpacking may take. */
const longest = 3600;

/** The files of each folder, by where they are now. */
export type UnpackedFolders = readonly (readonly string[])[];

/** The files to unpack, and their destination. */
export interface Unpacking {
  /** An empty folder. */
  readonly into: string;
  /** Whether the files in a folder are wanted: `/usr/share/java`. */
  readonly isWanted: (folder: string) => boolean;
  /** Bytes that the payload may have, unpacked. */
  readonly most: number;
}

/**
 * Unpacks the plain files of some folders of an rpm. Each folder gets a new one with a number: no path that the rpm
 * says is ever one on this machine, and no link in it is followed or made.
 *
 * @throws CallbackError when the rpm can't be unpacked or is too large
 */
export async function unpackRpm(file: string, unpacking: Unpacking): Promise<UnpackedFolders> {
  try {
    return await unpack(blocksOf(['rpm2cpio', file], { timeout: longest }), unpacking);
  } catch (cause) {
    const problem = cause instanceof GenericError ? cause.message : messageOf(cause);
    throw new CallbackError(`error extracting files from ${file}, ${problem}`, { cause });
  }
}

/** Unpacks an archive as {@link unpackRpm} does. */
export async function unpack(
  archive: AsyncIterable<Uint8Array>,
  { into, isWanted, most }: Unpacking,
): Promise<UnpackedFolders> {
  const folders = new Map<string, Folder>();
  // Where files go whose content is still to come, by file.
  const awaited = new Map<string, Place[]>();

  const placeOf = async ({ name }: CpioHeader): Promise<Place | null> => {
    const full = path.posix.resolve('/', name);
    const parent = path.posix.dirname(full);
    if (full === '/' || !isWanted(parent)) return null;
    let folder = folders.get(parent);
    if (!folder) {
      folder = { path: path.join(into, String(folders.size)), files: [] };
      folders.set(parent, folder);
      await mkdir(folder.path);
    }
    return { folder, file: path.join(folder.path, path.posix.basename(full)) };
  };

  const add = async (member: CpioMember): Promise<void> => {
    const place = await placeOf(member);
    const places = awaited.get(member.inode) ?? [];
    if (place) places.push(place);
    awaited.delete(member.inode);
    const [first, ...others] = places;
    if (!first) return;
    if (member.links > 1 && member.size === 0) {
      awaited.set(member.inode, places);
      return;
    }
    await write(first.file, member.content);
    for (const { file } of others) await link(first.file, file);
    for (const { folder, file } of places) folder.files.push(file);
  };

  for await (const member of readCpio(atMost(archive, most))) if (isPlainFile(member)) await add(member);
  return [...folders.values()].map(({ files }) => files);
}

interface Folder {
  readonly path: string;
  readonly files: string[];
}

interface Place {
  readonly folder: Folder;
  readonly file: string;
}

function isPlainFile({ mode }: CpioHeader): boolean {
  return (mode & 0o170000) === 0o100000;
}

async function write(place: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(place, 'wx', 0o644);
  try {
    for await (const block of content) await file.writeFile(block);
  } finally {
    await file.close();
  }
}

async function* atMost(blocks: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const block of blocks) {
    bytes += block.length;
    if (bytes > most) throw new Error(`the payload has more than ${most} bytes`);
    yield block;
  }
}
