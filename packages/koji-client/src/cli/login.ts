import { existsSync } from 'node:fs';
import { API_VERSION, AuthError, AuthExpired, ConfigError, hideSecret } from '@koji/core';
import { RequestError } from '../errors.js';
import type { KerberosOptions } from '../kerberos.js';
import type { ClientSession } from '../session.js';
import { Exit } from './command.js';
import type { GlobalOptions } from './global-options.js';
import { readKeptSession } from './kept-sessions.js';
import type { KeptSession, LoginWay } from './kept-sessions.js';
import type { Output } from './output.js';
import { readPrivateFile } from './private-files.js';

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

/** Logs in with the first method that the options provide, and returns the method. */
export async function login(session: ClientSession, global: GlobalOptions, out: Output): Promise<LoginWay> {
  const way = loginWay(global);
  if (session.loggedIn) return way;
  if (way.by !== 'none' && !(await loginBy(way, session, global, out))) {
    out.warn('Unable to log in, no authentication methods available');
    throw new Exit(1);
  }
  await checkHub(session, global, out);
  if (global.debug && way.by !== 'none') out.print('successfully connected to hub');
  return way;
}

/** The environment variable with a token, for `authtype = token`. */
const tokenVariable = 'KOJI_TOKEN';

/**
 * Returns how commands log in: with a token, with a certificate, with user and password, with the session that `koji login` kept, or with
 * Kerberos.
 *
 * @throws AuthError for an unknown `authtype`, ConfigError when the file of the kept session or of the token cannot be used
 */
export function loginWay(global: GlobalOptions): LoginWay {
  const { authtype, cert, user, password, token_file: tokenFile } = global;
  if (global.noauth || authtype === 'noauth') return { by: 'none' };
  if (authtype === 'token' || (authtype === null && tokenFile))
    return { by: 'token', token: tokenOf(global) };
  if (authtype === 'ssl' || (authtype === null && cert && existsSync(cert))) return { by: 'certificate' };
  if (authtype === null || authtype === 'password') {
    if (user !== null && password !== null) return { by: 'password' };
    const kept = readKeptSession(global);
    if (kept && (user === null || user === kept.user)) return { by: 'kept session', kept };
    if (authtype === 'password' || user) return { by: 'password' };
  }
  if (authtype === null || authtype === 'kerberos' || authtype === 'gssapi') return { by: 'kerberos' };
  throw new AuthError(
    `authtype = '${authtype}': must be one of noauth, ssl, password, token, kerberos, gssapi`,
  );
}

/** Of the variable only a profile hears that asks for a token: it must not go to whatever hub a command names. */
function tokenOf({ authtype, token_file: file }: GlobalOptions): string {
  const fromVariable = authtype === 'token' ? process.env[tokenVariable] : undefined;
  const token = (fromVariable || (file ? tokenIn(file) : '')).trim();
  if (token === '')
    throw new ConfigError(
      file
        ? `token_file = '${file}': the file is empty`
        : `authtype = 'token': no token. Set token_file in the profile, or the variable ${tokenVariable}.`,
    );
  if (!/^[\x21-\x7e]{1,1000}$/.test(token))
    throw new ConfigError('the token has characters that no token has');
  hideSecret(token);
  return token;
}

function tokenIn(file: string): string {
  const remedy = `Make it yours and readable for you alone: chmod 600 ${file}`;
  const text = readPrivateFile(file, { what: 'token', remedy, isChosen: true });
  if (text === null) throw new ConfigError(`token_file = '${file}': there is no such file`);
  return text;
}

async function loginBy(
  way: LoginWay,
  session: ClientSession,
  global: GlobalOptions,
  out: Output,
): Promise<unknown> {
  if (way.by === 'token') {
    await session.loginWithToken(way.token);
    return true;
  }
  if (way.by === 'certificate') return session.loginWithCertificate(global.runas ?? undefined);
  if (way.by === 'kept session') return loginKept(way.kept, session, global, out);
  try {
    return await (way.by === 'password' ? session.login() : session.loginWithKerberos(kerberosOf(global)));
  } catch (error) {
    if (process.stderr.isTTY && global.password === null)
      out.warn(`Hint: \`${loginCommand(global)}\` asks for a password and keeps the login.`);
    throw error;
  }
}

function kerberosOf({ principal, keytab, runas }: GlobalOptions): KerberosOptions {
  return {
    ...(principal === null ? {} : { principal }),
    // As with Koji's command, a keytab is only used if its principal is set.
    ...(principal === null || keytab === null ? {} : { keytab }),
    ...(runas === null ? {} : { runas }),
  };
}

async function loginKept(
  kept: KeptSession,
  session: ClientSession,
  global: GlobalOptions,
  out: Output,
): Promise<unknown> {
  try {
    return await session.loginWithSession(kept.session);
  } catch (error) {
    if (!(error instanceof AuthError || error instanceof AuthExpired)) throw error;
    out.warn(keptRefusal(kept, global, error));
    throw new Exit(1);
  }
}

/** Returns the line about a kept session that the hub refuses, with the remedy. */
export function keptRefusal(kept: KeptSession, global: GlobalOptions, error: Error): string {
  const expired = error instanceof AuthExpired;
  const what = expired
    ? `The kept session of ${kept.user} at ${kept.server} has expired.`
    : `The hub refuses the kept session of ${kept.user} at ${kept.server}: ${error.message}.`;
  return `${what} Log in again with \`${loginCommand(global)}\`.`;
}

/** Returns the command line that logs in to the profile's hub. */
export function loginCommand({ program, profile }: Pick<GlobalOptions, 'program' | 'profile'>): string {
  return `${program}${profile === program ? '' : ` -p ${profile}`} login`;
}
