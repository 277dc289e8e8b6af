import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Set in the processes that an earlier kojid has started in its place. */
const mark = 'KOJID_STARTED_AGAIN';

/**
 * Starts this program again, with what is on the disk now. Supervisors know a daemon by its process, so the first one stays:
 * it passes signals on, and ends as the last one does. Later ones ask it for their successors.
 *
 * @returns when the last one has ended; its exit code is this process's
 */
export async function startAgain(): Promise<void> {
  if (process.env[mark] === '1' && process.send) {
    await new Promise<void>((resolve) => process.send?.('again', () => resolve()));
    return;
  }
  let wanted = true;
  while (wanted) {
    wanted = false;
    const [file = '', ...args] = process.argv.slice(1);
    const child = fork(file, args, { env: { ...process.env, [mark]: '1' } });
    child.on('message', (message) => (wanted = message === 'again'));
    process.exitCode = await ended(child);
  }
}

/** In a process that was started again: stops it when the first one has ended without a signal. */
export function followFirst(): void {
  if (process.env[mark] === '1' && process.channel)
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}

async function ended(child: ChildProcess): Promise<number> {
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
  // A terminal sends its signal to all processes.
  const passOn = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of signals) process.on(signal, passOn);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}
