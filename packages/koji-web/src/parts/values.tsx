import type { FC } from 'hono/jsx';
import type { Double } from '@koji/core/wire';

type Numeric = number | Double | null | undefined;

/** A number that may have come as a float of the wire; null for none. */
export function numberOf(value: Numeric): number | null {
  return value === null || value === undefined ? null : Number(value);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size in bytes for people: `1.4 MiB`. */
export function sizeText(bytes: Numeric): string {
  let size = numberOf(bytes) ?? 0;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? ''}`;
}

/** A size with the exact number of bytes on hover. */
export const Size: FC<{ bytes: Numeric }> = ({ bytes }) => (
  <span class="number" title={`${numberOf(bytes) ?? 0} bytes`}>
    {sizeText(bytes)}
  </span>
);

/** A span of seconds in its two largest units: `3 h 12 min`. */
export function durationText(seconds: Numeric): string {
  const total = Math.max(Math.round(numberOf(seconds) ?? 0), 0);
  const [d, h, m, s] = [
    Math.floor(total / 86_400),
    Math.floor(total / 3600) % 24,
    Math.floor(total / 60) % 60,
    total % 60,
  ];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${s} s`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** A moment in UTC: `2026-11-23 01:40`. */
export function timeText(seconds: number, exact = false): string {
  const d = new Date(seconds * 1000);
  if (Number.isNaN(d.getTime())) return '';
  const day = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
  const clock = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  return `${day} ${clock}${exact ? `:${two(d.getUTCSeconds())}` : ''}`;
}

/** How long ago a moment is, in one unit: `5 min ago`. */
export function agoText(seconds: number, now: number): string {
  const passed = Math.round(now - seconds);
  if (passed < -59) return `in ${oneUnit(-passed)}`;
  return passed < 5 ? 'just now' : `${oneUnit(passed)} ago`;
}

function oneUnit(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

/** A moment in UTC; a script adds the local time on hover. Nothing for null. */
export const Time: FC<{ at: Numeric; now?: number | undefined; exact?: boolean }> = ({ at, now, exact }) => {
  const seconds = numberOf(at);
  if (seconds === null || Number.isNaN(new Date(seconds * 1000).getTime()))
    return <span class="none">–</span>;
  const [date = '', clock = ''] = timeText(seconds, exact).split(' ');
  return (
    <time datetime={iso(seconds)} title={`${timeText(seconds, true)} UTC`}>
      <span class="date">{date}</span> {clock} <span class="zone">UTC</span>
      {now === undefined ? null : <span class="ago"> {agoText(seconds, now)}</span>}
    </time>
  );
};

/** How long ago something was, with the moment on hover. */
export const Ago: FC<{ at: Numeric; now: number }> = ({ at, now }) => {
  const seconds = numberOf(at);
  if (seconds === null) return <span class="none">–</span>;
  return (
    <time datetime={iso(seconds)} title={`${timeText(seconds, true)} UTC`}>
      {agoText(seconds, now)}
    </time>
  );
};

/** Epoch seconds of a time as the hub writes it: `2026-11-23 01:40:49.123456+00:00`. */
export function secondsOf(time: string | null | undefined): number | null {
  if (!time) return null;
  const ms = Date.parse(time.replace(' ', 'T').replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(ms) ? null : ms / 1000;
}

/** Yes or no in a word. */
export const YesNo: FC<{ value: boolean | null | undefined }> = ({ value }) => (
  <span class={value ? 'yes' : 'no'}>{value ? 'yes' : 'no'}</span>
);

/** A dash where there is nothing to show. */
export const None: FC = () => <span class="none">–</span>;

/** A link to another site for addresses of the web; anything else, such as `javascript:`, is plain text. */
export const External: FC<{ url: string; text?: string }> = ({ url, text = url }) => {
  const isWeb = /^https?:\/\/[^\s]+$/i.test(url) && URL.canParse(url);
  return isWeb ? (
    <a href={url} rel="noopener noreferrer nofollow">
      <bdi>{text}</bdi>
    </a>
  ) : (
    <code>{text}</code>
  );
};

/** Any value as JSON in a block; a long one is cut, with the rest in a collapsed section. */
export const Json: FC<{ value: unknown; label?: string }> = ({ value, label = 'Show all' }) => {
  const text = JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one), 2);
  return <LongText text={text} label={label} />;
};

const shownLines = 12;
const shownLength = 1200;
const mostLength = 40_000;

/** A text in a block; a long one is folded, and its end is left out beyond 40,000 characters. */
export const LongText: FC<{ text: string; label?: string }> = ({ text, label = 'Show all' }) => {
  const lines = text.split('\n');
  if (lines.length <= shownLines && text.length <= shownLength) return <pre>{text}</pre>;
  const start = lines.slice(0, shownLines).join('\n').slice(0, shownLength);
  const all = text.length > mostLength ? `${text.slice(0, mostLength)}\n… (cut)` : text;
  return (
    <details class="fold">
      <summary>
        <span class="open">{label}</span>
        <pre class="start">{start} …</pre>
      </summary>
      <pre>{all}</pre>
    </details>
  );
};
