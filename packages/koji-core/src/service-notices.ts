import { execFile } from 'node:child_process';

/** Notifications for the service manager that started a program. Without one, as in a terminal, nothing is sent. */
export interface ServiceNotices {
  /** The program is ready. Starts to answer the watchdog, if the manager has one. */
  ready(): Promise<void>;
  /** The program is about to exit. */
  stopping(): Promise<void>;
}

const none: ServiceNotices = { ready: () => Promise.resolve(), stopping: () => Promise.resolve() };

/**
 * Uses the socket of systemd (`NOTIFY_SOCKET`, `Type=notify`) and its watchdog (`WatchdogSec=`). Removes the variables from the
 * environment, because child processes would otherwise notify on behalf of the service.
 *
 * Node.js has no datagram sockets of this kind, so the program `systemd-notify` sends the notifications. Therefore a unit needs
 * `NotifyAccess=all`.
 */
export function openServiceNotices(
  env: NodeJS.ProcessEnv = process.env,
  tell: (problem: string) => void = (problem) => void process.stderr.write(`${problem}\n`),
): ServiceNotices {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = env;
  delete env.NOTIFY_SOCKET;
  delete env.WATCHDOG_USEC;
  delete env.WATCHDOG_PID;
  if (socket === undefined || socket === '') return none;
  let failed = false;
  const send = (state: string): Promise<void> =>
    new Promise((resolve) => {
      const child = { env: { ...env, NOTIFY_SOCKET: socket }, timeout: 5000 };
      execFile('systemd-notify', ['--no-block', state], child, (error) => {
        if (error && !failed) tell(`systemd could not be told ${state}: ${error.message.trim()}`);
        failed = error !== null;
        resolve();
      });
    });
  const isWatched = watched === undefined || watched === String(process.pid);
  const limit = isWatched ? Number(microseconds ?? 0) / 1000 : 0;
  return {
    async ready() {
      await send('READY=1');
      if (limit > 0) setInterval(() => void send('WATCHDOG=1'), limit / 3).unref();
    },
    async stopping() {
      await send('STOPPING=1');
    },
  };
}
