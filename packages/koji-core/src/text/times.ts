import { spokenTime } from './spoken-times.js';

export const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (n: number): string => String(n).padStart(2, '0');
const clock = (d: Date): string => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;

/** Formats a time like C's asctime, in local time: `Mon Nov 23 01:40:49 2026`. */
export function asctime(seconds: number): string {
  const d = new Date(seconds * 1000);
  const day = String(d.getDate()).padStart(2, ' ');
  return `${days[d.getDay()]} ${months[d.getMonth()]} ${day} ${clock(d)} ${d.getFullYear()}`;
}

/** Formats a time like C's asctime, in UTC. */
export function asctimeUtc(seconds: number): string {
  const d = new Date(seconds * 1000);
  const day = String(d.getUTCDate()).padStart(2, ' ');
  const [time] = d.toISOString().slice(11).split('.');
  return `${days[d.getUTCDay()]} ${months[d.getUTCMonth()]} ${day} ${time} ${d.getUTCFullYear()}`;
}

/** Formats a time with its time zone, in local time: `Mon, 23 Nov 2026 01:40:49 UTC`; empty for null. */
export function longTime(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '';
  const d = new Date(seconds * 1000);
  const date = `${days[d.getDay()]}, ${two(d.getDate())} ${months[d.getMonth()]} ${d.getFullYear()}`;
  return `${date} ${clock(d)} ${zoneName(d)}`;
}

/** Formats a time briefly, in local time: `26-11-23 01:40:49`. */
export function shortTime(seconds: number): string {
  const d = new Date(seconds * 1000);
  return `${two(d.getFullYear() % 100)}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(d)}`;
}

/** Formats the start of a log line: `2026-11-23 01:40:49,123`, in local time. */
export function logTime(d: Date): string {
  const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${date} ${clock(d)},${String(d.getMilliseconds()).padStart(3, '0')}`;
}

function zoneName(d: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(d);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}

/**
 * Parses a time from user input and returns epoch seconds: a number of seconds, a date with or without a time of day, a time of
 * today, or a time relative to now (`2 days ago`), in local time unless it names a zone. Returns null for any other text.
 */
export function parseTime(given: string): number | null {
  const text = given.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (text === '') return null;
  return isoTime(text) ?? namedTime(text) ?? spokenTime(text);
}

function isoTime(text: string): number | null {
  const match =
    /^(?:(\d{4})-(\d\d?)-(\d\d?))?[T ]*(?:(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?$/.exec(
      text,
    );
  if (!match) return null;
  const given = (match.slice(1, 7) as (string | undefined)[]).map((n) =>
    n === undefined ? undefined : Number(n),
  );
  const [year, month, day, hour = 0, minute = 0, second = 0] = given;
  if (year === undefined && given[3] === undefined) return null;
  const now = new Date();
  const parts = [
    year ?? now.getFullYear(),
    (month ?? now.getMonth() + 1) - 1,
    day ?? now.getDate(),
    hour,
    minute,
    second,
  ] as const;
  if (parts[1] > 11 || parts[2] < 1 || hour > 23 || minute > 59 || second > 59) return null;
  if (parts[2] > daysOfMonth(parts[0], parts[1])) return null;
  const zone = match[7];
  if (zone === undefined) return new Date(...parts).getTime() / 1000;
  return Date.UTC(...parts) / 1000 - offsetOf(zone);
}

function daysOfMonth(year: number, month: number): number {
  return new Date(year, month + 1, 0).getDate();
}

function offsetOf(zone: string): number {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (!match) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60);
}

// "December 31st 12:35", "31 Dec 2020", "Thu, 31 Dec 2020 12:35:00 GMT": the engine parses these once they are normalised.
function namedTime(text: string): number | null {
  if (!months.some((month) => text.toLowerCase().includes(month.toLowerCase()))) return null;
  const plain = text.replace(/(\d)(st|nd|rd|th)\b/gi, '$1');
  const dated = /\d{4}/.test(plain) ? plain : `${plain} ${new Date().getFullYear()}`;
  if (!isRealDay(dated)) return null;
  const ms = Date.parse(dated);
  return Number.isNaN(ms) ? null : ms / 1000;
}

// The engine reads February 31st as a day of March.
function isRealDay(dated: string): boolean {
  const match = /\b(\d\d?)[ -]*([a-z]{3})[a-z]*\b|\b([a-z]{3})[a-z]*\.? *(\d\d?)\b(?!:)/i.exec(dated);
  const name = (match?.[2] ?? match?.[3] ?? '').toLowerCase();
  const month = months.findIndex((known) => known.toLowerCase() === name);
  const year = Number(/\d{4}/.exec(dated)?.[0]);
  return month < 0 || Number(match?.[1] ?? match?.[4]) <= daysOfMonth(year, month);
}
