/** Something that differs between two sides or is missing on one. */
export interface Difference {
  readonly name: string;
  /** Null if it is missing. */
  readonly from: string | null;
  readonly to: string | null;
}

/** The differences of two sides, by name. */
export interface Differences {
  readonly rows: readonly Difference[];
  /** Number of all differences, including those left out of the rows. */
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Number of things that are the same on both sides. */
  readonly same: number;
}

/** Most differences to keep, because nobody reads a longer page. */
const most = 200;

/** Compares two sides by their values. */
export function differencesOf(
  from: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string>,
): Differences {
  const names = [...new Set([...from.keys(), ...to.keys()])].sort((a, b) => (a < b ? -1 : 1));
  const all = names.map((name) => ({ name, from: from.get(name) ?? null, to: to.get(name) ?? null }));
  const different = all.filter((one) => one.from !== one.to);
  const count = (is: (one: Difference) => boolean): number => different.filter(is).length;
  const added = count((one) => one.from === null);
  const removed = count((one) => one.to === null);
  return {
    rows: different.slice(0, most),
    added,
    removed,
    changed: different.length - added - removed,
    same: all.length - different.length,
  };
}
