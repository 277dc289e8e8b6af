import { setTimeout as delay } from 'node:timers/promises';
import { ServerOffline } from '@koji/core';
import { HubUnreachable, RequestError } from './errors.js';
import { readTaskOutput, streamTaskOutput } from './download.js';
import { withMethods } from './methods.js';
import type { HubMethods } from './methods.js';
import type { CallOptions, ClientSession, SessionBase } from './session.js';

/** A period in which the hub is unreachable. */
export interface Outage {
  /** Why the last attempt failed: a {@link RequestError}, or the hub reports that it is offline. */
  readonly error: Error;
  /** Time of the first failed attempt. */
  readonly since: Date;
  /** Approximate time of the last attempt. */
  readonly until: Date;
}

/** How to wait for an unreachable hub. Times are in seconds. */
export interface Patience {
  /** How long the hub may be unreachable; 600. */
  readonly patience?: number;
  /** Longest pause between attempts; 5. */
  readonly pause?: number;
  /** Called after each failed attempt, and with null when the hub answers again. */
  readonly onOutage?: (outage: Outage | null) => void;
  /** Stops waiting. */
  readonly signal?: AbortSignal;
}

/** The members of a session that {@link steadySession} provides. */
export type SteadySession = Pick<SessionBase, 'call' | 'readTaskOutput' | 'streamTaskOutput'> & HubMethods;

/** Seconds of silence after which a call is repeated. Without a limit, a lost network would be noticed only after hours. */
const longestSilence = 120;

/**
 * Returns a session that repeats each call until the hub answers. Use it only for calls that read, or that may run twice.
 *
 * Its calls throw {@link HubUnreachable} if the hub is unreachable for longer than `patience`.
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
  // The result of a task may be this fault, raised by its builder.
  return error instanceof ServerOffline && method !== 'getTaskResult';
}
