import util from 'node:util';
import { DateTime } from '@koji/core/wire';

/** Returns a copy with every time as Koji writes it (`2024-02-29 23:59:59.000000+00:00`). Other values are shared. */
export function withTimesAsText(value: unknown): unknown {
  const time = timeOf(value);
  if (time !== null) return time;
  if (Array.isArray(value)) return value.map(withTimesAsText);
  const isPlain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTimesAsText(item)]));
}

/** Returns a time as Koji writes it; null for other values. */
export function timeOf(value: unknown): string | null {
  if (util.types.isDate(value)) return timeText(value);
  if (!(value instanceof DateTime)) return null;
  const date = value.toDate();
  return date === null ? value.value : timeText(date);
}

function timeText(date: Date): string {
  return date.toISOString().replace('T', ' ').replace('Z', '000+00:00');
}
