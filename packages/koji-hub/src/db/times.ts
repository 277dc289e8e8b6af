/**
 * Times as the two databases and Koji write them. In SQLite a time is text in one fixed form,
 * `YYYY-MM-DD HH:MM:SS.ffffff+00:00`, so that it sorts; Koji's own text leaves a zero fraction out.
 */

/** The form in which a time is stored and bound, from a Date or seconds since 1970. */
export function timeText(moment: Date | number): string {
  const micros = typeof moment === 'number' ? Math.round(moment * 1e6) : moment.getTime() * 1000;
  const seconds = Math.floor(micros / 1e6);
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new RangeError(`not a time: ${String(moment)}`);
  const fraction = String(micros - seconds * 1e6).padStart(6, '0');
  return `${date.toISOString().slice(0, 19).replace('T', ' ')}.${fraction}+00:00`;
}

let last = 0;

/** The wall clock with microseconds, which only tell what came later within one millisecond of this process. */
export function clockText(): string {
  const micros = Date.now() * 1000;
  // A clock set back by a second or more is believed; a smaller step must not put events in the wrong order.
  last = micros > last || last - micros > 1e6 ? micros : last + 1;
  return timeText(last / 1e6);
}

/** Returns the epoch seconds of a stored time, or of any ISO text; null for null and for any other text. */
export function epochOf(text: unknown): number | null {
  if (typeof text !== 'string') return null;
  const stored = storedEpoch(text);
  if (!Number.isNaN(stored)) return stored;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const whole = Date.parse(
    text
      .replace(' ', 'T')
      .replace(/\.\d+/, '')
      .replace(/([^-+Z]{19})$/, '$1Z'),
  );
  if (Number.isNaN(whole)) return null;
  return whole < 0
    ? whole / 1000 + Number(`0.${fraction || '0'}`)
    : Number(`${whole / 1000}.${fraction || '0'}`);
}

/** {@link epochOf} for the form in which times are stored, which most are; NaN for any other. */
function storedEpoch(text: string): number {
  if (text.length !== 32 || text.charCodeAt(19) !== 46 || !text.endsWith('+00:00')) return NaN;
  const part = (from: number, to: number): number => Number(text.slice(from, to));
  const year = part(0, 4);
  if (!(year >= 100)) return NaN;
  const whole = Date.UTC(year, part(5, 7) - 1, part(8, 10), part(11, 13), part(14, 16), part(17, 19));
  // Whole microseconds are exact, so that the quotient is the double nearest to the decimal.
  return (whole * 1000 + part(20, 26)) / 1e6;
}

/** Koji's text for a time that SQLite holds. */
export function fromSqlite(text: unknown): unknown {
  return typeof text === 'string' && text.endsWith('.000000+00:00') ? `${text.slice(0, 19)}+00:00` : text;
}

/** Koji's text for a time as PostgreSQL writes it in UTC (`2024-01-02 03:04:05.12+00`). */
export function fromPostgres(text: string): string {
  if (text.charCodeAt(10) !== 32) return text;
  const end = text.endsWith('+00') ? text.length - 3 : text.length;
  return end > 19 ? `${text.slice(0, end).padEnd(26, '0')}+00:00` : `${text.slice(0, 19)}+00:00`;
}
