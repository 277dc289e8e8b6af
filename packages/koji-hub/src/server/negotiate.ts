/** The part of a login by Kerberos that HTTP has: `Authorization: Negotiate`, and status 401 that asks for it. */
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
  /** Who the client is without a token. */
  readonly identity: Identity;
}

/**
 * Returns who sent a request; null once it is answered by status 401. A token counts more than a certificate, as with
 * Apache, but less than the word of a proxy, which has checked the token.
 *
 * @throws AuthError after too many tokens of an address that prove nothing
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
