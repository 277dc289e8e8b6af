import fs from 'node:fs/promises';
import path from 'node:path';
import { GenericError, filesBelow, openFileBelow } from '@koji/core';
import type { HostInfo, TaskAnswer, TaskArgs, TaskId, TaskInfo, TaskMethodName } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Logger } from '@koji/core';
import type { CallbackName, CallbackPayloads } from './callbacks.js';
import { GrowingLogs } from './growing-logs.js';
import type { LogSource } from './growing-logs.js';
import { runProgram } from './program.js';
import type { ExitStatus, ProgramOptions } from './program.js';
import type { ArgSchemas } from './schemas.js';
import type { HubSession } from './session.js';

const brand = Symbol.for('koji.task-handler');

/** Thrown by a handler to refuse its task. The task goes back to the hub, for another builder. */
export class RefuseTask extends Error {
  override name = 'RefuseTask';

  get [Symbol.for('koji.refuse-task')](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && Symbol.for('koji.refuse-task') in value;
  }
}

/** Thrown by a handler to release its task. The task becomes free on the hub, and starts again on this or another builder. */
export class FreeTask extends Error {
  override name = 'FreeTask';

  get [Symbol.for('koji.free-task')](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && Symbol.for('koji.free-task') in value;
  }
}

/** The daemon in which a task runs. */
export interface TaskDaemon {
  /** The start of its session on the hub, in seconds since 1970 by the hub's clock. */
  readonly started: number;
  /** Stops it after its tasks have ended; with `restart` it then starts again. Returns immediately. */
  end(how: 'restart' | 'stop'): void;
}

/** The builder's settings that a task may need. */
export interface TaskOptions {
  /** The folder of the hub's files, if this builder has mounted them. */
  readonly topdir: string;
  /** The address of the hub's files; absent if they are mounted. */
  readonly topurl?: string | null;
  /** The work folder of kojid. Each task has its own folder in `this.workdir`. */
  readonly workdir: string;
  /** Any other option of kojid.conf, by name. */
  readonly [option: string]: unknown;
}

/** The destination of an upload, below the hub's work folder. */
export interface UploadTarget {
  /** The folder, such as `tasks/17/17`. */
  readonly directory: string;
  /** The file name at the destination. */
  readonly name: string;
  /** The name of the volume; null is the default volume. */
  readonly volume: string | null;
}

/** The builder's interface for the handler of one task. */
export interface TaskRuntime {
  /** The task's id. */
  readonly id: number;
  /** The task's method. */
  readonly method: string;
  /** The builder's session on the hub. */
  readonly session: HubSession;
  /** Options of kojid.conf. */
  readonly options: TaskOptions;
  /** A folder for this task only; created before the handler runs, removed afterwards. */
  readonly workdir: string;
  /** The builder's log. */
  readonly logger: Logger;
  /** The daemon that runs the task; absent where there is none, as in tests. */
  readonly daemon?: TaskDaemon;
  /**
   * Sends a local file to the hub.
   *
   * @param top a folder above the file; links below it are not followed. Default: the task's folder
   */
  upload(file: string, target: UploadTarget, top?: string): Promise<void>;
  /** Sends a piece of a growing file. Data of the hub beyond the offset is cut off. */
  uploadPart(piece: Buffer, offset: number, target: UploadTarget): Promise<void>;
  /** Fetches a file of the hub by its path below topdir. Returns its local path. Throws with code ENOENT if it does not exist. */
  download(relativePath: string): Promise<string>;
  /** Reports the task's load to the hub. The first report may be sent some time later, or with the end of a short task. */
  setWeight(weight: number, isFirst?: boolean): Promise<void>;
  /** Resolves when a subtask has changed, or after some milliseconds. */
  pause(milliseconds: number): Promise<void>;
  /**
   * Resolves when a waiting method of the hub has answered or failed, or after `otherwise` milliseconds if the hub has no such
   * method. Other calls of the task continue meanwhile.
   */
  waitForNews(method: string, args: readonly unknown[], otherwise: number): Promise<void>;
  /** Runs the callbacks of the builder's plugins. Throws CallbackError when one of them fails. */
  runCallbacks<E extends CallbackName>(event: E, payload: CallbackPayloads[E]): Promise<void>;
}

/** Options for waiting for subtasks. */
export interface WaitOptions {
  /** Whether to wait for all of them, not just for one. Default true. */
  readonly all?: boolean;
  /** With `all`: stop waiting and cancel the others as soon as one has failed. */
  readonly failAny?: boolean;
  /** Subtasks that may fail. */
  readonly canFail?: readonly number[];
  /** Seconds, after which the subtasks are cancelled and the task fails. */
  readonly timeout?: number;
}

/** The results of subtasks by their ids. */
export type TaskResults<R = unknown> = Map<number, R>;

/** Options of a subtask. */
export interface SubtaskOptions {
  /** The name or id of the channel. Default: the parent's channel. */
  readonly channel?: string | number;
  /** The priority; a smaller value is sooner. Default: one less than the parent's. */
  readonly priority?: number;
  /** The arch that its builder must have. Default: the parent's arch. */
  readonly arch?: string | null;
  /** A label that is unique among the subtasks of the task. */
  readonly label?: string | null;
  /** The id or name of the builder that must take it. */
  readonly assign?: string | number;
  /** The id or name of the user. Default: the owner of the parent. */
  readonly owner?: string | number;
}

/**
 * The base class of task handlers. One object handles one task.
 *
 * @example
 * export class MyTask extends BaseTaskHandler {
 *   static override readonly Methods = ['mytask'];
 *   static override readonly _taskWeight = 2.0;
 *
 *   async handler(arg1: string, arg2: string, kwarg1: string | null = null) {
 *     this.logger.debug('Running my task...');
 *     return [arg1, arg2, kwarg1];
 *   }
 * }
 */
export abstract class BaseTaskHandler {
  /** The task methods that this class handles. */
  static readonly Methods: readonly string[] = [];
  /** The load of a task on its builder; 1 is the usual load. */
  static readonly _taskWeight: number = 1.0;
  /** The arguments of `handler` with the schemas that check them. Without it, arguments only have to match the parameters. */
  static readonly Args?: ArgSchemas;

  static get [brand](): true {
    return true;
  }

  /** The task's id. */
  readonly id: number;
  /** The task's method: one of `Methods`. */
  readonly method: string;
  /** A session of this builder on the hub, valid as long as the task. */
  readonly session: HubSession;
  /** Options of kojid.conf, including defaults. */
  readonly options: TaskOptions;
  /** A folder for this task only, removed at its end. */
  readonly workdir: string;
  /** Writes to the builder's log. */
  readonly logger: Logger;

  /**
   * kojid creates the object, and so does `runTask` of `@koji/plugin-sdk/testing`. Plugins do not call it.
   *
   * @throws GenericError for a method that is not among `Methods`
   */
  constructor(protected readonly runtime: TaskRuntime) {
    const Handler = this.constructor as typeof BaseTaskHandler;
    if (!Handler.Methods.includes(runtime.method))
      throw new GenericError(`method "${runtime.method}" is not supported`);
    this.id = runtime.id;
    this.method = runtime.method;
    this.session = runtime.session;
    this.options = runtime.options;
    this.workdir = runtime.workdir;
    this.logger = runtime.logger;
  }

  /** Does the work. Receives the task's arguments by position and by name. The returned value is the task's result. */
  abstract handler(...args: never[]): unknown;

  /** Returns the task's weight, if it depends on more than the class. Called before the handler runs. */
  weight(): number {
    return (this.constructor as typeof BaseTaskHandler)._taskWeight;
  }

  /**
   * Returns whether this builder can take the task. Throw {@link RefuseTask} with the reason, or return false.
   *
   * @param args the handler's arguments
   */
  checkHost?(host: HostInfo & Readonly<Record<string, unknown>>, args: readonly unknown[]): unknown;

  /** Returns the task with its request, like `getTaskInfo`. */
  taskInfo(): Promise<TaskInfo> {
    this.info ??= this.session.getTaskInfo(this.id, named({ request: true, strict: true }));
    return this.info;
  }

  private info: Promise<TaskInfo> | undefined;

  /** Reports to the hub the load of the task from now on. */
  async setWeight(weight: number): Promise<void> {
    await this.runtime.setWeight(weight);
  }

  /** Returns the folder of the task's output, below the hub's work folder. */
  getUploadDir(): string {
    return `tasks/${this.id % 10000}/${this.id}`;
  }

  /**
   * Uploads a file to the task's output, even an empty one.
   *
   * @throws GenericError for a symbolic link, or a path through one in the task's folder: programs and checkouts leave such links
   */
  async uploadFile(
    file: string,
    to: { directory?: string; name?: string; volume?: string } = {},
  ): Promise<void> {
    await this.runtime.upload(file, {
      directory: this.placeFor(to.directory?.replace(/^\/+|\/+$/g, '') ?? ''),
      name: to.name ?? path.basename(file),
      volume: to.volume ?? null,
    });
  }

  private placeFor(below: string): string {
    return below === '' ? this.getUploadDir() : `${this.getUploadDir()}/${below}`;
  }

  /** Uploads text as a file of the task's output. */
  async uploadText(name: string, text: string): Promise<void> {
    const file = path.join(this.workdir, path.basename(name));
    await fs.writeFile(file, text);
    await this.uploadFile(file);
  }

  /** Uploads every non-empty file below a folder to the same folders of the task's output. */
  async uploadTree(folder: string, to: { flatten?: boolean; volume?: string } = {}): Promise<void> {
    for await (const { below, isFile } of filesBelow(folder)) {
      const file = path.join(folder, below);
      const size = isFile ? await sizeBelow(folder, below) : null;
      if (size === null || size === 0) {
        this.logger.warn(`Skipping upload for ${size === null ? 'non-file' : 'empty file'}: ${file}`);
        continue;
      }
      const parent = path.dirname(below);
      const directory = to.flatten || parent === '.' ? '' : parent;
      const { volume = null } = to;
      const target = { directory: this.placeFor(directory), name: path.basename(below), volume };
      await this.runtime.upload(file, target, folder);
    }
  }

  /**
   * Returns logs that are uploaded to the task's output while they grow.
   *
   * @param find returns the existing logs by path; called once a second
   */
  growingLogs(find: () => Promise<readonly (string | LogSource)[]>): GrowingLogs {
    const directory = this.getUploadDir();
    return new GrowingLogs({
      find,
      send: (name, piece, offset) =>
        this.runtime.uploadPart(piece, offset, { directory, name, volume: null }),
      logger: this.logger,
      timestamps: this.options.log_timestamps === true ? this.workdir : null,
    });
  }

  /**
   * Runs a program without a shell. Its output is a log of the task, uploaded while it grows.
   *
   * @param log the name of the log; another program with the same name appends to it
   * @returns the status of the program
   * @throws GenericError when it cannot be started
   * @example
   * export class Prepare extends BaseTaskHandler {
   *   static override readonly Methods = ['prepare'];
   *
   *   async handler(folder: string): Promise<void> {
   *     const status = await this.logOutput(['make', 'prep'], 'prep.log', { cwd: folder });
   *     if (!status.success) throw new BuildError(`${status.describe('make')}; see prep.log for more information`);
   *   }
   * }
   */
  async logOutput(
    command: readonly string[],
    log: string,
    options: ProgramOptions = {},
  ): Promise<ExitStatus> {
    const file = path.join(this.workdir, path.basename(log));
    this.logger.info(command.join(' '));
    this.outputs.add(file);
    this.outputLogs ??= this.growingLogs(async () => [...this.outputs]);
    return this.outputLogs.during(runProgram(command, file, options));
  }

  private readonly outputs = new Set<string>();
  private outputLogs: GrowingLogs | undefined;

  /**
   * Returns the local path of a hub file, by its path below topdir. Fetches the file when the hub's files are not mounted.
   *
   * @throws an error with the code ENOENT when the hub has no such file
   */
  localPath(relativePath: string): Promise<string> {
    return this.runtime.download(relativePath);
  }

  /** Makes a task below this one. Returns its id. */
  async subtask<M extends TaskMethodName>(
    method: M,
    ...[args, options]: [] extends TaskArgs<M>
      ? [args?: TaskArgs<M>, options?: SubtaskOptions]
      : [args: TaskArgs<M>, options?: SubtaskOptions]
  ): Promise<TaskId<TaskAnswer<M>>> {
    const made = await this.session.call('host.subtask', [method, args ?? [], this.id], { ...options });
    return made as TaskId<TaskAnswer<M>>;
  }

  /**
   * Waits for subtasks (default: all subtasks of this task). The task's weight counts less meanwhile.
   *
   * @returns the results by task id
   * @throws the fault of a failed subtask, or GenericError after the time limit
   */
  async wait<R = unknown>(
    subtasks: TaskId<R> | readonly TaskId<R>[] | null = null,
    { all = true, failAny = false, canFail = [], timeout }: WaitOptions = {},
  ): Promise<TaskResults<R>> {
    const ids = typeof subtasks === 'object' ? subtasks : [subtasks];
    const { session } = this;
    await session.call('host.taskSetWait', [this.id, ids]);
    const started = Date.now();
    const checked = new Set(canFail);
    let finished: readonly number[];
    for (;;) {
      const [done, unfinished] = await session.host.taskWait(this.id);
      finished = done;
      if (unfinished.length === 0 || (!all && done.length > 0)) break;
      if (all && failAny) await this.checkSubtasks(done, checked);
      await this.pauseUntil(started, timeout);
    }
    const results = await session.host.taskWaitResults(
      this.id,
      all ? ids : finished,
      named({ canfail: [...canFail] }),
    );
    return new Map(results as readonly [number, R][]);
  }

  private async checkSubtasks(done: readonly number[], checked: Set<number>): Promise<void> {
    for (const id of done) {
      if (checked.has(id)) continue;
      try {
        await this.session.call('getTaskResult', [id]);
        checked.add(id);
      } catch (error) {
        this.logger.info(`task ${id} failed or was canceled, cancelling unfinished tasks`);
        await this.session.call('cancelTaskChildren', [this.id]);
        throw error;
      }
    }
  }

  private async pauseUntil(started: number, timeout: number | undefined): Promise<void> {
    if (timeout === undefined) {
      await this.runtime.pause(60_000);
      return;
    }
    const spent = Date.now() - started;
    if (spent >= timeout * 1000) {
      await this.session.call('cancelTaskChildren', [this.id]);
      throw new GenericError(`Subtasks timed out after ${(spent / 1000).toFixed(1)} seconds`);
    }
    await this.runtime.pause(timeout * 1000 - spent);
  }

  /** Runs the callbacks of a builder event. Adds this task's session and record to the payload. */
  async runCallbacks<E extends CallbackName>(
    event: E,
    payload: Omit<CallbackPayloads[E], 'session' | 'taskinfo'>,
  ): Promise<void> {
    const full = { taskinfo: await this.taskInfo(), ...payload, session: this.session };
    await this.runtime.runCallbacks(event, full as unknown as CallbackPayloads[E]);
  }
}

async function sizeBelow(folder: string, below: string): Promise<number> {
  const handle = await openFileBelow(folder, below);
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/** A class that handles tasks. */
export interface TaskHandlerClass {
  /** The task methods that it handles. */
  readonly Methods: readonly string[];
  /** The load of a task on its builder. */
  readonly _taskWeight?: number;
  /** The arguments of its handler with their schemas. */
  readonly Args?: ArgSchemas | undefined;
  /** The name of the class, for messages. */
  readonly name: string;
  /** Creates the handler of one task. */
  new (runtime: TaskRuntime): BaseTaskHandler;
}

/** Returns whether a value is a subclass of {@link BaseTaskHandler}, of this or another copy of this package. */
export function isTaskHandler(value: unknown): value is TaskHandlerClass {
  return typeof value === 'function' && brand in value;
}
