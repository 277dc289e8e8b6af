import { GenericError } from '@koji/core';
import { bindArgs } from '@koji/core/api';
import type { Method } from '@koji/core/api';
import { runInContext } from '../context.js';
import type { Ambient } from '../context.js';
import { functionArgs } from './signature.js';
import type { Signature } from './signature.js';
import type { CheckedCall } from './schema-args.js';
import { TimeLimitError, withTimeLimit } from './time-limit.js';

/** A method of the hub that a plugin brings. */
export interface PluginMethod {
  /** The wire name. */
  readonly name: string;
  readonly plugin: string;
  /** For `_listapi`, `system.methodHelp` and the dispatcher: arguments, access, what the caller must be. */
  readonly declaration: Method;
  readonly signature: Signature;
  readonly run: (...args: unknown[]) => unknown;
}

/**
 * Calls a plugin's method with arguments as they came off the wire, inside of the given call.
 *
 * @throws ParameterError (1019) when the arguments don't fit; else as {@link runPluginMethod}
 */
export async function callPluginMethod(
  method: PluginMethod,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
  ambient: Ambient,
): Promise<unknown> {
  return runPluginMethod(method, bindArgs(method.name, method.declaration, args, keywords), ambient);
}

/**
 * Runs a plugin's method with arguments that `bindArgs` has fitted to its declaration, inside of the given call.
 *
 * @param timeLimit milliseconds that it may take; default: without end
 * @returns the function's answer; null for undefined, which the wire does not know
 * @throws whatever the function throws; GenericError when the time is over
 */
export async function runPluginMethod(
  method: PluginMethod,
  bound: Readonly<Record<string, unknown>>,
  ambient: Ambient,
  timeLimit?: number,
): Promise<unknown> {
  const { plugin, name, signature } = method;
  const call: CheckedCall = { name, plugin, checking: null };
  const run = async (): Promise<unknown> =>
    method.run(...(signature.check ? await functionArgs(signature, call, bound) : signature.spread(bound)));
  try {
    const result = await runInContext(ambient, { plugin, part: `method ${name}` }, () =>
      timeLimit === undefined ? run() : withTimeLimit(timeLimit, run),
    );
    return result === undefined ? null : result;
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    const at = call.checking === null ? '' : `, in the schema of its argument '${call.checking}'`;
    throw new GenericError(`${name}() of plugin ${plugin} ${error.message}${at}`, { cause: error });
  }
}
