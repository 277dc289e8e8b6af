const lineBytes = 57;

/** Base64 in lines of 76 characters, each ended by a newline, as MIME and Python write it. */
export function encodeBase64(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let out = '';
  for (let at = 0; at < buffer.length; at += lineBytes) {
    out += `${buffer.toString('base64', at, Math.min(at + lineBytes, buffer.length))}\n`;
  }
  return out;
}

/**
 * The bytes a base64 text holds, undefined when it is cut short. Characters outside the alphabet are passed over and
 * whatever follows complete padding is not read, as Koji's own decoder does.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const digits = text.replace(/[^A-Za-z0-9+/=]+/g, '');
  if (digits.length % 4 === 0 && /^[^=]*={0,2}$/.test(digits)) return Buffer.from(digits, 'base64');
  const data = Buffer.alloc(digits.length);
  let size = 0;
  let pads = 0;
  for (let i = 0; i < digits.length; i++) {
    const code = digits.charCodeAt(i);
    if (code !== 0x3d) {
      data[size++] = code;
      pads = 0;
    } else if (size % 4 >= 2 && (size % 4) + ++pads >= 4) return bytesOf(data, size);
  }
  return size % 4 === 0 ? bytesOf(data, size) : undefined;
}

const bytesOf = (digits: Buffer, size: number): Buffer =>
  Buffer.from(digits.toString('latin1', 0, size), 'base64');
