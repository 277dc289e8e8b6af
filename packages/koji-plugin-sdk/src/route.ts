import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { GenericError } from '@koji/core';

/** A request that came in, with a signature that fits. */
export interface RouteRequest {
  /** Headers by lower-case names, several of one name joined by commas; without cookies and logins. */
  readonly headers: Readonly<Record<string, string>>;
  /** What stands behind the `?` of the address. */
  readonly query: URLSearchParams;
  /** The body as it came. */
  readonly body: Buffer;
  /** The sender's address. */
  readonly address: string;
}

/** Answers a request: with a value that goes out as JSON, a text, or nothing. */
export type AnswerRoute = (request: RouteRequest) => unknown;

/** How a sender shows that a request is theirs; `secret` is asked at each request, and null refuses all. */
export interface RouteSigning {
  /**
   * `github`: HMAC-SHA256 of the body in `X-Hub-Signature-256`, `forgejo`: the same in `X-Forgejo-Signature` or
   * `X-Gitea-Signature`, `gitlab`: the secret itself in `X-Gitlab-Token`.
   */
  readonly by: 'github' | 'forgejo' | 'gitlab';
  /** What both know. */
  readonly secret: () => string | null;
}

/** How requests come in. */
export interface RouteOptions {
  /** Null: anybody may send; the function has to find out who it is. */
  readonly signed: RouteSigning | null;
  /** Bytes that a body may have, at most 26,214,400. Default 1,048,576. */
  readonly longest?: number;
  /** `write`: a request is one transaction; `none`: each `context.call` is one. Default `write`. */
  readonly access?: 'write' | 'none';
}

/** A way into the hub for other servers. */
export interface Route {
  /** The end of its address: `/kojihub/plugin/PLUGIN/NAME`. */
  readonly name: string;
}

/** A route as the hub has it. */
export interface PluginRoute extends Required<RouteOptions>, Route {
  readonly answer: AnswerRoute;
}

const brand = Symbol.for('koji.plugin.route');
const mostLong = 25 * 1024 * 1024;

/**
 * Declares an address that other servers send requests to by POST, such as webhooks of a forge: `/kojihub/plugin/PLUGIN/NAME`.
 * Export it. The hub checks length and signature before the function runs, in the name of the user `plugin-PLUGIN`. A
 * fault is answered with 400, ActionNotAllowed with 403, anything else that is thrown with 500.
 *
 * @param name no other route of the plugin has it; letters, digits, `_`, `.` and `-`
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

/** The hub's side of what {@link route} made; null for anything else. */
export function routeOf(value: unknown): PluginRoute | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as PluginRoute;
}

/** Whether a request is from who knows the secret. */
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

/** Compares in a time that tells nothing of either text. */
function isSame(given: string | undefined, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(wanted));
}
