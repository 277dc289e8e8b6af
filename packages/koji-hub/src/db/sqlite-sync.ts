import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { messageOf } from '@koji/core';
import { DatabaseError } from './errors.js';

/**
 * Makes commits of SQLite durable without blocking the thread: SQLite writes them to its write-ahead log, and this syncs the log.
 * All commits that wait share one sync; see docs/decisions/0033-shared-syncs.md.
 */
export class LogSync {
  private file: FileHandle | null = null;
  /** The sync under way, which may have begun before the last commit. */
  private current: Promise<void> | null = null;
  /** The sync after it, for commits since it began. */
  private next: Promise<void> | null = null;

  /** @param database the path of the database */
  constructor(private readonly database: string) {}

  /**
   * Resolves once every commit made so far is durable.
   *
   * @throws DatabaseError when the disk fails: nobody knows then what it has
   */
  sync(): Promise<void> {
    if (!this.current) return this.start();
    this.next ??= this.current
      .catch(() => undefined)
      .then(() => {
        this.next = null;
        return this.start();
      });
    return this.next;
  }

  /** Resolves once every commit made so far is durable or has failed; undefined if nothing is under way. */
  settled(): Promise<void> | undefined {
    return (this.next ?? this.current)?.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.settled();
    await this.file?.close();
  }

  private start(): Promise<void> {
    this.current = this.run().finally(() => (this.current = null));
    return this.current;
  }

  private async run(): Promise<void> {
    try {
      // SQLite keeps the log as long as a connection is open, and no locks on it that closing a file would give up.
      this.file ??= await open(`${this.database}-wal`, 'r+');
      await this.file.datasync();
    } catch (cause) {
      throw new DatabaseError(`database: its log can't be synced: ${messageOf(cause)}`, { cause });
    }
  }
}
