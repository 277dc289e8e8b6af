import { TASK_STATES, messageOf } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import { basename } from 'node:path';
import type { ClientSession } from './session.js';
import { steadySession } from './steady.js';
import type { Patience } from './steady.js';
import { uniqueDirectory } from './upload.js';
import { watchUntilDone } from './watching.js';
import type { WatchedTask } from './watching.js';

/** How tasks are watched. */
export interface KojiOptions extends Patience {
  /** Seconds between checks of tasks; 6. A hub that reports changes is faster. */
  readonly pollInterval?: number;
}

/** Options of a build, like those of the command `koji build`. */
export interface BuildOptions {
  /** Build packages that no build keeps. */
  readonly scratch?: boolean;
  /** Leave the build untagged. */
  readonly skip_tag?: boolean;
  /** Make a draft, which can be promoted later. */
  readonly draft?: boolean;
  /** Cancel the other arches as soon as one fails. */
  readonly fail_fast?: boolean;
  /** First wait for a current repo of the build tag. */
  readonly wait_repo?: boolean;
  /** Builds that the repo must contain. */
  readonly wait_builds?: readonly string[];
  /** Arches of a scratch build, separated by spaces. */
  readonly arch_override?: string;
  /** The repo to build with. */
  readonly repo_id?: number;
  /** Other options of the hub's method `build`. */
  readonly [option: string]: unknown;
}

/** States of a task, by their names. */
export type TaskState = Lowercase<keyof typeof TASK_STATES>;

/** A task that is new or in a new state. */
export interface TaskChange {
  /** The task's id. */
  readonly id: number;
  /** Its parent; null for the watched task. */
  readonly parent: number | null;
  /** Its current state. */
  readonly state: TaskState;
  /** Its previous state; null for a new task. */
  readonly before: TaskState | null;
  /** Its host while it is assigned or open. */
  readonly host: string | null;
  /** Why it failed. */
  readonly fault: Error | null;
  /** The task as returned by the hub, with its request. */
  readonly info: TaskInfo;
}

/** A task that succeeded. */
export interface FinishedTask {
  /** The task's id. */
  readonly id: number;
  /** The task as returned by the hub, with its request. */
  readonly info: TaskInfo;
  /** Return value of its handler. */
  readonly result: unknown;
}

/** A task failed or was canceled. Its fault, if it has one, is the `cause`. */
export class TaskFailed extends Error {
  override name = 'TaskFailed';

  /** `taskId` is the awaited task. */
  constructor(
    readonly taskId: number,
    readonly state: 'failed' | 'canceled',
    cause: unknown,
  ) {
    super(state === 'failed' ? `task ${taskId} failed: ${messageOf(cause)}` : `task ${taskId} was canceled`, {
      cause,
    });
  }
}

const stateNames = ['free', 'open', 'closed', 'canceled', 'assigned', 'failed'] as const;

/**
 * Starts and watches tasks like the command. The hub reports changes if it can, and outages of the hub are tolerated.
 *
 * @example const session = new ClientSession('https://hub.example/kojihub'); await session.login('alice', 'secret'); const koji
 *   = new Koji(session); const { id } = await koji.build('f44', 'git+https://git.example/bash.git#main', { scratch: true
 *   }).finished();
 */
export class Koji {
  /** The session must be logged in to start tasks; watching them needs no login. */
  constructor(
    readonly session: ClientSession,
    private readonly options: KojiOptions = {},
  ) {}

  /**
   * Starts a build of a source URL, or of a local source package, which is uploaded first. Without a target it needs `repo_id`.
   */
  build(target: string | null, source: string, options: BuildOptions = {}): RunningTask {
    return new RunningTask(this.session, this.startBuild(target, source, options), this.options);
  }

  /** Watches an existing task. */
  task(id: number): RunningTask {
    return new RunningTask(this.session, Promise.resolve(id), this.options);
  }

  private async startBuild(target: string | null, source: string, options: BuildOptions): Promise<number> {
    if (source.includes('://')) return this.session.build(source, target, options);
    const directory = uniqueDirectory('cli-build');
    await this.session.upload(source, directory);
    return this.session.build(`${directory}/${basename(source)}`, target, options);
  }
}

/**
 * A task in progress. Iterating over it yields each change of the task and its descendants until all are finished; every
 * iterator gets all changes.
 */
export class RunningTask implements AsyncIterable<TaskChange> {
  private readonly changes: TaskChange[] = [];
  private watching: Promise<WatchedTask[]> | null = null;
  private isOver = false;
  /** Wakes the iterators. */
  private wake = (): void => undefined;
  private news: Promise<void> = Promise.resolve();

  /** Made by {@link Koji}. */
  constructor(
    private readonly session: ClientSession,
    /** The task's id. Rejects if the task could not be started. */
    readonly id: Promise<number>,
    private readonly options: KojiOptions,
  ) {
    // Callers that await the task get the error.
    this.id.catch(() => null);
    this.expectNews();
  }

  /**
   * Waits until the task and its descendants are finished.
   *
   * @throws TaskFailed if the task failed or was canceled, HubUnreachable if the hub was unavailable for too long
   */
  async finished(): Promise<FinishedTask> {
    const [task] = await this.watch();
    const { id, info, fault } = task as WatchedTask & { info: TaskInfo };
    if (info.state === TASK_STATES.CANCELED) throw new TaskFailed(id, 'canceled', fault);
    if (info.state !== TASK_STATES.CLOSED) throw new TaskFailed(id, 'failed', fault);
    const result = await steadySession(this.session, this.options).getTaskResult(id);
    return { id, info, result };
  }

  /** Cancels the task and its descendants. Needs a login. */
  async cancel(): Promise<void> {
    await this.session.cancelTask(await this.id);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TaskChange, void, void> {
    const watching = this.watch();
    watching.catch(() => null);
    for (let next = 0; ; next++) {
      while (next >= this.changes.length && !this.isOver) await this.news;
      const change = this.changes[next];
      if (!change) break;
      yield change;
    }
    await watching;
  }

  private watch(): Promise<WatchedTask[]> {
    this.watching ??= this.watchOnce().finally(() => {
      this.isOver = true;
      this.wake();
    });
    return this.watching;
  }

  private async watchOnce(): Promise<WatchedTask[]> {
    const { pollInterval = 6, signal } = this.options;
    const id = await this.id;
    return watchUntilDone(steadySession(this.session, this.options), [id], {
      pollInterval,
      ...(signal ? { signal } : {}),
      seen: (task, before) => this.tell(task, before),
      missing: () => {
        throw new RangeError(`No such task: ${id}`);
      },
    });
  }

  private tell({ id, parent, host, fault, info }: WatchedTask, before: number | null): void {
    if (!info) return;
    this.changes.push({
      id,
      parent,
      host,
      fault: fault instanceof Error ? fault : null,
      info,
      state: stateNames[info.state] ?? 'free',
      before: before === null ? null : (stateNames[before] ?? 'free'),
    });
    const { wake } = this;
    this.expectNews();
    wake();
  }

  private expectNews(): void {
    this.news = new Promise((resolve) => (this.wake = resolve));
  }
}
