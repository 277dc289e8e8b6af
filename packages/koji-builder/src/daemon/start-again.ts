import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Set in processes that an earlier kojid started as its successor. */
const mark = 'KOJID_STARTED_AGAIN';

/**
 * Starts this program again with the current files. Supervisors identify a daemon by its process, so the first process stays:
 * it forwards signals and exits like the last process. Later processes ask it to start their successors.
 *
 * @returns when the last process has ended, with its exit code set for this process
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

/** Stops a restarted process if the first process has ended without a signal. */
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
