import { days, months } from './times.js';

/** The displayed fields of an entry from `getChangelogEntries`. */
export interface ChangelogEntry {
  /** `2024-01-31 12:00:00`; only the date is used. */
  readonly date: string;
  readonly author: string;
  readonly text: string;
}

/** Formats entries as in a spec file, with a blank line after each. */
export function formatChangelog(entries: readonly ChangelogEntry[]): string {
  return entries.map(({ date, author, text }) => `* ${day(date)} ${author}\n${text}\n\n`).join('');
}

function day(date: string): string {
  const [year = 0, month = 1, ofMonth = 1] = date.slice(0, 10).split('-').map(Number);
  const weekday = days[new Date(Date.UTC(year, month - 1, ofMonth)).getUTCDay()];
  return `${weekday} ${months[month - 1]} ${String(ofMonth).padStart(2, '0')} ${year}`;
}
