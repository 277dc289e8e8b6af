const units: Readonly<Record<string, number>> = {
  second: 1,
  sec: 1,
  s: 1,
  minute: 60,
  min: 60,
  hour: 3600,
  h: 3600,
};
const longUnits: Readonly<Record<string, { readonly days?: number; readonly months?: number }>> = {
  day: { days: 1 },
  d: { days: 1 },
  week: { days: 7 },
  w: { days: 7 },
  month: { months: 1 },
  year: { months: 12 },
};
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/**
 * Parses a time relative to now and returns epoch seconds: `2 days ago`, `yesterday`, `last monday 9:30`. Days begin at
 * midnight in local time. Returns null for any other text.
 */
export function spokenTime(given: string, now = new Date()): number | null {
  const text = given.trim().toLowerCase().replace(/\s+/g, ' ');
  return agoTime(text, now) ?? dayTime(text, now);
}

function agoTime(text: string, now: Date): number | null {
  if (text === 'now') return now.getTime() / 1000;
  const match = /^(\d{1,9}|an?|last) ?([a-z]+?)s?( ago)?$/.exec(text);
  const [, count = '', unit = '', ago] = match ?? [];
  // "last week" has no "ago"; all others have it.
  if (!match || (count === 'last') === (ago !== undefined)) return null;
  const number = /\d/.test(count) ? Number(count) : 1;
  // The "s" of seconds is treated as a plural.
  const name = unit === '' ? 's' : unit;
  const seconds = units[name];
  if (seconds !== undefined) return count === 'last' ? null : now.getTime() / 1000 - number * seconds;
  const long = longUnits[name];
  if (!long) return null;
  const moment = new Date(now);
  moment.setDate(moment.getDate() - number * (long.days ?? 0));
  if (long.months) goBackMonths(moment, number * long.months);
  const value = moment.getTime() / 1000;
  return Number.isNaN(value) ? null : value;
}

/** A month before March 31st is the last day of February. */
function goBackMonths(moment: Date, months: number): void {
  const day = moment.getDate();
  moment.setMonth(moment.getMonth() - months);
  if (moment.getDate() !== day) moment.setDate(0);
}

function dayTime(text: string, now: Date): number | null {
  const match = /^(today|yesterday|tomorrow|last [a-z]+)(?:,? (?:at )?(\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(
    text,
  );
  const [, day = '', ...clock] = match ?? [];
  const back = daysBack(day, now);
  const [hour = 0, minute = 0, second = 0] = (clock as (string | undefined)[]).map((n) => Number(n ?? 0));
  if (back === null || hour > 23 || minute > 59 || second > 59) return null;
  const [year, month, date] = [now.getFullYear(), now.getMonth(), now.getDate() - back];
  return new Date(year, month, date, hour, minute, second).getTime() / 1000;
}

function daysBack(day: string, now: Date): number | null {
  const known = ['tomorrow', 'today', 'yesterday'].indexOf(day);
  if (known >= 0) return known - 1;
  const weekday = weekdays.indexOf(day.replace(/^last /, ''));
  return weekday < 0 || !day.startsWith('last ') ? null : (now.getDay() - weekday + 7) % 7 || 7;
}
