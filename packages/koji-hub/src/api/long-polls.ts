import type { Call } from '../call.js';

/** Seconds that a call may wait for something to happen; proxies close quiet connections not much later. */
const longestWait = 60;

/** The condition that a call waits for. */
export interface Awaited<T> {
  /** The channel on which it is announced, see {@link Wake}. */
  readonly channel: string;
  /** Seconds that the caller would wait. */
  readonly timeout: number;
  /** Most seconds that it may; a minute. */
  readonly longest?: number;
  /** Reads what there is now. */
  readonly look: () => Promise<T>;
  /** Whether that is what the caller waits for. */
  readonly isNews: (found: T) => boolean;
}

/** Looks until there is news or the time is over; returns what there is then. Nothing of the database is held meanwhile. */
export async function untilNews<T>(call: Call, wanted: Awaited<T>): Promise<T> {
  const { channel, timeout, longest = longestWait, look, isNews } = wanted;
  const deadline = Date.now() + Math.min(timeout, longest) * 1000;
  for (;;) {
    // Asked for before looking, or a change in between would go unheard.
    const heard = call.wait(channel, Math.max(0, deadline - Date.now()));
    const found = await look();
    if (isNews(found) || Date.now() >= deadline) return found;
    if (!(await heard)) return look();
  }
}
