import { setTimeout as delay } from 'node:timers/promises';
import { ParameterError, PathInfo, TASK_STATES, UnknownFault, messageOf, nameOf } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { ClientSession } from '../session.js';
import { Exit } from './command.js';
import type { Output } from './output.js';
import { taskLabel } from '../text/task-label.js';

/** How to watch tasks. */
export interface WatchOptions {
  readonly quiet: boolean;
  /** Seconds between looks; a hub that can tell of changes is heard sooner. */
  readonly pollInterval: number;
  readonly topurl: string | null;
  readonly program: string;
  /** Told what to say when the user interrupts. */
  readonly atInterrupt?: (say: () => void) => void;
}

const isDone = (info: TaskInfo): boolean =>
  info.state === TASK_STATES.CLOSED ||
  info.state === TASK_STATES.CANCELED ||
  info.state === TASK_STATES.FAILED;

/** Says that there is no such task, and ends. */
function noSuchTask(out: Output, id: number, quiet = false): never {
  if (!quiet) out.print(`No such task id: ${id}`);
  throw new Exit(1);
}

/** A task that is watched: what was last seen of it, and its place in the tree. */
class WatchedTask {
  info: TaskInfo | null = null;
  private shown = '';

  constructor(
    readonly id: number,
    readonly level: number,
    private readonly watch: { session: ClientSession; out: Output; options: WatchOptions },
  ) {}

  get done(): boolean {
    return this.info !== null && isDone(this.info);
  }

  get label(): string {
    const label = this.info ? ` ${taskLabel(this.info)}` : '';
    return `${'  '.repeat(this.level)}${this.id}${label}`;
  }

  /** The last line about it, for the list of running tasks. */
  get stateLine(): string {
    return `${this.label}: ${this.shown}`;
  }

  /** Looks again; answers whether its state changed. */
  async update(): Promise<boolean> {
    const { session, out, options } = this.watch;
    if (this.done) return false;
    const last = this.info;
    const before = this.shown;
    this.info = await session.call<TaskInfo | null>('getTaskInfo', [this.id], { request: true });
    if (this.info === null) noSuchTask(out, this.id, options.quiet);
    const changed = last !== null && last.state !== this.info.state;
    if (last !== null && !changed) return false;
    this.shown = await this.stateText(this.info, last ? 0 : this.level);
    if (!options.quiet) out.print(last ? `${this.label}: ${before} -> ${this.shown}` : this.stateLine);
    return changed;
  }

  private async stateText(info: TaskInfo, level: number): Promise<string> {
    const { session, options } = this.watch;
    const state = (nameOf(TASK_STATES, info.state) ?? 'unknown').toLowerCase();
    if (state === 'failed') {
      const logs = options.topurl ? await this.logs(options.topurl, level + 1) : '';
      return `FAILED: ${await this.failure()}${logs}`;
    }
    if ((state !== 'open' && state !== 'assigned') || !info.host_id) return state;
    const host = await session.getHost(info.host_id);
    return `${state} (${host?.name ?? info.host_id})`;
  }

  private async failure(): Promise<string> {
    try {
      await this.watch.session.getTaskResult(this.id);
      return '';
    } catch (error) {
      if (error instanceof UnknownFault)
        return `Fault: <Fault ${error.faultCode}: '${error.message.trim()}'>`;
      return error instanceof Error ? `${error.name}: ${error.message.trim()}` : messageOf(error);
    }
  }

  private async logs(topurl: string, level: number): Promise<string> {
    const indent = '  '.repeat(level);
    const paths = new PathInfo(topurl);
    const files = (await outputFiles(this.watch.session, this.id)).filter(([name]) => name.endsWith('log'));
    if (files.length === 0) return '';
    const lines = files.map(([name, volume]) => `${indent}${paths.task(this.id, volume)}/${name}`);
    return `\n${indent}Relevant logs:\n${lines.join('\n')}`;
  }
}

/** Every file of a task's output with its volume. */
export async function outputFiles(session: ClientSession, taskId: number): Promise<[string, string][]> {
  const files = await session
    .call<Record<string, string[]>>('listTaskOutput', [taskId], { all_volumes: true })
    .catch(async (error: unknown) => {
      // Hubs before 1.12 know of one volume only.
      if (!(error instanceof ParameterError) || !error.message.includes('unexpected keyword argument'))
        throw error;
      const names = await session.call<string[]>('listTaskOutput', [taskId]);
      return Object.fromEntries(names.map((name) => [name, ['DEFAULT']]));
    });
  return Object.entries(files).flatMap(([name, volumes]) =>
    volumes.map((volume): [string, string] => [name, volume]),
  );
}

/**
 * Prints how tasks and the tasks below them go on until all are done.
 *
 * @returns the exit code: 1 when one of the given tasks did not succeed
 */
export async function watchTasks(
  session: ClientSession,
  out: Output,
  ids: readonly number[],
  options: WatchOptions,
): Promise<number> {
  if (ids.length === 0) return 0;
  const { quiet } = options;
  if (!quiet) out.print('Watching tasks (this may be safely interrupted)...');
  const watch = { session, out, options };
  const tasks = new Map(ids.map((id) => [id, new WatchedTask(id, 0, watch)]));
  options.atInterrupt?.(() => sayRunning(out, [...tasks.values()], options));
  const waiter = new Waiter(session);
  for (;;) {
    if (await lookOnce(session, out, tasks, watch)) break;
    await waiter.pause(
      [...tasks.values()].flatMap(({ info }) => (info && !isDone(info) ? [info] : [])),
      options.pollInterval,
    );
  }
  if (!quiet) {
    out.print('');
    for (const task of tasks.values()) if (task.level === 0) out.print(`${task.label} ${outcome(task.info)}`);
  }
  return [...tasks.values()].some(({ level, info }) => level === 0 && info?.state !== TASK_STATES.CLOSED)
    ? 1
    : 0;
}

/** Looks at every task and for new ones below them; answers whether all are done. */
async function lookOnce(
  session: ClientSession,
  out: Output,
  tasks: Map<number, WatchedTask>,
  watch: { session: ClientSession; out: Output; options: WatchOptions },
): Promise<boolean> {
  let allDone = true;
  for (const task of [...tasks.values()]) {
    const changed = await task.update();
    if (!task.done) allDone = false;
    else if (changed && !watch.options.quiet) out.print(countLine([...tasks.values()]));
    for (const { id } of await session.getTaskChildren(task.id)) {
      if (tasks.has(id)) continue;
      const child = new WatchedTask(id, task.level + 1, watch);
      tasks.set(id, child);
      await child.update();
      // It may have children of its own, so there is one more round at least.
      allDone = false;
    }
  }
  return allDone;
}

function countLine(tasks: readonly WatchedTask[]): string {
  const count = (...states: number[]): number =>
    tasks.filter(({ info }) => info && states.includes(info.state)).length;
  const { FREE, OPEN, ASSIGNED, CLOSED, CANCELED, FAILED } = TASK_STATES;
  const open = count(OPEN, ASSIGNED);
  return `  ${count(FREE)} free  ${open} open  ${count(CLOSED, CANCELED)} done  ${count(FAILED)} failed`;
}

function outcome(info: TaskInfo | null): string {
  if (info?.state === TASK_STATES.CLOSED) return 'completed successfully';
  if (info?.state === TASK_STATES.FAILED) return 'failed';
  return info?.state === TASK_STATES.CANCELED ? 'was canceled' : 'has not completed';
}

function sayRunning(out: Output, tasks: readonly WatchedTask[], { program, quiet }: WatchOptions): void {
  if (quiet) return;
  const running = tasks.filter((task) => !task.done).map((task) => task.stateLine);
  out.print(
    `Tasks still running. You can continue to watch with the '${program} watch-task' command.\n` +
      `Running Tasks:\n${running.join('\n')}`,
  );
}

/** Pauses between looks at tasks; a hub with `waitTask` ends a pause as soon as one of them changes. */
export class Waiter {
  private canWait = true;

  constructor(private readonly session: ClientSession) {}

  async pause(tasks: readonly { id: number; state: number }[], seconds: number): Promise<void> {
    const stop = new AbortController();
    const { signal } = stop;
    const pause = delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
    // A few at most: every wait holds a connection, and the end of any task is followed by a look at all.
    const waits = this.canWait ? tasks.slice(0, 4).map((task) => this.waitFor(task, seconds, signal)) : [];
    try {
      await Promise.race([pause, ...waits]);
    } finally {
      stop.abort();
      await Promise.allSettled(waits);
    }
  }

  private async waitFor(
    task: { id: number; state: number },
    seconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    const until = delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
    try {
      const wait = { state: task.state, timeout: Math.max(1, Math.ceil(seconds)) };
      await this.session.call('waitTask', [task.id], wait, { signal, aside: true, retry: false });
    } catch {
      // A hub without the method, or one that is away for a moment: time passes instead.
      if (!signal.aborted) this.canWait = false;
      await until;
    }
  }
}

/** How to watch logs. */
export interface WatchLogsOptions {
  readonly log?: string | undefined;
  readonly follow: boolean;
  readonly pollInterval: number;
}

/** Prints what tasks write to their logs until they are done. */
export async function watchLogs(
  session: ClientSession,
  out: Output,
  ids: readonly number[],
  options: WatchLogsOptions,
): Promise<void> {
  out.print('Watching logs (this may be safely interrupted)...');
  const follower = new LogFollower(session, out, options);
  const waiter = new Waiter(session);
  const known = new Set(ids);
  let running = [...known];
  for (;;) {
    const open: { id: number; state: number }[] = [];
    for (let i = 0; i < running.length; i++) {
      const id = running[i] as number;
      const info = await session.call<TaskInfo | null>('getTaskInfo', [id]);
      if (info === null) noSuchTask(out, id);
      if (!isDone(info)) open.push(info);
      await follower.printNew(id);
      if (!options.follow) continue;
      for (const child of await session.getTaskChildren(id)) {
        if (known.has(child.id)) continue;
        known.add(child.id);
        running.push(child.id);
      }
    }
    if (open.length === 0) return;
    running = open.map(({ id }) => id);
    await waiter.pause(open, options.pollInterval);
  }
}

class LogFollower {
  private readonly offsets = new Map<string, number>();
  private last = '';

  constructor(
    private readonly session: ClientSession,
    private readonly out: Output,
    private readonly options: WatchLogsOptions,
  ) {}

  async printNew(taskId: number): Promise<void> {
    const wanted = this.options.log;
    for (const [name, volume] of await outputFiles(this.session, taskId)) {
      if (wanted === undefined ? !name.endsWith('log') : name !== wanted) continue;
      const place = `${taskId}:${volume}:${name}:`;
      const offset = this.offsets.get(place) ?? 0;
      let at = offset;
      for await (const block of this.session.streamTaskOutput(taskId, name, {
        offset,
        volume,
        blocksize: 16_384,
      })) {
        if (place !== this.last) this.out.write(`${this.last ? '\n' : ''}==> ${place} <==\n`);
        this.last = place;
        this.out.write(block);
        at += block.length;
      }
      this.offsets.set(place, at);
    }
  }
}
