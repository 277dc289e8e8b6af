import type { Logger } from '@koji/core';
import type { Database } from '../../db/connection.js';
import { anyOf, sql } from '../../db/sql.js';
import { syncPath } from './durable.js';

/** Milliseconds in which the tokens of further calls join those that are forgotten together. */
const usualGathering = 500;

/**
 * Tokens of calls whose changes are finished and whose journals are removed. They are forgotten together, since each time
 * waits for the disk twice. A start forgets those that a process leaves behind.
 */
export class FinishedCalls {
  private tokens: string[] = [];
  private timer: NodeJS.Timeout | null = null;
  private forgetting: Promise<void> = Promise.resolve();

  /** @param folder where the journals were */
  constructor(
    private readonly folder: string,
    private readonly database: Database,
    private readonly log: Logger,
    private readonly gathering = usualGathering,
  ) {}

  /** Takes the token of a call whose journal is removed. */
  add(token: string): void {
    this.tokens.push(token);
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
    try {
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
