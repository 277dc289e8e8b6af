import { placeArgs, readArgs } from '@koji/core/api';
import type { Call, ServedMethod, Session } from '../call.js';

/** Positional and named arguments as received. */
export interface GivenArgs {
  readonly args: readonly unknown[];
  readonly keywords: Readonly<Record<string, unknown>>;
}

/**
 * Runs the method of a call: checks a token's limits, matches the arguments to the declaration, checks the permissions,
 * then the types, and runs the handler. Koji checks in this order, so that a caller without the permission learns nothing from
 * the types.
 *
 * @param method how faults name the method
 */
export function runMethod(
  { declared, handler }: ServedMethod,
  { args, keywords }: GivenArgs,
  call: Call,
  method = call.method,
): unknown {
  call.session.scope?.check(method, declared);
  const placed = placeArgs(method, declared, args, keywords);
  checkNeeds(declared.needs, call.session);
  return handler(readArgs(method, declared, placed), call);
}

function checkNeeds(needs: string, session: Session): void {
  if (needs === 'login') session.assertLogin();
  else if (needs === 'host') session.assertHost();
  else if (needs.startsWith('perm:')) session.assertPerm(needs.slice('perm:'.length));
}
