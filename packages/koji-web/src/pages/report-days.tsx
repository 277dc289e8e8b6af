import type { FC } from 'hono/jsx';
import type { View } from '../page.js';
import { Filters } from '../parts/table.js';
import type { Filter } from '../parts/table.js';

/** Seconds of a day. */
export const day = 86_400;
/** Rows that a report looks at: those of a month at a large site. */
export const mostRows = 50_000;

/** The moment so many days ago; 0 for a negative number of days, which means all. */
export const since = (now: number, days: number): number => (days < 0 ? 0 : now - days * day);

/** The field that chooses how many days a report looks back. */
export function daysField(days: number, all = false): Filter {
  return {
    name: 'days',
    label: 'Days',
    value: String(days),
    options: [...new Set([...(all ? [-1] : []), 1, 7, 30, 90, 365, days])]
      .sort((a, b) => a - b)
      .map((one) => [String(one), one < 0 ? 'all' : String(one)] as const),
  };
}

/** Chooses how many days a report looks back. */
export const DaysFilter: FC<{ view: View; days: number; all?: boolean }> = ({ view, days, all }) => (
  <Filters view={view} filters={[daysField(days, all)]} />
);
