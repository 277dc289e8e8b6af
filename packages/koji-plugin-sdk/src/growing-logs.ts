import { appendFile, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@koji/core';

/** What {@link GrowingLogs} need. */
export interface GrowingLogsParts {
  /** The logs that there are now, by their paths; asked again and again. */
  readonly find: () => Promise<readonly string[]>;
  /** Sends a piece of a log; one at 0 begins the file anew. */
  readonly send: (name: string, piece: Buffer, offset: number) => Promise<void>;
  readonly logger: Logger;
  /** A folder for files that say when which part of a log was written; null makes none. */
  readonly timestamps: string | null;
}

interface Log {
  readonly name: string;
  readonly file: string;
  inode: number;
  /** Bytes that were sent. */
  sent: number;
  missing: boolean;
}

const blockSize = 1 << 20;
const interval = 1000;

/** Logs on their way to the hub while programs still write them. Each piece is sent once, in order. */
export class GrowingLogs {
  private readonly logs = new Map<string, Log>();
  private readonly names = new Set<string>();

  /** @internal */
  constructor(private readonly parts: GrowingLogsParts) {}

  /** Sends what comes, once a second, until some work is over, and the rest then. */
  async during<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const settled = work.then(
      () => over.abort(),
      () => over.abort(),
    );
    while (!over.signal.aborted) {
      await sleep(interval, undefined, { signal: over.signal }).catch(() => undefined);
      await this.send();
    }
    await settled;
    return work;
  }

  /** Sends what is new. */
  async send(): Promise<void> {
    for (const file of await this.parts.find()) this.add(file);
    for (const log of [...this.logs.values()]) await this.sendNew(log);
  }

  private add(file: string): void {
    const { logger, timestamps } = this.parts;
    if (this.logs.has(file) || file.endsWith('-ts.log')) return;
    const name = this.freeName(path.basename(file));
    if (name === null) {
      logger.error(`no free name to upload ${file} by`);
      return;
    }
    this.follow(name, file);
    if (timestamps !== null) this.follow(`${name}-ts.log`, path.join(timestamps, `${name}-ts.log`));
  }

  private follow(name: string, file: string): void {
    this.names.add(name);
    this.logs.set(file, { name, file, inode: 0, sent: 0, missing: false });
  }

  /** A name of its own for each log, as Koji gives them: `root.log`, `root.DUP00.log`, … */
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
    const found = await stat(log.file).catch(() => null);
    if (!found) {
      if (log.sent > 0 && !log.missing) this.parts.logger.warn(`log disappeared: ${log.file}`);
      log.missing = true;
      return;
    }
    // Written anew under the same name, by another run of the program.
    if (log.inode !== found.ino || found.size < log.sent) log.sent = 0;
    log.inode = found.ino;
    log.missing = false;
    if (found.size === log.sent) return;
    const handle = await open(log.file, 'r');
    try {
      for (;;) {
        const block = Buffer.alloc(Math.min(blockSize, Math.max(found.size - log.sent, 1)));
        const { bytesRead } = await handle.read(block, 0, block.length, log.sent);
        if (bytesRead === 0) break;
        await this.parts.send(log.name, block.subarray(0, bytesRead), log.sent);
        log.sent += bytesRead;
      }
    } finally {
      await handle.close();
    }
    await this.noteTime(log);
  }

  private async noteTime({ name, sent }: Log): Promise<void> {
    const { timestamps } = this.parts;
    if (timestamps === null || name.endsWith('-ts.log')) return;
    const seconds = Math.round(Date.now() / 1000);
    await appendFile(path.join(timestamps, `${name}-ts.log`), `${seconds} ${sent}\n`);
  }
}
