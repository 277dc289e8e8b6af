/** The hub's API as the garbage collection uses it: over HTTP, so that files and database change in the hub itself. */
import { ConfigError, faultFromWire } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { decodeResponse, encodeArgs, encodeCall } from '@koji/core/wire';
import { sessionAddress } from '../auth/credentials.js';
import { createSession } from '../auth/login.js';
import { withHub } from '../commands.js';
import { findUser, userPerms } from '../domain/users/users.js';

type Named = Readonly<Record<string, unknown>>;

/** A call that waits to be made. */
export interface HubCall {
  readonly method: string;
  readonly args?: readonly unknown[];
  readonly named?: Named;
}

/** Calls methods of a hub. */
export interface HubApi {
  call<T>(method: string, args?: readonly unknown[], named?: Named): Promise<T>;
  /** Makes calls, many in a request, in order; each result, or the fault that it ended with. */
  callAll<T>(calls: readonly HubCall[]): Promise<Outcome<T>[]>;
}

/** Outcome of one of several calls. */
export type Outcome<T> = { readonly value: T } | { readonly fault: string };

/** Makes one call and answers its result, or throws its fault. */
export type CallHub = (method: string, args: readonly unknown[], named: Named) => Promise<unknown>;

/** How many calls go in a request. */
const batch = 50;

/** Makes a {@link HubApi} of a function that makes one call. */
export function hubApi(callHub: CallHub): HubApi {
  const call = <T>(method: string, args: readonly unknown[] = [], named: Named = {}): Promise<T> =>
    callHub(method, args, named) as Promise<T>;
  return {
    call,
    async callAll<T>(calls: readonly HubCall[]) {
      const outcomes: Outcome<T>[] = [];
      for (let from = 0; from < calls.length; from += batch) {
        const part = calls.slice(from, from + batch).map(({ method, args = [], named = {} }) => ({
          methodName: method,
          params: encodeArgs(args, named),
        }));
        outcomes.push(...(await call<unknown[]>('multiCall', [part])).map(asOutcome<T>));
      }
      return outcomes;
    },
  };
}

function asOutcome<T>(answer: unknown): Outcome<T> {
  if (Array.isArray(answer)) return { value: answer[0] as T };
  return { fault: String((answer as { faultString?: unknown }).faultString) };
}

/** A session at the hub. */
export interface HubSession {
  readonly api: HubApi;
  close(): Promise<void>;
}

/**
 * Opens a session at the hub that runs with a configuration. It needs no password, because the user who runs it may change the
 * database anyway.
 *
 * @throws ConfigError when there is no such user, it has not the permission admin, or the hub does not answer
 */
export async function openHubSession(config: HubConfig, userName: string): Promise<HubSession> {
  const origin = addressOf(config.options.Listen);
  const url = `http://${origin}/kojihub`;
  const session = await withHub(config, 'gc', async (call) => {
    const user = await findUser(call, { name: userName });
    if (!user) throw new ConfigError(`there is no user '${userName}': add one by koji-hub user add`);
    if (!(await userPerms(call, user.id)).includes('admin'))
      throw new ConfigError(
        `user '${userName}' lacks the permission admin: koji-hub user grant ${userName} admin`,
      );
    const hostip = await sessionAddress(hostOf(origin), config.options.CheckClientIP);
    return createSession(call.db, { userId: user.id, hostip, authtype: 0 });
  });
  let callnum = 0;
  const callHub: CallHub = async (method, args, named) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'text/xml',
        'Koji-Session-Id': String(session['session-id']),
        'Koji-Session-Key': session['session-key'],
        'Koji-Session-Callnum': String(callnum++),
      },
      body: encodeCall(method, encodeArgs(args, { ...named })),
    }).catch((cause: unknown) => {
      throw new ConfigError(`the hub does not answer at ${url}: is it running?`, { cause });
    });
    if (!answer.ok) throw new ConfigError(`${url} answers ${answer.status}: is it a hub?`);
    const message = decodeResponse(new Uint8Array(await answer.arrayBuffer()), { doubles: 'number' });
    if ('fault' in message) throw faultFromWire(message.fault.faultCode, message.fault.faultString);
    return message.value;
  };
  return {
    api: hubApi(callHub),
    close: async () => {
      await callHub('logout', [], {}).catch(() => undefined);
    },
  };
}

/** Where a hub that listens at an address can be reached from this machine. */
function addressOf(listen: string): string {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, Math.max(colon, 0));
  const port = listen.slice(colon + 1);
  if (host === '' || host === '0.0.0.0' || host === '*') return `127.0.0.1:${port}`;
  return host === '[::]' || host === '::' ? `[::1]:${port}` : `${host}:${port}`;
}

const hostOf = (origin: string): string => origin.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
