import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { GenericError } from '@koji/core';

/** A request with a valid signature. */
export interface RouteRequest {
  /** Headers by lower-case names, repeated ones joined by commas, without cookies and logins. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parameters after the `?` of the address. */
  readonly query: URLSearchParams;
  /** The body, unchanged. */
  readonly body: Buffer;
  /** The address of the sender. */
  readonly address: string;
}

/** Answers a request with a value that is sent as JSON, a text, or nothing. */
export type AnswerRoute = (request: RouteRequest) => unknown;

/** The signature that a sender uses. `secret` is called for each request; null rejects all requests. */
export interface RouteSigning {
  /**
   * `github`: HMAC-SHA256 of the body in `X-Hub-Signature-256`. `forgejo`: the same in `X-Forgejo-Signature` or
   * `X-Gitea-Signature`. `gitlab`: the secret itself in `X-Gitlab-Token`.
   */
  readonly by: 'github' | 'forgejo' | 'gitlab';
  /** Returns the shared secret. */
  readonly secret: () => string | null;
}

/** Options of a route. */
export interface RouteOptions {
  /** The signature. If null, everybody may send, and the function has to authenticate the sender. */
  readonly signed: RouteSigning | null;
  /** Maximum length of a body in bytes, at most 26,214,400. Default 1,048,576. */
  readonly longest?: number;
  /** `write`: a request is one transaction. `none`: each `context.call` is one. Default `write`. */
  readonly access?: 'write' | 'none';
}

/** An address of the hub for other servers. */
export interface Route {
  /** The last part of its address: `/kojihub/plugin/PLUGIN/NAME`. */
  readonly name: string;
}

/** The hub's view of a route. */
export interface PluginRoute extends Required<RouteOptions>, Route {
  readonly answer: AnswerRoute;
}

const brand = Symbol.for('koji.plugin.route');
const mostLong = 25 * 1024 * 1024;

/**
 * Declares an address for POST requests of other servers, such as webhooks of a forge: `/kojihub/plugin/PLUGIN/NAME`.
 * Export it. The hub checks length and signature before the function runs as the user `plugin-PLUGIN`. The status is 403 for
 * ActionNotAllowed, 400 for other faults, and 500 for any other error.
 *
 * @param name unique among the routes of the plugin; letters, digits, `_`, `.` and `-`
 * @example
 * export const onPush = route(
 *   'push',
 *   { signed: { by: 'forgejo', secret: () => process.env['PUSH_SECRET'] ?? null } },
 *   async ({ body }) => {
 *     const { repository } = JSON.parse(body.toString()) as { repository: { clone_url: string } };
 *     return { task: await context.makeTask('build', [`git+${repository.clone_url}`, 'f44']) };
 *   },
 * );
 */
export function route(name: string, options: RouteOptions, answer: AnswerRoute): Route {
  const { signed, longest = 1024 * 1024, access = 'write' } = options;
  if (!/^\w[\w.-]{0,99}$/.test(name)) throw new GenericError(`'${name}' can't be the name of a route`);
  if (!Number.isInteger(longest) || longest < 1 || longest > mostLong)
    throw new GenericError(`route ${name}: longest must be a whole number up to ${mostLong}`);
  const served: PluginRoute = { name, signed, longest, access, answer };
  return Object.defineProperty({ name }, brand, { value: served });
}

/** Returns the hub's side of a {@link route}; null for anything else. */
export function routeOf(value: unknown): PluginRoute | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as PluginRoute;
}

/** Returns whether the sender of a request knows the secret. */
export function isSigned(
  { by, secret }: RouteSigning,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): boolean {
  const key = secret();
  if (key === null || key === '') return false;
  const hmac = (): string => createHmac('sha256', key).update(body).digest('hex');
  if (by === 'gitlab') return isSame(headers['x-gitlab-token'], key);
  if (by === 'github') return isSame(headers['x-hub-signature-256'], `sha256=${hmac()}`);
  return isSame(headers['x-forgejo-signature'] ?? headers['x-gitea-signature'], hmac());
}

/** Compares in a time that does not depend on the texts. */
function isSame(given: string | undefined, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(wanted));
}
