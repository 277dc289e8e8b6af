import { TransactionConflict } from './errors.js';

/** Runs writes one after the other. If the current one does nothing at all, those waiting for it are given up. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();
  private pending = 0;
  private begun = 0;

  /**
   * @param statements number of statements so far, which shows whether the current write makes progress
   * @param patience milliseconds to wait for the next statement
   */
  constructor(
    private readonly statements: () => number,
    private readonly patience: number,
  ) {}

  /** How many run or wait. */
  get all(): number {
    return this.pending;
  }

  /**
   * Runs work when all before it are done.
   *
   * @throws TransactionConflict when nothing happened for too long: a write within a write would wait for itself
   */
  take<T>(work: () => Promise<T>): Promise<T> {
    const progress = (): string => `${this.begun} ${this.statements()}`;
    const watch = this.pending > 0 ? new Watch(progress, this.patience) : null;
    this.pending += 1;
    const turn = this.last.then(() => {
      this.begun += 1;
      watch?.stop();
      return watch?.over ? (undefined as T) : work();
    });
    this.last = turn.catch(() => undefined).finally(() => (this.pending -= 1));
    return watch ? Promise.race([turn, watch.failure]) : turn;
  }
}

/** Fails once there is no more progress. */
class Watch {
  over = false;
  readonly failure: Promise<never>;
  private timer: NodeJS.Timeout | undefined;

  constructor(progress: () => string, patience: number) {
    let seen = progress();
    this.failure = new Promise((_, reject) => {
      this.timer = setInterval(() => {
        const now = progress();
        if (now !== seen) return void (seen = now);
        this.over = true;
        this.stop();
        reject(
          new TransactionConflict(
            `database: busy: another write does nothing for ${patience / 1000} s; one that is inside of it waits for itself, and needs savepoint()`,
          ),
        );
      }, patience);
    });
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
