import { Writable } from 'node:stream';
import winston from 'winston';

/** What code logs to; `%s`-free: messages are made by the caller, the error goes in `cause`. */
export interface Logger {
  /** For those who look for a fault; not written unless the log's level says so. */
  debug(message: string, cause?: unknown): void;
  /** What happens in the ordinary way. */
  info(message: string, cause?: unknown): void;
  /** What somebody should look at; `cause` is an error, whose stack is written too. */
  warn(message: string, cause?: unknown): void;
  /** What went wrong; `cause` is an error, whose stack is written too. */
  error(message: string, cause?: unknown): void;
}

/** Where and how much to log. */
export interface LogOptions {
  /** A file to append to; absent means standard error. */
  readonly file?: string;
  /** The least that is written: `debug`, `info` (default), `warn` or `error`. */
  readonly level?: string;
  /** Other levels of some loggers, by name; they hold for those below, too: `koji.db` for `koji.db.pool`. */
  readonly levels?: ReadonlyMap<string, string>;
  /** Takes every line, and nothing else does: for tests. */
  readonly onLine?: (line: string) => void;
}

const line = winston.format.printf((info) => {
  const { timestamp, level, name, message, cause } = info as Record<string, unknown>;
  const trace = cause === undefined ? '' : `\n${stackOf(cause)}`;
  return `${String(timestamp)} [${String(level).toUpperCase()}] {${process.pid}} ${String(name)} ${String(message)}${trace}`;
});

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

function sink(onLine: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      onLine(text.trimEnd());
      done();
    },
  });
}

/** The higher, the less it matters. */
const rank = (level: string): number => winston.config.npm.levels[level] ?? 0;

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
  const root = winston.createLogger({
    level: 'silly',
    format: winston.format.combine(winston.format.timestamp({ format: 'YYYY-MM-DD HH:mm:ss,SSS' }), line),
    transports: [
      options.onLine
        ? new winston.transports.Stream({ stream: sink(options.onLine) })
        : options.file
          ? new winston.transports.File({ filename: options.file })
          : new winston.transports.Console({ stderrLevels: Object.keys(winston.config.npm.levels) }),
    ],
  });
  let closed = false;
  return {
    logger: (name) => {
      const least = rankOf(name, options);
      const write = (level: string) => (message: string, cause?: unknown) => {
        // What speaks late, such as a connection that the server ends, must not end the process.
        if (closed || rank(level) > least) return;
        root.log({ level, message, name, cause });
      };
      return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
    },
    close: () =>
      new Promise((resolve) => {
        closed = true;
        root.on('finish', () => resolve());
        root.end();
      }),
  };
}
