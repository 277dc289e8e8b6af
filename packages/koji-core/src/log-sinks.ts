import { appendFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Writable } from 'node:stream';
import type * as Winston from 'winston';
import { LogFile } from './log-file.js';
import type { LogFormatter, LogRecord } from './log-format.js';

/** A line to write; `record` is set if the log has a formatter. */
interface Line {
  readonly level: string;
  readonly name: string;
  readonly message: string;
  readonly record?: LogRecord | undefined;
}

/** Destination and format of a log; the options of a log have the same names. */
interface SinkOptions {
  readonly file?: string;
  readonly format?: LogFormatter;
  readonly onLine?: (line: string) => void;
}

/** Destination of a log's lines. */
interface Sink {
  readonly write: (line: Line) => void;
  /** Whether all lines have been written. */
  readonly isIdle: () => boolean;
  /** Opens the file by its name again, before the next line is written. */
  readonly reopen: () => void;
  /** Resolves once all lines have been written; no line may follow. */
  readonly close: () => Promise<void>;
}

const require = createRequire(import.meta.url);
let loaded: typeof Winston | undefined;

/** Loaded by the first log that needs it, because most commands have none. */
function winston(): typeof Winston {
  return (loaded ??= require('winston') as typeof Winston);
}

function lineOf(time: string, { level, name, message }: Line): string {
  return `${time} [${level.toUpperCase()}] {${process.pid}} ${name} ${message}`;
}

function lineStream(onLine: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      onLine(text.trimEnd());
      done();
    },
  });
}

/** Queues lines and writes them in the background. */
export function winstonSink({ file, format: formatter, onLine }: SinkOptions): Sink {
  const { config, createLogger, format: formats, transports } = winston();
  const kept = onLine || !file ? null : new LogFile(file);
  const stream = onLine ? lineStream(onLine) : kept;
  const out = stream
    ? new transports.Stream({ stream })
    : new transports.Console({ stderrLevels: Object.keys(config.npm.levels) });
  const root = createLogger({
    level: 'silly',
    format: formatter
      ? formats.printf((info) => formatter((info as unknown as { record: LogRecord }).record))
      : formats.combine(
          formats.timestamp({ format: 'YYYY-MM-DD HH:mm:ss,SSS' }),
          formats.printf((info) => lineOf(String(info.timestamp), info as unknown as Line)),
        ),
    transports: [out],
  });
  return {
    write: (line) => {
      root.log({ ...line });
    },
    isIdle: () =>
      root.writableLength + root.readableLength + out.writableLength + (kept?.writableLength ?? 0) === 0,
    reopen: () => kept?.reopen(),
    close: async () => {
      await new Promise<void>((resolve) => {
        root.on('finish', () => resolve());
        root.end();
      });
      await kept?.finish();
    },
  };
}

/**
 * Writes each line at once, to the file that has the name at that moment: processes of tasks are not told when it is replaced.
 * A line that can't be written is lost, because a logging failure must not affect the caller.
 */
export function directSink({ file, format: formatter, onLine }: SinkOptions): Sink {
  if (file !== undefined) mkdirSync(path.dirname(file), { recursive: true });
  const text = textWith(formatter);
  return {
    write: (line) => {
      try {
        if (onLine) onLine(text(line));
        else if (file === undefined) process.stderr.write(`${text(line)}\n`);
        else appendFileSync(file, `${text(line)}\n`);
      } catch {
        return;
      }
    },
    isIdle: () => true,
    reopen: () => undefined,
    close: () => Promise.resolve(),
  };
}

function textWith(formatter: LogFormatter | undefined): (line: Line) => string {
  return (line) => (formatter && line.record ? formatter(line.record) : lineOf(timeOf(new Date()), line));
}

function timeOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time},${String(date.getMilliseconds()).padStart(3, '0')}`;
}
