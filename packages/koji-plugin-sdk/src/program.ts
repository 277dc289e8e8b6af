import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericError } from '@koji/core';
import { killGroup, killMarked, killTree, markName } from './process-tree.js';

/** How a program ended: by itself with a code, or by a signal. */
export class ExitStatus {
  /**
   * Programs that ran have one; by hand it is for tests.
   *
   * @param code what it ended with; null when a signal ended it
   * @param signal the signal that ended it
   */
  constructor(
    readonly code: number | null,
    readonly signal: NodeJS.Signals | null = null,
  ) {}

  /** Whether it ended by itself with 0. */
  get success(): boolean {
    return this.code === 0;
  }

  /** In Koji's words: `mock exited with status 1`. */
  describe(program: string): string {
    return this.signal === null
      ? `${program} exited with status ${this.code}`
      : `${program} was killed by signal ${constants.signals[this.signal]}`;
  }
}

/** How to run a program. */
export interface ProgramOptions {
  /** The working folder. Default: that of this process. */
  readonly cwd?: string;
  /** Variables to add to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Seconds after which it is ended, with everything that it started: asked with SIGTERM, then killed. Default: never.
   */
  readonly timeout?: number;
  /** Whether everything that it leaves running is killed once it has ended. Default: no. */
  readonly endsAll?: boolean;
}

/** How to run a program for what it says. */
export interface OutputOptions extends Pick<ProgramOptions, 'cwd' | 'env' | 'timeout'> {
  /** Most bytes that it may say. Default 256 MiB. */
  readonly most?: number;
  /** The open file that is its input. Default: none. */
  readonly input?: number;
}

/** How to run a program for its output as it comes. */
export interface BlocksOptions extends Pick<ProgramOptions, 'cwd' | 'env' | 'timeout'> {
  /** The open file that is its input. Default: none. */
  readonly input?: number;
}

/** What a program said, and how it ended. */
export interface ProgramOutput {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** Milliseconds between asking a program to end and killing it. */
const killGrace = 3000;
/** Milliseconds in which what a program has said arrives after it ended; somebody else may hold its output open. */
const lastWords = 500;

/** A program that runs in a group of its own, and whatever it starts has its mark. */
interface Running {
  readonly child: ChildProcess;
  /** Resolves when the program itself has ended; what it started may still run. */
  readonly ended: Promise<ExitStatus>;
  /** Ends it with everything that it started. */
  readonly end: (grace?: number) => Promise<void>;
  /** Resolves when everything is ended, because it took too long; null while it has not. */
  overdue: Promise<void> | null;
}

// All copies of this package note their programs in one place, so that none is left when the process must go at once.
const key = Symbol.for('koji.running-programs');
const holder = globalThis as { [key]?: Map<number, string> | undefined };
const programs = (holder[key] ??= new Map<number, string>());

/** Kills every program that this process runs, with its group, at once: nobody waits for them any more. */
export function killPrograms(): void {
  for (const pid of programs.keys()) killGroup(pid);
}

/** The names of the programs that this process runs. */
export function runningPrograms(): string[] {
  return [...programs.values()];
}

function start(
  [program = '', ...args]: readonly string[],
  stdio: ('ignore' | 'pipe' | number)[],
  { cwd, env, timeout }: ProgramOptions,
): Running {
  // What starts with the mark of the task's process is found by kojid, too.
  const mark = `${process.env[markName] ?? ''}/${randomUUID()}`;
  const child = spawn(program, args, {
    stdio,
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env, [markName]: mark },
  });
  let giveUp: (status: ExitStatus) => void = () => undefined;
  const running: Running = {
    child,
    overdue: null,
    ended: new Promise<ExitStatus>((resolve, reject) => {
      giveUp = resolve;
      child.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'ENOENT' ? 'no such program or working folder' : cause.message;
        reject(new GenericError(`could not run ${program}: ${why}`, { cause }));
      });
      child.once('exit', (code, signal) => resolve(new ExitStatus(code, signal)));
    }),
    end: async (grace = killGrace) => {
      if (child.pid === undefined) return;
      await killTree(child.pid, grace);
      killMarked(mark);
    },
  };
  const { pid } = child;
  if (pid !== undefined) programs.set(pid, program);
  const end = (): void => {
    running.overdue = running.end();
    // One that not even SIGKILL ends, such as another user's, is not waited for.
    void running.overdue
      .then(() => sleep(killGrace, undefined, { ref: false }))
      .then(() => giveUp(new ExitStatus(null, 'SIGKILL')));
  };
  const timer = timeout === undefined ? undefined : setTimeout(end, timeout * 1000);
  const done = (): void => {
    clearTimeout(timer);
    if (pid !== undefined) programs.delete(pid);
  };
  running.ended.then(done, done);
  return running;
}

/** How a program ended, told of one that ended by itself when it was asked to, too. */
async function statusOf(running: Running): Promise<ExitStatus> {
  const status = await running.ended;
  if (running.overdue === null) return status;
  await running.overdue;
  return new ExitStatus(null, status.signal ?? 'SIGTERM');
}

/**
 * Runs a program, without a shell and without input; what it writes is appended to a file, after a line with the command.
 *
 * @throws GenericError when it can't be started
 */
export async function runProgram(
  command: readonly string[],
  log: string,
  options: ProgramOptions = {},
): Promise<ExitStatus> {
  const output = await open(log, 'a', 0o666);
  try {
    await output.write(`$ ${command.join(' ')}\n`);
    const running = start(command, ['ignore', output.fd, output.fd], options);
    const status = await statusOf(running);
    if (options.endsAll === true) await running.end();
    if (running.overdue !== null)
      await output.write(`${command[0]} was killed: it took longer than ${options.timeout} seconds\n`);
    return status;
  } finally {
    await output.close();
  }
}

/**
 * Runs a program, without a shell, for what it says. It is done when the program has ended, even if
 * something that it started still holds its output open.
 *
 * @throws GenericError when it can't be started, takes too long or says too much
 */
export async function outputOf(
  command: readonly string[],
  { most = 1 << 28, timeout = 600, input, ...options }: OutputOptions = {},
): Promise<ProgramOutput> {
  const running = start(command, [input ?? 'ignore', 'pipe', 'pipe'], { ...options, timeout });
  const { stdout, stderr } = running.child;
  let room = most;
  const collect = (
    stream: typeof stdout,
  ): { readonly chunks: Buffer[]; readonly closed: Promise<unknown> } => {
    const chunks: Buffer[] = [];
    const closed = new Promise((resolve) => stream?.once('close', resolve));
    stream?.on('data', (chunk: Buffer) => {
      room -= chunk.length;
      if (room >= 0) {
        chunks.push(chunk);
        return;
      }
      // Nothing more is read, since each block that came would look through all processes once more.
      stdout?.destroy();
      stderr?.destroy();
      void running.end(0);
    });
    return { chunks, closed };
  };
  const [out, err] = [collect(stdout), collect(stderr)];
  const status = await statusOf(running);
  await Promise.race([Promise.all([out.closed, err.closed]), sleep(lastWords, undefined, { ref: false })]);
  stdout?.destroy();
  stderr?.destroy();
  const [name] = command;
  if (running.overdue !== null)
    throw new GenericError(`${name} was killed: it took longer than ${timeout} seconds`);
  if (room < 0) throw new GenericError(`${name} was killed: it said more than ${most} bytes`);
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
  return { status, stdout: text(out.chunks), stderr: text(err.chunks) };
}

/**
 * Runs a program, without a shell, for what it writes to its output, block by block. It is killed, with everything that it
 * started, once nobody reads on.
 *
 * @throws GenericError when it can't be started, takes too long or ends with another status than 0
 */
export async function* blocksOf(
  command: readonly string[],
  { input, timeout = 600, ...options }: BlocksOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const running = start(command, [input ?? 'ignore', 'pipe', 'ignore'], { ...options, timeout });
  const [name = ''] = command;
  // A failure is thrown where it is waited for, after the output.
  running.ended.catch(() => undefined);
  let isRead = false;
  try {
    try {
      if (running.child.stdout) yield* running.child.stdout as AsyncIterable<Buffer>;
    } catch (cause) {
      // One that never started has no output to read either, and says more.
      await running.end(0);
      await running.ended;
      throw cause;
    }
    isRead = true;
    const status = await statusOf(running);
    if (running.overdue !== null)
      throw new GenericError(`${name} was killed: it took longer than ${timeout} seconds`);
    if (!status.success) throw new GenericError(status.describe(name));
  } finally {
    if (!isRead) await running.end(0);
  }
}
