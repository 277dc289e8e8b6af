import { GenericError, ParameterError, pauseWhenDue } from '@koji/core';
import { bindArgs } from '@koji/core/api';
import { decodeArgs } from '@koji/core/wire';
import { api } from '@koji/core/api';
import type { CallerSession } from '../auth/sessions.js';
import { ClientGone } from '../client.js';
import type { Connection } from '../db/connection.js';
import { isStruct } from '../domain/values/convert.js';
import { accessOf, multiCallNames } from './access.js';
import { AnswerTooLong } from './answer.js';
import type { Answer } from './answer.js';
import { partFault } from './faults.js';
import type { PartsForm } from './forms.js';
import { NoSuchMethod } from './no-such-method.js';
import { runMethod } from './run-method.js';
import type { RunningCall } from './running-call.js';

type CheckLockOut = (method: string, session: CallerSession) => void;

/** Shared objects of the calls in a multicall. */
export interface MultiCallParts {
  /** Receives the encoded result of each call, so that results are not collected in memory. */
  readonly answer: Answer;
  readonly checkLockOut: CheckLockOut;
  /** Format of the results. */
  readonly form: PartsForm;
}

interface Given {
  readonly args: readonly unknown[];
  readonly keywords: Readonly<Record<string, unknown>>;
}

/**
 * Runs the calls of a multicall in the transaction of `call`, or in their own if it has none, each in a savepoint and with an
 * event of its own, and writes the list of their results to the answer. Only a call that fails is undone, and its fault is its
 * result.
 *
 * @throws ClientGone once the client has disconnected; an open transaction is then rolled back
 */
export function multiCall(call: RunningCall, given: Given, parts: MultiCallParts): Promise<void> {
  return runCalls(call, given, { ...parts, left: { calls: mostCalls(call) } });
}

/** A multicall is too long, and none of its calls counts. */
class TooManyCalls extends GenericError {
  constructor(most: number) {
    super(`too many calls in a multicall: more than ${most} (MaxMultiCalls); split it`);
  }
}

function mostCalls(call: RunningCall): number {
  return call.hub.options.MaxMultiCalls || Infinity;
}

interface Shared extends MultiCallParts {
  /** Number of calls that may still follow. */
  readonly left: { calls: number };
}

async function runCalls(call: RunningCall, { args, keywords }: Given, shared: Shared): Promise<void> {
  const { calls } = bindArgs(call.method, api.multiCall, args, keywords);
  const { answer, left, form } = shared;
  const entries = entriesOf(calls, left.calls);
  if ((left.calls -= entries.length) < 0) throw new TooManyCalls(mostCalls(call));
  const [start, end] = form.frame;
  await answer.put(start);
  let separator = '';
  for (const entry of entries) {
    // A call whose number is stored can't be repeated, and must therefore run to its end.
    if (call.client.gone() && !call.session.stored) throw new ClientGone();
    await runPart(call, entry, { ...shared, separator });
    if (!form.isSilent(entry)) ({ separator } = form);
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
  await answer.put(end);
}

/** Iterates over a value like Python, which iterates over the keys of a struct. No key is a call. */
function entriesOf(calls: unknown, most: number): readonly unknown[] {
  if (Array.isArray(calls)) return calls;
  // One call above the limit is enough to refuse them; a character has up to two units.
  if (typeof calls === 'string') return Array.from(calls.slice(0, 2 * (most + 1)));
  if (isStruct(calls)) return Object.keys(calls);
  throw new ParameterError('multiCall(): calls must be a list');
}

async function runPart(
  call: RunningCall,
  entry: unknown,
  { separator, ...shared }: Shared & { readonly separator: string },
): Promise<void> {
  const { answer, checkLockOut, form } = shared;
  const before = answer.length;
  try {
    const { method, params } = readEntry(entry);
    // In a transaction there is no choice.
    const access = call.inTransaction ? 'free' : await accessOf(method, params, placeOf(call));
    const run = async (part: RunningCall): Promise<void> => {
      const served = multiCallNames.has(method) ? null : call.hub.methods.get(method);
      if (served === undefined) throw new NoSuchMethod(method);
      checkLockOut(method, call.session);
      const { args, keywords } = decodeArgs(params);
      const [start, end] = form.result(entry);
      await answer.put(separator + start);
      // Streams of rows are read to their end here, because the next call must not run concurrently.
      if (served) await answer.putAll(form.value(await runMethod(served, { args, keywords }, part)));
      else await runCalls(part, { args, keywords }, { ...shared, form: form.inner });
      await answer.put(end);
    };
    const reads = readsOnly(call, method);
    await call.within(access, (own) => runAsPart(own, { method, reads }, run));
  } catch (error) {
    if (error instanceof ClientGone || error instanceof AnswerTooLong || error instanceof TooManyCalls)
      throw error;
    const fault = partFault(error);
    const line = `a call within ${call.method}: fault ${fault.faultCode}: ${fault.faultString}`;
    if (error instanceof GenericError) call.log.debug(line, error);
    else call.log.error(line, error);
    answer.cutBack(before);
    await answer.put(separator);
    await answer.putAll(form.fault(entry, error));
  }
  if (form.isSilent(entry)) answer.cutBack(before);
}

/** Runs a part with effects and an event of its own, which are kept if it succeeds. */
async function runAsPart(
  call: RunningCall,
  { method, reads }: { readonly method: string; readonly reads: boolean },
  run: (part: RunningCall) => Promise<void>,
): Promise<void> {
  const part = call.part(method);
  const restoring = async (): Promise<void> => {
    try {
      await run(part);
    } catch (error) {
      await part.effects.restored();
      throw error;
    }
  };
  const undoable = (db: Connection): Promise<void> =>
    reads ? db.readpoint(restoring) : db.savepoint(restoring);
  try {
    await (call.inTransaction ? undoable(call.db) : run(part));
    call.effects.join(part.effects);
  } catch (error) {
    await part.effects.rolledBack();
    throw error;
  } finally {
    part.end();
  }
}

/** Returns whether a method is declared as read-only. */
function readsOnly({ hub }: RunningCall, method: string): boolean {
  const access = hub.methods.get(method)?.declared.access;
  return access === 'read' || access === 'lookup' || access === 'free';
}

function placeOf({ hub, session }: RunningCall): Parameters<typeof accessOf>[2] {
  return { methods: hub.methods, anonymous: !session.loggedIn };
}

function readEntry(entry: unknown): { method: string; params: readonly unknown[] } {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw new ParameterError('a call of a multicall is a struct with methodName and params');
  const { methodName, params } = entry as { methodName?: unknown; params?: unknown };
  if (typeof methodName !== 'string') throw new ParameterError('a call of a multicall lacks its methodName');
  if (!Array.isArray(params))
    throw new ParameterError(`the call of ${methodName} in a multicall lacks a list of params`);
  return { method: methodName, params };
}
