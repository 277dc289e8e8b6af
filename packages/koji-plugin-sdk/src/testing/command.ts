import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, messageOf } from '@koji/core';
import type { CliCommand, CliOptions, CliOptionValues, CliTools } from '../cli.js';
import type { CliOptionTable } from '../marks.js';
import type { TaskHandlerClass } from '../task.js';
import type { TestHub, TestSession } from './hub.js';
import { runTaskOf } from './task.js';
import { Waits, inTime, tracked } from './waits.js';

/** Options for running a command in a test. */
export interface CommandTestOptions<O extends CliOptionTable = CliOptionTable> {
  /** The hub that it calls. */
  readonly hub: TestHub;
  /** The user of its session. Default: the admin. */
  readonly session?: TestSession;
  /** Values of its declared options. */
  readonly flags?: Partial<CliOptionValues<O>>;
  /** The profile and global options. */
  readonly options?: Partial<CliOptions>;
  /** Handlers of the tasks that it waits for. They run one after the other when it waits. */
  readonly tasks?: readonly TaskHandlerClass[];
  /** Time limit in seconds, whose error says what it waits for. Default: `KOJI_TEST_LIMIT` of the environment, else 60. */
  readonly timeout?: number;
}

/** The result of a command. */
export interface CommandRecord {
  /** The exit code. */
  readonly code: number;
  /** Lines on standard output. */
  readonly printed: readonly string[];
  /** Bytes written to standard output with `write`; absent if there were none. */
  readonly written?: Buffer;
  /** Lines on standard error. */
  readonly warned: readonly string[];
}

/** Thrown when the command ended with a message about its usage. */
class UsageEnd extends Error {}

/**
 * Runs a command as `koji` does, with a session of a test hub. Its arguments are the words that remain after its options are
 * parsed.
 *
 * @throws the error of the command; GenericError after the time limit, with what it waits for
 */
export async function runCommand<O extends CliOptionTable>(
  command: CliCommand<O>,
  args: readonly string[],
  { hub, session = hub.admin, flags = {}, options = {}, tasks = [], timeout }: CommandTestOptions<O>,
): Promise<CommandRecord> {
  const printed: string[] = [];
  const warned: string[] = [];
  const pieces: Buffer[] = [];
  const record = (code: number): CommandRecord => {
    const written = pieces.length === 0 ? {} : { written: Buffer.concat(pieces) };
    return { code, printed, warned, ...written };
  };
  const waits = new Waits();
  const tools: CliTools<O> = {
    print: (line) => void printed.push(line),
    write: (data) => void pieces.push(Buffer.from(data)),
    warn: (line) => void warned.push(line),
    options: flags as CliOptionValues<O>,
    login: async () => undefined,
    atInterrupt: () => undefined,
    usageError(message) {
      throw new UsageEnd(message);
    },
    async upload(file, directory) {
      await waits.during(`the upload of ${file}`, () => session.upload(file, directory));
      return `${directory}/${path.basename(file)}`;
    },
    taskOutput: async (id, name) => readFile(path.join(hub.topdir, 'work', outputOf(id), name)),
    watchTasks: async (ids) => {
      let failed = 0;
      for (const id of ids) {
        const failure = await waits.during(`task ${id}`, () => failureOf(hub, tasks, id));
        if (failure !== null) failed = warned.push(`task ${id} failed: ${failure}`);
      }
      return failed > 0 ? 1 : 0;
    },
  };
  const settings = { profile: 'koji', server: hub.url, weburl: hub.url, quiet: false, poll_interval: 6 };
  const all = { ...settings, ...options };
  try {
    const limit = { who: 'runCommand: the command', seconds: timeout, waits };
    const code = await inTime(limit, async () => command(all, tracked(session, waits), args, tools));
    return record(typeof code === 'number' ? code : 0);
  } catch (error) {
    if (!(error instanceof UsageEnd)) throw error;
    warned.push(error.message);
    return record(2);
  }
}

const outputOf = (id: number): string => `tasks/${id % 10000}/${id}`;

/** Runs a task with its handler. Returns the reason of a failure, null after a success. */
async function failureOf(
  hub: TestHub,
  handlers: readonly TaskHandlerClass[],
  id: number,
): Promise<string | null> {
  const { method } = (await hub.admin.call('getTaskInfo', [id], { strict: true })) as { method: string };
  const Handler = handlers.find(({ Methods }) => Methods.includes(method));
  if (!Handler) throw new GenericError(`runCommand: no handler of ${method} is among its tasks`);
  return runTaskOf(hub, id, Handler, { tasks: handlers }).then(() => null, messageOf);
}
