import { sortTexts } from '@koji/core';

/** Something that only one of two sides has, or that both have and that differs. */
export interface Difference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly name: string;
  /** What the first side says of it; null if only the second has it. */
  readonly before: string | null;
  /** What the second side says of it; null if only the first has it. */
  readonly after: string | null;
}

/** The fields of a difference for `--json`. */
export const differenceFields: Readonly<Record<keyof Difference, string>> = {
  change: "'added', 'removed' or 'changed'",
  name: 'what differs',
  before: 'what the first says of it; null if it was added',
  after: 'what the second says of it; null if it was removed',
};

/** Returns what differs between two sides, in the order of the names. */
export function differencesOf(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Difference[] {
  return sortTexts([...new Set([...before.keys(), ...after.keys()])]).flatMap((name): Difference[] => {
    const [old, now] = [before.get(name) ?? null, after.get(name) ?? null];
    if (old === now) return [];
    return [
      {
        change: old === null ? 'added' : now === null ? 'removed' : 'changed',
        name,
        before: old,
        after: now,
      },
    ];
  });
}

/** Returns a difference as a line of text. */
export function lineOf({ change, name, before, after }: Difference): string {
  if (change === 'added') return `+ ${name}${after ? ` ${after}` : ''}`;
  if (change === 'removed') return `- ${name}${before ? ` ${before}` : ''}`;
  return `~ ${name} ${before} -> ${after}`;
}

/** Returns the lines of differences below a title; none without any. */
export function linesOf(title: string, differences: readonly Difference[]): string[] {
  return differences.length === 0
    ? []
    : [`${title}:`, ...differences.map((difference) => `  ${lineOf(difference)}`)];
}
