/** Reads of files that others wrote, which may be unreasonably large. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { GenericError } from './faults.js';

/** Bytes to request at a time once a file is larger than its reported size. */
const growth = 64 * 1024;

/**
 * Reads a whole file, up to a limit.
 *
 * @param source a path, or a file that is open at its start
 * @param most limit in bytes
 * @throws GenericError for a larger file, and for anything but a regular file; file system errors unchanged
 */
export async function readBounded(source: string | FileHandle, most: number): Promise<Buffer> {
  if (typeof source !== 'string') return contentOf(source, 'the file', most);
  // Without the flag, opening a pipe would block until something writes to it.
  const handle = await open(source, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return await contentOf(handle, source, most);
  } finally {
    await handle.close();
  }
}

async function contentOf(handle: FileHandle, name: string, most: number): Promise<Buffer> {
  const found = await handle.stat();
  if (!found.isFile()) throw new GenericError(`${name} is no regular file`);
  const tooLarge = (bytes: number): GenericError =>
    new GenericError(`${name} has ${bytes} bytes, more than the ${most} that it may have`);
  if (found.size > most) throw tooLarge(found.size);
  // One extra byte shows whether the file has grown in the meantime.
  let buffer = Buffer.allocUnsafe(found.size + 1);
  for (let length = 0; ;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
    if (length > most) throw tooLarge(length);
    if (length === buffer.length) buffer = Buffer.concat([buffer], length + growth);
  }
}

/**
 * Splits bytes into lines of text, without their ends (`\n` or `\r\n`).
 *
 * @param longest maximum bytes of a line; longer ones are split into pieces of about that length
 */
export async function* boundedLines(
  blocks: AsyncIterable<Uint8Array>,
  longest: number,
): AsyncGenerator<string, void, void> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (): string => {
    const line = Buffer.concat(parts).toString('utf8');
    parts = [];
    length = 0;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  };
  for await (const block of blocks) {
    for (let from = 0; from < block.length;) {
      const end = block.indexOf(0x0a, from);
      const part = block.subarray(from, end === -1 ? undefined : end);
      parts.push(part);
      length += part.length;
      from += part.length + 1;
      if (end !== -1 || length >= longest) yield take();
    }
  }
  if (length > 0) yield take();
}
