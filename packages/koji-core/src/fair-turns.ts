/** Milliseconds of work after which other work gets a turn. */
const slice = 5;

const waiting: (() => void)[] = [];
let sliceStarted = performance.now();
let scheduled = false;

/**
 * Returns a promise if work has run for some milliseconds without a break, and undefined if it may continue. Use it in loops
 * over data of any size. All these loops in a process share one time slice per turn of the event loop, so two of them delay
 * other work no more than one.
 *
 * @example
 *   async function sum(numbers: Iterable<number>): Promise<number> {
 *     let total = 0;
 *     for (const number of numbers) {
 *       total += number;
 *       const pause = pauseWhenDue();
 *       if (pause) await pause;
 *     }
 *     return total;
 *   }
 */
export function pauseWhenDue(): Promise<void> | undefined {
  if (performance.now() - sliceStarted < slice) return undefined;
  return new Promise((resolve) => {
    waiting.push(resolve);
    schedule();
  });
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(wakeNext);
}

function wakeNext(): void {
  scheduled = false;
  const next = waiting.shift();
  sliceStarted = performance.now();
  next?.();
  if (waiting.length > 0) schedule();
}
