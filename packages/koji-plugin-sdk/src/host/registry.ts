import { CallbackError, PluginError, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import type { CallbackName, CallbackPayloads } from '../callbacks.js';
import { isCallbackName } from '../callbacks.js';
import { withTimesAsText } from '../times.js';
import { currentAmbient, runInContext } from '../context.js';
import type { Ambient } from '../context.js';
import { ActivityLog } from './activity.js';
import type { Activity } from './activity.js';
import { Circuit } from './circuit.js';
import type { CircuitOptions } from './circuit.js';
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

/** Settings of a registry. */
export interface RegistryOptions {
  readonly logger: Logger;
  /** Milliseconds that one callback may take, of all plugins or of each. Default 60,000. */
  readonly timeLimit?: number | ((plugin: string) => number);
  /** When a callback that may fail is switched off. Default: after 5 failures in a row, for 300 s. */
  readonly circuit?: CircuitOptions;
  /** Where runs are counted. Default: nobody looks. */
  readonly activity?: ActivityLog;
  /**
   * Until when all of a plugin, or its callback of an event that may fail, is switched off, as other processes know; null while
   * it is not. Default: none ever is.
   */
  readonly offUntil?: (plugin: string, event?: CallbackName) => Date | null;
}

/** A callback for one of its events. */
interface Listener {
  readonly callback: PluginCallback;
  readonly circuit: Circuit;
}

/**
 * All callbacks of all plugins, and the only place that runs them: in the order of the plugins, one after the other, each
 * with a time limit, its plugin and event named in every error and log line.
 */
export class CallbackRegistry {
  private readonly callbacks = new Map<CallbackName, Listener[]>();
  private readonly logger: Logger;
  private readonly timeLimit: (plugin: string) => number;
  private readonly circuit: CircuitOptions;
  private readonly activity: ActivityLog;
  private readonly offUntil: (plugin: string, event?: CallbackName) => Date | null;

  constructor(options: RegistryOptions) {
    const { logger, timeLimit = 60_000, circuit, activity = new ActivityLog() } = options;
    this.offUntil = options.offUntil ?? (() => null);
    this.logger = logger;
    this.timeLimit = typeof timeLimit === 'number' ? () => timeLimit : timeLimit;
    this.circuit = circuit ?? { limit: 5, pause: 300_000 };
    this.activity = activity;
  }

  /** Appends callbacks to the existing ones. */
  add(callbacks: readonly PluginCallback[]): void {
    for (const callback of callbacks) {
      for (const event of callback.events) {
        checkEvent(event);
        const listener = { callback, circuit: new Circuit(this.circuit) };
        const listeners = this.callbacks.get(event);
        if (listeners) listeners.push(listener);
        else this.callbacks.set(event, [listener]);
      }
    }
  }

  /** Takes callbacks away, for a reload. */
  remove(callbacks: readonly PluginCallback[]): void {
    for (const [event, listeners] of this.callbacks) {
      this.callbacks.set(
        event,
        listeners.filter(({ callback }) => !callbacks.includes(callback)),
      );
    }
  }

  /** Whether an event has listeners, so callers can skip building the payload. */
  has(event: CallbackName): boolean {
    return (this.callbacks.get(event)?.length ?? 0) > 0;
  }

  /**
   * Runs the callbacks of an event, in the given call's context; on a builder there is none.
   *
   * @throws CallbackError (1017) when one fails that is not marked `ignoreError`; later callbacks don't run
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
    for (const listener of listeners) {
      const { convertDatetime, afterCommit } = listener.callback;
      const given = convertDatetime ? (converted ??= withTimesAsText(payload) as object) : payload;
      if (afterCommit && ambient) {
        ambient.afterCommit(() => this.runOne(listener, event, given, null));
      } else {
        await this.runOne(listener, event, given, ambient);
      }
    }
  }

  private async runOne(
    { callback, circuit }: Listener,
    event: CallbackName,
    payload: object,
    ambient: Ambient | null,
  ): Promise<void> {
    const actor = { plugin: callback.plugin, kind: 'callback', name: event } as const;
    const mayFail = callback.ignoreError || callback.afterCommit;
    const pluginOff = this.offUntil(callback.plugin);
    if (pluginOff || circuit.offUntil || (mayFail && this.offUntil(callback.plugin, event))) {
      this.activity.of(actor).skipped += 1;
      // One that may refuse a change must not be passed over.
      if (pluginOff && !mayFail)
        throw new CallbackError(
          `Error running ${event} callback from ${callback.plugin}:\n${switchedOff(pluginOff)}`,
        );
      return;
    }
    const started = performance.now();
    let failure: { readonly cause: unknown } | null = null;
    try {
      // The context ends with the time limit, so that a late callback can't touch a transaction that is gone.
      const limited = (): Promise<unknown> =>
        withTimeLimit(this.timeLimit(callback.plugin), async () => callback.run(event, payload));
      const { plugin } = callback;
      const code = { plugin, part: `callback ${event}` };
      await (ambient ? runInContext(ambient, code, limited) : limited());
      if (circuit.succeeded())
        this.logger.warn(`the ${event} callback of ${callback.plugin} works again and is switched on`);
    } catch (cause) {
      failure = { cause };
    }
    const count = this.activity.of(actor);
    count.runs += 1;
    count.milliseconds += performance.now() - started;
    count.offUntil = null;
    if (failure) this.failed(callback, event, { count, circuit, cause: failure.cause });
  }

  private failed(
    callback: PluginCallback,
    event: CallbackName,
    { count, circuit, cause }: { count: Activity; circuit: Circuit; cause: unknown },
  ): void {
    const message = `Error running ${event} callback from ${callback.plugin}`;
    count.lastFailure = { at: new Date(), message: messageOf(cause) };
    if (cause instanceof TimeLimitError) count.timeouts += 1;
    if (!callback.ignoreError && !callback.afterCommit) {
      count.failures += 1;
      this.logger.error(`${message}: ${messageOf(cause)}`, cause);
      throw new CallbackError(`${message}:\n${messageOf(cause)}`, { cause });
    }
    count.ignored += 1;
    this.logger.warn(`${message}: ${messageOf(cause)}`, cause);
    if (!circuit.failed()) return;
    count.offUntil = circuit.offUntil;
    const { limit, pause } = this.circuit;
    this.logger.error(
      `the ${event} callback of ${callback.plugin} is switched off for ${pause / 1000} s: it failed ${limit} times in a row`,
    );
  }
}

/** Why code of a plugin that is switched off is not run. */
export function switchedOff(until: Date): string {
  return `the plugin is switched off until ${until.toISOString()}, since it kept the hub from answering; the hub's log says where`;
}

function checkEvent(event: string): void {
  if (!isCallbackName(event)) throw new PluginError(`"${event}" is not a valid callback type`);
}
