import { pauseWhenDue } from '@koji/core';

/** Items between two looks at the time. */
const portion = 256;

/** As `items.map(change)`; other work runs in between. */
export async function mapInTurns<T, U>(items: readonly T[], change: (item: T) => U): Promise<U[]> {
  const made: U[] = [];
  for (let from = 0; from < items.length; from += portion) {
    for (const item of items.slice(from, from + portion)) made.push(change(item));
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
  return made;
}

/** Sorts items into a new list; equal ones keep their order. Other work runs in between. */
export async function sortInTurns<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  let sorted: T[] = [];
  for (let from = 0; from < items.length; from += portion) {
    for (const item of items.slice(from, from + portion).sort(compare)) sorted.push(item);
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
  for (let width = portion; width < items.length; width *= 2) sorted = await merged(sorted, width, compare);
  return sorted;
}

/** Merges each two neighbours of runs that are sorted. */
async function merged<T>(runs: readonly T[], width: number, compare: (a: T, b: T) => number): Promise<T[]> {
  const out: T[] = [];
  for (let from = 0; from < runs.length; from += 2 * width) {
    const middle = Math.min(from + width, runs.length);
    const end = Math.min(middle + width, runs.length);
    for (let left = from, right = middle; left < middle || right < end;) {
      const takesLeft = right >= end || (left < middle && compare(runs[left] as T, runs[right] as T) <= 0);
      out.push(runs[takesLeft ? left++ : right++] as T);
      if (out.length % portion > 0) continue;
      const pause = pauseWhenDue();
      if (pause) await pause;
    }
  }
  return out;
}
