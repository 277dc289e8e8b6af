import type { Database } from './db/connection.js';

/** Lets a call wait for something that another call, maybe in another process, does. */
export interface Wake {
  /**
   * Resolves true when `channel` was notified after the call of this function, false after `milliseconds`. Callers that wait
   * for `tags` are notified for `tags:1,2`, too.
   */
  wait(channel: string, milliseconds: number, signal?: AbortSignal): Promise<boolean>;
  /** Wakes every waiter of the channel in every hub process; call it through `call.afterCommit`. */
  notify(channel: string): Promise<void>;
}

/** A {@link Wake} that can be ended: its waiters then get false at once. */
export interface OpenWake extends Wake {
  close(): void;
}

/** Waiters of this process, woken by {@link Database.listen}. A lost connection wakes everybody to look again. */
export function openWake(database: Database): OpenWake {
  const waiters = new Map<string, Set<(heard: boolean) => void>>();
  let closed = false;
  const wake = (channel: string, heard: boolean): void => {
    for (const waiter of [...(waiters.get(channel) ?? [])]) waiter(heard);
  };
  const stop = database.listen((channel) => {
    if (channel === '*') for (const name of [...waiters.keys()]) wake(name, true);
    else for (const name of new Set([channel, channel.split(':', 1)[0] ?? ''])) wake(name, true);
  });
  return {
    wait: (channel, milliseconds, signal) =>
      new Promise((resolve) => {
        if (closed || signal?.aborted) {
          resolve(false);
          return;
        }
        const ready = waiters.get(channel) ?? new Set();
        const finish = (heard: boolean): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          ready.delete(finish);
          if (ready.size === 0 && waiters.get(channel) === ready) waiters.delete(channel);
          resolve(heard);
        };
        const onAbort = (): void => finish(false);
        const timer = setTimeout(finish, milliseconds, false);
        signal?.addEventListener('abort', onAbort, { once: true });
        waiters.set(channel, ready.add(finish));
      }),
    notify: (channel) => database.notify(channel),
    close: () => {
      closed = true;
      stop();
      for (const name of [...waiters.keys()]) wake(name, false);
    },
  };
}
