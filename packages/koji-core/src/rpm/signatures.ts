import { RpmError } from './errors.js';
import type { RpmHeader } from './header.js';
import { readDigests } from './identity.js';
import type { RpmDigests } from './identity.js';
import { RpmSection } from './section.js';

// In the order in which Koji looks for the decisive signature. Numbers are those of the signature header.
/** Kinds of signatures, each with its tag in the header. */
const kinds = [
  { name: 'SIGGPG', tag: 1005 },
  { name: 'SIGPGP', tag: 1002 },
  { name: 'DSAHEADER', tag: 267 },
  { name: 'RSAHEADER', tag: 268 },
  { name: 'OPENPGP', tag: 278 },
] as const;

const publicKeys: Readonly<Record<number, string>> = {
  1: 'RSA',
  3: 'RSA',
  17: 'DSA',
  19: 'ECDSA',
  22: 'EdDSA',
  27: 'Ed25519',
  28: 'Ed448',
};
const hashes: Readonly<Record<number, string>> = {
  1: 'MD5',
  2: 'SHA1',
  8: 'SHA256',
  9: 'SHA384',
  10: 'SHA512',
  11: 'SHA224',
  12: 'SHA3-256',
  14: 'SHA3-512',
};

/** Contents of a signature packet. */
export interface SignaturePacket {
  /** The last four bytes of the key's id in hex, which is how Koji names keys. */
  readonly sigkey: string;
  /** The complete id of the key, eight bytes in hex. */
  readonly keyId: string;
  readonly publicKeyAlgorithm: string;
  readonly hashAlgorithm: string;
}

/** A signature of an RPM. It is not verified, because that requires the key. */
export interface RpmSignature extends SignaturePacket {
  /**
   * The tag that contains it: `RSAHEADER`, `DSAHEADER` and `OPENPGP` (rpm 6) sign the header, `SIGPGP` and `SIGGPG` header and
   * payload.
   */
  readonly tag: (typeof kinds)[number]['name'];
}

/**
 * Returns all signatures of a package, first the one that Koji uses.
 *
 * @throws RpmError if one can't be read
 */
export function listSignatures(header: RpmHeader): RpmSignature[] {
  return packetsOf(header.signature).map(({ name, packet }) => ({
    tag: name,
    ...readSignaturePacket(packet),
  }));
}

/** Returns the packets in a signature header, first the one that Koji uses. */
function packetsOf(section: RpmSection): { name: RpmSignature['tag']; packet: Buffer }[] {
  return kinds.flatMap(({ name, tag }) => {
    const value = section.get(tag);
    // Those of rpm 6 are base64 strings, any number of them.
    const packets = Array.isArray(value)
      ? value.map((text) => Buffer.from(String(text), 'base64'))
      : [Buffer.isBuffer(value) ? value : Buffer.alloc(0)];
    return packets.filter((packet) => packet.length > 0).map((packet) => ({ name, packet }));
  });
}

/** The contents of a signature header that Koji uses: the key (empty for an unsigned package) and the digest of its package. */
export interface SignatureHeader extends RpmDigests {
  readonly sigkey: string;
}

/**
 * Reads a standalone signature header, as passed to `addRPMSig`.
 *
 * @throws RpmError if it is malformed
 */
export function readSignatureHeader(bytes: Uint8Array): SignatureHeader {
  const section = new RpmSection(Buffer.from(bytes), 'signature header');
  const first = packetsOf(section)[0];
  return { sigkey: first ? readSignaturePacket(first.packet).sigkey : '', ...readDigests(section) };
}

/**
 * Reads an OpenPGP signature packet, version 3, 4 or 6.
 *
 * @throws RpmError
 */
export function readSignaturePacket(packet: Buffer): SignaturePacket {
  const body = packetBody(packet);
  const version = byteAt(body, 0);
  if (version === 3) return describe(part(body, 7, 8), byteAt(body, 15), byteAt(body, 16));
  if (version !== 4 && version !== 6)
    throw new RpmError(`unknown version ${version} of an OpenPGP signature`);
  const lengthSize = version === 4 ? 2 : 4;
  const hashed = subpackets(body, 4, lengthSize);
  const unhashed = subpackets(body, hashed.end, lengthSize);
  const keys = [...hashed.issuers, ...unhashed.issuers].map((key) => key.toString('hex'));
  const [key, ...others] = [...new Set(keys)];
  if (key === undefined || others.length > 0)
    throw new RpmError(`an OpenPGP signature names ${keys.length} keys`);
  return describe(Buffer.from(key, 'hex'), byteAt(body, 2), byteAt(body, 3));
}

function describe(key: Buffer, publicKey: number, hash: number): SignaturePacket {
  return {
    sigkey: key.subarray(-4).toString('hex'),
    keyId: key.toString('hex'),
    publicKeyAlgorithm: publicKeys[publicKey] ?? `algorithm ${publicKey}`,
    hashAlgorithm: hashes[hash] ?? `algorithm ${hash}`,
  };
}

/** The content of the first packet, which must be a signature. */
function packetBody(packet: Buffer): Buffer {
  const head = byteAt(packet, 0);
  const isNew = (head & 0x40) !== 0;
  const kind = isNew ? head & 0x3f : (head & 0x3f) >> 2;
  if ((head & 0x80) === 0 || kind !== 2) throw new RpmError('not an OpenPGP signature packet');
  const { length, size } = isNew ? newLength(packet, 1) : oldLength(packet, head & 3);
  return part(packet, 1 + size, length);
}

function oldLength(packet: Buffer, kind: number): { length: number; size: number } {
  if (kind === 3) return { length: packet.length - 1, size: 0 };
  const size = 1 << kind;
  return { length: part(packet, 1, size).readUIntBE(0, size), size };
}

function newLength(bytes: Buffer, at: number): { length: number; size: number } {
  const first = byteAt(bytes, at);
  if (first < 192) return { length: first, size: 1 };
  if (first < 224) return { length: ((first - 192) << 8) + byteAt(bytes, at + 1) + 192, size: 2 };
  if (first === 255) return { length: part(bytes, at + 1, 4).readUInt32BE(0), size: 5 };
  throw new RpmError('an OpenPGP packet of partial length is no signature');
}

/** Returns the issuers in a block of subpackets (its length, then the packets), and the end of the block. */
function subpackets(body: Buffer, at: number, lengthSize: number): { issuers: Buffer[]; end: number } {
  const block = part(body, at + lengthSize, part(body, at, lengthSize).readUIntBE(0, lengthSize));
  const issuers: Buffer[] = [];
  for (let i = 0; i < block.length;) {
    const { length, size } = newLength(block, i);
    const content = part(block, i + size, length);
    const kind = byteAt(content, 0) & 0x7f;
    if (kind === 16) issuers.push(part(content, 1, 8));
    // The fingerprint of a version 4 key ends with the key's id; that of a version 6 key starts with it.
    if (kind === 33 && byteAt(content, 1) === 4) issuers.push(part(content, content.length - 8, 8));
    if (kind === 33 && byteAt(content, 1) === 6) issuers.push(part(content, 2, 8));
    i += size + length;
  }
  return { issuers, end: at + lengthSize + block.length };
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RpmError('an OpenPGP packet ends too early');
  return byte;
}

function part(bytes: Buffer, at: number, length: number): Buffer {
  if (at < 0 || at + length > bytes.length) throw new RpmError('an OpenPGP packet ends too early');
  return bytes.subarray(at, at + length);
}
