const units: readonly (readonly [seconds: number, names: readonly string[]])[] = [
  [604_800, ['week', 'weeks', 'wk', 'wks']],
  [3600, ['hour', 'hours', 'hr', 'hrs', 'h']],
  [86_400, ['day', 'days', 'd']],
  [60, ['minute', 'minutes', 'min', 'mins']],
  [1, ['second', 'seconds', 'sec', 'secs', 's']],
];

const secondsOf = new Map(units.flatMap(([seconds, names]) => names.map((name) => [name, seconds] as const)));

/** Returns the seconds of a time such as `5 days`, `1 week 12 hours` or `90min`; null for anything else. */
export function parseDuration(text: string): number | null {
  const parts = [...text.toLowerCase().matchAll(/\s*(\d+(?:\.\d+)?)\s*([a-z]+)(?=\s|\d|$)/gy)];
  const length = parts.reduce((sum, [part]) => sum + part.length, 0);
  if (parts.length === 0 || text.slice(length).trim() !== '') return null;
  let sum = 0;
  for (const [, count, unit = ''] of parts) {
    const seconds = secondsOf.get(unit);
    if (seconds === undefined) return null;
    sum += Number(count) * seconds;
  }
  return sum;
}

/** Writes a time in the largest unit that it has a whole number of. */
export function durationText(seconds: number): string {
  const [size, name] = (
    [
      [86_400, 'day'],
      [3600, 'hour'],
      [60, 'minute'],
    ] as const
  ).find(([unit]) => seconds >= unit && seconds % unit === 0) ?? [1, 'second'];
  const count = seconds / size;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
