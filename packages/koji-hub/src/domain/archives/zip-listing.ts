import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { GenericError, pauseWhenDue } from '@koji/core';
import { decodeText } from '@koji/core/rpm';
import { Room, listingLimits } from './listing-limits.js';
import type { ListingLimits } from './listing-limits.js';

/** A file in a zip archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes, unpacked. */
  readonly size: number;
  /** Epoch seconds; a zip archive keeps no time zone, so its times are taken as UTC. */
  readonly mtime: number;
}

const endSize = 22;
const longestComment = 0xffff;
const entrySize = 46;
/** Far more than the directory of any archive takes. */
const longestDirectory = 128 * 1024 * 1024;

/**
 * The files in a zip archive, as its directory says; their contents are not read.
 *
 * @throws GenericError if it is not a zip archive, or exceeds the limits
 */
export async function listZip(file: string, limits: ListingLimits = listingLimits): Promise<ZipEntry[]> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const { offset, length, count } = await findDirectory(handle, size);
    if (length > longestDirectory || offset + length > size) throw notZip('its directory is not there');
    return await readDirectory(await bytesAt(handle, offset, length), count, new Room(limits));
  } finally {
    await handle.close();
  }
}

interface Directory {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

async function findDirectory(handle: FileHandle, size: number): Promise<Directory> {
  const start = Math.max(0, size - endSize - longestComment);
  const tail = await bytesAt(handle, start, size - start);
  const at = tail.lastIndexOf('PK\x05\x06', tail.length - endSize, 'latin1');
  if (at === -1 || tail.length < endSize) throw notZip('no directory');
  const found = {
    count: tail.readUInt16LE(at + 10),
    length: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  // Large archives have their numbers in a record of its own, which a locator before the end points to.
  if (at < 20 || tail.toString('latin1', at - 20, at - 16) !== 'PK\x06\x07') return found;
  const record = await bytesAt(handle, safe(tail.readBigUInt64LE(at - 12)), 56);
  if (record.toString('latin1', 0, 4) !== 'PK\x06\x06') throw notZip('its long directory is not there');
  return {
    count: safe(record.readBigUInt64LE(32)),
    length: safe(record.readBigUInt64LE(40)),
    offset: safe(record.readBigUInt64LE(48)),
  };
}

async function readDirectory(bytes: Buffer, count: number, room: Room): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    if (at + entrySize > bytes.length || bytes.toString('latin1', at, at + 4) !== 'PK\x01\x02')
      throw notZip('its directory is damaged');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) =>
      bytes.readUInt16LE(at + place),
    ) as [number, number, number];
    const extra = at + entrySize + nameLength;
    const end = extra + extraLength + commentLength;
    if (end > bytes.length) throw notZip('its directory is damaged');
    const name = bytes.subarray(at + entrySize, extra);
    const isUtf8 = (bytes.readUInt16LE(at + 8) & 0x800) !== 0;
    const text = (isUtf8 ? decodeText(name) : decodeDos(name)).split('\0', 1)[0] ?? '';
    room.take(text);
    const pause = pauseWhenDue();
    if (pause) await pause;
    entries.push({
      name: text,
      size: sizeOf(bytes.readUInt32LE(at + 24), bytes.subarray(extra, extra + extraLength)),
      mtime: dosTime(bytes.readUInt16LE(at + 14), bytes.readUInt16LE(at + 12)),
    });
    at = end;
  }
  return entries;
}

function sizeOf(size: number, extra: Buffer): number {
  if (size !== 0xffffffff) return size;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2))
    if (extra.readUInt16LE(at) === 1 && at + 12 <= extra.length) return safe(extra.readBigUInt64LE(at + 4));
  return size;
}

function dosTime(date: number, time: number): number {
  const moment = Date.UTC(
    (date >> 9) + 1980,
    ((date >> 5) & 15) - 1,
    date & 31,
    time >> 11,
    (time >> 5) & 63,
    (time & 31) * 2,
  );
  return moment / 1000;
}

const dosLetters =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

function decodeDos(bytes: Buffer): string {
  return Array.from(bytes, (byte) =>
    byte < 128 ? String.fromCharCode(byte) : (dosLetters[byte - 128] ?? ''),
  ).join('');
}

async function bytesAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  if (bytesRead < length) throw notZip('it is cut off');
  return buffer;
}

function safe(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER) throw notZip('its directory is damaged');
  return Number(value);
}

function notZip(problem: string): GenericError {
  return new GenericError(`not a zip archive: ${problem}`);
}
