import type { Logger } from '@koji/core';
import { repr } from '../domain/values/repr.js';

/** Longest part of the arguments in a line. */
const shown = 120;

/** Warns about calls that make the process grow, see option MemoryWarnThreshold. */
export class MemoryWatch {
  /** The last reading. */
  private last: number | null = null;

  constructor(
    /** In KiB. */
    private readonly threshold: number,
    private readonly log: Logger,
    /** Returns the peak memory of the process. Reading the current memory takes a tenth of the time of a short call. */
    private readonly peak: () => number = () => process.resourceUsage().maxRSS,
  ) {}

  /**
   * Runs a call, and warns if the process grows by more than the threshold. Memory that it had before and gave back does
   * not count, since the heap of Node.js shrinks and grows all the time.
   */
  async during<T>(method: string, params: readonly unknown[], work: () => Promise<T>): Promise<T> {
    const first = (this.last ??= this.peak());
    try {
      return await work();
    } finally {
      // Calls that ended meanwhile counted their own growth.
      const before = Math.max(first, this.last);
      const after = (this.last = this.peak());
      if (after - before > this.threshold) this.warn(method, params, { before, after });
    }
  }

  private warn(
    method: string,
    params: readonly unknown[],
    { before, after }: { readonly before: number; readonly after: number },
  ): void {
    this.log.warn(
      `Memory usage of process ${process.pid} grew from ${before} KiB to ${after} KiB (+${after - before} KiB) ` +
        `processing request ${method} with args ${argumentsText(method, params)}`,
    );
  }
}

function argumentsText(method: string, params: readonly unknown[]): string {
  // Logins have passwords, also in multicalls.
  if (/login|multicall/i.test(method)) return `(${params.length} not shown)`;
  const text = repr(params.map(briefly));
  return text.length > shown ? `${text.slice(0, shown - 3)}...` : text;
}

// Formatting a large argument would itself use much memory.
function briefly(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, shown);
  if (Array.isArray(value)) return value.slice(0, shown).map(briefly);
  return Buffer.isBuffer(value) ? value.subarray(0, shown) : value;
}
