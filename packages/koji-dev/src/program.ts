import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { boundedLines } from '@koji/core';

/** How to run a program. */
export interface ProgramOptions {
  /** The words after `node`; asked at each start. */
  readonly words: () => readonly string[];
  readonly folder: string;
  /** A line with which it is ready; null for a program that is so at once. */
  readonly ready: RegExp | null;
  readonly onLine: (line: string) => void;
  /** Called when it ended and nobody had asked it to. */
  readonly onEnd: (how: string) => void;
}

const longestLine = 64 * 1024;
/** Milliseconds in which a program has to stop. */
const patience = 15_000;

/** A program that runs beside others and can be started again. States: stopped → running → stopped. */
export class Program {
  private child: ChildProcess | null = null;

  constructor(private readonly options: ProgramOptions) {}

  get isRunning(): boolean {
    return this.child !== null;
  }

  /** Starts it; resolves to the line with which it is ready, or to null when it ended before. */
  start(): Promise<string | null> {
    const { words, folder, ready, onLine, onEnd } = this.options;
    const child = spawn(process.execPath, [...words()], {
      cwd: folder,
      // A group of its own: the terminal's Ctrl-C is for us alone, who stop it in order.
      detached: true,
      // The programs of Koji end by themselves when the process that started them is gone.
      env: { ...process.env, npm_command: 'exec' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    return new Promise((resolve) => {
      const hear = (line: string): void => {
        onLine(line);
        if (ready?.test(line)) resolve(line);
      };
      const heard = [child.stdout, child.stderr].map((stream) => eachLine(stream, hear));
      child.once('error', (error) => onLine(`could not be started: ${error.message}`));
      child.once('close', (code, signal) => {
        void Promise.all(heard).then(() => {
          if (this.child === child) {
            this.child = null;
            onEnd(signal ?? `status ${String(code)}`);
          }
          resolve(null);
        });
      });
      if (ready === null) resolve('');
    });
  }

  /** Stops it and all that it started; `hard` does not wait for it. */
  async stop({ hard = false } = {}): Promise<void> {
    const { child } = this;
    if (!child?.pid) return;
    this.child = null;
    const closed = once(child, 'close');
    const isOver = child.exitCode !== null || child.signalCode !== null;
    const ended = isOver ? null : once(child, 'exit');
    child.kill(hard ? 'SIGKILL' : 'SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), patience);
    await ended;
    clearTimeout(late);
    // Its child processes may live on and hold its output open.
    killGroup(child.pid);
    await closed;
  }

  /** Ends it at once, with all that it started. */
  kill(): void {
    if (this.child?.pid) killGroup(this.child.pid);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

async function eachLine(stream: Readable, hear: (line: string) => void): Promise<void> {
  try {
    for await (const line of boundedLines(stream as AsyncIterable<Buffer>, longestLine)) hear(line);
  } catch {
    // The pipe breaks when the program is killed.
  }
}
