import { TASK_STATES } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { Output } from './output.js';
import { treeLines } from './task-tree.js';
import type { TreeTask } from './task-tree.js';
import type { WaitingReason } from '@koji/core/text';

/** A watched task: what was last seen of it. */
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
  /** A task was seen for the first time, or its state changed from `before`. */
  seen(task: SeenTask, before: string | null): void;
  /** A task ended. */
  ended(tasks: readonly SeenTask[]): void;
  /** A task is not taken, for a reason that was not shown yet. */
  waits(task: SeenTask, reason: WaitingReason): void;
  /** Shows a line below the tasks, or takes it away. Absent in a view that has no such place. */
  note?(text: string | null): void;
  /** Nothing more will be seen. */
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

/** Prints a line for each change, as Koji's command does: what programs read. */
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
    // All was printed when it was seen.
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
    // A terminal that was made narrower has wrapped lines of the last drawing.
    const height = this.drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    // Back to the first line of the last drawing, and all below it erased.
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
