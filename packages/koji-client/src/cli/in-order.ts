import { types } from 'node:util';
import { messageOf } from '@koji/core';
import { Exit } from './command.js';
import type { Run } from './command.js';
import type { Output } from './output.js';

/** Number of jobs to run at a time. */
const most = 4;

/**
 * Runs several jobs at a time. Their output appears as if they ran one after the other. After a failed job no other job is
 * started; its error is thrown once the earlier jobs are finished. Running jobs are finished.
 */
export async function inOrder<T>(
  run: Run,
  jobs: readonly T[],
  work: (run: Run, job: T) => Promise<void>,
): Promise<void> {
  const turns = jobs.map(() => new Turn(run));
  let next = 0;
  let isFailed = false;
  const runSome = async (): Promise<void> => {
    while (!isFailed && next < jobs.length) {
      const i = next++;
      const [turn, job] = [turns[i] as Turn, jobs[i] as T];
      await work(turn.run, job).then(
        () => turn.end(),
        (error: unknown) => {
          isFailed = true;
          turn.end(error);
        },
      );
    }
  };
  const workers = Array.from({ length: Math.min(most, jobs.length) }, () => runSome());
  try {
    for (const turn of turns) await turn.comes();
  } finally {
    await Promise.all(workers);
  }
}

/** The output of a job, held back until it is the job's turn. */
class Turn {
  readonly run: Run;
  private held: (() => void)[] | null = [];
  private readonly ended: Promise<void>;
  /** Whether the last line held back is one to be overwritten. */
  private isDrawn = false;
  private settle: (error: unknown) => void = () => undefined;

  constructor(run: Run) {
    this.ended = new Promise((resolve, reject) => {
      this.settle = (error) =>
        error === undefined
          ? resolve()
          : reject(types.isNativeError(error) ? error : new Error(messageOf(error)));
    });
    this.ended.catch(() => null);
    const later =
      <A extends readonly unknown[]>(act: (...args: A) => void) =>
      (...args: A): void => {
        if (this.held) this.held.push(() => act(...args));
        else act(...args);
      };
    const [print, warn, write] = [later(run.print), later(run.warn), later(run.write)];
    const out: Output = {
      print: (line) => {
        this.isDrawn = false;
        print(line);
      },
      warn: (line) => {
        this.isDrawn = false;
        warn(line);
      },
      write: (data) => {
        // A line that is overwritten on a terminal; of those held back only the last one is kept.
        const isDrawn = typeof data === 'string' && data.startsWith('\r');
        if (isDrawn && this.isDrawn) this.held?.pop();
        this.isDrawn = isDrawn && this.held !== null;
        write(data);
      },
    };
    this.run = {
      ...run,
      ...out,
      fail: (message, code = 1) => {
        if (message) out.warn(message);
        throw new Exit(code, message);
      },
    };
  }

  end(error?: unknown): void {
    this.settle(error);
  }

  /** Releases its output, and waits for its end. */
  comes(): Promise<void> {
    for (const act of this.held ?? []) act();
    this.held = null;
    return this.ended;
  }
}
