/** Something that two sides have in different forms, or that only one of them has. */
export interface Difference {
  readonly name: string;
  /** Null where it is missing. */
  readonly from: string | null;
  readonly to: string | null;
}

/** The differences of two sides, by name. */
export interface Differences {
  readonly rows: readonly Difference[];
  /** Of all, some of which may be left out of the rows. */
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Things that are the same on both sides. */
  readonly same: number;
}

/** Differences that are kept; a page with more of them is read by nobody. */
const most = 200;

/** Compares two sides; the values tell whether something is the same. */
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
