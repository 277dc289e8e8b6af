/** A task in the tree. */
export interface TreeTask {
  readonly id: number;
  /** Its parent, if that is watched too. */
  readonly parent: number | null;
  readonly label: string;
  readonly state: 'free' | 'open' | 'closed' | 'canceled' | 'assigned' | 'failed' | 'unknown';
  /** Text for its state: with the host, or why it failed. */
  readonly stateText: string;
  /** Why it is waiting. */
  readonly waiting: string | null;
  /** Epoch seconds; null for events in the future. */
  readonly created: number | null;
  readonly started: number | null;
  readonly finished: number | null;
}

/** Size and time of the display. */
export interface TreeFrame {
  /** Epoch seconds. */
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  /** A last line that is not about a single task. */
  readonly note?: string | null;
}

/**
 * Returns the lines of a tree of tasks, none longer than the terminal: each task with its time and state, below its parent, and
 * finally the number of tasks in each state. If there are too many, tasks that succeeded are dropped first.
 */
export function treeLines(tasks: readonly TreeTask[], { now, columns, rows, note }: TreeFrame): string[] {
  const notes = note ? [printable(note)] : [];
  const shown = fitting(inOrder(tasks), Math.max(3, rows - 2 - notes.length));
  const names = shown.map((row) =>
    typeof row === 'string' ? '' : `${'  '.repeat(row.depth)}${row.task.id} ${printable(row.task.label)}`,
  );
  // At most half of the line, so that states have room.
  const width = Math.min(
    Math.max(...names.map((name) => name.length)),
    Math.max(20, Math.trunc(columns / 2)),
  );
  const lines = shown.map((row, i) => {
    if (typeof row === 'string') return row;
    const { task } = row;
    const waiting = task.waiting === null ? '' : `, waiting: ${task.waiting}`;
    const name = cut(names[i] ?? '', width).padEnd(width);
    return `${name}  ${timeOf(task, now).padStart(7)}  ${printable(task.stateText + waiting)}`;
  });
  return [...lines, countsOf(tasks), ...notes].map((line) => cut(line.trimEnd(), Math.max(20, columns - 1)));
}

interface Row {
  readonly task: TreeTask;
  readonly depth: number;
}

/** The tasks in depth-first order, by id. */
function inOrder(tasks: readonly TreeTask[]): Row[] {
  const below = new Map<number | null, TreeTask[]>();
  for (const task of [...tasks].sort((a, b) => a.id - b.id))
    below.set(task.parent, [...(below.get(task.parent) ?? []), task]);
  const rows = (parent: number | null, depth: number): Row[] =>
    (below.get(parent) ?? []).flatMap((task) => [{ task, depth }, ...rows(task.id, depth + 1)]);
  return rows(null, 0);
}

function fitting(rows: readonly Row[], most: number): (Row | string)[] {
  if (rows.length <= most) return [...rows];
  const extra = rows.length - most + 1;
  const dull = rows.filter(({ task, depth }) => task.state === 'closed' && depth > 0).slice(0, extra);
  const kept = rows.filter((row) => !dull.includes(row));
  const note = (count: number): string => `… ${count} more ${count === 1 ? 'task' : 'tasks'}`;
  if (kept.length < most) return [...kept, note(dull.length)];
  return [...kept.slice(0, most - 1), note(rows.length - most + 1)];
}

/** How long it has been running or ran; for a task that nobody took, how long it has been waiting. */
function timeOf({ created, started, finished }: TreeTask, now: number): string {
  const from = started ?? created;
  if (from === null) return '';
  // The hub's clock may be ahead of ours.
  const seconds = Math.max(0, Math.trunc((finished ?? now) - from));
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${Math.trunc(seconds / 3600)}:${two(Math.trunc(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function countsOf(tasks: readonly TreeTask[]): string {
  const count = (...states: TreeTask['state'][]): number =>
    tasks.filter(({ state }) => states.includes(state)).length;
  return `  ${count('free')} free  ${count('open', 'assigned')} open  ${count('closed', 'canceled')} done  ${count('failed')} failed`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Untrusted text on one line, without characters that move the cursor. */
export function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ');
}
