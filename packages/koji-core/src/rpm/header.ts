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

// Where rpm shows a tag of the signature among those of the header; others keep their number.
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
// These mark where parts of a header lie; they are no tags of the package.
const regions = new Set<number>([
  RPMTAG.HEADERIMAGE,
  RPMTAG.HEADERSIGNATURES,
  RPMTAG.HEADERIMMUTABLE,
  RPMTAG.HEADERREGIONS,
]);

/** What identifies an RPM. */
export interface RpmInfo {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  /** `src` for source packages, also for those that lack a source or patch. */
  readonly arch: string;
  readonly buildtime: number | null;
  /** The file name of the source package; null for source packages. */
  readonly sourcerpm: string | null;
  readonly sourcepackage: boolean;
  /** A source package without one of its sources or patches; its file name ends in `.nosrc.rpm`. */
  readonly nosource: boolean;
  /** MD5 of header and payload as hex text. Null when the package has none, as those of FIPS systems and rpm 6. */
  readonly sigmd5: string | null;
  /** What a hub knows the package by: its MD5, or without one the SHA-256 of its header. Hex text in lower case. */
  readonly payloadhash: string;
}

/** The headers of an RPM; its payload is never read. */
export class RpmHeader {
  private constructor(
    /** The signature header with its padding: what Koji keeps as a signature. */
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
   * @throws RpmError when it is no RPM; errors of the file system as they are
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

  /** Returns the names of the tags in the package, those of the signature too, as Koji lists them. */
  tagNames(): RpmTagName[] {
    const mapped = Object.entries(fromSignature).filter(([, tag]) => this.signature.has(tag));
    const direct = this.signature.tags().filter((tag) => signatureTags.has(tag));
    const main = this.main.tags().filter((tag) => !regions.has(tag));
    // Old source packages lack the tag that says so; rpm adds it.
    const source = this.main.has(RPMTAG.SOURCERPM) ? [] : [RPMTAG.SOURCEPACKAGE];
    const all = new Set([...mapped.map(([tag]) => Number(tag)), ...direct, ...main, ...source]);
    return [...all].flatMap((tag) => tagName(tag) ?? []);
  }

  /**
   * A tag's value, also of those that rpm makes from others such as `NEVRA` and `FILENAMES`; null when the package does not
   * have it. Lists are lists also when they have one item.
   *
   * @throws RpmError when the header lies about where the value is
   */
  get(name: RpmTagName): RpmValue | null {
    // The header itself, without its magic number; other regions exist in memory only.
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

  /** @throws RpmError when name, version, release or architecture are missing or no texts */
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
  const { size } = await handle.stat();
  const lead = await bytesAt(handle, 0, leadSize, size);
  if (lead.subarray(0, 4).toString('hex') !== leadMagic) throw new RpmError('not an RPM: bad magic');
  const signature = await sectionAt(handle, leadSize, size, 'signature header');
  // The signature header is padded to a multiple of eight bytes, and the padding belongs to it.
  const padded = Math.ceil(signature / 8) * 8;
  const signatureBytes = await bytesAt(handle, leadSize, padded, size);
  const start = leadSize + padded;
  const main = await sectionAt(handle, start, size, 'header');
  const mainBytes = await bytesAt(handle, start, main, size);
  return RpmHeader.make(
    new RpmSection(signatureBytes, 'signature header'),
    new RpmSection(mainBytes, 'header'),
    start + main,
    size,
  );
}

async function sectionAt(handle: FileHandle, offset: number, size: number, what: string): Promise<number> {
  const { total } = readIntro(await bytesAt(handle, offset, introSize, size), what);
  return total;
}

// Asks for what is there only: an announced length allocates nothing before it is compared with the file's.
async function bytesAt(handle: FileHandle, offset: number, length: number, size: number): Promise<Buffer> {
  if (offset + length > size)
    throw new RpmError(`the file ends at ${size}, its headers need ${offset + length} bytes`);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  if (bytesRead < length) throw new RpmError('the file became shorter while it was read');
  return buffer;
}
