import { setTimeout as delay } from 'node:timers/promises';
import { ServerOffline } from '@koji/core';
import { HubUnreachable, RequestError } from './errors.js';
import { readTaskOutput, streamTaskOutput } from './download.js';
import { withMethods } from './methods.js';
import type { HubMethods } from './methods.js';
import type { CallOptions, ClientSession, SessionBase } from './session.js';

/** A time in which the hub can't be reached. */
export interface Outage {
  /** Why the last try failed: a {@link RequestError}, or the hub says that it is offline. */
  readonly error: Error;
  /** When the first try failed. */
  readonly since: Date;
  /** When the last try will be made, about. */
  readonly until: Date;
}

/** How to wait for a hub that can't be reached. Times are in seconds. */
export interface Patience {
  /** How long the hub may be away; 600. */
  readonly patience?: number;
  /** Longest pause between tries; 5. */
  readonly pause?: number;
  /** Called after each try that failed, and with null when the hub answers again. */
  readonly onOutage?: (outage: Outage | null) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** The part of a session that {@link steadySession} offers. */
export type SteadySession = Pick<SessionBase, 'call' | 'readTaskOutput' | 'streamTaskOutput'> & HubMethods;

/** Seconds of silence after which a question is asked again. Without a limit a network that is gone is noticed after hours. */
const longestSilence = 120;

/**
 * Returns a session for questions that are asked until the hub answers: a call that can't reach the hub is made again, so
 * it must be one that only reads or may be done twice.
 *
 * Its calls throw {@link HubUnreachable} when the hub was away for longer than `patience`.
 */
export function steadySession(session: ClientSession, how: Patience = {}): SteadySession {
  const asker = new Asker(how);
  const call = <T>(
    method: string,
    args: readonly unknown[] = [],
    named: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<T> =>
    asker.ask(
      method,
      () => session.call<T>(method, args, named, { retry: false, timeout: longestSilence, ...options }),
      options.signal,
    );
  const steady: Pick<SessionBase, 'call' | 'readTaskOutput' | 'streamTaskOutput'> = {
    call,
    readTaskOutput: (taskId, name, options) => readTaskOutput({ call }, { taskId, name, ...options }),
    streamTaskOutput: (taskId, name, options) => streamTaskOutput({ call }, { taskId, name, ...options }),
  };
  return withMethods(steady, call) as SteadySession;
}

class Asker {
  private outage: Outage | null = null;

  constructor(private readonly how: Patience) {}

  async ask<T>(method: string, question: () => Promise<T>, own?: AbortSignal): Promise<T> {
    const { pause = 5 } = this.how;
    const signal = own ?? this.how.signal;
    for (let seconds = 0.5; ; seconds *= 2) {
      try {
        const answer = await question();
        this.answered();
        return answer;
      } catch (error) {
        if (!isOutage(error, method)) {
          // A fault is an answer too.
          this.answered();
          throw error;
        }
        this.failed(error);
      }
      await delay(Math.min(seconds, pause) * 1000, undefined, signal ? { signal } : {});
    }
  }

  private answered(): void {
    if (!this.outage) return;
    this.outage = null;
    this.how.onOutage?.(null);
  }

  private failed(error: Error): void {
    const { patience = 600, onOutage } = this.how;
    const since = this.outage?.since ?? new Date();
    const until = this.outage?.until ?? new Date(since.getTime() + patience * 1000);
    this.how.signal?.throwIfAborted();
    if (Date.now() >= until.getTime()) throw new HubUnreachable(since, error);
    this.outage = { error, since, until };
    onOutage?.(this.outage);
  }
}

function isOutage(error: unknown, method: string): error is Error {
  if (error instanceof RequestError) return !error.final;
  // The result of a task may be this fault of its builder's.
  return error instanceof ServerOffline && method !== 'getTaskResult';
}
