import { faultFromWire } from '@koji/core';
import type { Api, ClientApi, MultiCallEntry, MultiCallResult } from '@koji/core/api';
import { encodeArgs } from '@koji/core/wire';
import { withMethods } from './methods.js';

/** Outcome of a call of a multicall. */
export type Outcome =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** A call of a multicall. Awaiting it returns its result or throws its fault; before the multicall has run, both throw. */
export class MulticallEntry<T> implements PromiseLike<T> {
  private outcome: Outcome | null = null;

  /** Created by the multicall. */
  constructor(
    private readonly method: string,
    private readonly params: readonly unknown[],
  ) {}

  /** The call in the wire format. */
  get entry(): MultiCallEntry {
    return { methodName: this.method, params: this.params };
  }

  /** The result; throws the call's fault. */
  get result(): T {
    if (!this.outcome) throw new Error(`${this.method}: no result yet, await the multicall's run() first`);
    if (!this.outcome.ok) throw this.outcome.error;
    return this.outcome.value as T;
  }

  /** Called by `await`: the result, or the fault as a rejection. */
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    // Resolved with the plain value, because the entry itself would be awaited again, without end.
    return new Promise<T>((resolve) => resolve(this.result)).then(fulfilled, rejected);
  }

  /** Called once, by the multicall. */
  settle(outcome: Outcome): Outcome {
    this.outcome = outcome;
    return outcome;
  }
}

/** Methods that collect calls instead of sending them. */
type Collected<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R>
    ? (...args: A) => MulticallEntry<R>
    : Collected<T[K]>;
};

/** Options of sending a multicall. */
export interface MulticallOptions {
  /** Maximum number of calls per request; each request is a separate transaction. If absent, a single request. */
  batch?: number;
  /** Throw the first fault after all calls. */
  strict?: boolean;
}

/** Calls that are collected, and sent together by `run()`. */
export type Multicall = Collected<ClientApi<Api>> & MulticallBase;

/** Members of a multicall besides the hub's methods. */
export class MulticallBase {
  private entries: MulticallEntry<unknown>[] = [];

  /** Made by `session.multicall()`. */
  constructor(
    private readonly send: (entries: readonly MultiCallEntry[]) => Promise<MultiCallResult[]>,
    private readonly options: MulticallOptions,
  ) {}

  /** Calls collected since the last run. */
  get size(): number {
    return this.entries.length;
  }

  /** Adds a call by name, with separate named arguments. */
  call<T = unknown>(
    method: string,
    args: readonly unknown[] = [],
    named: Readonly<Record<string, unknown>> = {},
  ): MulticallEntry<T> {
    const entry = new MulticallEntry<T>(method, encodeArgs(args, named));
    this.entries.push(entry);
    return entry;
  }

  /**
   * Sends the collected calls and settles them; then the multicall can be filled again. A fault of one call affects only that
   * call. If a whole request fails, its calls and the remaining ones fail with its error, which is thrown.
   */
  async run(options: MulticallOptions = {}): Promise<Outcome[]> {
    const { batch = this.options.batch ?? 0, strict = this.options.strict ?? false } = options;
    const entries = this.entries;
    this.entries = [];
    const outcomes: Outcome[] = [];
    const size = batch > 0 ? batch : entries.length;
    while (outcomes.length < entries.length) {
      const part = entries.slice(outcomes.length, outcomes.length + size);
      try {
        outcomes.push(...(await this.runPart(part)));
      } catch (error) {
        for (const entry of entries.slice(outcomes.length)) entry.settle({ ok: false, error });
        throw error;
      }
    }
    for (const outcome of strict ? outcomes : []) if (!outcome.ok) throw outcome.error;
    return outcomes;
  }

  private async runPart(part: readonly MulticallEntry<unknown>[]): Promise<Outcome[]> {
    const results = await this.send(part.map((entry) => entry.entry));
    if (results.length !== part.length)
      throw new Error(`the hub answered ${results.length} results to a multicall of ${part.length} calls`);
    return part.map((entry, i) => entry.settle(outcomeOf(results[i])));
  }
}

function outcomeOf(result: MultiCallResult | undefined): Outcome {
  if (result && 'faultCode' in result)
    return { ok: false, error: faultFromWire(result.faultCode, result.faultString) };
  return { ok: true, value: result?.[0] };
}

/** Starts a multicall whose requests are sent with `send`. */
export function newMulticall(
  send: (entries: readonly MultiCallEntry[]) => Promise<MultiCallResult[]>,
  options: MulticallOptions,
): Multicall {
  const base = new MulticallBase(send, options);
  return withMethods(base, (method, args, named) => base.call(method, args, named)) as Multicall;
}
