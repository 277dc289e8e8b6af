import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { computedTags, fileClasses } from './computed.js';
import { RpmError } from './errors.js';
import { readDigests } from './identity.js';
import { RpmSection, introSize, readIntro } from './section.js';
import type { RpmValue } from './section.js';
import { RPMTAG, isListTag, tagName } from './tags.js';
import type { RpmTagName } from './tags.js';

/** Bytes before the signature header. */
export const leadSize = 96;
const leadMagic = 'edabeedb';

// Tags of the signature header that rpm shows under other numbers in the main header; others keep their number.
const fromSignature: Readonly<Record<number, number>> = {
  [RPMTAG.SIGSIZE]: 1000,
  [RPMTAG.SIGPGP]: 1002,
  [RPMTAG.SIGMD5]: 1004,
  [RPMTAG.SIGGPG]: 1005,
  [RPMTAG.ARCHIVESIZE]: 1007,
  [RPMTAG.FILESIGNATURES]: 274,
  [RPMTAG.FILESIGNATURELENGTH]: 275,
};
const signatureTags = new Set<number>([
  RPMTAG.DSAHEADER,
  RPMTAG.RSAHEADER,
  RPMTAG.SHA1HEADER,
  RPMTAG.LONGSIGSIZE,
  RPMTAG.LONGARCHIVESIZE,
  RPMTAG.SHA256HEADER,
  RPMTAG.SHA3_256HEADER,
  RPMTAG.OPENPGP,
  RPMTAG.VERITYSIGNATURES,
  RPMTAG.VERITYSIGNATUREALGO,
]);
// Markers for parts of a header, not tags of the package.
const regions = new Set<number>([
  RPMTAG.HEADERIMAGE,
  RPMTAG.HEADERSIGNATURES,
  RPMTAG.HEADERIMMUTABLE,
  RPMTAG.HEADERREGIONS,
]);

/** The fields that identify an RPM. */
export interface RpmInfo {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  /** `src` for source packages, including those without all sources or patches. */
  readonly arch: string;
  readonly buildtime: number | null;
  /** The file name of the source package; null for source packages. */
  readonly sourcerpm: string | null;
  readonly sourcepackage: boolean;
  /** A source package that lacks one of its sources or patches; its file name ends in `.nosrc.rpm`. */
  readonly nosource: boolean;
  /** MD5 of header and payload in hex. Null if the package has none, as with FIPS systems and rpm 6. */
  readonly sigmd5: string | null;
  /**
   * MD5 of the package, or if it has none the SHA-256 of its header, which the hub uses to recognise the package. Hex in lower
   * case.
   */
  readonly payloadhash: string;
}

/** The headers of an RPM; the payload is never read. */
export class RpmHeader {
  private constructor(
    /** The signature header with its padding, which Koji stores as a signature. */
    readonly signature: RpmSection,
    readonly main: RpmSection,
    /** Bytes before the payload. */
    readonly payloadOffset: number,
    /** Bytes of the whole file. */
    readonly fileSize: number,
  ) {}

  /**
   * Reads the headers of a file.
   *
   * @throws RpmError if it is not an RPM; file system errors unchanged
   */
  static async read(file: string | FileHandle): Promise<RpmHeader> {
    if (typeof file !== 'string') return readFrom(file);
    const handle = await open(file, 'r');
    try {
      return await readFrom(handle);
    } finally {
      await handle.close();
    }
  }

  /** @internal */
  static make(signature: RpmSection, main: RpmSection, payloadOffset: number, fileSize: number): RpmHeader {
    return new RpmHeader(signature, main, payloadOffset, fileSize);
  }

  /** Returns the names of the package's tags, including those of the signature, as listed by Koji. */
  tagNames(): RpmTagName[] {
    const mapped = Object.entries(fromSignature).filter(([, tag]) => this.signature.has(tag));
    const direct = this.signature.tags().filter((tag) => signatureTags.has(tag));
    const main = this.main.tags().filter((tag) => !regions.has(tag));
    // Old source packages lack this tag; rpm adds it.
    const source = this.main.has(RPMTAG.SOURCERPM) ? [] : [RPMTAG.SOURCEPACKAGE];
    const all = new Set([...mapped.map(([tag]) => Number(tag)), ...direct, ...main, ...source]);
    return [...all].flatMap((tag) => tagName(tag) ?? []);
  }

  /**
   * Returns a tag's value, including values that rpm derives such as `NEVRA` and `FILENAMES`; null if the package lacks it.
   * Lists stay lists even with one item.
   *
   * @throws RpmError if the header is wrong about the location of the value
   */
  get(name: RpmTagName): RpmValue | null {
    // The header itself, without its magic number; other regions exist only in memory.
    if (name === 'HEADERIMMUTABLE') return this.main.bytes.subarray(8);
    if (regions.has(RPMTAG[name])) return null;
    const stored = this.stored(name);
    if (stored === null) return computedTags[name]?.((tag) => this.stored(tag)) ?? null;
    return name === 'FILECLASS' ? fileClasses(stored, (tag) => this.stored(tag)) : stored;
  }

  private stored(name: RpmTagName): RpmValue | null {
    const tag = RPMTAG[name];
    const inMain = this.main.get(tag);
    if (inMain !== null) return inMain;
    const other = fromSignature[tag] ?? (signatureTags.has(tag) ? tag : undefined);
    return other === undefined ? null : this.signature.get(other, isListTag(tag));
  }

  /** @throws RpmError if name, version, release or architecture are missing or not strings */
  info(): RpmInfo {
    const sourcepackage = !this.main.has(RPMTAG.SOURCERPM);
    const { sigmd5, sha256 } = readDigests(this.signature);
    return {
      name: this.text('NAME'),
      version: this.text('VERSION'),
      release: this.text('RELEASE'),
      epoch: this.number('EPOCH'),
      arch: sourcepackage ? 'src' : this.text('ARCH'),
      buildtime: this.number('BUILDTIME'),
      sourcerpm: sourcepackage ? null : this.text('SOURCERPM'),
      sourcepackage,
      nosource: sourcepackage && (this.main.has(RPMTAG.NOSOURCE) || this.main.has(RPMTAG.NOPATCH)),
      sigmd5,
      payloadhash: sigmd5 ?? sha256 ?? createHash('sha256').update(this.main.bytes).digest('hex'),
    };
  }

  private text(name: RpmTagName): string {
    const value = this.get(name);
    if (typeof value !== 'string' || value === '')
      throw new RpmError(`the package has no ${name.toLowerCase()}`);
    return value;
  }

  private number(name: RpmTagName): number | null {
    const value = this.get(name);
    const first = Array.isArray(value) ? (value as readonly unknown[])[0] : value;
    return typeof first === 'number' ? first : null;
  }
}

async function readFrom(handle: FileHandle): Promise<RpmHeader> {
  const source = await openSource(handle);
  const { size } = source;
  const lead = await bytesAt(source, 0, leadSize);
  if (lead.subarray(0, 4).toString('hex') !== leadMagic) throw new RpmError('not an RPM: bad magic');
  const signature = await sectionAt(source, leadSize, 'signature header');
  // The signature header is padded to a multiple of eight bytes, including the padding.
  const padded = Math.ceil(signature / 8) * 8;
  const signatureBytes = await bytesAt(source, leadSize, padded);
  const start = leadSize + padded;
  const main = await sectionAt(source, start, 'header');
  const mainBytes = await bytesAt(source, start, main);
  return RpmHeader.make(
    new RpmSection(signatureBytes, 'signature header'),
    new RpmSection(mainBytes, 'header'),
    start + main,
    size,
  );
}

/** Bytes that are read at once. Most headers end within them. */
const firstBlock = 16_384;

interface Source {
  readonly handle: FileHandle;
  /** Bytes of the whole file. */
  readonly size: number;
  /** The beginning of the file. */
  readonly first: Buffer;
}

async function openSource(handle: FileHandle): Promise<Source> {
  const { size } = await handle.stat();
  const length = Math.min(size, firstBlock);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return { handle, size, first: buffer.subarray(0, bytesRead) };
}

async function sectionAt(source: Source, offset: number, what: string): Promise<number> {
  const { total } = readIntro(await bytesAt(source, offset, introSize), what);
  return total;
}

// Requests only existing bytes: the announced length is compared with the file's size before anything is allocated.
async function bytesAt({ handle, size, first }: Source, offset: number, length: number): Promise<Buffer> {
  if (offset + length > size)
    throw new RpmError(`the file ends at ${size}, its headers need ${offset + length} bytes`);
  // A copy, so that a header that is kept does not keep the whole block.
  if (offset + length <= first.length) return Buffer.from(first.subarray(offset, offset + length));
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  if (bytesRead < length) throw new RpmError('the file became shorter while it was read');
  return buffer;
}
