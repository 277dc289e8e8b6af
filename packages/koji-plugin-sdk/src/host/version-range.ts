type Version = readonly [number, number, number];

interface Bound {
  readonly operator: '>=' | '>' | '<' | '<=' | '=';
  readonly version: Version;
}

/**
 * Whether a version is in an npm range: `1.2.3`, `^1.2`, `~1.2`, `>=1 <3`, `1.x`, `*`, several with `||`.
 * A pre-release counts as the version it leads to.
 *
 * @returns null when the range is none of these
 */
export function inRange(version: string, range: string): boolean | null {
  const own = parse(version);
  if (!own) return null;
  const alternatives = range.split('||').map(bounds);
  if (alternatives.some((list) => list === null)) return null;
  const full: Version = [own[0] ?? 0, own[1] ?? 0, own[2] ?? 0];
  return alternatives.some((list) => list?.every((bound) => holds(full, bound)));
}

/** The numbers of `1`, `1.2`, `1.2.x`, `v1.2.3-beta+build`; null if it is malformed. */
function parse(text: string): number[] | null {
  const match = /^v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-[\w.-]+)?(?:\+[\w.-]+)?$/.exec(text);
  if (!match) return null;
  const parts = (match.slice(1) as (string | undefined)[]).filter((part) => part !== undefined);
  const wild = parts.findIndex((part) => /[xX*]/.test(part));
  return (wild === -1 ? parts : parts.slice(0, wild)).map(Number);
}

function bounds(range: string): Bound[] | null {
  const words = range.trim().replace(/(\^|~|>=|<=|>|<|=)\s+/g, '$1');
  if (words === '') return [];
  const all: Bound[] = [];
  for (const word of words.split(/\s+/)) {
    const [, operator = '', text = ''] = /^(\^|~|>=|<=|>|<|=)?(.+)$/.exec(word) ?? [];
    const version = parse(text);
    if (!version) return null;
    all.push(...boundsOf(operator, version));
  }
  return all;
}

function boundsOf(operator: string, parts: readonly number[]): Bound[] {
  const [major, minor, patch] = parts;
  const version: Version = [major ?? 0, minor ?? 0, patch ?? 0];
  // The first version after the range of the given parts: 1 → 2.0.0, 1.2 → 1.3.0.
  const next: Version =
    minor === undefined ? [version[0] + 1, 0, 0] : patch === undefined ? [version[0], minor + 1, 0] : version;
  const isWhole = patch !== undefined;
  if (major === undefined) return operator === '<' || operator === '>' ? [{ operator: '<', version }] : [];
  if (operator === '>=') return [{ operator, version }];
  if (operator === '<') return [{ operator, version }];
  if (operator === '>') return [isWhole ? { operator, version } : { operator: '>=', version: next }];
  if (operator === '<=') return [isWhole ? { operator, version } : { operator: '<', version: next }];
  if (operator === '^') return span(version, caretEnd(version, parts.length));
  if (operator === '~') return span(version, minor === undefined ? next : [version[0], minor + 1, 0]);
  return isWhole ? [{ operator: '=', version }] : span(version, next);
}

function caretEnd([major, minor, patch]: Version, given: number): Version {
  if (major > 0 || given === 1) return [major + 1, 0, 0];
  if (minor > 0 || given === 2) return [0, minor + 1, 0];
  return [0, 0, patch + 1];
}

function span(from: Version, to: Version): Bound[] {
  return [
    { operator: '>=', version: from },
    { operator: '<', version: to },
  ];
}

function holds(version: Version, bound: Bound): boolean {
  const order = compare(version, bound.version);
  if (bound.operator === '=') return order === 0;
  if (bound.operator === '>') return order > 0;
  if (bound.operator === '<') return order < 0;
  return bound.operator === '>=' ? order >= 0 : order <= 0;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
