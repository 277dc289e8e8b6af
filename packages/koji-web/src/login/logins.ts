import type { OidcSettings } from '@koji/core/config';
import type { Calls } from '../calls.js';
import type { Admission } from './admission.js';

/** Sender of a request to the page. */
export interface Visitor {
  /** The sender's own address, or the address from a trusted proxy. */
  readonly address: string;
  /** Returns whether they went away, so that nobody will read the answer. */
  readonly gone: () => boolean;
}

/** Credentials of a visitor: a password, or a user name from a trusted proxy or a provider. */
export type Credentials =
  | { readonly user: string; readonly password: string }
  | { readonly user: string; readonly byProxy: true }
  | Admission;

/** A visitor's session at the hub. The hub checks permissions at each call. */
export interface Login {
  readonly user: { readonly id: number; readonly name: string };
  /** Id of the session at the hub. */
  readonly sessionId: number;
  /** Names of the user's permissions, to show only usable links. */
  readonly perms: ReadonlySet<string>;
  /** Runs work that changes nothing with the methods of the hub as the user. */
  read<T>(work: (calls: Calls) => Promise<T>): Promise<T>;
  /** Runs work with the methods of the hub as the user, in one transaction where that is possible. */
  write<T>(work: (calls: Calls) => Promise<T>): Promise<T>;
}

/** Sessions of visitors, by keys that only their browsers can produce. */
export interface Logins {
  /**
   * Opens a session at the hub.
   *
   * @throws AuthError if the hub refuses; ServerOffline
   */
  open(key: string, credentials: Credentials, visitor: Visitor): Promise<void>;
  /** Returns the session of a key; null if there is none, or when it has ended. */
  find(key: string, visitor: Visitor): Promise<Login | null>;
  /** Ends the session of a key, if there is one. */
  close(key: string, visitor: Visitor): Promise<void>;
}

/** Options of visitors' logins. */
export interface LoginOptions {
  readonly logins: Logins;
  /** Hours after which a browser forgets a login. */
  readonly lifetime: number;
  /** The header in which proxies with these addresses name the user; null when none does. */
  readonly proxy: { readonly header: string; readonly addresses: readonly string[] } | null;
  /** The OpenID Connect provider that people log in with; null if there is none. */
  readonly oidc: OidcSettings | null;
}
