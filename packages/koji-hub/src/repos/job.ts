import { messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import type { Database } from '../db/connection.js';

/** Parts of a job. */
export interface JobParts {
  /** Tells it from others, also in other processes. */
  readonly name: string;
  readonly database: Database;
  readonly log: Logger;
  readonly run: () => Promise<void>;
}

/**
 * Work that is done whenever it is asked for, by one process of the hub at a time:
 *
 *   idle ──wake──► running ──► idle;  woken while it runs, it runs once more.
 *
 * A process that finds another at work leaves it to that one, which has heard of the same news.
 */
export class Job {
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;

  constructor(private readonly parts: JobParts) {}

  wake(): void {
    this.again = true;
    if (this.stopped) return;
    this.running ??= this.loop().finally(() => {
      this.running = null;
      // Woken after the last look and before this.
      if (this.again) this.wake();
    });
  }

  /** Starts nothing more, and waits for what runs. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async loop(): Promise<void> {
    while (this.takeAgain()) await this.once();
  }

  private takeAgain(): boolean {
    const asked = this.again && !this.stopped;
    this.again = false;
    return asked;
  }

  private async once(): Promise<void> {
    const { name, database, log, run } = this.parts;
    try {
      const release = await database.claim(name);
      if (!release) return;
      try {
        await run();
      } finally {
        await release();
      }
    } catch (error) {
      log.error(`${name}: ${messageOf(error)}`, error);
    }
  }
}
