import { GenericError, ParameterError } from '@koji/core';
import { bindArgs } from '@koji/core/api';
import type { Access, MultiCallResult } from '@koji/core/api';
import { decodeArgs } from '@koji/core/wire';
import { api } from '@koji/core/api';
import type { CallerSession } from '../auth/sessions.js';
import type { ServedMethod } from '../call.js';
import { whole } from '../db/rows.js';
import { isStruct } from '../domain/convert.js';
import { partFault } from './faults.js';
import { serve } from './running-call.js';
import type { RunningCall } from './running-call.js';

/** The names of the method that the dispatcher itself answers. */
export const multiCallNames: ReadonlySet<string> = new Set(['multiCall', 'system.multicall']);

type CheckLockOut = (method: string, session: CallerSession) => void;

/** A multicall of reads alone is one; anything else may write. */
export function multiCallAccess(
  params: readonly unknown[],
  methods: ReadonlyMap<string, ServedMethod>,
): Access {
  const { args } = decodeArgs(params);
  const calls = args[0];
  if (!Array.isArray(calls)) return 'read';
  const onlyReads = calls.every((entry: unknown) => {
    const { methodName, params: inner } = (entry ?? {}) as { methodName?: unknown; params?: unknown };
    if (typeof methodName !== 'string') return true;
    if (multiCallNames.has(methodName))
      return !Array.isArray(inner) || multiCallAccess(inner, methods) === 'read';
    return (methods.get(methodName)?.declared.access ?? 'read') === 'read';
  });
  return onlyReads ? 'read' : 'write';
}

/**
 * Runs the calls of a multicall in the transaction of `call`, each in a savepoint and with an event of its own. One that
 * fails is undone alone, and its fault stands in its place.
 */
export async function multiCall(
  call: RunningCall,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
  checkLockOut: CheckLockOut,
): Promise<MultiCallResult[]> {
  const { calls } = bindArgs(call.method, api.multiCall, args, keywords);
  const results: MultiCallResult[] = [];
  for (const entry of entriesOf(calls)) results.push(await runPart(call, entry, checkLockOut));
  return results;
}

/** As Python goes through a value: a struct by its keys, none of which is a call. */
function entriesOf(calls: unknown): readonly unknown[] {
  if (Array.isArray(calls)) return calls;
  if (typeof calls === 'string') return Array.from(calls);
  if (isStruct(calls)) return Object.keys(calls);
  throw new ParameterError('multiCall(): calls must be a list');
}

async function runPart(
  call: RunningCall,
  entry: unknown,
  checkLockOut: CheckLockOut,
): Promise<MultiCallResult> {
  let part: RunningCall | null = null;
  try {
    const { method, params } = readEntry(entry);
    const own = (part = call.part(method));
    const result = await call.db.savepoint(async () => {
      const served = multiCallNames.has(method) ? null : call.hub.methods.get(method);
      if (served === undefined) throw new GenericError(`Invalid method: ${method}`);
      checkLockOut(method, call.session);
      const { args, keywords } = decodeArgs(params);
      if (!served) return multiCall(own, args, keywords, checkLockOut);
      // The next call must not run beside a stream of rows.
      return whole(await serve(served, { args, keywords }, own));
    });
    call.effects.join(part.effects);
    return [result];
  } catch (error) {
    await part?.effects.rolledBack();
    call.log.debug(`${part?.method ?? 'a call'} within ${call.method} failed`, error);
    return partFault(error);
  } finally {
    part?.end();
  }
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
