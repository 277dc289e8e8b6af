import { readFileSync } from 'node:fs';

/** Milliseconds between looks at the parent. */
const interval = 500;

/**
 * Calls `stop` for SIGINT and SIGTERM, and when the `npx` that started this process has ended: it does not pass SIGTERM on,
 * so that a service manager would stop only npx.
 *
 * @param stop gets how often it was called before
 */
export function onStopSignal(stop: (before: number) => void): void {
  let count = 0;
  const call = (): void => stop(count++);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, call);
  if (startedBy === null) return;
  const timer = setInterval(() => {
    if (findParents() === startedBy) return;
    clearInterval(timer);
    call();
  }, interval);
  timer.unref();
}

/** Returns the parent and, where the system shows it, the parent's parent: npx, when a shell stands between. */
function findParents(): string {
  const { ppid } = process;
  try {
    const status = readFileSync(`/proc/${ppid}/stat`, 'latin1');
    // The name of the program, in parentheses, may have spaces.
    const [, grandparent = ''] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return `${ppid} ${grandparent}`;
  } catch {
    return String(ppid);
  }
}

/** Those of the start, as npx may end before this process is ready; null when npx did not start it. */
const startedBy = process.env['npm_command'] === 'exec' ? findParents() : null;
