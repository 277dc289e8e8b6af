import { setTimeout as sleep } from 'node:timers/promises';
import { ActionNotAllowed, AuthError, GenericError, RetryError, messageOf, type Logger } from '@koji/core';
import { RequestError } from '@koji/client';

/** Options of the login at startup. */
export interface FirstLogin {
  readonly logIn: () => Promise<void>;
  /** Address of the hub, for messages. */
  readonly server: string;
  readonly log: Logger;
  /** Most seconds between two tries. */
  readonly interval: number;
  /** Fails instead of waiting. */
  readonly once: boolean;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Logs in. Waits and logs why while the hub is unreachable, offline or failing.
 *
 * @throws the error if waiting can't help: AuthError, or RequestError for a wrong certificate or path
 */
export async function logInFirst({ logIn, server, log, interval, once, signal }: FirstLogin): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await unlessAborted(logIn(), signal);
      if (tries > 0) log.info(`logged in at ${server} after ${tries + 1} tries`);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (once || isFinal(error)) throw error;
      const seconds = Math.min(2 ** Math.min(tries, 20), Math.max(interval, 1));
      log.warn(`can't log in at ${server}: ${messageOf(error)}; retrying in ${seconds} s`);
      await sleep(seconds * 1000, undefined, signal ? { signal } : {});
    }
  }
}

/** Returns whether another try would fail in the same way. */
function isFinal(error: unknown): boolean {
  if (error instanceof RequestError) {
    const { status } = error;
    const isRefused = status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429;
    return error.badCertificate || isRefused;
  }
  if (error instanceof RetryError) return false;
  return error instanceof AuthError || error instanceof ActionNotAllowed || !(error instanceof GenericError);
}

async function unlessAborted(work: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return work;
  signal.throwIfAborted();
  const stop = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), {
      once: true,
      signal: stop.signal,
    });
  });
  // The call may end later, when nobody waits for it any more.
  work.catch(() => undefined);
  await Promise.race([work, aborted]).finally(() => stop.abort());
}
