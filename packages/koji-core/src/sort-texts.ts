/**
 * Compares two strings by code points, like Python and PostgreSQL's `C` collation. JavaScript compares UTF-16 units, which puts
 * characters beyond U+FFFF before those from U+E000 to U+FFFF.
 *
 * @returns a number below 0, 0 or above 0, for `sort`
 */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Sorts surrogates after all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Returns the strings sorted by {@link compareTexts}, without changing the list. */
export function sortTexts<T extends string>(texts: Iterable<T>): T[] {
  return [...texts].sort(compareTexts);
}

/** Compares objects by one of their strings: `rows.sort(byText((row) => row.name))`. */
export function byText<T>(textOf: (thing: T) => string): (a: T, b: T) => number {
  return (a, b) => compareTexts(textOf(a), textOf(b));
}
