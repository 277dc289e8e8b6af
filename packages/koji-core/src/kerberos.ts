/** The npm package `kerberos`, which compiles against the system's libraries. Only users of Kerberos logins install it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { ConfigError, messageOf } from './errors.js';

/** State after a step of a conversation. */
interface Side {
  readonly contextComplete: boolean;
  /** The principal of the client. */
  readonly username: string | null;
  /** Token for the other side, in base64. */
  readonly response: string | null;
  step(token: string): Promise<unknown>;
}

/** The part of the package that is used. */
export interface Kerberos {
  readonly GSS_MECH_OID_SPNEGO: number;
  readonly GSS_C_MUTUAL_FLAG: number;
  initializeClient(
    service: string,
    options: { readonly mechOID: number; readonly gssFlag: number; readonly principal?: string },
  ): Promise<Side>;
  initializeServer(service: string): Promise<Side>;
}

const remedy =
  'install libkrb5-dev (Debian) or krb5-devel (Fedora) with a C++ compiler, then run `npm install kerberos@7`';

/**
 * Loads the package from the place where this one is installed, or from a folder with a trusted owner. The current folder may
 * belong to anybody.
 *
 * @throws ConfigError that explains how to install it
 */
export function loadKerberos(folder?: string): Kerberos {
  const problems: string[] = [];
  const places = folder === undefined ? [] : [path.join(path.resolve(folder), 'package.json')];
  for (const from of [import.meta.url, ...places])
    try {
      return createRequire(from)('kerberos') as Kerberos;
    } catch (error) {
      problems.push(messageOf(error).split('\n')[0] ?? '');
    }
  throw new ConfigError(`Kerberos logins need the npm package kerberos: ${remedy} (${problems[0] ?? ''})`);
}
