import { setTimeout as delay } from 'node:timers/promises';
import { ParameterError, PathInfo, TASK_STATES, UnknownFault, messageOf, nameOf } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { ClientSession } from '../session.js';
import { Exit } from './command.js';
import type { Output } from './output.js';
import { endOfFailingLog } from './failing-log.js';
import { printable } from './task-tree.js';
import { WaitingReasons } from './waiting-reason.js';
import type { WaitingReason } from './waiting-reason.js';
import { LinesView, TreeView, silentView, stateLine } from './watch-view.js';
import type { SeenTask, WatchView } from './watch-view.js';
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

interface Watch {
  readonly session: ClientSession;
  readonly out: Output;
  readonly options: WatchOptions;
  readonly view: WatchView;
}

/** A task that is watched: what was last seen of it, and its place in the tree. */
class WatchedTask implements SeenTask {
  info: TaskInfo | null = null;
  shown = '';
  /** Why it failed. */
  error = '';

  constructor(
    readonly id: number,
    private readonly above: WatchedTask | null,
    private readonly watch: Watch,
  ) {}

  get level(): number {
    return this.above ? this.above.level + 1 : 0;
  }

  get parent(): number | null {
    return this.above?.id ?? null;
  }

  get done(): boolean {
    return this.info !== null && isDone(this.info);
  }

  get label(): string {
    const label = this.info ? ` ${taskLabel(this.info)}` : '';
    return `${'  '.repeat(this.level)}${this.id}${label}`;
  }

  /** Looks again; answers whether its state changed. */
  async update(): Promise<boolean> {
    const { session, out, options, view } = this.watch;
    if (this.done) return false;
    const last = this.info;
    const before = this.shown;
    this.info = await session.call<TaskInfo | null>('getTaskInfo', [this.id], { request: true });
    if (this.info === null) {
      view.stop();
      noSuchTask(out, this.id, options.quiet);
    }
    const changed = last !== null && last.state !== this.info.state;
    if (last !== null && !changed) return false;
    this.shown = await this.stateText(this.info, last ? 0 : this.level);
    view.seen(this, last ? before : null);
    return changed;
  }

  private async stateText(info: TaskInfo, level: number): Promise<string> {
    const { session, options } = this.watch;
    const state = (nameOf(TASK_STATES, info.state) ?? 'unknown').toLowerCase();
    if (state === 'failed') {
      const logs = options.topurl ? await this.logs(options.topurl, level + 1) : '';
      this.error = await this.failure();
      return `FAILED: ${this.error}${logs}`;
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

/** Returns whether somebody looks at a terminal that can be drawn on. */
function hasScreen(): boolean {
  return process.stdout.isTTY && !['', 'dumb'].includes(process.env['TERM'] ?? '');
}

function viewFor(out: Output, quiet: boolean): WatchView {
  if (quiet) return silentView;
  if (!hasScreen()) return new LinesView(out);
  return new TreeView(out, () => ({
    columns: process.stdout.columns || 80,
    rows: process.stdout.rows || 24,
  }));
}

/**
 * Prints how tasks and the tasks below them go on until all are done; on a terminal as a tree, with the end of the log of
 * what failed.
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
  const view = viewFor(out, quiet);
  view.start();
  const watch = { session, out, options, view };
  const tasks = new Map(ids.map((id) => [id, new WatchedTask(id, null, watch)]));
  options.atInterrupt?.(() => {
    view.stop();
    sayRunning(out, [...tasks.values()], options);
  });
  const waiter = new Waiter(session);
  // Programs that read our output expect no more in it than Koji's command writes.
  const explainer = !quiet && process.stdout.isTTY ? new WaitingExplainer(session, view, options) : null;
  for (;;) {
    if (await lookOnce(tasks, watch)) break;
    await explainer?.explain([...tasks.values()]);
    await waiter.pause(
      [...tasks.values()].flatMap(({ info }) => (info && !isDone(info) ? [info] : [])),
      options.pollInterval,
    );
  }
  view.stop();
  if (!quiet) {
    if (hasScreen()) await printFailures([...tasks.values()], watch);
    out.print('');
    for (const task of tasks.values()) if (task.level === 0) out.print(`${task.label} ${outcome(task.info)}`);
  }
  return [...tasks.values()].some(({ level, info }) => level === 0 && info?.state !== TASK_STATES.CLOSED)
    ? 1
    : 0;
}

/** Looks at every task and for new ones below them; answers whether all are done. */
async function lookOnce(tasks: Map<number, WatchedTask>, watch: Watch): Promise<boolean> {
  let allDone = true;
  for (const task of [...tasks.values()]) {
    const changed = await task.update();
    if (!task.done) allDone = false;
    else if (changed) watch.view.ended([...tasks.values()]);
    for (const { id } of await watch.session.getTaskChildren(task.id)) {
      if (tasks.has(id)) continue;
      const child = new WatchedTask(id, task, watch);
      tasks.set(id, child);
      await child.update();
      // It may have children of its own, so there is one more round at least.
      allDone = false;
    }
  }
  return allDone;
}

/** Prints of each task that failed by itself why, the end of its log, and where the whole log is. */
async function printFailures(tasks: readonly WatchedTask[], { session, out, options }: Watch): Promise<void> {
  const failed = tasks.filter(({ info }) => info?.state === TASK_STATES.FAILED);
  for (const task of failed.filter(({ id }) => !failed.some(({ parent }) => parent === id))) {
    out.print(`\n${printable(task.label.trimStart())} failed: ${printable(task.error)}`);
    const files = await outputFiles(session, task.id);
    // The end of a log is an extra: without it all else is told.
    const end = await endOfFailingLog(session, task, files, options.topurl).catch(() => null);
    if (!end) continue;
    out.print(`The end of ${end.name}:`);
    for (const line of end.lines) out.print(`  ${line}`);
    const { program } = options;
    out.print(
      end.url ? `Whole log: ${end.url}` : `Whole log: ${program} watch-logs --log=${end.name} ${task.id}`,
    );
  }
}

/** Says of tasks that stay free why, once for each reason. */
class WaitingExplainer {
  private readonly free = new Map<number, { since: number; cause: string | null }>();
  private readonly reasons: WaitingReasons;
  private next = 0;

  constructor(
    session: ClientSession,
    private readonly view: WatchView,
    private readonly options: WatchOptions,
  ) {
    this.reasons = new WaitingReasons(session);
  }

  async explain(tasks: readonly WatchedTask[]): Promise<void> {
    const now = performance.now();
    const interval = Math.max(1, this.options.pollInterval) * 1000;
    const due: { task: WatchedTask; info: TaskInfo }[] = [];
    for (const task of tasks) {
      const { id, info } = task;
      if (info?.state !== TASK_STATES.FREE) this.free.delete(id);
      else if (!this.free.has(id)) this.free.set(id, { since: now, cause: null });
      else if (now - (this.free.get(id)?.since ?? now) >= interval) due.push({ task, info });
    }
    if (due.length === 0 || now < this.next) return;
    this.next = now + interval;
    const infos = due.map(({ info }) => info);
    // The reason is an extra: without it the watching goes on.
    const reasons = await this.reasons.find(infos).catch(() => null);
    if (reasons) for (const { task } of due) this.say(task, reasons.get(task.id) ?? null);
  }

  private say(task: WatchedTask, reason: WaitingReason | null): void {
    const free = this.free.get(task.id);
    if (!free || !reason || free.cause === reason.cause) return;
    free.cause = reason.cause;
    this.view.waits(task, reason);
  }
}

function outcome(info: TaskInfo | null): string {
  if (info?.state === TASK_STATES.CLOSED) return 'completed successfully';
  if (info?.state === TASK_STATES.FAILED) return 'failed';
  return info?.state === TASK_STATES.CANCELED ? 'was canceled' : 'has not completed';
}

function sayRunning(out: Output, tasks: readonly WatchedTask[], { program, quiet }: WatchOptions): void {
  if (quiet) return;
  const running = tasks.filter((task) => !task.done).map((task) => stateLine(task));
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
    } catch (error) {
      // A hub that is away for a moment may have the method when it is back.
      if (messageOf(error).includes('Invalid method')) this.canWait = false;
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
