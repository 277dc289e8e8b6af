/** Magic of a member of an archive. */
export interface CpioHeader {
  /** As the archive says it: nothing to make a path of. */
  readonly name: string;
  /** Type and permissions, as in stat(2). */
  readonly mode: number;
  readonly size: number;
  /** How many names the file has; its content comes with the last one. */
  readonly links: number;
  /** Tells which names are of the same file. */
  readonly inode: string;
}

/** A member of an archive; its content can be read once, before the next member is asked for. */
export interface CpioMember extends CpioHeader {
  readonly content: AsyncIterable<Uint8Array>;
}

/** A malformed or truncated archive. */
export class CpioError extends Error {
  override name = 'CpioError';
}

const headerLength = 110;
const longestName = 4096;

/**
 * The members of an archive in cpio's new format, which the payload of an rpm is.
 *
 * @throws CpioError if it is malformed
 */
export async function* readCpio(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<CpioMember, void, void> {
  const input = new Input(blocks);
  try {
    for (;;) {
      const header = await readHeader(input);
      if (header.name === 'TRAILER!!!') break;
      const left = { bytes: header.size };
      yield { ...header, content: input.take(left) };
      // Unread data must be skipped before the next member.
      await input.skip(left);
      await input.bytes(padding(header.size));
    }
    // The program that writes the archive must come to its end.
    await input.finish();
  } finally {
    await input.close();
  }
}

async function readHeader(input: Input): Promise<CpioHeader> {
  const text = (await input.bytes(headerLength)).toString('latin1');
  if (!/^07070[12][0-9a-fA-F]{104}$/.test(text)) throw new CpioError('the payload is no cpio archive');
  const field = (i: number): number => Number.parseInt(text.slice(6 + 8 * i, 14 + 8 * i), 16);
  const nameLength = field(11);
  if (nameLength < 1 || nameLength > longestName) throw new CpioError('a name in the payload is too long');
  const name = (await input.bytes(nameLength)).toString('utf8');
  if (name.indexOf('\0') !== name.length - 1) throw new CpioError('a name in the payload is damaged');
  await input.bytes(padding(headerLength + nameLength));
  return {
    name: name.slice(0, -1),
    mode: field(1),
    size: field(6),
    links: field(4),
    inode: `${field(7)}:${field(8)}:${field(0)}`,
  };
}

/** Headers and contents begin at multiples of four. */
const padding = (length: number): number => (4 - (length % 4)) % 4;

/** Bytes by number out of blocks as they come. */
class Input {
  private rest: Buffer = Buffer.alloc(0);
  private readonly blocks: AsyncIterator<Uint8Array>;

  constructor(blocks: AsyncIterable<Uint8Array>) {
    this.blocks = blocks[Symbol.asyncIterator]();
  }

  /** A few bytes: what is asked for is kept in memory. */
  async bytes(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.take({ bytes: length })) parts.push(part);
    return Buffer.concat(parts);
  }

  /** The next bytes, in blocks; counts down what is left to take. */
  async *take(left: { bytes: number }): AsyncGenerator<Uint8Array, void, void> {
    while (left.bytes > 0) {
      if (this.rest.length === 0 && !(await this.fill())) throw new CpioError('the payload ends too early');
      const part = this.rest.subarray(0, left.bytes);
      this.rest = this.rest.subarray(part.length);
      left.bytes -= part.length;
      yield part;
    }
  }

  async skip(left: { bytes: number }): Promise<void> {
    const parts = this.take(left);
    while ((await parts.next()).done !== true) continue;
  }

  async finish(): Promise<void> {
    while (await this.fill()) continue;
  }

  async close(): Promise<void> {
    await this.blocks.return?.();
  }

  private async fill(): Promise<boolean> {
    const next = await this.blocks.next();
    if (next.done === true) return false;
    const { buffer, byteOffset, byteLength } = next.value;
    this.rest = Buffer.from(buffer, byteOffset, byteLength);
    return true;
  }
}
