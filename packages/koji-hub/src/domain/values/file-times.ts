import { double } from '@koji/core/wire';
import type { Double } from '@koji/core/wire';

/** Returns a time of a file in seconds, rounded as Python rounds it: clients compare such times for equality. */
export function fileTime(nanoseconds: bigint): number | Double {
  const second = 1_000_000_000n;
  return double(Number(nanoseconds / second) + 1e-9 * Number(nanoseconds % second));
}
