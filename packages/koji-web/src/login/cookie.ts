/**
 * The id of a browser: random, in a cookie hidden from scripts. The server knows only its hash. The token of forms is derived
 * from the id, so that another site, which can make browsers send the cookie but can't read it, has no token.
 */
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isLoopback } from './forgery.js';

const cookieName = 'koji-web';

/** Only over TLS, with a name that pages without TLS can't set; the local machine needs no TLS. */
export function isSecure(c: Context): boolean {
  return !isLoopback(new URL(c.req.url).hostname);
}

/** Returns what keeps a cookie to TLS where {@link isSecure} asks for it. */
export function cookieSecurity(c: Context): { secure: true; prefix: 'secure' } | Record<string, never> {
  return isSecure(c) ? { secure: true, prefix: 'secure' } : {};
}

/** Returns the id of a request; null if it has no valid one. */
export function readId(c: Context): string | null {
  const id = isSecure(c) ? getCookie(c, cookieName, 'secure') : getCookie(c, cookieName);
  return id !== undefined && /^[\w-]{43}$/.test(id) ? id : null;
}

/** Makes an id that nobody can guess. */
export function newId(): string {
  return randomBytes(32).toString('base64url');
}

/** Returns the key that the session of an id is kept under. */
export function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}

const tokenLength = 32;

function secretOf(id: string): Buffer {
  return createHmac('sha256', id).update('token of forms').digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
}

/**
 * Returns a token for forms of the owner of an id. The token differs each time, so that the length of a compressed page,
 * which may repeat parts of the address, reveals nothing about it.
 */
export function tokenOf(id: string): string {
  const mask = randomBytes(tokenLength);
  return Buffer.concat([mask, xor(mask, secretOf(id))]).toString('base64url');
}

/** Returns whether a form has a token of an id. */
export function isTokenOf(id: string, token: string): boolean {
  const given = Buffer.from(token, 'base64url');
  if (given.length !== 2 * tokenLength) return false;
  const [mask, masked] = [given.subarray(0, tokenLength), given.subarray(tokenLength)];
  return timingSafeEqual(xor(mask, masked), secretOf(id));
}

/** Scope of a cookie, and its lifetime in seconds; without a lifetime it lasts until the browser is closed. */
interface CookieScope {
  readonly path: string;
  readonly seconds?: number;
}

/** Sets the id of a browser. */
export function sendId(c: Context, id: string, { path, seconds }: CookieScope): void {
  setCookie(c, cookieName, id, {
    path,
    httpOnly: true,
    sameSite: 'Lax',
    ...cookieSecurity(c),
    ...(seconds === undefined ? {} : { maxAge: seconds }),
  });
}

/** Deletes the id of a browser. */
export function dropId(c: Context, path: string): void {
  deleteCookie(c, cookieName, { path, ...cookieSecurity(c) });
}
