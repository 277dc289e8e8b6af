import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GenericError, messageOf } from '@koji/core';
import type { Float } from '@koji/core/api';
import { decodeText } from '@koji/core/rpm';
import { double } from '@koji/core/wire';
import { blocksOf } from '@koji/plugin-sdk/host';
import { Room, listingLimits } from './listing-limits.js';
import type { ListingLimits } from './listing-limits.js';

/** A member of a tar archive. */
export interface TarEntry {
  readonly name: string;
  readonly size: number;
  /** Epoch seconds. */
  readonly mtime: Float;
  readonly mode: number;
  readonly user: string;
  readonly group: string;
}

const blockSize = 512;
/** Size of names and attributes before a member; far more than real ones. */
const longestRecord = 1024 * 1024;

/**
 * The members of a tar archive, packed by gzip, bzip2, xz or not at all; their contents are passed over.
 *
 * @throws GenericError if it is not a tar archive, or exceeds the limits
 */
export async function listTar(file: string, limits: ListingLimits = listingLimits): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const room = new Room(limits);
  const blocks = new Blocks(inTime(unpacked(file, limits), limits.seconds));
  try {
    for await (const entry of membersOf(blocks)) {
      room.take(entry.name, entry.user, entry.group);
      entries.push(entry);
    }
  } catch (cause) {
    if (cause instanceof GenericError) throw cause;
    throw notTar(messageOf(cause), cause);
  } finally {
    await blocks.close();
  }
  return entries;
}

/** Attributes that go before a member and replace fields of its header. */
interface Attributes {
  path?: string;
  size?: number;
  mtime?: Float;
  uname?: string;
  gname?: string;
}

async function* membersOf(blocks: Blocks): AsyncGenerator<TarEntry, void, void> {
  let common: Attributes = {};
  let own: Attributes = {};
  for (let isFirst = true; ; isFirst = false) {
    const header = await blocks.header();
    if (header === null) {
      if (isFirst) throw notTar('no member');
      return;
    }
    const size = own.size ?? common.size ?? header.size;
    if (header.kind === 'L' || header.kind === 'K') {
      const text = await blocks.text(header.size);
      if (header.kind === 'L') own.path = cut(text);
    } else if (header.kind === 'x' || header.kind === 'X') {
      own = { ...own, ...attributesOf(await blocks.text(header.size)) };
    } else if (header.kind === 'g') {
      common = { ...common, ...attributesOf(await blocks.text(header.size)) };
    } else {
      yield entryOf({ ...header, size }, { ...common, ...own });
      if (header.kind === 'S') await blocks.skipSparseMaps(header.isExtended);
      if (!'123456'.includes(header.kind)) await blocks.skip(size);
      own = {};
    }
  }
}

interface Header extends TarEntry {
  /** One character; see the format's description. */
  readonly kind: string;
  /** Whether further blocks say where a sparse file has holes. */
  readonly isExtended: boolean;
  readonly realSize: number;
}

function entryOf(header: Header, attributes: Attributes): TarEntry {
  return {
    name: (attributes.path ?? header.name).replace(/\/+$/, ''),
    size: header.kind === 'S' ? header.realSize : header.size,
    mtime: attributes.mtime ?? header.mtime,
    mode: header.mode,
    user: attributes.uname ?? header.user,
    group: attributes.gname ?? header.group,
  };
}

/** Returns a header's fields, or null if it is not a header. */
function readHeader(block: Buffer): Header | null {
  const sum = block.reduce((total, byte) => total + byte, 0);
  const own = block.subarray(148, 156).reduce((total, byte) => total + byte, 0);
  if (numberIn(block.subarray(148, 156)) !== sum - own + 8 * 0x20) return null;
  const field = (start: number, length: number): string =>
    cut(block.subarray(start, start + length).toString('latin1'));
  const text = (start: number, length: number): string =>
    decodeText(Buffer.from(field(start, length), 'latin1'));
  const name = text(0, 100);
  const given = block.toString('latin1', 156, 157);
  const kind = given === '\0' ? (name.endsWith('/') ? '5' : '0') : given;
  const prefix = 'LKS'.includes(kind) ? '' : text(345, 155);
  return {
    kind,
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: numberIn(block.subarray(100, 108)),
    size: numberIn(block.subarray(124, 136)),
    mtime: numberIn(block.subarray(136, 148)),
    user: text(265, 32),
    group: text(297, 32),
    isExtended: block[482] !== 0,
    realSize: numberIn(block.subarray(483, 495)),
  };
}

/** Parses a number as octal digits, or as binary after a mark. */
function numberIn(bytes: Buffer): number {
  const first = bytes[0] ?? 0;
  if (first === 0x80 || first === 0xff) {
    const rest = BigInt(`0x${bytes.subarray(1).toString('hex')}`);
    return Number(first === 0x80 ? rest : rest - (1n << BigInt(8 * (bytes.length - 1))));
  }
  const digits = cut(bytes.toString('latin1')).trim();
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Attributes as `LENGTH KEY=VALUE` lines. */
function attributesOf(text: string): Attributes {
  const found: Attributes = {};
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length;) {
    const [head = '', digits = ''] = /^(\d{1,9}) /.exec(bytes.toString('latin1', at, at + 10)) ?? [];
    const length = Number(digits);
    if (head === '' || length <= head.length || at + length > bytes.length) break;
    const record = decodeText(bytes.subarray(at + head.length, at + length - 1));
    const equals = record.indexOf('=');
    setAttribute(found, record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return found;
}

function setAttribute(found: Attributes, key: string, value: string): void {
  if (key === 'path' || key === 'GNU.sparse.name') found.path = value;
  else if (key === 'uname' || key === 'gname') found[key] = value;
  else if (key === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
  else if (key === 'mtime' && /^-?\d{1,15}(\.\d*)?$/.test(value)) found.mtime = double(Number(value));
}

const cut = (text: string): string => text.split('\0', 1)[0] ?? '';

/** A stream in blocks of 512 bytes. */
class Blocks {
  private readonly source: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(bytes: AsyncIterable<Buffer>) {
    this.source = bytes[Symbol.asyncIterator]();
  }

  /** Returns the next header; null at the end and before anything else. */
  async header(): Promise<Header | null> {
    const block = await this.take(blockSize);
    const found = block?.some((byte) => byte !== 0) ? readHeader(block) : null;
    if (found && !(found.size >= 0 && found.size <= Number.MAX_SAFE_INTEGER)) throw notTar('a size is wrong');
    return found;
  }

  /** Bytes as Latin-1, with the block that they end in. */
  async text(length: number): Promise<string> {
    if (length > longestRecord) throw notTar('a name is too long');
    const bytes = await this.take(Math.ceil(length / blockSize) * blockSize);
    if (!bytes) throw notTar('it is cut off');
    return bytes.toString('latin1', 0, length);
  }

  async skipSparseMaps(isExtended: boolean): Promise<void> {
    for (let more = isExtended; more;) {
      const block = await this.take(blockSize);
      if (!block) throw notTar('it is cut off');
      more = block[504] !== 0;
    }
  }

  async skip(length: number): Promise<void> {
    let left = Math.ceil(length / blockSize) * blockSize - this.rest.length;
    if (left <= 0) {
      this.rest = this.rest.subarray(this.rest.length + left);
      return;
    }
    for (;;) {
      const next = await this.source.next();
      if (next.done) throw notTar('it is cut off');
      if (next.value.length >= left) {
        this.rest = next.value.subarray(left);
        return;
      }
      left -= next.value.length;
    }
  }

  /** Ends the source, which is not always read to its end. */
  async close(): Promise<void> {
    await this.source.return?.();
  }

  private async take(length: number): Promise<Buffer | null> {
    if (this.rest.length >= length) {
      const found = this.rest.subarray(0, length);
      this.rest = this.rest.subarray(length);
      return found;
    }
    const parts = [this.rest];
    let held = this.rest.length;
    while (held < length) {
      const next = await this.source.next();
      if (next.done) return null;
      parts.push(next.value);
      held += next.value.length;
    }
    const all = Buffer.concat(parts);
    this.rest = all.subarray(length);
    return all.subarray(0, length);
  }
}

async function* inTime(blocks: AsyncIterable<Buffer>, seconds: number): AsyncGenerator<Buffer, void, void> {
  const end = performance.now() + seconds * 1000;
  for await (const block of blocks) {
    if (performance.now() > end)
      throw new GenericError(`cannot list an archive that takes more than ${seconds} seconds to unpack`);
    yield block;
  }
}

async function* unpacked(file: string, { seconds }: ListingLimits): AsyncGenerator<Buffer, void, void> {
  const handle = await open(file, 'r');
  try {
    const start = Buffer.alloc(6);
    await handle.read(start, 0, start.length, 0);
    const magic = start.toString('latin1');
    const options = { input: handle.fd, timeout: seconds };
    if (magic.startsWith('\x1f\x8b')) {
      const unzip = createGunzip();
      pipeline(createReadStream(file), unzip, () => undefined);
      yield* unzip as AsyncIterable<Buffer>;
    } else if (magic.startsWith('BZh')) yield* blocksOf(['bzip2', '-dc'], options);
    else if (magic === '\xfd7zXZ\0' || magic.startsWith(']\0\0')) yield* blocksOf(['xz', '-dc'], options);
    else yield* createReadStream(file) as AsyncIterable<Buffer>;
  } finally {
    await handle.close();
  }
}

function notTar(problem: string, cause?: unknown): GenericError {
  return new GenericError(`not a tar archive: ${problem}`, { cause });
}
