import { AuthError } from './faults.js';

const keptFailures = 10_000;

/** Counts failed logins by key. After too many, refuses more until `pause` has passed since the first one. */
export class FailedLogins {
  /** Oldest first, because all have the same lifetime. */
  private readonly counts = new Map<string, { count: number; readonly until: number }>();

  /**
   * @param limit failures after which a key is refused; 0 for no limit
   * @param pause milliseconds
   */
  constructor(
    private readonly limit: number,
    private readonly pause: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws AuthError that starts with `problem`, after too many failures */
  check(key: string, problem: string): void {
    const found = this.find(key);
    if (!found || this.limit === 0 || found.count < this.limit) return;
    throw new AuthError(`${problem}: try again in ${Math.ceil((found.until - this.now()) / 1000)} seconds`);
  }

  /** Counts a failure; returns whether it reaches the limit. */
  add(key: string): boolean {
    if (this.limit === 0) return false;
    const found = this.find(key);
    if (found) return ++found.count === this.limit;
    this.dropOld();
    this.counts.set(key, { count: 1, until: this.now() + this.pause });
    return this.limit === 1;
  }

  /** Forgets the failures of a key. */
  forget(key: string): void {
    this.counts.delete(key);
  }

  private find(key: string) {
    const found = this.counts.get(key);
    if (!found || found.until > this.now()) return found;
    this.counts.delete(key);
    return undefined;
  }

  private dropOld(): void {
    for (const [key, { until }] of this.counts) {
      if (until > this.now() && this.counts.size < keptFailures) return;
      this.counts.delete(key);
    }
  }
}
