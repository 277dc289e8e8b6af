/**
 * Answers that are produced faster than clients read them. They wait in memory up to a limit, then in a file without a
 * name, so that nothing of the database is held for a client.
 */
import { mkdtemp, open, rmdir, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** Bytes written to or read from the file at a time. */
const pieceLength = 262_144;
/** Bytes of one answer that may wait in memory. */
const memoryOfOne = 4_194_304;

/** Limits for all waiting answers of a process together. */
export interface SpoolLimits {
  readonly memory: number;
  /** Bytes in files; 0 for no limit. */
  readonly files: number;
  /** Folder of the files. */
  readonly folder: string;
}

/** Memory and disk space shared by the waiting answers of a process. */
export class SpoolRoom {
  /** Bytes that wait in memory now. */
  memory = 0;
  /** Bytes that wait in files now. */
  files = 0;
  private readonly filed = new Set<Spool>();

  constructor(private readonly limits: SpoolLimits) {}

  /** Returns whether an answer with `held` bytes in memory may add this many. */
  hasMemory(bytes: number, held: number): boolean {
    return held + bytes <= memoryOfOne && this.memory + bytes <= this.limits.memory;
  }

  /** Counts bytes in a file; without space, drops the answer that has been unread for the longest time. */
  async addFile(spool: Spool, bytes: number): Promise<void> {
    this.filed.add(spool);
    const { files: most } = this.limits;
    while (most > 0 && this.files + bytes > most) {
      const oldest = [...this.filed].reduce((a, b) => (b.lastRead < a.lastRead ? b : a));
      const problem = new SpoolFull('too many answers wait for their clients to read them');
      if (oldest === spool) throw problem;
      await oldest.fail(problem);
    }
    this.files += bytes;
  }

  /** Counts bytes freed in a file; `all` if none are left. */
  freeFile(spool: Spool, bytes: number, all: boolean): void {
    this.files -= bytes;
    if (all) this.filed.delete(spool);
  }

  /** Opens a file that nobody else can see and that disappears with the process, however it ends. */
  async openFile(): Promise<FileHandle> {
    const folder = await mkdtemp(path.join(this.limits.folder, 'koji-answer-'));
    const name = path.join(folder, 'answer');
    try {
      const file = await open(name, 'wx+', 0o600);
      await unlink(name);
      return file;
    } finally {
      await rmdir(folder);
    }
  }
}

/** The space for waiting answers is full. */
export class SpoolFull extends Error {
  override name = 'SpoolFull';
}

/** Returns the space of a hub with these options. */
export function roomOf(options: {
  readonly AnswerMemory: number;
  readonly AnswerFiles: number;
  readonly AnswerFolder: string | null;
}): SpoolRoom {
  const { AnswerMemory: memory, AnswerFiles: files, AnswerFolder } = options;
  return new SpoolRoom({ memory, files, folder: AnswerFolder ?? os.tmpdir() });
}

/**
 * Text that is written at one end and read at the other, each by one caller at a time. Its parts wait in three places, in
 * this order: in memory, in the file, and in memory again until they are enough to be written to the file.
 */
export class Spool {
  /** When a part was last read, or the spool was made. */
  lastRead = performance.now();
  private readonly first: Uint8Array[] = [];
  private firstBytes = 0;
  private file: FileHandle | null = null;
  private readAt = 0;
  private writtenTo = 0;
  private readonly last: Uint8Array[] = [];
  private lastBytes = 0;
  private ended = false;
  private failure: Error | null = null;
  private closed = false;
  private wake: (() => void) | null = null;
  private filing: Promise<void> | null = null;

  constructor(private readonly room: SpoolRoom) {}

  private get inFile(): number {
    return this.writtenTo - this.readAt;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.firstBytes + this.inFile + this.lastBytes;
  }

  /** Adds bytes, which must not change from now on. Returns a promise if they go to the file. */
  push(part: Uint8Array): Promise<void> | undefined {
    this.check();
    if (this.isFileFree() && this.room.hasMemory(part.length, this.firstBytes)) {
      this.first.push(part);
      this.firstBytes += part.length;
      this.room.memory += part.length;
      this.wakeReader();
      return undefined;
    }
    this.last.push(part);
    this.lastBytes += part.length;
    if (this.lastBytes < pieceLength) {
      this.wakeReader();
      return undefined;
    }
    return this.toFile();
  }

  /** Marks the end of the data. */
  end(): void {
    this.ended = true;
    this.wakeReader();
  }

  /** Takes back all that was pushed since {@link length} was `mark`, before anything is read. */
  cutBack(mark: number): void {
    let excess = this.length - mark;
    while (excess > 0 && this.last.length > 0) {
      const part = this.last.pop() as Uint8Array;
      this.lastBytes -= part.length;
      excess -= part.length;
    }
    const fromFile = Math.min(Math.max(excess, 0), this.inFile);
    this.writtenTo -= fromFile;
    excess -= fromFile;
    if (fromFile > 0) this.room.freeFile(this, fromFile, this.writtenTo === 0);
    while (excess > 0) {
      const part = this.first.pop() as Uint8Array;
      this.firstBytes -= part.length;
      this.room.memory -= part.length;
      excess -= part.length;
    }
  }

  /** Returns the next part; null after the last one. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      this.check();
      const part = this.first.shift();
      if (part) {
        this.firstBytes -= part.length;
        this.room.memory -= part.length;
        this.lastRead = performance.now();
        return part;
      }
      if (this.inFile > 0) return this.readFile();
      // Data that is being written to the file comes first.
      if (this.filing) await this.filing.catch(() => undefined);
      else if (this.last.length > 0) return this.takeLast();
      else if (this.ended) return null;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Ends the spool for both sides with an error and frees its space. */
  async fail(problem: Error): Promise<void> {
    this.failure ??= problem;
    await this.close();
    this.wakeReader();
  }

  /** Frees the space. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.room.memory -= this.firstBytes;
    this.forgetFile();
    this.first.length = this.last.length = this.firstBytes = this.lastBytes = 0;
    this.failure ??= new Error('the answer is closed');
    this.wakeReader();
    await this.filing?.catch(() => undefined);
    await this.file?.close();
  }

  private check(): void {
    if (this.failure) throw this.failure;
  }

  private isFileFree(): boolean {
    return this.writtenTo === 0 && this.lastBytes === 0 && this.filing === null;
  }

  /** Frees the file's space for others or for reuse. */
  private forgetFile(): void {
    this.room.freeFile(this, this.writtenTo, true);
    this.readAt = this.writtenTo = 0;
  }

  private wakeReader(): void {
    this.wake?.();
    this.wake = null;
  }

  private takeLast(): Buffer {
    const part = Buffer.concat(this.last);
    this.last.length = this.lastBytes = 0;
    this.lastRead = performance.now();
    return part;
  }

  private toFile(): Promise<void> {
    const data = Buffer.concat(this.last);
    this.last.length = this.lastBytes = 0;
    const filing = this.writeFile(data).finally(() => {
      this.filing = null;
      this.wakeReader();
    });
    this.filing = filing;
    return filing;
  }

  private async writeFile(data: Buffer): Promise<void> {
    await this.room.addFile(this, data.length);
    let counted = data.length;
    try {
      this.file ??= await this.room.openFile();
      this.check();
      for (let done = 0; done < data.length;) {
        const { bytesWritten } = await this.file.write(data, done, data.length - done, this.writtenTo + done);
        done += bytesWritten;
      }
      this.check();
      this.writtenTo += data.length;
      counted = 0;
    } catch (error) {
      this.failure ??= error as Error;
      throw error;
    } finally {
      if (counted > 0) this.room.freeFile(this, counted, this.writtenTo === 0);
    }
  }

  private async readFile(): Promise<Buffer> {
    const wanted = Math.min(this.inFile, pieceLength);
    const buffer = Buffer.allocUnsafe(wanted);
    const { bytesRead } = await (this.file as FileHandle).read(buffer, 0, wanted, this.readAt);
    this.check();
    if (bytesRead === 0) throw new Error('the file of an answer was cut short');
    this.readAt += bytesRead;
    if (this.inFile === 0 && this.filing === null) this.forgetFile();
    this.lastRead = performance.now();
    return buffer.subarray(0, bytesRead);
  }
}
