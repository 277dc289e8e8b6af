/** The call that a log line belongs to, for the fields of option LogFormat. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { LogRecord } from '@koji/core';
import type { CallerSession } from '../auth/sessions.js';

interface Described {
  readonly method: string;
  readonly remote: string;
  readonly requestId: string | null;
  session: CallerSession | null;
}

const calls = new AsyncLocalStorage<Described>();

/** Runs the work of a call; lines that are logged on the way have its fields. */
export function describeCall<T>(
  method: string,
  { remote, requestId }: { readonly remote: string; readonly requestId?: string },
  work: () => T,
): T {
  return calls.run({ method, remote, requestId: requestId ?? null, session: null }, work);
}

/** Notes the session of the call that runs. */
export function describeSession(session: CallerSession): void {
  const call = calls.getStore();
  if (call) call.session = session;
}

/** The method of the call that runs; null outside of calls. */
export function currentMethod(): string | null {
  return calls.getStore()?.method ?? null;
}

/** Returns the fields of the call that runs. */
export function currentFields(): LogRecord['fields'] {
  const call = calls.getStore();
  const session = call?.session;
  return {
    method: call?.method ?? null,
    remoteaddr: call?.remote ?? '?:?',
    user_id: session?.userId ?? null,
    user_name: session?.userName ?? null,
    session_id: session?.id ?? null,
    token_id: session?.tokenId ?? null,
    callnum: session?.callnum ?? null,
    request_id: call?.requestId ?? null,
  };
}
