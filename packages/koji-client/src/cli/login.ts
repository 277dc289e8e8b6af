import { existsSync } from 'node:fs';
import { API_VERSION, AuthError } from '@koji/core';
import type { SessionKey } from '@koji/core/api';
import { RequestError } from '../errors.js';
import type { ClientSession } from '../session.js';
import { Exit } from './command.js';
import type { GlobalOptions } from './global-options.js';
import type { Output } from './output.js';

/** Checks that the hub answers. */
export async function checkHub(session: ClientSession, global: GlobalOptions, out: Output): Promise<void> {
  const version = await session.getAPIVersion().catch((error: unknown) => {
    if (!(error instanceof RequestError) || error.status !== null) throw error;
    out.warn('Error: Unable to connect to server');
    if (global.debug) out.warn(error.message);
    throw new Exit(1);
  });
  if (version !== API_VERSION)
    out.warn(`WARNING: The server is at API version ${version} and the client is at ${API_VERSION}`);
}

/** Logs in by the first way that the options offer: a certificate, user and password, Kerberos. */
export async function login(session: ClientSession, global: GlobalOptions, out: Output): Promise<void> {
  if (session.loggedIn) return;
  if (global.noauth || global.authtype === 'noauth') return checkHub(session, global, out);
  if (!(await loginAsSaid(session, global))) {
    out.warn('Unable to log in, no authentication methods available');
    throw new Exit(1);
  }
  await checkHub(session, global, out);
  if (global.debug) out.print('successfully connected to hub');
}

function loginAsSaid(
  session: ClientSession,
  { authtype, user, cert, runas }: GlobalOptions,
): Promise<SessionKey | null> {
  if (authtype === 'ssl' || (authtype === null && cert && existsSync(cert)))
    return session.loginWithCertificate(runas ?? undefined);
  if (authtype === 'password' || (authtype === null && user)) return session.login();
  if (authtype === null || authtype === 'kerberos') return session.loginWithKerberos();
  throw new AuthError(`authtype = '${authtype}': must be one of noauth, ssl, password, kerberos`);
}
