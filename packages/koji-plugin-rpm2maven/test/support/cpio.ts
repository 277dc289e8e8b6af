/** A member of an archive for a test. */
export interface Member {
  readonly name: string;
  /** Default: a plain file. */
  readonly mode?: number;
  readonly content?: string;
  readonly links?: number;
  readonly inode?: number;
}

/** An archive in cpio's new format. */
export function cpioOf(members: readonly Member[]): Buffer {
  return Buffer.concat([...members, { name: 'TRAILER!!!' }].map(bytesOf));
}

function bytesOf({ name, mode = 0o100644, content = '', links = 1, inode = 0 }: Member): Buffer {
  const size = Buffer.byteLength(content);
  const nameLength = Buffer.byteLength(name) + 1;
  const fields = [inode, mode, 0, 0, links, 0, size, 8, 1, 0, 0, nameLength, 0];
  const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([padded(Buffer.from(`070701${header}${name}\0`)), padded(Buffer.from(content))]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** Bytes in blocks of a few, so that everything is cut somewhere. */
export async function* inBlocks(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
