import { format, types } from 'node:util';
import { ConfigError } from './errors.js';
import { LogBounds } from './log-bounds.js';
import type { LogFormatter, LogRecord } from './log-format.js';
import { directSink, winstonSink } from './log-sinks.js';
import { withoutSecrets } from './secrets.js';

/**
 * Log of a part of the program. Values after the message are inserted like `util.format` does: `%s`, `%d`, `%j` and `%o` take
 * one each, the others are appended. A message without values is written unchanged. The stacks of errors are written below the
 * message.
 *
 * @example
 * function tell(log: Logger, name: string, error: Error): void {
 *   log.info('%s is ready', name);
 *   log.warning(`could not read ${name}`, error);
 * }
 */
export interface Logger {
  /** For debugging; only written if the log's level includes it. */
  debug(message: unknown, ...values: readonly unknown[]): void;
  /** Normal operation. */
  info(message: unknown, ...values: readonly unknown[]): void;
  /** Something that deserves attention. */
  warn(message: unknown, ...values: readonly unknown[]): void;
  /** Same as `warn`, under Python's name. */
  warning(message: unknown, ...values: readonly unknown[]): void;
  /** A failure. */
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
 * Returns the level for a configured name, in any case, like Koji.
 *
 * @throws ConfigError for an unknown name, listing the known ones
 */
export function logLevelNamed(name: string): LogLevel {
  const level = Object.hasOwn(levelNames, name.toUpperCase()) ? levelNames[name.toUpperCase()] : undefined;
  if (level) return level;
  throw new ConfigError(`Invalid log level: ${name}; there are ${Object.keys(levelNames).join(', ')}`);
}

/**
 * Creates a logger.
 *
 * @param write gets every message; `text` formats it, with the stacks of errors
 */
export function makeLogger(write: (level: LogLevel, text: () => string) => void): Logger {
  const at =
    (level: LogLevel) =>
    (message: unknown, ...values: readonly unknown[]): void =>
      write(level, () => safeTextOf(message, values));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), warning: at('warn'), error: at('error') };
}

/** Logging must not break the caller, and some values can't be formatted. */
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
  // An error at the end without a matching %s is shown only by its stack.
  const isCause = values.length > placesIn(message) && isError(all.at(-1));
  const [first, ...rest] = (isCause ? all.slice(0, -1) : all).map((value) =>
    isError(value) ? String(value) : value,
  );
  const text = rest.length === 0 && typeof first === 'string' ? first : format(first, ...rest);
  return `${text}${stacks.join('')}`;
}

/** Number of values that a message has placeholders for. */
function placesIn(message: unknown): number {
  if (typeof message !== 'string') return 0;
  return (message.match(/%[%sdifjoOc]/g) ?? []).filter((place) => place !== '%%').length;
}

function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** Destination and levels of a log. */
export interface LogOptions {
  /** File to append to; absent means standard error. */
  readonly file?: string;
  /** Lowest level that is written: `debug`, `info` (default), `warn` or `error`. */
  readonly level?: string;
  /** Levels of specific loggers by name, which also apply to their children: `koji.db` for `koji.db.pool`. */
  readonly levels?: ReadonlyMap<string, string>;
  /** Formats the lines; default is `time [LEVEL] {pid} name message`. */
  readonly format?: LogFormatter;
  /** Called for each line to get the values of its call, for `format`. */
  readonly fields?: () => LogRecord['fields'];
  /** Called with the text of every error, in addition to the log. */
  readonly onError?: (text: string) => void;
  /**
   * Writes each line before the logger returns, without a queue and without loading the code for one. For short-lived
   * processes, and for processes that may be killed at any time.
   */
  readonly direct?: boolean;
  /** Gets every line instead of the log, for tests. */
  readonly onLine?: (line: string) => void;
}

function stackOf(cause: unknown): string {
  const error = cause as { stack?: string; cause?: unknown } | null;
  const own = error?.stack ?? String(cause);
  return error?.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}

/** An open log. `close` resolves once every line is in the file; later lines are dropped. */
export interface Log {
  readonly logger: (name: string) => Logger;
  /** Opens the file by its name again: the lines so far stay in a file that was renamed, later ones go to a new one. */
  readonly reopen: () => void;
  readonly close: () => Promise<void>;
}

/** Higher numbers are less important. */
const ranks: Readonly<Record<string, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const rank = (level: string): number => ranks[level] ?? 0;

/** The lowest level that a logger writes, taken from the nearest configured parent name. */
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
        // Late output, such as that of a connection closed by the server, must not end the process.
        if (closed || rank(level) > least) return;
        const message = bounds.admit(name, text);
        if (message === null) return;
        write(level, name, message);
        if (level === 'error') options.onError?.(`[ERROR] ${name}: ${message}`);
      });
    },
    reopen: () => {
      if (!closed) out.reopen();
    },
    close: () => {
      bounds.written();
      closed = true;
      return out.close();
    },
  };
}
