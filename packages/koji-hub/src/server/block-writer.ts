import type { FileHandle } from 'node:fs/promises';

/** Bytes, and blocks, that are gathered for one write. */
const bytesAtOnce = 262_144;
const blocksAtOnce = 256;

/** Writes blocks to a file one after the other, several in one go, and takes the next ones meanwhile. */
export class BlockWriter {
  private blocks: Uint8Array[] = [];
  private gathered = 0;
  private writing: Promise<void> = Promise.resolve();

  /** @param position where in the file the first block goes */
  constructor(
    private readonly handle: FileHandle,
    private position: number,
  ) {}

  /** Takes a block, which must not be changed afterwards; waits while as much as fits is on its way to the disk. */
  async add(block: Uint8Array): Promise<void> {
    this.blocks.push(block);
    this.gathered += block.length;
    if (this.gathered < bytesAtOnce && this.blocks.length < blocksAtOnce) return;
    await this.writing;
    this.start();
  }

  /** Writes what is left. */
  async end(): Promise<void> {
    await this.writing;
    this.start();
    await this.writing;
  }

  /** Waits until nothing is on its way any more, written or not. */
  async settled(): Promise<void> {
    await this.writing.catch(() => undefined);
  }

  private start(): void {
    if (this.gathered === 0) return;
    const { blocks, position } = this;
    this.position += this.gathered;
    this.blocks = [];
    this.gathered = 0;
    this.writing = writeAll(this.handle, blocks, position);
    // Whoever adds the next block or ends hears of a failure.
    this.writing.catch(() => undefined);
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
