import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericError } from '@koji/core';
import { killGroup, killMarked, killTree, markName } from './process-tree.js';

/** The status of a program that ended: a code or a signal. */
export class ExitStatus {
  /**
   * Programs that ran return a status. Create one directly only in tests.
   *
   * @param code the exit code; null when a signal ended the program
   * @param signal the signal that ended the program
   */
  constructor(
    readonly code: number | null,
    readonly signal: NodeJS.Signals | null = null,
  ) {}

  /** Whether the program exited with status 0. */
  get success(): boolean {
    return this.code === 0;
  }

  /** Describes the status in Koji's words: `mock exited with status 1`. */
  describe(program: string): string {
    return this.signal === null
      ? `${program} exited with status ${this.code}`
      : `${program} was killed by signal ${constants.signals[this.signal]}`;
  }
}

/** Options for running a program. */
export interface ProgramOptions {
  /** The working folder. Default: the folder of this process. */
  readonly cwd?: string;
  /** Environment variables to add to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Time limit in seconds. After it, the program and everything that it started gets SIGTERM and then SIGKILL. Default: none.
   */
  readonly timeout?: number;
  /** Whether to kill everything that the program leaves running when it has ended. Default: no. */
  readonly endsAll?: boolean;
}

/** Options for running a program and collecting its output. */
export interface OutputOptions extends Pick<ProgramOptions, 'cwd' | 'env' | 'timeout'> {
  /** Maximum length of the output in bytes. Default 256 MiB. */
  readonly most?: number;
  /** The open file to use as its input. Default: none. */
  readonly input?: number;
}

/** Options for running a program and reading its output as a stream. */
export interface BlocksOptions extends Pick<ProgramOptions, 'cwd' | 'env' | 'timeout'> {
  /** The open file to use as its input. Default: none. */
  readonly input?: number;
}

/** The output and status of a program. */
export interface ProgramOutput {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** Milliseconds between SIGTERM and SIGKILL. */
const killGrace = 3000;
/** Milliseconds to wait for remaining output after a program ended, since another process may keep its output open. */
const lastWords = 500;

/** A program that runs in its own process group and whose descendants have its mark. */
interface Running {
  readonly child: ChildProcess;
  /** Resolves when the program itself has ended. Processes that it started may still run. */
  readonly ended: Promise<ExitStatus>;
  /** Ends the program with everything that it started. */
  readonly end: (grace?: number) => Promise<void>;
  /** Resolves when everything is ended because of the time limit; null before that. */
  overdue: Promise<void> | null;
}

// All copies of this package record their programs in one place, so that none remains when the process has to exit immediately.
const key = Symbol.for('koji.running-programs');
const holder = globalThis as { [key]?: Map<number, string> | undefined };
const programs = (holder[key] ??= new Map<number, string>());

/** Kills every program that this process runs, with its group, immediately and without waiting for them. */
export function killPrograms(): void {
  for (const pid of programs.keys()) killGroup(pid);
}

/** Returns the names of the programs that this process runs. */
export function runningPrograms(): string[] {
  return [...programs.values()];
}

function start(
  [program = '', ...args]: readonly string[],
  stdio: ('ignore' | 'pipe' | number)[],
  { cwd, env, timeout }: ProgramOptions,
): Running {
  // kojid also finds processes that have the mark of the task's process.
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
    // A process that not even SIGKILL ends, such as one of another user, is not waited for.
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

/** Describes how a program ended, including a program that ended by itself after SIGTERM. */
async function statusOf(running: Running): Promise<ExitStatus> {
  const status = await running.ended;
  if (running.overdue === null) return status;
  await running.overdue;
  return new ExitStatus(null, status.signal ?? 'SIGTERM');
}

/**
 * Runs a program without a shell and without input, and appends its output to a file, after a line with the command.
 *
 * @throws GenericError when it cannot be started
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
 * Runs a program without a shell and returns its output. It returns when the program has ended, even if a process that it
 * started keeps the output open.
 *
 * @throws GenericError when it cannot be started, takes too long or prints too much
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
      // Reading stops here, since each further block would search all processes again.
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
 * Runs a program without a shell and yields its output block by block. The program and everything that it started is killed
 * when the reader stops.
 *
 * @throws GenericError when it cannot be started, takes too long or exits with another status than 0
 */
export async function* blocksOf(
  command: readonly string[],
  { input, timeout = 600, ...options }: BlocksOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const running = start(command, [input ?? 'ignore', 'pipe', 'ignore'], { ...options, timeout });
  const [name = ''] = command;
  // A failure is thrown where the result is awaited, after the output.
  running.ended.catch(() => undefined);
  let isRead = false;
  try {
    try {
      if (running.child.stdout) yield* running.child.stdout as AsyncIterable<Buffer>;
    } catch (cause) {
      // A program that never started has no output, and its own error is more useful.
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
