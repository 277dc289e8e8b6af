import type { Logger } from '@koji/core';

/** Milliseconds before each try; the last one holds for all that follow. */
const usualPauses = [1000, 10_000, 60_000, 600_000];

/** Work on files that failed, as on a full or failing disk, and is tried again for as long as the hub runs. */
export class FileRetries {
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private closed = false;

  constructor(
    private readonly log: Logger,
    private readonly pauses: readonly number[] = usualPauses,
  ) {}

  /** Does the work, and has it tried again if it fails; the first failure is the caller's, too. */
  async run(first: () => Promise<void>, again: () => Promise<void>): Promise<void> {
    try {
      await first();
    } catch (error) {
      this.later(again, 0);
      throw error;
    }
  }

  private later(work: () => Promise<void>, tries: number): void {
    if (this.closed) return;
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        const running = this.tryAgain(work, tries).finally(() => this.running.delete(running));
        this.running.add(running);
      },
      this.pauses[Math.min(tries, this.pauses.length - 1)],
    );
    // Work remaining when the process ends is done by the next start.
    timer.unref();
    this.timers.add(timer);
  }

  private async tryAgain(work: () => Promise<void>, tries: number): Promise<void> {
    try {
      await work();
      this.log.warn(`changes of files that could not be completed are, after ${tries + 2} tries`);
    } catch (error) {
      this.log.error(`changes of files could not be completed, try ${tries + 2}`, error);
      this.later(work, tries + 1);
    }
  }

  /** Tries no more, and waits for what is being tried. */
  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    await Promise.all(this.running);
  }
}
