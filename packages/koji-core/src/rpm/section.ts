import { RpmError } from './errors.js';
import { isListTag } from './tags.js';

/** Value of a tag. */
export type RpmValue = number | bigint | string | Buffer | readonly (number | bigint | string)[];

/** Limits of a header: entries and bytes as in rpm itself, and items of one entry, far more than any package has files. */
export const headerLimits = { entries: 0xffff, bytes: 256 * 1024 * 1024, items: 4 * 1024 * 1024 } as const;

/** Bytes before a section's index. */
export const introSize = 16;

const magic = Buffer.from([0x8e, 0xad, 0xe8, 0x01]);
const widths: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8 };

interface Entry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/** Returns the sizes from a section's first 16 bytes, checked. */
export function readIntro(intro: Buffer, what: string): { entries: number; bytes: number; total: number } {
  if (intro.length < introSize) throw new RpmError(`${what}: the file ends in its header`);
  if (!intro.subarray(0, 4).equals(magic))
    throw new RpmError(`${what}: bad magic ${intro.subarray(0, 4).toString('hex')}`);
  const entries = intro.readUInt32BE(8);
  const bytes = intro.readUInt32BE(12);
  if (entries > headerLimits.entries) throw new RpmError(`${what}: ${entries} entries are too many`);
  if (bytes > headerLimits.bytes) throw new RpmError(`${what}: ${bytes} bytes are too many`);
  return { entries, bytes, total: introSize + 16 * entries + bytes };
}

/**
 * The signature header or the main header of an RPM: values by tag number. Every length, offset and count is checked against
 * the available bytes before anything is read.
 */
export class RpmSection {
  private readonly index = new Map<number, Entry>();
  private readonly store: Buffer;

  /** @throws RpmError */
  constructor(
    readonly bytes: Buffer,
    private readonly what: string,
  ) {
    const { entries, bytes: size, total } = readIntro(bytes, what);
    if (bytes.length < total) throw new RpmError(`${what}: ${total} bytes announced, ${bytes.length} there`);
    this.store = bytes.subarray(introSize + 16 * entries, introSize + 16 * entries + size);
    for (let i = 0; i < entries; i++) {
      const at = introSize + 16 * i;
      const entry = {
        type: bytes.readUInt32BE(at + 4),
        offset: bytes.readUInt32BE(at + 8),
        count: bytes.readUInt32BE(at + 12),
      };
      this.index.set(bytes.readUInt32BE(at), entry);
    }
  }

  has(tag: number): boolean {
    return this.index.has(tag);
  }

  /** The tags in the order of the file. */
  tags(): number[] {
    return [...this.index.keys()];
  }

  /**
   * Returns a tag's value: a list for list tags, bytes for binary ones; null if it is missing.
   *
   * @param isList whether the tag is a list, for numbers that have another meaning in a main header
   */
  get(tag: number, isList = isListTag(tag)): RpmValue | null {
    const entry = this.index.get(tag);
    if (!entry) return null;
    const { type } = entry;
    if (type === 7) return this.slice(tag, entry, entry.count);
    if (type === 6) {
      const texts = this.strings(tag, entry, 1);
      return isList ? texts : (texts[0] ?? '');
    }
    // The first of several translations is the one without a language.
    if ((type === 8 || type === 9) && !isList) return this.strings(tag, entry, 1)[0] ?? '';
    if (entry.count > headerLimits.items)
      throw new RpmError(`${this.what}: tag ${tag} holds ${entry.count} items, which are too many`);
    if (type === 8 || type === 9) return this.strings(tag, entry, entry.count);
    const numbers = this.numbers(tag, entry);
    return isList ? numbers : (numbers[0] ?? null);
  }

  private numbers(tag: number, entry: Entry): (number | bigint)[] {
    const width = widths[entry.type];
    if (width === undefined)
      throw new RpmError(`${this.what}: tag ${tag} has the unknown type ${entry.type}`);
    const bytes = this.slice(tag, entry, entry.count * width);
    return Array.from({ length: entry.count }, (_, i) => {
      if (width < 8) return bytes.readUIntBE(i * width, width);
      const value = bytes.readBigUInt64BE(i * 8);
      return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
    });
  }

  private strings(tag: number, { offset, count }: Entry, wanted: number): string[] {
    // Each text takes at least its terminator, so a count beyond the remaining bytes is wrong.
    if (count > this.store.length - offset) throw this.outside(tag);
    const texts: string[] = [];
    for (let at = offset; texts.length < wanted;) {
      const end = this.store.indexOf(0, at);
      if (end === -1) throw this.outside(tag);
      texts.push(decodeText(this.store.subarray(at, end)));
      at = end + 1;
    }
    return texts;
  }

  private slice(tag: number, { offset }: Entry, length: number): Buffer {
    if (offset + length > this.store.length) throw this.outside(tag);
    return this.store.subarray(offset, offset + length);
  }

  private outside(tag: number): RpmError {
    return new RpmError(`${this.what}: tag ${tag} points outside of the header`);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8, or Latin-1 as in old packages. */
export function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
