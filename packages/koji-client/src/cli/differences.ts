import { sortTexts } from '@koji/core';

/** An object that exists on only one of two sides, or that differs between them. */
export interface Difference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly name: string;
  /** Value on the first side; null if it exists only on the second. */
  readonly before: string | null;
  /** Value on the second side; null if it exists only on the first. */
  readonly after: string | null;
}

/** The fields of a difference for `--json`. */
export const differenceFields: Readonly<Record<keyof Difference, string>> = {
  change: "'added', 'removed' or 'changed'",
  name: 'what differs',
  before: 'value on the first side; null if it was added',
  after: 'value on the second side; null if it was removed',
};

/** Returns the differences between two sides, sorted by name. */
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

/** Returns the lines of differences with a title; none without differences. */
export function linesOf(title: string, differences: readonly Difference[]): string[] {
  return differences.length === 0
    ? []
    : [`${title}:`, ...differences.map((difference) => `  ${lineOf(difference)}`)];
}
