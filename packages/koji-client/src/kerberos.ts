/** Tokens of Kerberos logins. */
import { loadKerberos, messageOf } from '@koji/core';

/** Options of a Kerberos login. */
export interface KerberosOptions {
  /** The principal to log in as; default: that of the cache. */
  readonly principal?: string;
  /** A file with keys of the principal, for a program that can't ask for a password. */
  readonly keytab?: string;
  /** The ticket cache; default: that of the user, or with a keytab one in memory. */
  readonly ccache?: string;
  /** The user to act for, if the hub allows it. */
  readonly runas?: string;
}

/** Alternatives, for messages. */
export const otherWays =
  'use a password (authtype = password, user, password) or a TLS certificate (authtype = ssl, cert)';

/** There is no ticket for the hub. */
export class NoTicket extends Error {
  override name = 'NoTicket';
}

/** Logins run one at a time, because the library reads these values from the environment of the process. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Returns a token for the service HTTP of a host, in base64. It is valid for one request.
 *
 * @throws NoTicket; ConfigError without the package `kerberos`
 */
export async function kerberosToken(host: string, options: KerberosOptions): Promise<string> {
  const kerberos = loadKerberos();
  const made = turn.then(() => inEnvironment(options, () => makeToken(kerberos, host, options)));
  turn = made.catch(() => undefined);
  return made;
}

async function makeToken(
  kerberos: ReturnType<typeof loadKerberos>,
  host: string,
  { principal }: KerberosOptions,
): Promise<string> {
  try {
    const side = await kerberos.initializeClient(`HTTP@${host.replace(/^\[|\]$/g, '')}`, {
      mechOID: kerberos.GSS_MECH_OID_SPNEGO,
      gssFlag: kerberos.GSS_C_MUTUAL_FLAG,
      ...(principal === undefined ? {} : { principal }),
    });
    await side.step('');
    if (!side.response) throw new Error('the library made no token');
    return side.response;
  } catch (cause) {
    throw new NoTicket(messageOf(cause).replace(/\s+/g, ' '), { cause });
  }
}

async function inEnvironment<T>(
  { principal, keytab, ccache }: KerberosOptions,
  work: () => Promise<T>,
): Promise<T> {
  // Tickets of a keytab must not mix with those of the user, who may be somebody else.
  const cache = ccache ?? (keytab === undefined ? undefined : `MEMORY:koji ${principal ?? ''}`);
  const wanted = { KRB5_CLIENT_KTNAME: keytab, KRB5CCNAME: cache };
  const before = Object.keys(wanted).map((name) => [name, process.env[name]] as const);
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) process.env[name] = value;
  try {
    return await work();
  } finally {
    for (const [name, value] of before)
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
  }
}
