import { existsSync } from 'node:fs';
import os from 'node:os';
import { ConfigError } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import type { ClientSession } from '@koji/client';

/** How a builder logs in. */
export interface BuilderLogin {
  /** The identity, for the log. */
  readonly name: string;
  logIn(session: ClientSession): Promise<unknown>;
}

/**
 * Returns how a builder logs in: with its certificate, its password, or the keys of its keytab, in Koji's order.
 *
 * @throws ConfigError if kojid.conf has none of them
 */
export function loginOf(options: KojidOptions): BuilderLogin {
  const { cert, user, password, keytab, ccache } = options;
  if (cert !== null)
    return { name: `the owner of ${cert}`, logIn: (session) => session.loginWithCertificate() };
  if (user && password !== null) return { name: user, logIn: (session) => session.login(user, password) };
  if (user) throw new ConfigError('kojid.conf [kojid] password: is missing; the option user needs it');
  if (!existsSync(keytab))
    throw new ConfigError(
      `kojid.conf [kojid] cert, user and password, keytab: one of them is needed to log in; there is no keytab '${keytab}'`,
    );
  const principal = options.krb_principal ?? options.host_principal_format.replace('%s', os.hostname());
  return { name: principal, logIn: (session) => session.loginWithKerberos({ principal, keytab, ccache }) };
}
