import { ParameterError, PathInfo, TASK_STATES, UnknownFault, messageOf, nameOf } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { ClientSession } from '../session.js';
import type { SteadySession } from '../steady.js';
import { watchUntilDone } from '../watching.js';
import type { WatchedTask } from '../watching.js';
import { Exit } from './command.js';
import type { Run } from './command.js';
import { exitCodes } from './exit-codes.js';
import { offerToCancel } from './canceling.js';
import { endOfFailingLog } from './failing-log.js';
import { hasScreen } from './output.js';
import type { Output } from './output.js';
import { outageLines, outageText, steadyFor } from './outages.js';
import { printable } from './task-tree.js';
import { WaitingReasons } from '@koji/core/text';
import type { WaitingReason } from '@koji/core/text';
import { waitingQuestions } from './waiting-questions.js';
import { LinesView, TreeView, silentView, stateLine } from './watch-view.js';
import type { SeenTask, WatchView } from './watch-view.js';
import { taskLabel } from '@koji/core/text';

/** Prints that the task does not exist, and exits the command. */
export function noSuchTask(out: Output, id: number, quiet = false): never {
  if (!quiet) out.print(`No such task id: ${id}`);
  throw new Exit(exitCodes.failed);
}

interface Watch {
  readonly run: Run;
  readonly session: SteadySession;
  readonly view: WatchView;
}

/** A watched task for display. */
class ShownTask implements SeenTask {
  shown = '';
  /** Why it failed. */
  error = '';

  constructor(private readonly task: WatchedTask) {}

  get id(): number {
    return this.task.id;
  }

  get level(): number {
    return this.task.level;
  }

  get parent(): number | null {
    return this.task.parent;
  }

  get info(): TaskInfo | null {
    return this.task.info;
  }

  get done(): boolean {
    return this.task.done;
  }

  get label(): string {
    const label = this.info ? ` ${taskLabel(this.info)}` : '';
    return `${'  '.repeat(this.level)}${this.id}${label}`;
  }

  /** Returns a text for its state; logs are indented by a level. */
  async describe({ session, run }: Watch, level: number): Promise<void> {
    const state = (nameOf(TASK_STATES, this.info?.state ?? -1) ?? 'unknown').toLowerCase();
    if (state === 'failed') {
      const { topurl } = run.global;
      const logs = topurl ? await this.logs(session, topurl, level + 1) : '';
      this.error = faultText(this.task.fault);
      this.shown = `FAILED: ${this.error}${logs}`;
    } else {
      const { host } = this.task;
      this.shown = host === null ? state : `${state} (${host})`;
    }
  }

  private async logs(session: SteadySession, topurl: string, level: number): Promise<string> {
    const indent = '  '.repeat(level);
    const paths = new PathInfo(topurl);
    const files = (await outputFiles(session, this.id)).filter(([name]) => name.endsWith('log'));
    if (files.length === 0) return '';
    const lines = files.map(([name, volume]) => `${indent}${paths.task(this.id, volume)}/${name}`);
    return `\n${indent}Relevant logs:\n${lines.join('\n')}`;
  }
}

function faultText(error: unknown): string {
  if (error === null) return '';
  if (error instanceof UnknownFault) return `Fault: <Fault ${error.faultCode}: '${error.message.trim()}'>`;
  return error instanceof Error ? `${error.name}: ${error.message.trim()}` : messageOf(error);
}

/** Every file of a task's output with its volume. */
export async function outputFiles(
  session: Pick<ClientSession, 'call'>,
  taskId: number,
): Promise<[string, string][]> {
  const files = await session
    .call<Record<string, string[]>>('listTaskOutput', [taskId], { all_volumes: true })
    .catch(async (error: unknown) => {
      // Hubs before 1.12 support only one volume.
      if (!(error instanceof ParameterError) || !error.message.includes('unexpected keyword argument'))
        throw error;
      const names = await session.call<string[]>('listTaskOutput', [taskId]);
      return Object.fromEntries(names.map((name) => [name, ['DEFAULT']]));
    });
  return Object.entries(files).flatMap(([name, volumes]) =>
    volumes.map((volume): [string, string] => [name, volume]),
  );
}

function viewFor(run: Run, quiet: boolean): WatchView {
  if (quiet) return silentView;
  if (!hasScreen()) return new LinesView(run);
  return new TreeView(run, () => ({
    columns: process.stdout.columns || 80,
    rows: process.stdout.rows || 24,
  }));
}

/**
 * Prints the progress of tasks and their descendants until all are finished; on a terminal as a tree, with the end of the log
 * of failed tasks.
 *
 * @returns the exit code: 1 if one of the given tasks did not succeed
 * @throws HubUnreachable if the hub was unavailable for too long
 */
export async function watchTasks(
  run: Run,
  ids: readonly number[],
  quiet: boolean = run.global.quiet,
): Promise<number> {
  if (ids.length === 0) return 0;
  const { global } = run;
  const view = viewFor(run, quiet);
  const stop = new AbortController();
  const { signal } = stop;
  const session = steadyFor(run, { signal, onOutage: outageTeller(run, view, quiet) });
  const watch = { run, session, view };
  const shown = new Map<number, ShownTask>();
  view.start();
  run.atInterrupt(async () => {
    view.stop();
    stop.abort();
    if (quiet) return;
    const tasks = [...shown.values()];
    printRunning(run, tasks);
    const open = tasks.filter(({ level, done }) => level === 0 && !done);
    if (hasScreen())
      await offerToCancel(
        run,
        open.map(({ id }) => id),
      );
  });
  // Programs that read our output expect only the output of Koji's command.
  const explainer = !quiet && process.stdout.isTTY ? new WaitingExplainer(run, view) : null;
  try {
    await watchUntilDone(session, ids, {
      pollInterval: global.poll_interval,
      signal,
      async seen(task, before) {
        const one = shown.get(task.id) ?? new ShownTask(task);
        shown.set(task.id, one);
        const text = one.shown;
        await one.describe(watch, before === null ? task.level : 0);
        signal.throwIfAborted();
        view.seen(one, before === null ? null : text);
      },
      ended: () => view.ended([...shown.values()]),
      round: async () => explainer?.explain([...shown.values()]),
      missing: (id) => {
        view.stop();
        return noSuchTask(run, id, quiet);
      },
    });
  } finally {
    view.stop();
  }
  return printOutcome(watch, [...shown.values()], quiet);
}

/** Prints the results of the watched tasks. Returns the exit code. */
async function printOutcome(watch: Watch, tasks: readonly ShownTask[], quiet: boolean): Promise<number> {
  const given = tasks.filter(({ level }) => level === 0);
  if (!quiet) {
    if (hasScreen()) await printFailures(tasks, watch);
    watch.run.print('');
    for (const task of given) watch.run.print(`${task.label} ${outcome(task.info)}`);
  }
  return given.every(({ info }) => info?.state === TASK_STATES.CLOSED) ? 0 : exitCodes.failed;
}

function outageTeller(run: Run, view: WatchView, quiet: boolean): ReturnType<typeof outageLines> {
  if (quiet) return () => undefined;
  if (!view.note) return outageLines(run);
  return (outage) => view.note?.(outage && outageText(outage));
}

/** Prints for each task that failed itself the reason, the end of its log, and the location of the complete log. */
async function printFailures(tasks: readonly ShownTask[], { session, run }: Watch): Promise<void> {
  const { print, global } = run;
  const failed = tasks.filter(({ info }) => info?.state === TASK_STATES.FAILED);
  for (const task of failed.filter(({ id }) => !failed.some(({ parent }) => parent === id))) {
    print(`\n${printable(task.label.trimStart())} failed: ${printable(task.error)}`);
    const files = await outputFiles(session, task.id);
    // The end of a log is optional: without it everything else is printed.
    const end = await endOfFailingLog(session, task, files, global.topurl).catch(() => null);
    if (!end) continue;
    print(`The end of ${end.name}:`);
    for (const line of end.lines) print(`  ${line}`);
    const { program } = global;
    print(
      end.url ? `Whole log: ${end.url}` : `Whole log: ${program} watch-logs --log=${end.name} ${task.id}`,
    );
  }
}

/** Explains once per reason why tasks stay free. */
class WaitingExplainer {
  private readonly free = new Map<number, { since: number; cause: string | null }>();
  private readonly reasons = new WaitingReasons();
  private readonly interval: number;
  private next = 0;

  constructor(
    private readonly run: Run,
    private readonly view: WatchView,
  ) {
    const { global } = run;
    this.interval = Math.max(1, global.poll_interval) * 1000;
  }

  async explain(tasks: readonly ShownTask[]): Promise<void> {
    const now = performance.now();
    const { interval } = this;
    const due: { task: ShownTask; info: TaskInfo }[] = [];
    for (const task of tasks) {
      const { id, info } = task;
      if (info?.state !== TASK_STATES.FREE) this.free.delete(id);
      else if (!this.free.has(id)) this.free.set(id, { since: now, cause: null });
      else if (now - (this.free.get(id)?.since ?? now) >= interval) due.push({ task, info });
    }
    if (due.length === 0 || now < this.next) return;
    this.next = now + interval;
    const infos = due.map(({ info }) => info);
    // The reason is optional: without it watching continues.
    const reasons = await this.reasons.find(waitingQuestions(this.run.session), infos).catch(() => null);
    if (reasons) for (const { task } of due) this.say(task, reasons.get(task.id) ?? null);
  }

  private say(task: ShownTask, reason: WaitingReason | null): void {
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

function printRunning({ print, global }: Run, tasks: readonly ShownTask[]): void {
  const running = tasks.filter((task) => !task.done).map((task) => stateLine(task));
  print(
    `Tasks still running. You can continue to watch with the '${global.program} watch-task' command.\n` +
      `Running Tasks:\n${running.join('\n')}`,
  );
}
