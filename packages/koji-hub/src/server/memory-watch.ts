import type { Logger } from '@koji/core';
import { Double } from '@koji/core/wire';
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
  const text = repr(briefly(params, { left: shown }));
  return text.length > shown ? `${text.slice(0, shown - 3)}...` : text;
}

/**
 * The first values of an argument, since formatting all of a large one would itself use much time and memory.
 *
 * @param room how many values may follow, at any depth
 */
function briefly(value: unknown, room: { left: number }): unknown {
  room.left -= 1;
  if (typeof value === 'string') return value.slice(0, shown);
  if (value instanceof Uint8Array) return value.subarray(0, shown);
  if (Array.isArray(value)) return firstOf(value as readonly unknown[], room, (item) => briefly(item, room));
  if (typeof value !== 'object' || value === null || value instanceof Double) return value;
  const members = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    firstOf(Object.keys(members), room, (key) => [key.slice(0, shown), briefly(members[key], room)] as const),
  );
}

function firstOf<T, U>(values: readonly T[], room: { readonly left: number }, map: (value: T) => U): U[] {
  const first: U[] = [];
  for (const value of values) {
    if (room.left <= 0) break;
    first.push(map(value));
  }
  return first;
}
