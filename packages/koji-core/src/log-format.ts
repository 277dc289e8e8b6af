import { format } from 'node:util';

/** Parts of a log line. */
export interface LogRecord {
  readonly time: Date;
  /** `debug`, `info`, `warn` or `error`. */
  readonly level: string;
  readonly name: string;
  readonly message: string;
  /** Values of the call that the line belongs to, by field. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Formats a record as a line. */
export type LogFormatter = (record: LogRecord) => string;

const levels: Readonly<Record<string, { readonly name: string; readonly number: number }>> = {
  debug: { name: 'DEBUG', number: 10 },
  info: { name: 'INFO', number: 20 },
  warn: { name: 'WARNING', number: 30 },
  error: { name: 'ERROR', number: 40 },
};
const started = Date.now();

const two = (number: number): string => String(number).padStart(2, '0');

function timeOf(time: Date): string {
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${day} ${clock},${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** The fields of Python's log records. Fields that only Python has are practically empty. */
const general: Readonly<Record<string, (record: LogRecord) => unknown>> = {
  asctime: ({ time }) => timeOf(time),
  created: ({ time }) => time.getTime() / 1000,
  msecs: ({ time }) => time.getMilliseconds(),
  relativeCreated: ({ time }) => time.getTime() - started,
  levelname: ({ level }) => levels[level]?.name ?? level.toUpperCase(),
  levelno: ({ level }) => levels[level]?.number ?? 0,
  name: ({ name }) => name,
  message: ({ message }) => message,
  process: () => process.pid,
  processName: () => 'MainProcess',
  thread: () => 0,
  threadName: () => 'MainThread',
  taskName: () => null,
  pathname: () => '?',
  filename: () => '?',
  module: () => '?',
  lineno: () => 0,
  funcName: () => '?',
};

/** The fields that a hub adds to a line, from the call that it belongs to. */
export const callFields = [
  'method',
  'remoteaddr',
  'user_id',
  'user_name',
  'session_id',
  'token_id',
  'callnum',
  'request_id',
] as const;

const place = /%(?:\((\w+)\)([-+ #0]*)(\d*)(?:\.(\d+))?([sdifrac])|(%))/g;

/** Formats a record as a JSON object on one line, without fields that have no value. */
function jsonLine({ time, level, name, message, fields }: LogRecord): string {
  const known = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  const severity = levels[level]?.name ?? level.toUpperCase();
  const head = { time: time.toISOString(), level: severity, process: process.pid, name, message };
  return JSON.stringify({ ...head, ...Object.fromEntries(known) });
}

/**
 * Returns a formatter for a pattern of Python's logging: `%(name)s`, `%(levelname)-8s`. The pattern `json` formats each line as
 * a JSON object.
 *
 * @throws TypeError naming the part of the pattern that is invalid
 */
export function logFormatter(pattern: string): LogFormatter {
  if (pattern.trim() === 'json') return jsonLine;
  const parts: (string | LogFormatter)[] = [];
  let end = 0;
  for (const match of pattern.matchAll(place)) {
    parts.push(literal(pattern.slice(end, match.index)));
    parts.push(match[6] === undefined ? placeOf(match) : '%');
    end = match.index + match[0].length;
  }
  parts.push(literal(pattern.slice(end)));
  return (record) => parts.map((part) => (typeof part === 'string' ? part : part(record))).join('');
}

function literal(text: string): string {
  const at = text.indexOf('%');
  if (at >= 0) throw new TypeError(`'${text.slice(at, at + 20)}' is not a field like %(message)s`);
  return text;
}

function placeOf([
  ,
  name = '',
  flags = '',
  width = '',
  precision,
  kind = 's',
]: RegExpMatchArray): LogFormatter {
  const own = general[name];
  const isKnown = own !== undefined || callFields.some((field) => field === name);
  if (!isKnown) throw new TypeError(`there is no field %(${name})${kind}`);
  return (record) => {
    const value = own ? own(record) : record.fields[name];
    const text = written(value, kind, precision === undefined ? null : Number(precision));
    if (flags.includes('-')) return text.padEnd(Number(width));
    return text.padStart(Number(width), flags.includes('0') && typeof value === 'number' ? '0' : ' ');
  };
}

function written(value: unknown, kind: string, precision: number | null): string {
  if (typeof value === 'number' && (kind === 'd' || kind === 'i')) return String(Math.trunc(value));
  if (typeof value === 'number' && kind === 'f') return value.toFixed(precision ?? 6);
  const text = value === null || value === undefined ? 'None' : format('%s', value);
  return precision === null ? text : text.slice(0, precision);
}
