import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { RpmHeader } from './header.js';
import type { RpmTagName } from './tags.js';

/** A digest or size in a package's own headers, and whether it is correct. */
export interface DigestCheck {
  /** The tag that contains it. */
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
 * Checks all digests and sizes in a package's headers, reading the file once, block by block.
 *
 * @throws RpmError if the headers can't be read
 */
export async function checkRpmDigests(file: string): Promise<DigestCheck[]> {
  const handle = await open(file, 'r');
  try {
    const header = await RpmHeader.read(handle);
    const main = header.main.bytes;
    const md5 = createHash('md5').update(main);
    const payload = payloadDigests(header);
    const start = header.payloadOffset;
    for await (const block of handle.createReadStream({ start, autoClose: false }) as AsyncIterable<Buffer>) {
      md5.update(block);
      for (const { hash } of payload) hash.update(block);
    }
    const size = String(main.length + header.fileSize - start);
    return [
      check(header, 'SHA1HEADER', createHash('sha1').update(main).digest('hex')),
      check(header, 'SHA256HEADER', createHash('sha256').update(main).digest('hex')),
      check(header, 'SHA3_256HEADER', createHash('sha3-256').update(main).digest('hex')),
      check(header, 'SIGMD5', md5.digest('hex')),
      check(header, header.get('SIGSIZE') === null ? 'LONGSIGSIZE' : 'SIGSIZE', size),
      check(header, 'PAYLOADSIZE', String(header.fileSize - start)),
      ...payload.map(({ tag, hash }) => check(header, tag, hash.digest('hex'))),
    ].filter((one) => one !== null);
  } finally {
    await handle.close();
  }
}

/** The digests of the payload in the headers. */
function payloadDigests(header: RpmHeader): { tag: RpmTagName; hash: Hash }[] {
  // Packages of rpm 6 name no algorithm: each has its own tag.
  const algorithms: Partial<Record<RpmTagName, string | undefined>> = {
    PAYLOADDIGEST: payloadAlgorithms[Number(header.get('PAYLOADDIGESTALGO') ?? 8)],
    PAYLOADSHA512: 'sha512',
    PAYLOADSHA3_256: 'sha3-256',
  };
  return Object.entries(algorithms).flatMap(([name, algorithm]) => {
    const tag = name as RpmTagName;
    return algorithm === undefined || header.get(tag) === null ? [] : [{ tag, hash: createHash(algorithm) }];
  });
}

function check(header: RpmHeader, tag: RpmTagName, actual: string): DigestCheck | null {
  const value = header.get(tag);
  if (value === null) return null;
  const first: unknown = Array.isArray(value) ? (value as readonly unknown[])[0] : value;
  const expected = Buffer.isBuffer(first) ? first.toString('hex') : String(first);
  return { tag, expected, actual, ok: expected === actual };
}
