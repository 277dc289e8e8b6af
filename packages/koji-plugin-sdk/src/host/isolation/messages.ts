/** Messages between the hub and an isolated plugin, with the values whose class a message would lose. */
import { GenericError, faultFromWire, faultToWire } from '@koji/core';
import type { LogLevel } from '@koji/core';
import type { Arg, Method } from '@koji/core/api';
import { DateTime, Double } from '@koji/core/wire';
import type { ContextUser } from '../../context.js';
import type { ConfigReport } from '../../config.js';
import type { PluginProblem } from '../problems.js';
import type { PluginCallback } from '../registry.js';

/** The contents of a plugin in its thread. */
export interface Brought {
  readonly notes: readonly string[];
  readonly configs: readonly { readonly name: string; readonly report: ConfigReport }[];
  readonly methods: readonly {
    readonly name: string;
    readonly declaration: Pick<Method, 'doc' | 'needs' | 'access' | 'rest' | 'keywords'>;
    readonly args: readonly (Omit<Arg, 'type'> & { readonly type: string })[];
  }[];
  readonly callbacks: readonly Omit<PluginCallback, 'run' | 'plugin'>[];
}

/** Who calls. */
export interface Caller {
  readonly method: string;
  readonly user: ContextUser | null;
  readonly perms: readonly string[];
}

/** A call of the plugin's code, in the call of somebody. */
export interface Call {
  readonly kind: 'call';
  readonly id: number;
  /** A method or callback by its place among those that the plugin brings, or an action that it left for later. */
  readonly what: 'method' | 'callback' | 'action';
  readonly at: number;
  readonly values: readonly unknown[];
  readonly caller: Caller | null;
}

/** The plugin's requests to the call that runs it. */
export type Step =
  | { readonly step: 'invoke' | 'invokeUnchecked'; readonly values: readonly unknown[] }
  | { readonly step: 'makeTask' | 'assertPolicy' | 'event'; readonly values: readonly unknown[] }
  | { readonly step: 'afterCommit' | 'onRollback'; readonly values: readonly [action: number] };

/** A failure as it travels. */
export interface Failure {
  readonly code: number;
  readonly text: string;
  readonly stack: string;
}

/** An answer to a call or a step. */
export interface Answer {
  readonly kind: 'answer';
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Failure;
}

export type ToPlugin = Call | Answer | { readonly kind: 'ping' } | { readonly kind: 'logged' };
export type FromPlugin =
  | { readonly kind: 'ready'; readonly brought: Brought }
  | { readonly kind: 'failed'; readonly problems: readonly PluginProblem[] }
  | { readonly kind: 'pong' }
  | ({ readonly kind: 'step'; readonly id: number; readonly call: number } & Step)
  | Answer
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string };

const marker = 'koji.class';

/** A value for a message. */
export function pack(value: unknown): unknown {
  if (value instanceof Double) return { [marker]: 'Double', value: value.value };
  if (value instanceof DateTime) return { [marker]: 'DateTime', value: value.value };
  return mapped(value, pack);
}

/** A value out of a message. */
export function unpack(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && marker in value) {
    const { [marker]: kind, value: inner } = value as { readonly [marker]: unknown; readonly value: unknown };
    return kind === 'Double' ? new Double(Number(inner)) : new DateTime(String(inner));
  }
  return mapped(value, unpack);
}

function mapped(value: unknown, change: (inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner)]));
}

export function packFailure(error: unknown): Failure {
  const { faultCode: code, faultString: text } = faultToWire(error);
  return { code, text, stack: error instanceof Error ? (error.stack ?? '') : '' };
}

export function unpackFailure({ code, text, stack }: Failure): Error {
  const fault = code === 1 ? new GenericError(text) : faultFromWire(code, text);
  if (stack !== '') fault.stack = stack;
  return fault;
}
