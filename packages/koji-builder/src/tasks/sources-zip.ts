import { once } from 'node:events';
import { constants } from 'node:fs';
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { crc32, createDeflateRaw } from 'node:zlib';
import { BuildError, byText } from '@koji/core';

/** Folders of source control, which are left out. */
const leftOut: ReadonlySet<string> = new Set(['CVS', '.svn', '.git']);
/** The largest size and number of entries that the format knows. */
const mostBytes = 0xffff_ffff;
const mostEntries = 0xffff;
const [stored, deflated] = [0, 8];
/** Names are UTF-8. */
const flags = 0x0800;
const version = 20;
const unix = 3 << 8;
const linkMode = 0o120777;

interface Entry {
  readonly name: Buffer;
  readonly method: number;
  readonly mode: number;
  readonly changed: Date;
  readonly offset: number;
  crc: number;
  packed: number;
  size: number;
}

/**
 * Packs a checkout into a zip archive, below the folder's own name. Links are kept as links.
 *
 * @throws BuildError when it is too large for the format
 */
export async function zipSources(folder: string, file: string): Promise<void> {
  const out = await open(file, 'wx');
  try {
    const entries: Entry[] = [];
    let end = 0;
    for await (const name of namesBelow(folder, path.basename(folder))) {
      const entry = await pack(out, { place: path.join(path.dirname(folder), name), name, offset: end });
      entries.push(entry);
      end = entry.offset + headerOf(entry).length + entry.packed;
      if (end > mostBytes || entry.size > mostBytes || entries.length > mostEntries)
        throw new BuildError(`the sources are too large for a zip archive: ${name}`);
    }
    const directory = Buffer.concat(entries.map(directoryEntry));
    await out.write(Buffer.concat([directory, endOf(entries.length, directory.length, end)]), 0, null, end);
  } finally {
    await out.close();
  }
}

async function* namesBelow(folder: string, name: string): AsyncGenerator<string, void, void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort(byText((one) => one.name))) {
    const below = path.join(name, entry.name);
    if (!entry.isDirectory()) {
      if (entry.isFile() || entry.isSymbolicLink()) yield below;
    } else if (!leftOut.has(entry.name)) yield* namesBelow(path.join(folder, entry.name), below);
  }
}

async function pack(
  out: FileHandle,
  { place, name, offset }: { readonly place: string; readonly name: string; readonly offset: number },
): Promise<Entry> {
  const { mode, mtime: changed } = await lstat(place);
  const isLink = (mode & constants.S_IFMT) === constants.S_IFLNK;
  const entry: Entry = {
    ...{ name: Buffer.from(name), method: isLink ? stored : deflated, changed, offset },
    ...{ mode: isLink ? linkMode : mode, crc: 0, packed: 0, size: 0 },
  };
  const start = offset + headerOf(entry).length;
  const blocks = isLink ? linkBlocks(place, entry) : fileBlocks(place, entry);
  for await (const block of blocks) {
    await out.write(block, 0, null, start + entry.packed);
    entry.packed += block.length;
  }
  await out.write(headerOf(entry), 0, null, offset);
  return entry;
}

async function* linkBlocks(place: string, entry: Entry): AsyncGenerator<Buffer, void, void> {
  const target = Buffer.from(await readlink(place));
  entry.crc = crc32(target);
  entry.size = target.length;
  yield target;
}

/** Blocks of a packed file; its checksum and size are known at the end. */
async function* fileBlocks(place: string, entry: Entry): AsyncGenerator<Buffer, void, void> {
  const source = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW);
  const packer = createDeflateRaw();
  const feed = async (): Promise<void> => {
    for await (const block of source.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      entry.crc = crc32(block, entry.crc);
      entry.size += block.length;
      if (!packer.write(block)) await once(packer, 'drain');
    }
    packer.end();
  };
  try {
    const fed = feed().catch((error: unknown) => void packer.destroy(error as Error));
    yield* packer as AsyncIterable<Buffer>;
    await fed;
  } finally {
    await source.close();
  }
}

/** Fields common to both headers of an entry. */
function commonOf({ name, method, changed, crc, packed, size }: Entry): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(version, 0);
  fields.writeUInt16LE(flags, 2);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt16LE(
    (changed.getHours() << 11) | (changed.getMinutes() << 5) | (changed.getSeconds() >> 1),
    6,
  );
  const year = Math.max(0, changed.getFullYear() - 1980);
  fields.writeUInt16LE((year << 9) | ((changed.getMonth() + 1) << 5) | changed.getDate(), 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(packed, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function headerOf(entry: Entry): Buffer {
  return Buffer.concat([Buffer.from('PK\u0003\u0004'), commonOf(entry), entry.name]);
}

function directoryEntry(entry: Entry): Buffer {
  const before = Buffer.alloc(6);
  before.write('PK\u0001\u0002');
  before.writeUInt16LE(unix | version, 4);
  // No comment, on the first disk, no internal attributes.
  const after = Buffer.alloc(14);
  after.writeUInt32LE(entry.mode * 0x10000, 6);
  after.writeUInt32LE(entry.offset, 10);
  return Buffer.concat([before, commonOf(entry), after, entry.name]);
}

function endOf(count: number, length: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}
