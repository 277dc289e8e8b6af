import type { Logger } from '@koji/core';
import type { Database } from '../../db/connection.js';
import { anyOf, sql } from '../../db/sql.js';
import { syncAll, syncPath } from './durable.js';
import { removeFinished } from './journal-files.js';

/** Milliseconds in which the tokens of further calls join those that are forgotten together. */
const usualGathering = 500;

/**
 * Tokens of calls whose changes are finished and whose journals are removed, or are to be removed once the folders of their
 * files are synced. They are forgotten together, since each time waits for the disk. A start forgets those that a process leaves behind.
 */
export class FinishedCalls {
  private tokens: string[] = [];
  /** Journals that are kept until the folders of their files are synced. */
  private readonly kept: string[] = [];
  private readonly unsynced = new Set<string>();
  private timer: NodeJS.Timeout | null = null;
  private forgetting: Promise<void> = Promise.resolve();

  /** @param folder where the journals were */
  constructor(
    private readonly folder: string,
    private readonly database: Database,
    private readonly log: Logger,
    private readonly gathering = usualGathering,
  ) {}

  /**
   * Takes the token of a call whose journal is removed.
   *
   * @param unsynced folders to sync first, for whose sake the journal is kept as finished
   */
  add(token: string, unsynced: readonly string[] = []): void {
    this.tokens.push(token);
    if (unsynced.length > 0) this.kept.push(token);
    for (const folder of unsynced) this.unsynced.add(folder);
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.forgetting = this.forgetting.then(() => this.forget());
    }, this.gathering);
    this.timer.unref();
  }

  /** Forgets what is left. */
  async close(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    await this.forgetting;
    await this.forget();
  }

  private async forget(): Promise<void> {
    const tokens = this.tokens.splice(0);
    if (tokens.length === 0) return;
    const kept = this.kept.splice(0);
    const unsynced = [...this.unsynced];
    this.unsynced.clear();
    try {
      await syncAll(unsynced);
      await removeFinished(this.folder, kept);
      // A journal that comes back after a power failure, when its token is gone, would have the call's files taken back.
      await syncPath(this.folder);
      await this.database.write((db) =>
        db.run(sql`DELETE FROM file_intent WHERE ${anyOf(sql`token`, tokens)}`),
      );
    } catch (error) {
      this.log.warn('tokens of finished calls could not be forgotten; the next start does it', error);
    }
  }
}
