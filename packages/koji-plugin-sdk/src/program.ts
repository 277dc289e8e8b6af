import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import { GenericError } from '@koji/core';

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
  /** Seconds after which it is killed; default: never. */
  readonly timeout?: number;
}

/**
 * Runs a program, without a shell and without input; what it writes is appended to a file, after a line with the command.
 *
 * @throws GenericError when it can't be started
 */
export async function runProgram(
  command: readonly string[],
  log: string,
  { cwd, env, timeout }: ProgramOptions = {},
): Promise<ExitStatus> {
  const [program = '', ...args] = command;
  const output = await open(log, 'a', 0o666);
  try {
    await output.write(`$ ${command.join(' ')}\n`);
    const { status, killed } = await new Promise<{ status: ExitStatus; killed: boolean }>(
      (resolve, reject) => {
        const child = spawn(program, args, {
          stdio: ['ignore', output.fd, output.fd],
          ...(cwd === undefined ? {} : { cwd }),
          env: { ...process.env, ...env },
          ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
        });
        child.once('error', (cause: NodeJS.ErrnoException) => {
          const why = cause.code === 'ENOENT' ? 'no such program or working folder' : cause.message;
          reject(new GenericError(`could not run ${program}: ${why}`, { cause }));
        });
        child.once('exit', (code, signal) =>
          resolve({ status: new ExitStatus(code, signal), killed: child.killed }),
        );
      },
    );
    if (killed) await output.write(`${program} was killed: it took longer than ${timeout} seconds\n`);
    return status;
  } finally {
    await output.close();
  }
}
