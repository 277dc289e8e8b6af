import { GenericError } from '@koji/core';
import { splitNamed } from '@koji/core/wire';
import type { HubSession } from '../session.js';

/** A call that a task made. */
export interface MadeCall {
  /** The method's name, with its prefix: `host.subtask`. */
  readonly method: string;
  /** The arguments by position. */
  readonly args: readonly unknown[];
  /** The arguments by name; empty if there were none. */
  readonly named: Readonly<Record<string, unknown>>;
}

/** The result of a method: a value, or a function of the arguments, the named ones last if there are any. */
export type Answers = Readonly<Record<string, unknown>>;

/** A session that answers from a table and records its calls. */
export function fakeSession(answers: Answers, calls: MadeCall[]): HubSession {
  const call = async (
    method: string,
    args: readonly unknown[] = [],
    named: Readonly<Record<string, unknown>> = {},
  ): Promise<unknown> => {
    calls.push({ method, args, named });
    if (!Object.hasOwn(answers, method))
      throw new GenericError(`the task calls ${method}, which has no answer: give one as calls['${method}']`);
    const answer = answers[method];
    if (typeof answer !== 'function') return answer;
    const given = Object.keys(named).length > 0 ? [...args, named] : args;
    return (await (answer as (...given: unknown[]) => unknown)(...given)) ?? null;
  };
  return methodsBelow('', call) as HubSession;
}

type CallMethod = (
  method: string,
  args: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

/** Supports `session.getTag(…)`, `session.host.subtask(…)` and `session.call(…)` with any names. */
function methodsBelow(prefix: string, call: CallMethod): unknown {
  return new Proxy(() => undefined, {
    get(_, name) {
      // Awaiting a session must not call a method `then`.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      if (prefix === '' && name === 'call') return call;
      return methodsBelow(prefix === '' ? name : `${prefix}.${name}`, call);
    },
    apply(_, __, given: unknown[]) {
      const { args, keywords } = splitNamed(given);
      return call(prefix, args, keywords);
    },
  });
}
