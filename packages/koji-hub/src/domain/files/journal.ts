/**
 * The journal of one call's changes: a file with a record on each line, before it the record's code (HMAC-SHA256) by the key
 * that the database keeps for the process. A line that was being written when the machine stopped does not count: its change
 * was not begun.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { syncPath } from './durable.js';
import { asRecord } from './changes.js';
import type { Change, JournalRecord, Made } from './changes.js';
import type { FinishedCalls } from './finished.js';
import { finishedEnding, openEnding } from './journal-files.js';
import type { FileRetries } from './retries.js';

/** Where a hub process keeps its journals. */
export interface JournalFolder {
  readonly path: string;
  /** The process's own; the database has it too, and nobody else. */
  readonly key: Buffer;
}

/** Where this process keeps its journals, and what it tries again of what they hold. */
export interface OwnJournals extends JournalFolder {
  readonly retries: FileRetries;
  readonly finished: FinishedCalls;
}

let last = 0;

/** Returns a token for a call; those of a process, by name, are in the order of their making. */
export function newToken(): string {
  last += 1;
  return last.toString(16).padStart(12, '0') + randomBytes(12).toString('hex');
}

/** The journal of one call; its file is made with the first record. */
export class Journal {
  private handle: FileHandle | null = null;
  private ending = openEnding;
  private length = 0;
  private count = 0;
  /** The call's changes, in their order. */
  readonly changes: Made[] = [];

  constructor(
    private readonly folder: JournalFolder,
    readonly token: string,
  ) {}

  /**
   * Opens the journal that another process left.
   *
   * @throws Error when it holds anything that no hub wrote
   */
  static async open(folder: JournalFolder, token: string): Promise<Journal> {
    const journal = new Journal(folder, token);
    journal.handle = await fs.open(journal.file, 'r+').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      journal.ending = finishedEnding;
      return fs.open(journal.file, 'r+');
    });
    try {
      await journal.read(await journal.handle.readFile());
      await journal.handle.truncate(journal.length);
    } catch (error) {
      await journal.close();
      throw error;
    }
    return journal;
  }

  /** Writes a change down; it may be made once this resolves. */
  async plan(change: Change): Promise<Made> {
    await this.append(change);
    return this.take(change, true);
  }

  /** Writes down what became of a change. */
  async note(kind: 'copied' | 'undone', made: Made): Promise<void> {
    await this.append({ kind, number: this.changes.indexOf(made) });
    made[kind] = true;
  }

  /** Removes the journal for good: the work is done. */
  async drop(): Promise<void> {
    await this.remove();
    // One that comes back after a power failure, when its token is gone, would have the call's files taken back.
    await syncPath(this.folder.path);
  }

  /** Removes the journal, which may come back after a power failure: its token must not be forgotten before its folder is synced. */
  async remove(): Promise<void> {
    await this.close();
    await fs.rm(this.file, { force: true });
  }

  /** Marks the journal as finished. It is removed once what it finished is synced. */
  async keepFinished(): Promise<void> {
    await this.close();
    const before = this.file;
    this.ending = finishedEnding;
    await fs.rename(before, this.file);
  }

  /** Leaves the file as it is, for the next start. */
  async close(): Promise<void> {
    const { handle } = this;
    this.handle = null;
    await handle?.close();
  }

  private get file(): string {
    return path.join(this.folder.path, this.token + this.ending);
  }

  private take(change: Change, checked: boolean): Made {
    const made = { change, checked, copied: false, undone: false };
    this.changes.push(made);
    return made;
  }

  private async append(record: JournalRecord): Promise<void> {
    const isNew = this.handle === null;
    const handle = (this.handle ??= await fs.open(this.file, 'wx', 0o600));
    const text = JSON.stringify(record);
    const line = Buffer.from(`${this.codeOf(this.count, text)} ${text}\n`);
    try {
      await handle.write(line, 0, line.length, this.length).then(({ bytesWritten }) => {
        if (bytesWritten !== line.length) throw new Error(`could not write ${this.file}: no space`);
      });
      await Promise.all([handle.sync(), isNew ? syncPath(this.folder.path) : undefined]);
    } catch (error) {
      // Half a line in the middle would spoil what comes after it.
      await handle.truncate(this.length).catch(() => undefined);
      throw error;
    }
    this.length += line.length;
    this.count += 1;
  }

  private async read(bytes: Buffer): Promise<void> {
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, this.length)) {
      const line = bytes.toString('utf8', this.length, end);
      const text = this.checkedText(line);
      const record = text === null ? null : asRecord(JSON.parse(text));
      if (record === null) {
        // The machine stopped before all of the last line was on the disk.
        if (text === null && end === bytes.length - 1 && this.count > 0) return;
        throw new Error(`${this.file}: line ${this.count + 1} was not written by this hub`);
      }
      this.length = end + 1;
      this.count += 1;
      if (!('number' in record)) this.take(record, false);
      else {
        const made = this.changes[record.number];
        if (!made) throw new Error(`${this.file}: no change ${record.number}`);
        made[record.kind] = true;
      }
    }
  }

  /** Returns the record's text of a line; null unless its code is right. */
  private checkedText(line: string): string | null {
    const [, code, text] = /^([0-9a-f]{64}) (\{.*\})$/.exec(line) ?? [];
    if (code === undefined || text === undefined) return null;
    const own = this.codeOf(this.count, text);
    return timingSafeEqual(Buffer.from(code), Buffer.from(own)) ? text : null;
  }

  private codeOf(number: number, text: string): string {
    return createHmac('sha256', this.folder.key).update(`${this.token} ${number} ${text}`).digest('hex');
  }
}
