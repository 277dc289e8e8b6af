import { format, types } from 'node:util';
import { ConfigError } from './errors.js';
import { LogBounds } from './log-bounds.js';
import type { LogFormatter, LogRecord } from './log-format.js';
import { directSink, winstonSink } from './log-sinks.js';
import { withoutSecrets } from './secrets.js';

/**
 * What code logs to. Values after the message are put into it as `util.format` does: `%s`, `%d`, `%j` and `%o` take one
 * each, the others follow. A message without values is written as it is. Of errors among them the stack is written below.
 *
 * @example
 * function tell(log: Logger, name: string, error: Error): void {
 *   log.info('%s is ready', name);
 *   log.warning(`could not read ${name}`, error);
 * }
 */
export interface Logger {
  /** For those who look for a fault; not written unless the log's level says so. */
  debug(message: unknown, ...values: readonly unknown[]): void;
  /** What happens in the ordinary way. */
  info(message: unknown, ...values: readonly unknown[]): void;
  /** What somebody should look at. */
  warn(message: unknown, ...values: readonly unknown[]): void;
  /** The same as `warn`, by the name that it has in Python. */
  warning(message: unknown, ...values: readonly unknown[]): void;
  /** What went wrong. */
  error(message: unknown, ...values: readonly unknown[]): void;
}

/** The levels of log lines. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const levelNames: Readonly<Record<string, LogLevel>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  WARN: 'warn',
  ERROR: 'error',
  CRITICAL: 'error',
};

/**
 * The level that a configuration names as Koji does, in capital letters or not.
 *
 * @throws ConfigError for any other name, with those that there are
 */
export function logLevelNamed(name: string): LogLevel {
  const level = Object.hasOwn(levelNames, name.toUpperCase()) ? levelNames[name.toUpperCase()] : undefined;
  if (level) return level;
  throw new ConfigError(`Invalid log level: ${name}; there are ${Object.keys(levelNames).join(', ')}`);
}

/**
 * Makes a logger.
 *
 * @param write gets every message; `text` makes the text of it, with the stacks of errors
 */
export function makeLogger(write: (level: LogLevel, text: () => string) => void): Logger {
  const at =
    (level: LogLevel) =>
    (message: unknown, ...values: readonly unknown[]): void =>
      write(level, () => safeTextOf(message, values));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), warning: at('warn'), error: at('error') };
}

/** Logging must not fail what is logged: some values can't be written. */
function safeTextOf(message: unknown, values: readonly unknown[]): string {
  try {
    return withoutSecrets(textOf(message, values));
  } catch (error) {
    const reason = types.isNativeError(error) ? error.message : typeof error;
    return `${typeof message === 'string' ? message : typeof message} (its values can't be written: ${reason})`;
  }
}

function textOf(message: unknown, values: readonly unknown[]): string {
  const all = [message, ...values];
  const stacks = all.filter(isError).map((error) => `\n${stackOf(error)}`);
  // An error at the end that no %s asks for is told by its stack alone.
  const isCause = values.length > placesIn(message) && isError(all.at(-1));
  const [first, ...rest] = (isCause ? all.slice(0, -1) : all).map((value) =>
    isError(value) ? String(value) : value,
  );
  const text = rest.length === 0 && typeof first === 'string' ? first : format(first, ...rest);
  return `${text}${stacks.join('')}`;
}

/** How many values a message has places for. */
function placesIn(message: unknown): number {
  if (typeof message !== 'string') return 0;
  return (message.match(/%[%sdifjoOc]/g) ?? []).filter((place) => place !== '%%').length;
}

function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** Where and how much to log. */
export interface LogOptions {
  /** A file to append to; absent means standard error. */
  readonly file?: string;
  /** The least that is written: `debug`, `info` (default), `warn` or `error`. */
  readonly level?: string;
  /** Other levels of some loggers, by name; they hold for those below, too: `koji.db` for `koji.db.pool`. */
  readonly levels?: ReadonlyMap<string, string>;
  /** Writes the lines; absent means `time [LEVEL] {pid} name message`. */
  readonly format?: LogFormatter;
  /** Called for each line: values of the call that it belongs to, for `format`. */
  readonly fields?: () => LogRecord['fields'];
  /** Takes the text of every error, beside the log. */
  readonly onError?: (text: string) => void;
  /**
   * Writes each line before the logger returns, without a queue and without loading what keeps one: for processes that live
   * for a moment, or that may be killed at any.
   */
  readonly direct?: boolean;
  /** Takes every line, and nothing else does: for tests. */
  readonly onLine?: (line: string) => void;
}

function stackOf(cause: unknown): string {
  const error = cause as { stack?: string; cause?: unknown } | null;
  const own = error?.stack ?? String(cause);
  return error?.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}

/** An open log; `close` resolves once every line is in the file; later lines are dropped. */
export interface Log {
  readonly logger: (name: string) => Logger;
  readonly close: () => Promise<void>;
}

/** The higher, the less it matters. */
const ranks: Readonly<Record<string, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const rank = (level: string): number => ranks[level] ?? 0;

/** The rank of the least that a logger writes, which it has from the nearest name above it. */
function rankOf(name: string, { level = 'info', levels }: LogOptions): number {
  for (let above = name; above !== ''; above = above.slice(0, Math.max(above.lastIndexOf('.'), 0))) {
    const own = levels?.get(above);
    if (own !== undefined) return rank(own);
  }
  return rank(level);
}

/** Opens a log. Lines are `time [LEVEL] {pid} name message`, with the stack of an error below it. */
export function openLog(options: LogOptions = {}): Log {
  const { format: formatter, fields } = options;
  const out = options.direct ? directSink(options) : winstonSink(options);
  let closed = false;
  const write = (level: LogLevel, name: string, message: string): void => {
    const record = formatter && { time: new Date(), level, name, message, fields: fields?.() ?? {} };
    out.write({ level, name, message, record });
  };
  const bounds = new LogBounds({
    isIdle: out.isIdle,
    tellDropped: (name, lines) =>
      closed ||
      write('error', name, `${lines} lines were left out: they came faster than the log could be written`),
  });
  return {
    logger: (name) => {
      const least = rankOf(name, options);
      return makeLogger((level, text) => {
        // What speaks late, such as a connection that the server ends, must not end the process.
        if (closed || rank(level) > least) return;
        const message = bounds.admit(name, text);
        if (message === null) return;
        write(level, name, message);
        if (level === 'error') options.onError?.(`[ERROR] ${name}: ${message}`);
      });
    },
    close: () => {
      bounds.written();
      closed = true;
      return out.close();
    },
  };
}
