import type { Output } from './output.js';
import { flag, noFlag } from './options.js';
import type { OptionDef } from './options.js';

/** Returns the options that limit a list to enabled or disabled entries. */
export function enabledOptions(things: string): readonly OptionDef<boolean | undefined>[] {
  return [
    flag('--enabled', `Limit to enabled ${things}`),
    noFlag('--not-enabled', `Limit to not enabled ${things}`),
    noFlag('--disabled', 'Alias for --not-enabled'),
  ];
}

/** Prints the titles of a table with a rule of the same width below. */
export function printHeader(print: Output['print'], titles: string): void {
  print(titles);
  print('-'.repeat(titles.length));
}

/** Formats a free text for a table: one line, cut after 47 characters; empty for null. */
export function shortened(text: unknown): string {
  const line = typeof text === 'string' ? text.replaceAll('\n', ' ') : '';
  const characters = Array.from(line);
  return characters.length > 47 ? `${characters.slice(0, 47).join('')}...` : line;
}

/** Returns the restrictions of an inheritance link in four letters: maxdepth, package filter, intransitive, noconfig. */
export function linkFlags(link: {
  readonly maxdepth: number | null;
  readonly pkg_filter: string | null;
  readonly intransitive: boolean;
  readonly noconfig: boolean;
}): string {
  const set = { M: link.maxdepth !== null, F: link.pkg_filter, I: link.intransitive, N: link.noconfig };
  return Object.entries(set)
    .map(([letter, is]) => (is ? letter : '.'))
    .join('');
}
