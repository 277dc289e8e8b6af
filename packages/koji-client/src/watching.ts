import { setTimeout as delay } from 'node:timers/promises';
import { TASK_STATES, messageOf } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { SteadySession } from './steady.js';

/** Returns whether a task is finished. */
export const isDone = ({ state }: Pick<TaskInfo, 'state'>): boolean =>
  state === TASK_STATES.CLOSED || state === TASK_STATES.CANCELED || state === TASK_STATES.FAILED;

/** A watched task: its last known state, and its place in the tree. */
export class WatchedTask {
  /** Null before the first check. */
  info: TaskInfo | null = null;
  /** Name of its host while it is assigned or open. */
  host: string | null = null;
  /** The fault of a failed task. */
  fault: unknown = null;

  constructor(
    readonly id: number,
    private readonly above: WatchedTask | null = null,
  ) {}

  /** Its depth below the tasks that were given to watch: 0 for these. */
  get level(): number {
    return this.above ? this.above.level + 1 : 0;
  }

  get parent(): number | null {
    return this.above?.id ?? null;
  }

  get done(): boolean {
    return this.info !== null && isDone(this.info);
  }

  /** Checks again. Returns false if the task does not exist. */
  async look(session: SteadySession): Promise<boolean> {
    const before = this.info?.state;
    const info = await session.call<TaskInfo | null>('getTaskInfo', [this.id], { request: true });
    if (!info) return false;
    if (info.state !== before) await this.learn(session, info);
    this.info = info;
    return true;
  }

  private async learn(session: SteadySession, { state, host_id: hostId }: TaskInfo): Promise<void> {
    const isHeld = state === TASK_STATES.OPEN || state === TASK_STATES.ASSIGNED;
    this.host = isHeld && hostId ? ((await session.getHost(hostId))?.name ?? String(hostId)) : null;
    if (state !== TASK_STATES.FAILED) return;
    this.fault = await session.getTaskResult(this.id).then(
      () => null,
      (error: unknown) => error,
    );
  }
}

/** Callbacks while tasks are watched, and the time between checks. */
export interface Watching {
  /** Seconds between checks; a hub that reports changes is faster. */
  readonly pollInterval: number;
  /** Called for each task that is seen for the first time or in another state than `before`. */
  seen(task: WatchedTask, before: number | null): Promise<void> | void;
  /** Called when a task has ended that was seen running. */
  ended?(tasks: readonly WatchedTask[]): void;
  /** Called after each look at all tasks that finds some running. */
  round?(tasks: readonly WatchedTask[]): Promise<void>;
  /** Called when there is no such task. */
  missing(id: number): never;
  /** Ends the watching. */
  readonly signal?: AbortSignal;
}

/** Watches tasks and the tasks below them until all are done, and returns all of them. */
export async function watchUntilDone(
  session: SteadySession,
  ids: readonly number[],
  watching: Watching,
): Promise<WatchedTask[]> {
  const tasks = new Map(ids.map((id) => [id, new WatchedTask(id)]));
  const waiter = new Waiter(session, watching.signal);
  while (!(await lookOnce(session, tasks, watching))) {
    const all = [...tasks.values()];
    await watching.round?.(all);
    const running = all.flatMap(({ info }) => (info && !isDone(info) ? [info] : []));
    await waiter.pause(running, watching.pollInterval);
  }
  return [...tasks.values()];
}

/** Looks at every task and for new ones below them. Returns whether all are done. */
async function lookOnce(
  session: SteadySession,
  tasks: Map<number, WatchedTask>,
  watching: Watching,
): Promise<boolean> {
  let allDone = true;
  for (const task of [...tasks.values()]) {
    const changed = await lookAt(session, task, watching);
    if (!task.done) allDone = false;
    else if (changed) watching.ended?.([...tasks.values()]);
    for (const { id } of await session.getTaskChildren(task.id)) {
      if (tasks.has(id)) continue;
      const child = new WatchedTask(id, task);
      tasks.set(id, child);
      await lookAt(session, child, watching);
      // It may have children of its own, so there is one more round at least.
      allDone = false;
    }
  }
  return allDone;
}

/** Returns whether the state of the task changed since an earlier look. */
async function lookAt(session: SteadySession, task: WatchedTask, watching: Watching): Promise<boolean> {
  if (task.done) return false;
  const before = task.info?.state ?? null;
  if (!(await task.look(session))) watching.missing(task.id);
  watching.signal?.throwIfAborted();
  if (task.info?.state === before) return false;
  await watching.seen(task, before);
  return before !== null;
}

/** Pauses between looks at tasks; a hub with `waitTask` ends a pause as soon as one of them changes. */
export class Waiter {
  private readonly news: News;

  constructor(
    session: SteadySession,
    private readonly signal?: AbortSignal,
  ) {
    this.news = new News(session);
  }

  async pause(tasks: readonly { id: number; state: number }[], seconds: number): Promise<void> {
    // A few at most: every wait holds a connection, and the end of any task is followed by a look at all.
    await this.news.pause(
      tasks.slice(0, 4).map(({ id, state }) => ['waitTask', [id], { state }]),
      { seconds, ...(this.signal ? { signal: this.signal } : {}) },
    );
  }
}

/** A method that answers when something has changed or `timeout` seconds have passed, and its other arguments. */
export type NewsCall = readonly [
  method: string,
  args: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
];

/** Pauses that end early when the hub reports a change. On a hub without the methods they are only pauses. */
export class News {
  private readonly lacks = new Set<string>();

  constructor(private readonly session: Pick<SteadySession, 'call'>) {}

  /** Pauses until one of the calls is answered, `seconds` have passed or the signal is aborted, which rejects. */
  async pause(
    calls: readonly NewsCall[],
    { seconds, signal: outer }: { readonly seconds: number; readonly signal?: AbortSignal },
  ): Promise<void> {
    const stop = new AbortController();
    const signal = outer ? AbortSignal.any([stop.signal, outer]) : stop.signal;
    const pause = delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
    const timeout = Math.max(1, Math.ceil(seconds));
    const waits = calls
      .filter(([method]) => !this.lacks.has(method))
      .map(([method, args, named]) => this.waitFor([method, args, { ...named, timeout }], pause, signal));
    try {
      await Promise.race([pause, ...waits]);
    } finally {
      stop.abort();
      await Promise.allSettled(waits);
    }
    outer?.throwIfAborted();
  }

  private async waitFor(
    [method, args, named]: NewsCall,
    pause: Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.session.call(method, args, named, { signal, aside: true });
    } catch (error) {
      // A hub that is away for a moment may have the method when it is back.
      if (messageOf(error).includes('Invalid method')) this.lacks.add(method);
      await pause;
    }
  }
}
