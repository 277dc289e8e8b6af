import type { FileHandle } from 'node:fs/promises';
import { GenericError } from '@koji/core';

const sector = 2048;
/** Folders deeper than the standard allows, and entries more than any image has, are those of a damaged one. */
const mostDepth = 64;
const mostEntries = 1_000_000;
/** Bytes that the list of one folder may have. */
const longestFolder = 1 << 26;

/** A file or folder of an image. */
interface Entry {
  readonly name: string;
  readonly size: number;
  readonly isFolder: boolean;
  /** The sector that it begins at. */
  readonly start: number;
}

/** Where identifiers are in the description of a volume, by their titles. */
const identifiers: readonly (readonly [string, number, number])[] = [
  ['Application ID', 574, 128],
  ['Preparer ID', 446, 128],
  ['Publisher ID', 318, 128],
  ['System ID', 8, 32],
  ['Volume ID', 40, 32],
  ['Volumeset ID', 190, 128],
];

/**
 * Returns the table of contents of an ISO 9660 image: its label, and sizes and names of all its files, with Rock Ridge names if
 * it has them.
 *
 * @param name name of the image in errors
 * @throws GenericError if it is not such an image
 */
export async function isoManifest(image: FileHandle, name: string): Promise<string> {
  const volume = await readAt(image, 16 * sector, sector);
  if (volume.subarray(1, 6).toString('latin1') !== 'CD001' || volume[0] !== 1)
    throw new GenericError(`Could not open ${name} as an ISO-9660 image!`);
  const about = identifiers.flatMap(([title, at, length]) => {
    const text = volume.toString('latin1', at, at + length).replace(/[\s\0]+$/, '');
    return text === '' ? [] : [`${title}: ${text}\n`];
  });
  const root = entryOf(volume.subarray(156, 190));
  const lines = await list(image, root, { place: '/', depth: 0, room: { entries: mostEntries } });
  return [...about, '\nSize(bytes)  File Name\n', ...lines].join('');
}

async function list(
  image: FileHandle,
  folder: Entry,
  {
    place,
    depth,
    room,
  }: { readonly place: string; readonly depth: number; readonly room: { entries: number } },
): Promise<string[]> {
  if (depth > mostDepth) throw new GenericError(`the folders of the image are too deep: ${place}`);
  const lines = [lineOf(folder.size, place)];
  for (const entry of await entriesOf(image, folder, place)) {
    room.entries -= 1;
    if (room.entries < 0) throw new GenericError('the image has too many files');
    const at = `${place}${entry.name}`;
    if (entry.isFolder)
      lines.push(...(await list(image, entry, { place: `${at}/`, depth: depth + 1, room })));
    else lines.push(lineOf(entry.size, at));
  }
  return lines;
}

function lineOf(size: number, place: string): string {
  return `${String(size).padEnd(10)}   ${place}\n`;
}

/** Returns what is in a folder, without the folder itself and the one above. */
async function entriesOf(image: FileHandle, { start, size }: Entry, place: string): Promise<Entry[]> {
  if (size > longestFolder) throw new GenericError(`the folder ${place} of the image is too big`);
  const bytes = await readAt(image, start * sector, size);
  const entries: Entry[] = [];
  let at = 0;
  for (let seen = 0; at < bytes.length;) {
    const length = bytes[at] ?? 0;
    // A record never crosses the end of a sector.
    if (length === 0) at = (Math.floor(at / sector) + 1) * sector;
    else {
      if (length < 34 || at + length > bytes.length)
        throw new GenericError(`the folder ${place} of the image is damaged`);
      if (seen >= 2) entries.push(entryOf(bytes.subarray(at, at + length)));
      seen += 1;
      at += length;
    }
  }
  return entries;
}

function entryOf(record: Buffer): Entry {
  const length = record[32] ?? 0;
  // Rock Ridge data follows the name, at an even offset.
  const more = record.subarray(33 + length + (length % 2 === 0 ? 1 : 0));
  return {
    name: rockRidgeName(more) ?? record.toString('latin1', 33, 33 + length),
    size: record.readUInt32LE(10),
    isFolder: ((record[25] ?? 0) & 2) !== 0,
    start: record.readUInt32LE(2),
  };
}

function rockRidgeName(fields: Buffer): string | null {
  let name: string | null = null;
  for (let at = 0; at + 4 <= fields.length;) {
    const length = fields[at + 2] ?? 0;
    if (length < 4) break;
    if (fields.toString('latin1', at, at + 2) === 'NM')
      name = (name ?? '') + fields.toString('utf8', at + 5, at + length);
    at += length;
  }
  return name;
}

async function readAt(image: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await image.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}
