/** The HTTP part of a Kerberos login: `Authorization: Negotiate`, and status 401 to request it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gssapi } from '../auth/gssapi.js';
import type { Identity } from '../auth/identity.js';
import type { LoginGuard } from '../auth/login-guard.js';
import type { Client } from '../client.js';
import { sendPlain } from './reply.js';

/** Dependencies for checking a login request. */
interface Negotiating {
  readonly gssapi: Gssapi;
  readonly logins: LoginGuard;
  readonly client: Client;
  /** Identity of the client without a token. */
  readonly identity: Identity;
}

/**
 * Returns the sender of a request; null if it was answered with status 401. A token takes precedence over a certificate, as in
 * Apache, but not over the identity from a proxy, which has checked the token.
 *
 * @throws AuthError after too many invalid tokens from an address
 */
export async function negotiate(
  request: IncomingMessage,
  response: ServerResponse,
  { gssapi, logins, client, identity }: Negotiating,
): Promise<Identity | null> {
  if (identity.kind === 'principal') return identity;
  const [, token] = /^Negotiate +([A-Za-z0-9+/]+=*)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined && identity.kind === 'certificate') return identity;
  const accepted =
    token === undefined ? null : await logins.check({ user: null, client }, () => gssapi.accept(token));
  if (!accepted) {
    response.setHeader('WWW-Authenticate', 'Negotiate');
    const text =
      token === undefined ? 'Log in by Kerberos, or with a certificate.' : 'The token is not valid.';
    sendPlain(response, 401, `Unauthorized\n${text}\n`);
    return null;
  }
  if (accepted.answer !== null) response.setHeader('WWW-Authenticate', `Negotiate ${accepted.answer}`);
  return { kind: 'principal', principal: accepted.principal };
}
