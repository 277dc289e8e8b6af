import { placeArgs, readArgs } from '@koji/core/api';
import type { Call, ServedMethod, Session } from '../call.js';

/** Arguments by place and by name, as they came. */
export interface GivenArgs {
  readonly args: readonly unknown[];
  readonly keywords: Readonly<Record<string, unknown>>;
}

/**
 * The heart of a call: asks the token if there is one, fits the arguments to the declaration, checks what the caller may do,
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
