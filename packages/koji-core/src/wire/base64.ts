const lineBytes = 57;

/** Size of a number of complete lines, some tens of kilobytes. */
export const base64Piece = 500 * lineBytes;

/** Base64 in lines of 76 characters, each ended by a newline, as MIME and Python write it. */
export function encodeBase64(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let out = '';
  for (let at = 0; at < buffer.length; at += lineBytes) {
    out += `${buffer.toString('base64', at, Math.min(at + lineBytes, buffer.length))}\n`;
  }
  return out;
}

const pieceLength = 65_536;

/**
 * Decodes a base64 text; returns undefined if it is truncated. Like Koji's own decoder, skips characters outside the alphabet
 * and ignores everything after complete padding. Yields after each piece of the work.
 */
export function* decodeBase64(text: string): Generator<void, Buffer | undefined, void> {
  const data = Buffer.alloc(text.length);
  let size = 0;
  let pads = 0;
  for (let from = 0; from < text.length; from += pieceLength) {
    const digits = text.slice(from, from + pieceLength).replace(/[^A-Za-z0-9+/=]+/g, '');
    if (pads === 0 && !digits.includes('=')) size += data.write(digits, size, 'latin1');
    else
      for (let i = 0; i < digits.length; i++) {
        const code = digits.charCodeAt(i);
        if (code !== 0x3d) {
          data[size++] = code;
          pads = 0;
        } else if (size % 4 >= 2 && (size % 4) + ++pads >= 4) return bytesOf(data, size);
      }
    yield;
  }
  return size % 4 === 0 ? bytesOf(data, size) : undefined;
}

const bytesOf = (digits: Buffer, size: number): Buffer =>
  Buffer.from(digits.toString('latin1', 0, size), 'base64');
