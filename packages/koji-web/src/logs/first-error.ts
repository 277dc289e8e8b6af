import type { TaskInfo } from '@koji/core/api';
import { TASK_STATES } from '@koji/core';
import type { Calls } from '../calls.js';
import type { LineMarks } from './line-marks.js';
import { findSize, outputOf } from './task-files.js';
import type { TaskFile } from './task-files.js';
import { plainText, readLines } from './windows.js';

/** The first error in the log of a failed task, with the lines around it. */
export interface LogError {
  readonly file: TaskFile;
  /** The number of the line with the error. */
  readonly line: number;
  /** The number of the first of the lines. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** Lines at the end of a log to search, because the error is usually near the end. */
const searched = 4000;
const before = 4;
const after = 8;
/** Most failed tasks of a tree whose logs are searched. */
const mostTasks = 4;

/** Error messages of compilers, make, test programs, rpmbuild and package managers, the most reliable ones first. */
const patterns = [
  /(?:^|\s|:)(?:fatal |internal compiler |syntax )?error(?:\[\w+\])?:\s/i,
  /undefined reference to|cannot find -l|nothing provides |No matching package|Traceback \(most recent call last\)/,
  /\*\*\* .*Error \d+|^\s*(?:FAIL|FAILED|ERROR|FATAL)\b|Bad exit status|No such file or directory/,
];

/** Logs by the likelihood that they contain the error; a log named in the fault comes first. */
const likely = ['build.log', 'root.log', 'mock_output.log'];

/** Finds the error of the deepest failed task; null if no log has one. */
export async function findError(
  calls: Calls,
  lineMarks: LineMarks,
  { tasks, fault }: { readonly tasks: readonly TaskInfo[]; readonly fault: string },
): Promise<LogError | null> {
  const failed = tasks.filter(({ state }) => state === TASK_STATES.FAILED).sort((a, b) => b.id - a.id);
  const named = /\b(\w+\.log)\b/.exec(fault)?.[1];
  const rank = (name: string): number => (name === named ? -1 : (likely.indexOf(name) + 99) % 99);
  for (const { id } of failed.slice(0, mostTasks)) {
    const files = Object.entries(await outputOf(calls, id)).flatMap(([name, volumes]) =>
      name.endsWith('.log') ? Object.keys(volumes).map((volume) => ({ task: id, name, volume })) : [],
    );
    for (const file of files.sort((a, b) => rank(a.name) - rank(b.name)).slice(0, likely.length)) {
      const found = await findIn(calls, lineMarks, file);
      if (found) return found;
    }
  }
  return null;
}

async function findIn(calls: Calls, lineMarks: LineMarks, file: TaskFile): Promise<LogError | null> {
  const size = await findSize(calls, file);
  if (size === null || size === 0) return null;
  const log = { file, size, lines: await lineMarks.find(calls, file, size) };
  const from = Math.max(log.lines.total - searched, 1);
  const lines = await readLines(calls, log, { first: from, most: searched + 1 });
  for (const pattern of patterns) {
    const at = lines.findIndex((line) => pattern.test(plainText(line)));
    if (at === -1) continue;
    const first = Math.max(at - before, 0);
    return { file, line: from + at, first: from + first, lines: lines.slice(first, at + after + 1) };
  }
  return null;
}
