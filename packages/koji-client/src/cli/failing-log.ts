import { PathInfo } from '@koji/core';
import type { SteadySession } from '../steady.js';
import { printable } from './task-tree.js';

/** Logs that best explain a failure, best first. */
const telling = ['build.log', 'root.log', 'mock_output.log', 'checkout.log', 'createrepo.log'];

/** Returns a failed task's logs in the order in which they may explain the failure: those in its error, then the usual ones. */
export function logsOfFailure(error: string, logs: readonly string[]): string[] {
  const named = error.match(/[\w.+-]+\.log\b/g) ?? [];
  const found = [...named, ...telling, ...logs].filter((name) => logs.includes(name));
  return [...new Set(found)];
}

/** Returns the last lines of a text whose first line may be truncated. */
export function lastLines(text: string, most: number, isWhole: boolean): string[] {
  const lines = text.replace(/\s+$/, '').split(/\r?\n/);
  return (isWhole ? lines : lines.slice(1)).slice(-most).map(printable);
}

/** The end of a log and the location of the complete log. */
export interface LogEnd {
  readonly name: string;
  readonly lines: readonly string[];
  /** Null if the URL of files is unknown. */
  readonly url: string | null;
}

const tailSize = 8192;

/** Reads the end of the log that explains why a task failed; null if there is none. */
export async function endOfFailingLog(
  session: SteadySession,
  task: { readonly id: number; readonly error: string },
  files: readonly (readonly [name: string, volume: string])[],
  topurl: string | null,
): Promise<LogEnd | null> {
  const logs = files.filter(([name]) => name.endsWith('.log'));
  for (const name of logsOfFailure(
    task.error,
    logs.map(([log]) => log),
  )) {
    const volume = logs.find(([log]) => log === name)?.[1] ?? 'DEFAULT';
    const lines = await readEnd(session, { taskId: task.id, name, volume });
    if (lines.length === 0) continue;
    return { name, lines, url: topurl ? `${new PathInfo(topurl).task(task.id, volume)}/${name}` : null };
  }
  return null;
}

async function readEnd(
  session: SteadySession,
  { taskId, name, volume }: { taskId: number; name: string; volume: string },
): Promise<string[]> {
  const read = (offset: number): Promise<Buffer> =>
    session.readTaskOutput(taskId, name, { offset, size: tailSize, volume });
  // A hub may refuse to seek before the start of a short log.
  const end = await read(-tailSize).catch(() => read(0));
  const text = end.toString('utf8');
  return text.trim() === '' ? [] : lastLines(text, 15, end.length < tailSize);
}
