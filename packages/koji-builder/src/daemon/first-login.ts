import { setTimeout as sleep } from 'node:timers/promises';
import { ActionNotAllowed, AuthError, GenericError, RetryError, messageOf, type Logger } from '@koji/core';
import { RequestError } from '@koji/client';

/** How to log in at a start. */
export interface FirstLogin {
  readonly logIn: () => Promise<void>;
  /** Where the hub is, for messages. */
  readonly server: string;
  readonly log: Logger;
  /** Most seconds between two tries. */
  readonly interval: number;
  /** Whether to fail instead of waiting. */
  readonly once: boolean;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Logs in, and waits for a hub that can't be reached, is offline or in trouble, telling so.
 *
 * @throws the error of a login that no waiting helps: AuthError, or RequestError for a certificate or a path that is wrong
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
      log.warn(`can't log in at ${server}: ${messageOf(error)}; trying again in ${seconds} s`);
      await sleep(seconds * 1000, undefined, signal ? { signal } : {});
    }
  }
}

/** Whether trying again would end in the same way. */
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
  // It may end later, when nobody waits for it any more.
  work.catch(() => undefined);
  await Promise.race([work, aborted]).finally(() => stop.abort());
}
