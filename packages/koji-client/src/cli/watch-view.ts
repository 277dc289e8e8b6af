import { TASK_STATES } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { Output } from './output.js';
import { treeLines } from './task-tree.js';
import type { TreeTask } from './task-tree.js';
import type { WaitingReason } from '@koji/core/text';

/** A watched task in its last known state. */
export interface SeenTask {
  readonly id: number;
  readonly parent: number | null;
  readonly level: number;
  readonly info: TaskInfo | null;
  readonly done: boolean;
  /** Indented by its level. */
  readonly label: string;
  /** Its state with the host, or why it failed. */
  readonly shown: string;
}

/** How watched tasks are shown. */
export interface WatchView {
  start(): void;
  /** Called for a new task, and when its state changed from `before`. */
  seen(task: SeenTask, before: string | null): void;
  /** A task ended. */
  ended(tasks: readonly SeenTask[]): void;
  /** Called when a task is waiting, for a reason that was not shown yet. */
  waits(task: SeenTask, reason: WaitingReason): void;
  /** Shows or removes a line below the tasks. Absent in a view without one. */
  note?(text: string | null): void;
  /** Called at the end. */
  stop(): void;
}

/** Shows nothing. */
export const silentView: WatchView = {
  start: () => undefined,
  seen: () => undefined,
  ended: () => undefined,
  waits: () => undefined,
  stop: () => undefined,
};

/** Prints a line for each change like Koji's command, for programs that read it. */
export class LinesView implements WatchView {
  constructor(private readonly out: Output) {}

  start(): void {
    this.out.print('Watching tasks (this may be safely interrupted)...');
  }

  seen(task: SeenTask, before: string | null): void {
    this.out.print(before === null ? stateLine(task) : `${task.label}: ${before} -> ${task.shown}`);
  }

  ended(tasks: readonly SeenTask[]): void {
    this.out.print(countLine(tasks));
  }

  waits(task: SeenTask, reason: WaitingReason): void {
    this.out.print(`${stateLine(task)}, waiting: ${reason.text}`);
  }

  stop(): void {
    // Everything was printed when it changed.
  }
}

/** The last line about a task. */
export function stateLine({ label, shown }: SeenTask): string {
  return `${label}: ${shown}`;
}

function countLine(tasks: readonly SeenTask[]): string {
  const count = (...states: number[]): number =>
    tasks.filter(({ info }) => info && states.includes(info.state)).length;
  const { FREE, OPEN, ASSIGNED, CLOSED, CANCELED, FAILED } = TASK_STATES;
  const open = count(OPEN, ASSIGNED);
  return `  ${count(FREE)} free  ${open} open  ${count(CLOSED, CANCELED)} done  ${count(FAILED)} failed`;
}

/** The size of a terminal. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** Draws the tasks as a tree on a terminal, again whenever something changes and every second for the times. */
export class TreeView implements WatchView {
  private readonly tasks = new Map<number, SeenTask>();
  private readonly reasons = new Map<number, string>();
  private timer: NodeJS.Timeout | null = null;
  private noted: string | null = null;
  private drawn: readonly string[] = [];

  constructor(
    private readonly out: Output,
    private readonly screen: () => Screen,
  ) {}

  start(): void {
    this.out.print('Watching tasks (this may be safely interrupted)...');
    this.timer = setInterval(() => this.draw(), 1000);
    this.timer.unref();
  }

  seen(task: SeenTask): void {
    this.tasks.set(task.id, task);
    if (task.info?.state !== TASK_STATES.FREE) this.reasons.delete(task.id);
    this.draw();
  }

  ended(): void {
    this.draw();
  }

  waits(task: SeenTask, reason: WaitingReason): void {
    this.reasons.set(task.id, reason.text);
    this.draw();
  }

  note(text: string | null): void {
    if (this.noted === text) return;
    this.noted = text;
    this.draw();
  }

  stop(): void {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.noted = null;
    this.draw();
    this.timer = null;
  }

  private draw(): void {
    if (!this.timer) return;
    const tasks = [...this.tasks.values()].map((task) => this.treeTask(task));
    const { columns, rows } = this.screen();
    const lines = treeLines(tasks, { now: Date.now() / 1000, columns, rows, note: this.noted });
    // A narrower terminal has wrapped lines of the last drawing.
    const height = this.drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    // Moves to the first line of the last drawing, and erases everything below.
    const back = height > 0 ? `\x1b[${height}F\x1b[J` : '';
    this.out.write(`${back}${lines.join('\n')}\n`);
    this.drawn = lines;
  }

  private treeTask({ id, parent, info, label, shown }: SeenTask): TreeTask {
    return {
      id,
      parent: parent !== null && this.tasks.has(parent) ? parent : null,
      label: label.trimStart().replace(/^\d+ /, ''),
      state: stateOf(info),
      stateText: shown.split('\n')[0] ?? '',
      waiting: this.reasons.get(id) ?? null,
      created: secondsOf(info?.create_ts),
      started: secondsOf(info?.start_ts),
      finished: secondsOf(info?.completion_ts),
    };
  }
}

const secondsOf = (time: unknown): number | null =>
  time === null || time === undefined ? null : Number(time);

const states = ['free', 'open', 'closed', 'canceled', 'assigned', 'failed'] as const;

function stateOf(info: TaskInfo | null): TreeTask['state'] {
  return states[info?.state ?? -1] ?? 'unknown';
}
