/** The cookie of a login that was started at the provider, signed so that nobody can change its start time or target. */
import type { Context } from 'hono';
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie';
import { createHmac } from 'node:crypto';
import { cookieSecurity, isSecure } from './cookie.js';
import type { Flow } from './oidc.js';

const name = 'koji-web-oidc';
/** Most seconds from the start of a login to its end. */
const longest = 600;

/** Key and scope of the cookie. */
export interface FlowScope {
  readonly clientSecret: string;
  readonly path: string;
}

// All processes of a page have the client's secret.
const keyOf = ({ clientSecret }: FlowScope): string =>
  createHmac('sha256', clientSecret).update('koji-web: cookie of a login that was started').digest('hex');

/** Stores a started login in the browser. */
export async function sendFlow(c: Context, flow: Flow, scope: FlowScope): Promise<void> {
  const text = Buffer.from(JSON.stringify(flow)).toString('base64url');
  await setSignedCookie(c, name, text, keyOf(scope), {
    path: scope.path,
    httpOnly: true,
    sameSite: 'Lax',
    maxAge: longest,
    ...cookieSecurity(c),
  });
}

/** Returns the login that a browser started; null without one, or if it is too old. */
export async function takeFlow(c: Context, scope: FlowScope): Promise<Flow | null> {
  const text = isSecure(c)
    ? await getSignedCookie(c, keyOf(scope), name, 'secure')
    : await getSignedCookie(c, keyOf(scope), name);
  if (text === undefined || text === false) return null;
  deleteCookie(c, name, { path: scope.path, ...cookieSecurity(c) });
  // The signed text was written by sendFlow.
  const flow = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Flow;
  return Date.now() - flow.at < longest * 1000 ? flow : null;
}
