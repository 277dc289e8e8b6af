/**
 * Compares two texts by their code points, as Python and PostgreSQL's `C` collation order them. JavaScript's own order is by
 * UTF-16 units, which puts characters beyond U+FFFF before those from U+E000 to U+FFFF.
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

/** Puts the halves of characters beyond U+FFFF behind all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Sorts texts as {@link compareTexts} does; the list that is given stays as it is. */
export function sortTexts<T extends string>(texts: Iterable<T>): T[] {
  return [...texts].sort(compareTexts);
}

/** Compares by a text that things have: `rows.sort(byText((row) => row.name))`. */
export function byText<T>(textOf: (thing: T) => string): (a: T, b: T) => number {
  return (a, b) => compareTexts(textOf(a), textOf(b));
}
