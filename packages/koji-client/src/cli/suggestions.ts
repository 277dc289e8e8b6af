import type { ClientSession } from '../session.js';

const mostSuggestions = 3;

/** Returns the names closest to a mistyped one, the closest first. */
export function nearestNames(given: string, names: Iterable<string>): string[] {
  const wanted = given.toLowerCase();
  const most = Math.min(3, Math.max(1, Math.floor(wanted.length / 3)));
  return [...new Set(names)]
    .map((name) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, mostSuggestions)
    .map(({ name }) => name);
}

/** Returns the edit distance of two texts: additions, removals, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const [left = 0, above = 0, corner = 0] = [row[j - 1], last[j], last[j - 1]];
      row[j] = Math.min(left + 1, above + 1, corner + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(row[j] ?? 0, (before[j - 2] ?? 0) + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

/** Returns a line about similar names, or null if there are none. */
export function suggestionLine(names: readonly string[]): string | null {
  return names.length === 0 ? null : `Did you mean ${names.map((name) => `'${name}'`).join(' or ')}?`;
}

/** Messages of commands and the hub about a missing tag or target, and where to get existing names. */
const missing: readonly {
  readonly text: RegExp;
  readonly names: (session: ClientSession) => Promise<string[]>;
}[] = [
  {
    text: /\bNo such (?:src-|destination )?(?:tag|tagInfo|entry in table tag): '?([^\s']+)'?\s*$/,
    names: async (session) => (await session.listTags()).map(({ name }) => name),
  },
  {
    text: /\bNo such (?:build )?target: '?([^\s']+)'?\s*$/,
    names: async (session) => (await session.getBuildTargets()).map(({ name }) => name),
  },
];

/** Gets the tags or targets that an error may be about. Returns none if the hub does not answer. */
export async function suggestNames(session: ClientSession, message: string): Promise<string[]> {
  for (const { text, names } of missing) {
    const given = text.exec(message)?.[1];
    if (given !== undefined) return nearestNames(given, await names(session).catch(() => []));
  }
  return [];
}
