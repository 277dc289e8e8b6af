import { closeSync, mkdirSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';

/** Bytes that wait for the disk before writers are asked to wait. */
const highWaterMark = 262_144;

/**
 * A file that lines are appended to. It can be reopened between two lines, so that a file that was renamed loses none and
 * a new one of its name gets those that follow. Lines that can't be written, as on a full disk, are lost.
 */
export class LogFile extends Writable {
  private handle: FileHandle | null = null;
  private isStale = false;

  /** @throws Error of the system when the file can't be made */
  constructor(private readonly file: string) {
    super({ decodeStrings: true, highWaterMark });
    mkdirSync(path.dirname(file), { recursive: true });
    // It fails at once where the file can't be made.
    closeSync(openSync(file, 'a'));
  }

  /** Opens the file by its name before the next line is written. */
  reopen(): void {
    this.isStale = true;
    // The new file is there at once, even if nothing is logged for long.
    this.write('');
  }

  /** Resolves once all lines are in the file; none may follow. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => this.end(resolve));
    await this.handle?.close();
  }

  override _write(line: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.append([line]).then(done, done);
  }

  override _writev(lines: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.append(lines.map(({ chunk }) => chunk)).then(done, done);
  }

  private async append(lines: readonly Buffer[]): Promise<void> {
    if (this.isStale || this.handle === null) {
      this.isStale = false;
      const before = this.handle;
      this.handle = await open(this.file, 'a').catch(() => before);
      if (before !== this.handle) await before?.close();
    }
    await this.handle?.appendFile(Buffer.concat(lines));
  }
}
