import type { Logger } from '@koji/core';
import type { Database } from '../db/connection.js';
import { Sql, anyOf, now, sql } from '../db/sql.js';

const skipLocked = new Sql([(dialect) => (dialect === 'postgres' ? ' FOR UPDATE SKIP LOCKED' : '')]);

function take(ids: Set<number>): number[] {
  const sorted = [...ids].sort((a, b) => a - b);
  ids.clear();
  return sorted;
}

/**
 * Records when sessions and tokens were used. Times are collected in memory and written once a second, so that a read stays a
 * read. A session whose row another call holds is written with its next use.
 */
export class SessionTimes {
  private readonly sessions = new Set<number>();
  private readonly tokens = new Set<number>();
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
    private readonly interval = 1000,
  ) {}

  /** Records a use of a session. */
  used(sessionId: number): void {
    this.sessions.add(sessionId);
    this.writeSoon();
  }

  /** Records a use of a token. */
  usedToken(tokenId: number): void {
    this.tokens.add(tokenId);
    this.writeSoon();
  }

  private writeSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.writing = this.write();
    }, this.interval);
  }

  private async write(): Promise<void> {
    const [sessions, tokens] = [take(this.sessions), take(this.tokens)];
    if (sessions.length + tokens.length === 0) return;
    try {
      await this.database.write(async (db) => {
        if (sessions.length > 0)
          await db.run(sql`UPDATE sessions SET update_time = ${now} WHERE id IN (
            SELECT s.id FROM sessions s WHERE ${anyOf(sql`s.id`, sessions)}${skipLocked})`);
        if (tokens.length > 0)
          await db.run(sql`UPDATE api_token SET last_use_time = ${now} WHERE id IN (
            SELECT t.id FROM api_token t WHERE ${anyOf(sql`t.id`, tokens)}${skipLocked})`);
      });
    } catch (error) {
      this.log.error('the times of sessions could not be stored', error);
    }
  }

  /** Writes the collected times and stops. */
  async close(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    await this.writing;
    await this.write();
  }
}
