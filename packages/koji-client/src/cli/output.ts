import { writeSync } from 'node:fs';

/** Destination of a command's output. */
export interface Output {
  /** A line to standard output. */
  readonly print: (line: string) => void;
  /** Text or bytes to standard output, unchanged. */
  readonly write: (data: string | Uint8Array) => void;
  /** A line to standard error. */
  readonly warn: (line: string) => void;
}

/**
 * Writes at once, in order, to the process's own standard output and error. If the reader has gone, the process exits silently,
 * like other commands in a pipe.
 */
export const processOutput: Output = {
  print: (line) => writeAll(1, `${line}\n`),
  write: (data) => writeAll(1, data),
  warn: (line) => writeAll(2, `${line}\n`),
};

function writeAll(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(1);
      // The pipe is full and non-blocking: its reader needs a moment.
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Returns whether the output goes to an interactive terminal. */
export function hasScreen(): boolean {
  return process.stdout.isTTY && !['', 'dumb'].includes(process.env['TERM'] ?? '');
}
