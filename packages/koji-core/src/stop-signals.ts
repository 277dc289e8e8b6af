import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Milliseconds between checks of the parent process. */
const interval = 500;

/**
 * Calls `stop` for SIGINT and SIGTERM, and when the `npx` that started this process has ended. npx does not pass SIGTERM on, so
 * a service manager would stop only npx.
 *
 * @param stop gets the number of earlier calls
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

/**
 * Calls `reload` for SIGHUP, which would end the process otherwise. On a terminal SIGHUP still ends it, since there it means that
 * the terminal was closed.
 */
export function onReloadSignal(reload: () => void): void {
  if (!isatty(0)) process.on('SIGHUP', reload);
}

/** Returns the parent and, where the system shows it, the grandparent, which is npx if there is a shell in between. */
function findParents(): string {
  const { ppid } = process;
  try {
    const status = readFileSync(`/proc/${ppid}/stat`, 'latin1');
    // The program name, in parentheses, may contain spaces.
    const [, grandparent = ''] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return `${ppid} ${grandparent}`;
  } catch {
    return String(ppid);
  }
}

/** The parents at the start, because npx may end before this process is ready; null if npx did not start it. */
const startedBy = process.env['npm_command'] === 'exec' ? findParents() : null;
