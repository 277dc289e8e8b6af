/** The page's own login at a remote hub, used to log in users without their password. */
import { AuthError } from '@koji/core';
import { ClientSession } from '@koji/client';
import type { SessionOptions } from '@koji/client';
import { callsBy } from '../calls.js';
import type { Calls } from '../calls.js';
import { makeChanges } from '../login/admission.js';
import type { Change } from '../login/admission.js';

/** Login of the page: with a certificate, as for Koji's hub, or with a password. */
export type ServiceLogin = { readonly cert: string } | { readonly user: string; readonly password: string };

/** Options of sessions at the hub. */
export interface HubAccess {
  readonly hubUrl: string;
  readonly session: SessionOptions;
  /** Seconds that the hub may take to answer a call. */
  readonly timeout: number;
}

/** Makes the methods of a hub from a session. Failed calls are not repeated. */
export function sessionCalls(session: ClientSession, { timeout }: HubAccess): Calls {
  return callsBy((method, args, keywords) => session.call(method, args, keywords, { retry: false, timeout }));
}

/** Logs in other users, and changes their data. */
export class Service {
  constructor(
    private readonly access: HubAccess,
    private readonly login: ServiceLogin,
  ) {}

  /**
   * Opens a session of a user, which renews itself.
   *
   * @throws AuthError if the hub refuses; ServerOffline
   */
  async openFor(user: string): Promise<ClientSession> {
    const session = await this.open(user);
    const me = await sessionCalls(session, this.access).getLoggedInUser();
    if (me?.name === user) return session;
    await session.logout();
    await session.close();
    // Koji's hub opens a session of the page's own user.
    throw new AuthError('the hub does not let this page log in other users: see ProxyDNs, or ProxyUsers');
  }

  /** Makes changes as the page's own user, who must be an admin. */
  async change(changes: readonly Change[]): Promise<void> {
    const session = await this.open(null);
    try {
      await makeChanges(sessionCalls(session, this.access), changes);
      await session.logout();
    } finally {
      await session.close();
    }
  }

  private async open(user: string | null): Promise<ClientSession> {
    const { hubUrl, session: options, timeout } = this.access;
    const cert = 'cert' in this.login ? { cert: this.login.cert } : {};
    const session = new ClientSession(hubUrl, { ...options, ...cert, authTimeout: timeout });
    try {
      await this.logIn(session, user);
      if (session.sessionKey === null) throw new AuthError('the hub opened no session');
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  private logIn(session: ClientSession, user: string | null): Promise<unknown> {
    if ('cert' in this.login) return session.loginWithCertificate(user ?? undefined);
    const { user: own, password } = this.login;
    return user === null ? session.login(own, password) : session.login(own, password, { proxyuser: user });
  }
}
