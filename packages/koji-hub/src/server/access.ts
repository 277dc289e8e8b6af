import { pauseWhenDue } from '@koji/core';
import type { Access } from '@koji/core/api';
import { Double, decodeArgs } from '@koji/core/wire';
import type { ServedMethod } from '../call.js';

/** The names of the method that the dispatcher itself answers. */
export const multiCallNames: ReadonlySet<string> = new Set(['multiCall', 'system.multicall']);

/** The methods that can be called, and whether the caller is anonymous. */
interface Place {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly anonymous: boolean;
}

/**
 * Returns what a call does to the database: as its method is declared, but a lookup by many or long keys counts as a read,
 * and what its caller may not call anyway as `free`.
 */
export function accessOf(method: string, params: readonly unknown[], place: Place): Access | Promise<Access> {
  if (multiCallNames.has(method)) return multiCallAccess(params, place);
  const declared = place.methods.get(method)?.declared;
  if (!declared) return 'free';
  // The check of its permission is all that will run of it: no reason to keep others from writing.
  if (declared.needs !== 'none' && place.anonymous) return 'free';
  return declared.access === 'lookup' && !isSmall(params) ? 'read' : declared.access;
}

/** From the one that needs least of the database to the one that has to decide. */
const order: readonly Access[] = ['free', 'lookup', 'read', 'write', 'none'];

/**
 * Returns the access of a multicall. With a call that opens its own transactions, every call gets its own: the long work
 * between them, such as the check of a password, must not hold one open. Otherwise they share one, a snapshot for reads.
 */
async function multiCallAccess(params: readonly unknown[], place: Place): Promise<Access> {
  const calls = decodeArgs(params).args[0];
  if (!Array.isArray(calls)) return 'free';
  let highest = 0;
  for (const entry of calls as readonly unknown[]) {
    const { methodName, params: given } = (entry ?? {}) as { methodName?: unknown; params?: unknown };
    if (typeof methodName !== 'string' || !Array.isArray(given)) continue;
    highest = Math.max(highest, order.indexOf(await accessOf(methodName, given, place)));
    if (highest === order.length - 1) break;
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
  return order[highest] ?? 'none';
}

const smallValues = 64;
const smallLength = 4096;

/** Whether values are few and short, whatever they hold. */
function isSmall(params: readonly unknown[]): boolean {
  const waiting: unknown[] = [params];
  let length = 0;
  for (let count = 0; waiting.length > 0; count++) {
    const value = waiting.pop();
    if (typeof value === 'string' || value instanceof Uint8Array) length += value.length;
    else if (Array.isArray(value)) {
      if (value.length > smallValues) return false;
      waiting.push(...(value as unknown[]));
    } else if (typeof value === 'object' && value !== null && !(value instanceof Double)) {
      const keys = Object.keys(value);
      if (keys.length > smallValues) return false;
      waiting.push(...keys, ...(Object.values(value) as unknown[]));
    }
    if (count > 4 * smallValues || length > smallLength) return false;
  }
  return true;
}
