import { appendFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, openRegular, type Logger } from '@koji/core';

/** A log that has to be opened in a special way. */
export interface LogSource {
  /** Its path, which identifies it. The last part is its name. */
  readonly file: string;
  /** Opens it for reading. Throws an error with the code ENOENT while it does not exist. */
  readonly open: () => Promise<FileHandle>;
}

/** Options of {@link GrowingLogs}. */
export interface GrowingLogsParts {
  /** Returns the existing logs by path. Called repeatedly. */
  readonly find: () => Promise<readonly (string | LogSource)[]>;
  /** Sends a piece of a log. A piece at offset 0 starts the file again. */
  readonly send: (name: string, piece: Buffer, offset: number) => Promise<void>;
  readonly logger: Logger;
  /** A folder for files that record when each part of a log was written; null for none. */
  readonly timestamps: string | null;
}

interface Log extends LogSource {
  readonly name: string;
  inode: number;
  /** Bytes that were sent. */
  sent: number;
  missing: boolean;
  /** The reason why it is skipped, if any. */
  problem: string | null;
}

const blockSize = 1 << 20;
const interval = 1000;
/** How many pieces are sent in a row while the log grows. The rest follows a second later. */
const mostExtra = 16;
/** The size from which on a log must not consist only of holes: so much data takes space on the disk. */
const suspicious = 64 << 20;

/** Logs that are sent to the hub while programs still write them. Each piece is sent once, in order. */
export class GrowingLogs {
  private readonly logs = new Map<string, Log>();
  private readonly names = new Set<string>();

  /** @internal */
  constructor(private readonly parts: GrowingLogsParts) {}

  /** Returns the names of the logs that were sent so far, without empty ones. */
  get sent(): string[] {
    return [...this.logs.values()].filter((log) => log.sent > 0).map(({ name }) => name);
  }

  /** Sends new data once a second until some work is done, and then the rest. */
  async during<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const settled = work.then(
      () => over.abort(),
      () => over.abort(),
    );
    while (!over.signal.aborted) {
      await this.send();
      await sleep(interval, undefined, { signal: over.signal }).catch(() => undefined);
    }
    await settled;
    await this.send();
    return work;
  }

  /** Sends new data. */
  async send(): Promise<void> {
    for (const found of await this.parts.find())
      this.add(typeof found === 'string' ? plainFile(found) : found);
    for (const log of [...this.logs.values()]) await this.sendNew(log);
  }

  private add(source: LogSource): void {
    const { logger, timestamps } = this.parts;
    const { file } = source;
    if (this.logs.has(file) || file.endsWith('-ts.log')) return;
    const name = this.freeName(path.basename(file));
    if (name === null) {
      logger.error(`no free name to upload ${file} by`);
      return;
    }
    this.follow(name, source);
    if (timestamps !== null)
      this.follow(`${name}-ts.log`, plainFile(path.join(timestamps, `${name}-ts.log`)));
  }

  private follow(name: string, { file, open }: LogSource): void {
    this.names.add(name);
    this.logs.set(file, { name, file, open, inode: 0, sent: 0, missing: false, problem: null });
  }

  /** Returns a unique name for each log, like Koji: `root.log`, `root.DUP00.log`, … */
  private freeName(name: string): string | null {
    if (!this.names.has(name)) return name;
    const { name: base, ext } = path.parse(name);
    for (let n = 0; n < 99; n++) {
      const other = `${base}.DUP${String(n).padStart(2, '0')}${ext}`;
      if (!this.names.has(other)) return other;
    }
    return null;
  }

  private async sendNew(log: Log): Promise<void> {
    const handle = await this.openLog(log);
    if (handle === null) return;
    try {
      const { ino, size, blocks } = await handle.stat();
      // Another run of the program wrote a new file with the same name.
      if (log.inode !== ino || size < log.sent) log.sent = 0;
      log.inode = ino;
      if (size > suspicious && blocks * 512 < size / 64) {
        this.leaveOut(log, `it is ${size} bytes long, and hardly any of them were written`);
        return;
      }
      if (size === log.sent) return;
      await this.sendBlocks(log, handle, size);
    } finally {
      await handle.close();
    }
    await this.noteTime(log);
  }

  /** Sends everything up to the end, which may move while it is sent. */
  private async sendBlocks(log: Log, handle: FileHandle, size: number): Promise<void> {
    for (let extra = 0; extra < mostExtra;) {
      const block = Buffer.alloc(blockSize);
      const { bytesRead } = await handle.read(block, 0, block.length, log.sent);
      if (bytesRead === 0) return;
      await this.parts.send(log.name, block.subarray(0, bytesRead), log.sent);
      log.sent += bytesRead;
      if (log.sent > size) extra += 1;
    }
  }

  private async openLog(log: Log): Promise<FileHandle | null> {
    try {
      const handle = await log.open();
      log.missing = false;
      return handle;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        this.leaveOut(log, messageOf(error));
        return null;
      }
      if (log.sent > 0 && !log.missing) this.parts.logger.warn(`log disappeared: ${log.file}`);
      log.missing = true;
      return null;
    }
  }

  private leaveOut(log: Log, problem: string): void {
    if (log.problem !== problem) this.parts.logger.warn(`${log.file} is not uploaded: ${problem}`);
    log.problem = problem;
  }

  private async noteTime({ name, sent }: Log): Promise<void> {
    const { timestamps } = this.parts;
    if (timestamps === null || name.endsWith('-ts.log')) return;
    const seconds = Math.round(Date.now() / 1000);
    await appendFile(path.join(timestamps, `${name}-ts.log`), `${seconds} ${sent}\n`);
  }
}

const plainFile = (file: string): LogSource => ({ file, open: () => openRegular(file) });
