import { networkOf } from '@koji/core';

/** Most addresses to remember; beyond that, the addresses with the oldest requests are forgotten. */
const kept = 10_000;

interface Allowance {
  /** Pages that may still be requested. */
  left: number;
  /** Time of the value of `left`, in seconds. */
  at: number;
}

/** Limits the heavy pages that each address may request. */
export class PageLimits {
  private readonly allowances = new Map<string, Allowance>();

  /**
   * @param perMinute pages that an address may request per minute; 0 means no limit
   * @param now returns the time in seconds
   */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  /** Counts a page and returns 0, or returns the seconds after which the address may try again. */
  take(address: string): number {
    if (this.perMinute <= 0) return 0;
    const key = networkOf(address);
    const at = this.now();
    const known = this.allowances.get(key);
    const left = known
      ? Math.min(known.left + ((at - known.at) * this.perMinute) / 60, this.perMinute)
      : this.perMinute;
    // The newest address is last, so that the first one is forgotten.
    this.allowances.delete(key);
    this.allowances.set(key, { left: left >= 1 ? left - 1 : left, at });
    if (this.allowances.size > kept) {
      const [oldest = ''] = this.allowances.keys();
      this.allowances.delete(oldest);
    }
    return left >= 1 ? 0 : Math.ceil(((1 - left) * 60) / this.perMinute);
  }
}
