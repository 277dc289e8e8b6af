/** Milliseconds of work after which other work runs. */
const slice = 5;

const waiting: (() => void)[] = [];
let sliceStarted = performance.now();
let scheduled = false;

/**
 * Returns a promise when work has run for some milliseconds without a break, undefined when it may go on: for loops over
 * data of any size. All such loops of a process share one slice for each turn of the event loop, so that two of them keep
 * other work waiting no longer than one does.
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
