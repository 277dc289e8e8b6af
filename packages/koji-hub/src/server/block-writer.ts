import type { FileHandle } from 'node:fs/promises';

/** Bytes, and blocks, that wait at most while others are written. */
const bytesWaiting = 262_144;
const blocksWaiting = 256;

/** Writes blocks to a file one after the other: the first at once, and those that come meanwhile together after it. */
export class BlockWriter {
  private blocks: Uint8Array[] = [];
  private waiting = 0;
  /** Ends when a write has, and the one after it has started; null while nothing is written. */
  private writing: Promise<void> | null = null;
  private failure: { readonly cause: unknown } | null = null;

  /** @param position where in the file the first block goes */
  constructor(
    private readonly handle: FileHandle,
    private position: number,
  ) {}

  /** Takes a block, which must not be changed afterwards. Waits while many wait, and throws why an earlier one failed. */
  async add(block: Uint8Array): Promise<void> {
    this.check();
    this.blocks.push(block);
    this.waiting += block.length;
    if (this.writing === null) this.start();
    else if (this.waiting >= bytesWaiting || this.blocks.length >= blocksWaiting) await this.writing;
  }

  /** Waits until all is written. */
  async end(): Promise<void> {
    await this.settled();
    this.check();
  }

  /** Waits until nothing is on its way any more, written or not. */
  async settled(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private check(): void {
    if (this.failure) throw this.failure.cause;
  }

  private start(): void {
    const { blocks, position } = this;
    this.position += this.waiting;
    this.blocks = [];
    this.waiting = 0;
    this.writing = writeAll(this.handle, blocks, position).then(
      () => (this.blocks.length > 0 ? this.start() : void (this.writing = null)),
      (cause: unknown) => {
        this.failure = { cause };
        this.writing = null;
      },
    );
  }
}

/** Writes blocks at a position of a file. */
export async function writeAll(
  handle: FileHandle,
  blocks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  for (let left = blocks; left.length > 0;) {
    let { bytesWritten } = await handle.writev(left, position);
    position += bytesWritten;
    let whole = 0;
    for (; whole < left.length && bytesWritten >= (left[whole]?.length ?? 0); whole++)
      bytesWritten -= left[whole]?.length ?? 0;
    left = left.slice(whole).map((block, i) => (i === 0 ? block.subarray(bytesWritten) : block));
  }
}
