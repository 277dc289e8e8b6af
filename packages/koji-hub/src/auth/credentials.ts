import dns from 'node:dns/promises';
import type { IncomingHttpHeaders } from 'node:http';
import os from 'node:os';
import { AuthError } from '@koji/core';

/** The session in a request: id, key and call number. */
export interface SessionCredentials {
  readonly id: number;
  readonly key: string;
  readonly callnum: number | null;
}

/** Identity in a request: its session, or a token, or the reason why there is none. */
export type Credentials = SessionCredentials | { readonly token: string } | { readonly anonymous: string };

/**
 * Takes the session out of a request's headers or, older clients, its query string; headers win. A token comes as
 * `Authorization: Bearer`.
 */
export function readCredentials(
  headers: IncomingHttpHeaders,
  query: string,
  disableUrlSessions: boolean,
): Credentials {
  const id = headers['koji-session-id'];
  const token = bearerOf(headers);
  if (token !== null) {
    const hasSession = id !== undefined || (!disableUrlSessions && /(^|&)session-id=/.test(query));
    if (hasSession) throw new AuthError('a session and a token at once: send one of them');
    return { token };
  }
  if (id !== undefined) {
    const key = headers['koji-session-key'];
    if (typeof key !== 'string') throw new AuthError('Koji-Session-Id without Koji-Session-Key');
    const callnum = headers['koji-session-callnum'] ?? headers['koji-callnum'];
    return {
      id: whole('Koji-Session-Id', id),
      key,
      callnum: callnum === undefined ? null : whole('Koji-Session-Callnum', callnum),
    };
  }
  if (disableUrlSessions) return { anonymous: 'no Koji-Session-* headers' };
  if (query === '') return { anonymous: 'no session header or session args' };
  const args = parseQuery(query);
  const given = (name: string) => {
    const value = args.get(name);
    if (value === undefined) throw new AuthError(`'${name}' not specified in session args`);
    return value;
  };
  const urlId = whole('session-id', given('session-id'));
  const key = given('session-key');
  const callnum = args.get('callnum');
  if (callnum !== undefined && !isWhole(callnum)) throw new AuthError(`Invalid callnum: '${callnum}'`);
  return { id: urlId, key, callnum: callnum === undefined ? null : Number(callnum) };
}

function bearerOf({ authorization }: IncomingHttpHeaders): string | null {
  const [scheme = '', token = ''] = (authorization ?? '').trim().split(/\s+/, 2);
  return scheme.toLowerCase() === 'bearer' ? token : null;
}

function isWhole(text: string): boolean {
  return /^\s*[-+]?\d{1,15}\s*$/.test(text);
}

function whole(name: string, value: string | string[]): number {
  const text = typeof value === 'string' ? value : value.join(', ');
  if (!isWhole(text)) throw new AuthError(`${name} is not a whole number: '${text}'`);
  return Number(text);
}

/**
 * The parameters of a query string, first value of each; empty ones count as absent, as in Koji.
 *
 * @throws AuthError for a part without `=`
 */
export function parseQuery(query: string): Map<string, string> {
  const parts = query.split('&');
  const bad = parts.find((part) => !part.includes('='));
  if (bad !== undefined) throw new AuthError(`bad query field: '${bad}'`);
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query))
    if (value !== '' && !found.has(name)) found.set(name, value);
  return found;
}

let ownAddress: Promise<string> | null = null;

function findOwnAddress(): Promise<string> {
  ownAddress ??= dns.lookup(os.hostname(), 4).then(
    ({ address }) => address,
    () => '127.0.0.1',
  );
  return ownAddress;
}

/**
 * Returns the address that a session is tied to. The loopback address becomes the machine's own, so that local clients may use
 * either; with `CheckClientIP` off, the address is `-` for every client.
 */
export async function sessionAddress(address: string, checkClientIP: boolean): Promise<string> {
  if (!checkClientIP) return '-';
  return address === '127.0.0.1' || address === '::1' ? findOwnAddress() : address;
}
