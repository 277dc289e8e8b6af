import util from 'node:util';
import { CallbackError, PluginError, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import { DateTime } from '@koji/core/wire';
import type { CallbackName, CallbackPayloads } from '../callbacks.js';
import { isCallbackName } from '../callbacks.js';
import { currentAmbient, runInContext } from '../context.js';
import type { Ambient } from '../context.js';
import { TimeLimitError, withTimeLimit } from './time-limit.js';

/** One function of a plugin that listens to some events. */
export interface PluginCallback {
  readonly plugin: string;
  readonly events: readonly CallbackName[];
  readonly run: (event: CallbackName, payload: object) => unknown;
  /** A failure is logged and counted, and fails nothing. */
  readonly ignoreError: boolean;
  readonly convertDatetime: boolean;
  /** Runs once the call has committed. */
  readonly afterCommit: boolean;
}

/** How often a plugin ran for an event, and what came of it. */
export interface CallbackCount {
  readonly plugin: string;
  readonly event: CallbackName;
  runs: number;
  /** Failures that failed the call. */
  failures: number;
  /** Failures that were only logged. */
  ignored: number;
  /** Of both kinds, those where the time limit ran out. */
  timeouts: number;
  milliseconds: number;
}

/** Settings of a registry. */
export interface RegistryOptions {
  readonly logger: Logger;
  /** Milliseconds that one callback may take. Default 60,000. */
  readonly timeLimit?: number;
}

/**
 * All callbacks of all plugins, and the only place that runs them: in the order of the plugins, one after the other, each
 * with a time limit, its plugin and event named in every error and log line.
 */
export class CallbackRegistry {
  private readonly callbacks = new Map<CallbackName, PluginCallback[]>();
  private readonly counted = new Map<string, CallbackCount>();
  private readonly logger: Logger;
  private readonly timeLimit: number;

  constructor({ logger, timeLimit = 60_000 }: RegistryOptions) {
    this.logger = logger;
    this.timeLimit = timeLimit;
  }

  /** Adds callbacks behind those already there. */
  add(callbacks: readonly PluginCallback[]): void {
    for (const callback of callbacks) {
      for (const event of callback.events) {
        checkEvent(event);
        const listeners = this.callbacks.get(event);
        if (listeners) listeners.push(callback);
        else this.callbacks.set(event, [callback]);
      }
    }
  }

  /** Takes callbacks away, for a reload. */
  remove(callbacks: readonly PluginCallback[]): void {
    for (const [event, listeners] of this.callbacks) {
      this.callbacks.set(
        event,
        listeners.filter((listener) => !callbacks.includes(listener)),
      );
    }
  }

  /** Whether anybody listens to an event; a caller may spare himself making the payload. */
  has(event: CallbackName): boolean {
    return (this.callbacks.get(event)?.length ?? 0) > 0;
  }

  /** What happened so far, by plugin and event. */
  counts(): readonly Readonly<CallbackCount>[] {
    return [...this.counted.values()];
  }

  /**
   * Runs the callbacks of an event, in the given call's context; on a builder there is none.
   *
   * @throws CallbackError (1017) when one fails that is not marked `ignoreError`; those behind it don't run
   */
  async run<E extends CallbackName>(
    event: E,
    payload: CallbackPayloads[E],
    ambient: Ambient | null = currentAmbient(),
  ): Promise<void> {
    checkEvent(event);
    const listeners = this.callbacks.get(event);
    if (!listeners) return;
    let converted: object | undefined;
    for (const callback of listeners) {
      const given = callback.convertDatetime ? (converted ??= withTimesAsText(payload) as object) : payload;
      if (callback.afterCommit && ambient) {
        ambient.afterCommit(() => this.runOne(callback, event, given, null));
      } else {
        await this.runOne(callback, event, given, ambient);
      }
    }
  }

  private async runOne(
    callback: PluginCallback,
    event: CallbackName,
    payload: object,
    ambient: Ambient | null,
  ): Promise<void> {
    const count = this.countOf(callback.plugin, event);
    const started = performance.now();
    count.runs += 1;
    try {
      // The context ends with the time limit, so that a late callback can't touch a transaction that is gone.
      const limited = (): Promise<unknown> =>
        withTimeLimit(this.timeLimit, async () => callback.run(event, payload));
      await (ambient ? runInContext(ambient, limited) : limited());
    } catch (error) {
      this.failed(callback, { event, count, error });
    } finally {
      count.milliseconds += performance.now() - started;
    }
  }

  private failed(
    callback: PluginCallback,
    { event, count, error }: { event: CallbackName; count: CallbackCount; error: unknown },
  ): void {
    const message = `Error running ${event} callback from ${callback.plugin}`;
    if (error instanceof TimeLimitError) count.timeouts += 1;
    if (callback.ignoreError || callback.afterCommit) {
      count.ignored += 1;
      this.logger.warn(`${message}: ${messageOf(error)}`, error);
      return;
    }
    count.failures += 1;
    this.logger.error(`${message}: ${messageOf(error)}`, error);
    throw new CallbackError(`${message}:\n${messageOf(error)}`, { cause: error });
  }

  private countOf(plugin: string, event: CallbackName): CallbackCount {
    const key = `${plugin} ${event}`;
    let count = this.counted.get(key);
    if (!count) {
      count = { plugin, event, runs: 0, failures: 0, ignored: 0, timeouts: 0, milliseconds: 0 };
      this.counted.set(key, count);
    }
    return count;
  }
}

function checkEvent(event: string): void {
  if (!isCallbackName(event)) throw new PluginError(`"${event}" is not a valid callback type`);
}

/** A copy with every moment as Koji writes it (`2024-02-29 23:59:59.000000+00:00`); other values are shared. */
export function withTimesAsText(value: unknown): unknown {
  if (util.types.isDate(value)) return timeText(value);
  if (value instanceof DateTime) {
    const date = value.toDate();
    return date === null ? value.value : timeText(date);
  }
  if (Array.isArray(value)) return value.map(withTimesAsText);
  const isPlain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTimesAsText(item)]));
}

function timeText(date: Date): string {
  return date.toISOString().replace('T', ' ').replace('Z', '000+00:00');
}
