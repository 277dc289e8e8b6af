/** Logins of visitors at a remote hub: each is a session of the client library in this process. */
import { createHash } from 'node:crypto';
import { AuthError, FailedLogins, networkOf } from '@koji/core';
import { ClientSession } from '@koji/client';
import type { Calls } from '../calls.js';
import { planAdmission } from '../login/admission.js';
import type { Admission } from '../login/admission.js';
import type { Credentials, Login, Logins, Visitor } from '../login/logins.js';
import { sessionCalls } from './service.js';
import type { HubAccess, Service } from './service.js';

/** Dependencies of logins at a remote hub. */
export interface ClientLoginOptions {
  readonly access: HubAccess;
  /** Opens sessions without passwords; null if only passwords are accepted. */
  readonly service: Service | null;
  /** The methods of the hub, called without a login. */
  readonly calls: Calls;
  /** Hours without a request after which a login expires. */
  readonly idleHours: number;
  /** Hours after which a login expires in any case. */
  readonly lifetime: number;
}

type Password = Extract<Credentials, { readonly password: string }>;

interface Kept {
  readonly session: ClientSession;
  readonly user: Login['user'];
  perms: ReadonlySet<string>;
  readonly start: number;
  used: number;
  /** When the hub last confirmed the session. */
  asked: number;
}

const hour = 3_600_000;
/** Milliseconds for which the hub's confirmation of a session is enough to show pages; writes always reach the hub. */
const trusted = 30_000;
const mostLogins = 10_000;
// Lower than the hub's limits, because the hub sees one address for all visitors: one visitor must not lock out others.
const mostFailures = { pair: 5, address: 20, pause: 300_000 };

/** Keeps the sessions of visitors in memory, until this process ends. */
export class ClientLogins implements Logins {
  /** Least recently used first. */
  private readonly kept = new Map<string, Kept>();
  private readonly pairs = new FailedLogins(mostFailures.pair, mostFailures.pause);
  private readonly addresses = new FailedLogins(mostFailures.address, mostFailures.pause);

  constructor(private readonly options: ClientLoginOptions) {}

  async open(key: string, credentials: Credentials, { address }: Visitor): Promise<void> {
    const kept =
      'password' in credentials
        ? await this.logIn(credentials, networkOf(address))
        : await this.logInTrusted(credentials);
    await this.makeRoom();
    this.kept.set(key, kept);
  }

  async find(key: string): Promise<Login | null> {
    const kept = this.kept.get(key);
    if (!kept) return null;
    const now = Date.now();
    const isOver =
      now - kept.used > this.options.idleHours * hour || now - kept.start > this.options.lifetime * hour;
    if (isOver || (now - kept.asked > trusted && !(await this.ask(kept)))) {
      await this.end(key);
      return null;
    }
    kept.used = now;
    this.kept.delete(key);
    this.kept.set(key, kept);
    const run = async <T>(work: (calls: Calls) => Promise<T>): Promise<T> => {
      try {
        return await work(this.callsOf(kept.session));
      } catch (error) {
        // Ended or expired at the hub; the next request shows which.
        if (error instanceof AuthError) kept.asked = 0;
        throw error;
      }
    };
    const id = kept.session.sessionKey?.['session-id'] ?? 0;
    return { user: kept.user, sessionId: id, perms: kept.perms, read: run, write: run };
  }

  close(key: string): Promise<void> {
    return this.end(key);
  }

  /** Ends all sessions. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.kept.keys()].map((key) => this.end(key)));
  }

  private async logIn({ user, password }: Password, network: string): Promise<Kept> {
    const pair = createHash('sha256').update(`${user}\0${network}`).digest('base64');
    this.pairs.check(pair, 'too many failed logins of this user');
    this.addresses.check(network, 'too many failed logins from this address');
    try {
      const kept = await this.logInByPassword(user, password);
      this.pairs.forget(pair);
      return kept;
    } catch (error) {
      if (error instanceof AuthError) {
        this.pairs.add(pair);
        this.addresses.add(network);
      }
      throw error;
    }
  }

  private async logInByPassword(user: string, password: string): Promise<Kept> {
    const { hubUrl, session: options, timeout } = this.options.access;
    const opening = new ClientSession(hubUrl, { ...options, authTimeout: timeout });
    try {
      const key = await opening.login(user, password);
      if (key === null) throw new AuthError('the hub opened no session');
      // A separate session, without the password for another login.
      return await this.keep(new ClientSession(hubUrl, { ...options, session: key }));
    } finally {
      await opening.close();
    }
  }

  /** Logs in a user authenticated elsewhere. */
  private async logInTrusted(given: Exclude<Credentials, Password>): Promise<Kept> {
    const { service } = this.options;
    if (!service) throw new AuthError('this page takes passwords only');
    if ('perms' in given) await this.admit(given, service);
    return this.keep(await service.openFor(given.user));
  }

  private async admit(admission: Admission, service: Service): Promise<void> {
    const changes = await planAdmission(this.options.calls, admission);
    if (changes.length > 0) await service.change(changes);
  }

  private async keep(session: ClientSession): Promise<Kept> {
    const calls = this.callsOf(session);
    const [me, perms] = [await calls.getLoggedInUser(), await calls.getPerms()];
    if (me === null) throw new AuthError('the hub does not know the session that it opened');
    const now = Date.now();
    const about = { user: { id: me.id, name: me.name }, perms: new Set(perms) };
    return { session, ...about, start: now, used: now, asked: now };
  }

  /** Checks whether the hub still knows a session. */
  private async ask(kept: Kept): Promise<boolean> {
    try {
      kept.perms = new Set(await this.callsOf(kept.session).getPerms());
      kept.asked = Date.now();
      return kept.session.loggedIn;
    } catch (error) {
      if (error instanceof AuthError) return false;
      throw error;
    }
  }

  private callsOf(session: ClientSession): Calls {
    return sessionCalls(session, this.options.access);
  }

  private async makeRoom(): Promise<void> {
    const [oldest] = this.kept.keys();
    if (this.kept.size >= mostLogins && oldest !== undefined) await this.end(oldest);
  }

  private async end(key: string): Promise<void> {
    const kept = this.kept.get(key);
    this.kept.delete(key);
    if (!kept) return;
    // If the hub is unavailable, or no longer knows the session, the visitor is logged out here anyway.
    await kept.session.logout().catch(() => undefined);
    await kept.session.close();
  }
}
