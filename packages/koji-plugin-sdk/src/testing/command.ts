import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, messageOf } from '@koji/core';
import type { CliCommand, CliOptions, CliOptionValues, CliTools } from '../cli.js';
import type { CliOptionTable } from '../marks.js';
import type { TaskHandlerClass } from '../task.js';
import type { TestHub, TestSession } from './hub.js';
import { runTaskOf } from './task.js';
import { Waits, inTime, tracked } from './waits.js';

/** How to run a command in a test. */
export interface CommandTestOptions<O extends CliOptionTable = CliOptionTable> {
  /** The hub that it talks to. */
  readonly hub: TestHub;
  /** Whose session it has. Default: the admin's. */
  readonly session?: TestSession;
  /** Values of the options that it declares. */
  readonly flags?: Partial<CliOptionValues<O>>;
  /** The profile and global options. */
  readonly options?: Partial<CliOptions>;
  /** Handlers of the tasks that it waits for: they run, one after the other, when it does. */
  readonly tasks?: readonly TaskHandlerClass[];
  /** Seconds after which it fails, saying what it waits for. Default: `KOJI_TEST_LIMIT` of the environment, else 60. */
  readonly timeout?: number;
}

/** What a command did. */
export interface CommandRecord {
  /** The exit code. */
  readonly code: number;
  /** Lines on standard output. */
  readonly printed: readonly string[];
  /** The bytes that were written to standard output besides; absent when there were none. */
  readonly written?: Buffer;
  /** Lines on standard error. */
  readonly warned: readonly string[];
}

/** The command ended with a message about its usage. */
class UsageEnd extends Error {}

/**
 * Runs a command as `koji` does, with a session of a test hub. Its arguments are those that are left when its options are
 * read.
 *
 * @throws what the command throws; GenericError when it does not end in time, which says what it waits for
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

/** Runs a task with the handler that is for it; why it failed, null when it did not. */
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
