import type { RpmSection } from './section.js';

/** The digests that a hub can use to recognise a package, in lower-case hex; null for a missing one. */
export interface RpmDigests {
  /** MD5 of header and payload. */
  readonly sigmd5: string | null;
  /** SHA-256 of the header. */
  readonly sha256: string | null;
}

// Numbers of the signature header.
const md5Tag = 1004;
const sha256Tag = 273;

/** Returns the digests in a signature header. Malformed ones are ignored. */
export function readDigests(signature: RpmSection): RpmDigests {
  const [md5, sha256] = [signature.get(md5Tag), signature.get(sha256Tag)];
  return {
    sigmd5: Buffer.isBuffer(md5) && md5.length === 16 ? md5.toString('hex') : null,
    sha256: typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : null,
  };
}
