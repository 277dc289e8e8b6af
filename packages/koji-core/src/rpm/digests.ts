import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { RpmHeader } from './header.js';
import type { RpmTagName } from './tags.js';

/** One statement of a package about its own bytes, and whether it holds. */
export interface DigestCheck {
  /** The tag that holds the statement. */
  readonly tag: RpmTagName;
  readonly expected: string;
  readonly actual: string;
  readonly ok: boolean;
}

const payloadAlgorithms: Readonly<Record<number, string>> = {
  1: 'md5',
  2: 'sha1',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
};

/**
 * Checks every digest and size that a package states, reading the file once, block by block.
 *
 * @throws RpmError when the headers can't be read
 */
export async function checkRpmDigests(file: string): Promise<DigestCheck[]> {
  const handle = await open(file, 'r');
  try {
    const header = await RpmHeader.read(handle);
    const main = header.main.bytes;
    const algorithm = payloadAlgorithms[Number(header.get('PAYLOADDIGESTALGO') ?? 0)];
    const md5 = createHash('md5').update(main);
    const payload = algorithm === undefined ? null : createHash(algorithm);
    const start = header.payloadOffset;
    for await (const block of handle.createReadStream({ start, autoClose: false }) as AsyncIterable<Buffer>) {
      md5.update(block);
      payload?.update(block);
    }
    const size = String(main.length + header.fileSize - start);
    return [
      check(header, 'SHA1HEADER', createHash('sha1').update(main).digest('hex')),
      check(header, 'SHA256HEADER', createHash('sha256').update(main).digest('hex')),
      check(header, 'SIGMD5', md5.digest('hex')),
      check(header, 'SIGSIZE', size),
      check(header, 'LONGSIGSIZE', size),
      ...(payload ? [check(header, 'PAYLOADDIGEST', payload.digest('hex'))] : []),
    ].filter((one) => one !== null);
  } finally {
    await handle.close();
  }
}

function check(header: RpmHeader, tag: RpmTagName, actual: string): DigestCheck | null {
  const value = header.get(tag);
  if (value === null) return null;
  const first: unknown = Array.isArray(value) ? (value as readonly unknown[])[0] : value;
  const expected = Buffer.isBuffer(first) ? first.toString('hex') : String(first);
  return { tag, expected, actual, ok: expected === actual };
}
