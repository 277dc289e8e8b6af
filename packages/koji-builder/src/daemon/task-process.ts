import { randomUUID } from 'node:crypto';
import { fork, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { boundedLines } from '@koji/core';
import type { Logger } from '@koji/core';
import { killMarked, killRemains, killTree, markName, startOf } from '@koji/plugin-sdk/host';
import type { KojidOptions } from '@koji/core/config';
import type { SessionKey } from '@koji/core/api';
import { preloadedWords } from './preloaded.js';
import type { Done, End, Loaded, Run, Setup, TaskData, ToChild, ToDaemon } from './protocol.js';

/** How a task's process ended: after its own report to the hub, or without one, so that the daemon must report. */
export type Ending =
  | { readonly told: true; /** Why the task failed; null when it did not. */ readonly failure: string | null }
  | { readonly told: false; readonly why: string };

const killGrace = 3000;
/** Milliseconds that a process may take to load before its task fails. */
export const loadTime = 120_000;
/** Milliseconds that a process may take to report the end of its task; after that it counts as running again. */
const tellingTime = 5_000;
const fileBeside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const childFile = fileBeside('./child.js');

/**
 * A process for exactly one task. States: loading → ready → running → ended; `run` may be called in loading too.
 * Owned by the runner until it starts, then by the daemon's loop.
 */
export class TaskProcess {
  /** Resolves when the process has ended for any reason. */
  readonly ended: Promise<Ending>;
  /** Resolves when the process is ready for a task; never if it fails before. */
  readonly ready: Promise<Loaded>;
  private readonly child: ChildProcess;
  private done: Done | null = null;
  private problem: string | null = null;
  private readonly mark: string;
  /** Start time, by the machine's clock. */
  private readonly start: number;
  private loaded: ((what: Loaded) => void) | null = null;
  private slow: NodeJS.Timeout | undefined;
  /** Called whenever the task begins to wait for others. */
  onWait: () => void = () => undefined;
  /** Called when the task asks the daemon to end. */
  onEnd: (how: End['how']) => void = () => undefined;

  constructor(setup: Setup, log: Logger) {
    this.mark = `${markOf(setup.options)}${randomUUID()}`;
    // A process group of its own, so that everything a cancelled task started ends with it.
    const [execPath, ...words] = [...(setup.wrapper ?? []), process.execPath];
    const { preloaded } = setup;
    const own = preloaded === undefined ? [] : preloadedWords;
    this.child = fork(childFile, {
      detached: true,
      execPath,
      execArgv: [...words, ...process.execArgv, ...own],
      env: { ...process.env, [markName]: this.mark },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', ...(preloaded === undefined ? [] : [preloaded])],
    });
    this.start = startOf(this.child.pid ?? 0);
    void forward(this.child.stdout, (text) => log.info(`${this.name}: ${text}`));
    void forward(this.child.stderr, (text) => log.warn(`${this.name}: ${text}`));
    this.child.on('message', (message: ToDaemon) => this.hear(message));
    this.ready = new Promise((resolve) => (this.loaded = resolve));
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) =>
        resolve({ told: false, why: `could not start a process: ${error.message}` }),
      );
      this.child.once('exit', (code, signal) =>
        resolve(
          this.done
            ? { told: true, failure: this.done.failure ?? null }
            : { told: false, why: this.reason(code, signal) },
        ),
      );
    });
    this.send(setup);
  }

  private name = 'spare process';
  /** When the process began to report the end to the hub. */
  private told: number | null = null;

  /** Whether the process has loaded everything and waits for a task. */
  get isLoaded(): boolean {
    return this.loaded === null;
  }

  /** Whether the process tried to report the end of its task to the hub. */
  get hasTold(): boolean {
    return this.told !== null;
  }

  /** Whether the end of the task was reported, so that the task should no longer be open at the hub. */
  get isEnding(): boolean {
    return this.told !== null && performance.now() - this.told < tellingTime;
  }

  /** Gives the process its task. */
  run(task: TaskData, session: SessionKey): void {
    this.name = `task ${task.id}`;
    this.send({ type: 'run', task, session } satisfies Run);
    if (!this.loaded) return;
    this.slow = setTimeout(() => {
      this.problem = `task process did not load within ${loadTime / 1000} seconds`;
      void this.kill();
    }, loadTime);
    void this.ended.then(() => clearTimeout(this.slow));
  }

  /** Tells the task that tasks it waits for may have ended. */
  awake(): void {
    this.send({ type: 'awake' });
  }

  /** Ends the process and everything below it, first gently. */
  async kill(): Promise<void> {
    if (this.child.pid !== undefined) await killTree(this.child.pid, killGrace);
  }

  /** Ends processes that the task may have left running. */
  async sweep(): Promise<void> {
    const { mark, start } = this;
    if (this.done?.alone) return;
    if (this.child.pid !== undefined) await killRemains({ pid: this.child.pid, mark, start });
  }

  private hear(message: ToDaemon): void {
    if (message.type === 'done') this.done = message;
    else if (message.type === 'broken') this.problem = message.message;
    else if (message.type === 'waits') this.onWait();
    else if (message.type === 'end') this.onEnd(message.how);
    else if (message.type === 'tells') this.told = performance.now();
    else {
      this.loaded?.(message);
      this.loaded = null;
      clearTimeout(this.slow);
    }
  }

  private send(message: ToChild): void {
    if (this.child.connected) this.child.send(message, () => undefined); // its exit says what went wrong
  }

  private reason(code: number | null, signal: string | null): string {
    if (this.problem !== null) return this.problem;
    return signal === null
      ? `task process ended without a result, exit code ${code}`
      : `task process was killed by ${signal}`;
  }
}

/** Prefix of the marks of a builder's task processes. */
function markOf({ user, server }: KojidOptions): string {
  return `${user ?? ''} at ${server}: `;
}

/**
 * Kills processes of tasks that were still running when this builder was killed. Most of them exit on their own, but a process
 * in a blocking call does not notice the end of the builder.
 *
 * @returns the number of processes
 */
export function killLeftovers(options: KojidOptions): number {
  return killMarked(markOf(options));
}

/** Bytes of a task process's output that are logged as one line. */
const longestLine = 64 * 1024;

async function forward(stream: Readable | null, write: (line: string) => void): Promise<void> {
  if (!stream) return;
  // The pipe breaks when the process is killed.
  try {
    for await (const line of boundedLines(stream as AsyncIterable<Buffer>, longestLine)) write(line);
  } catch {
    return;
  }
}
