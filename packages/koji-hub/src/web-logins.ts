/** Logins of visitors of the web page: sessions of this hub that browsers know by an id of their own. */
import { AuthError, ServerOffline } from '@koji/core';
import type { Admission, Calls, Credentials, Login, Logins, Visitor } from '@koji/web';
import type { Credentials as SessionCredentials } from './auth/credentials.js';
import { sessionAddress } from './auth/credentials.js';
import { login, loginOfProxy, logout } from './auth/login.js';
import { CallerSession } from './auth/sessions.js';
import type { Call, Hub } from './call.js';
import { epoch, sql } from './db/sql.js';
import { describeCall } from './server/call-fields.js';
import { checkLockOut } from './server/lock-out.js';
import type { RunningCall } from './server/running-call.js';
import type { OwnCalls } from './own-calls.js';
import type { Caller, Transactions } from './server/transactions.js';

/** The web page's methods of a call. */
export type CallsOf = (call: Call) => Calls;

/** Dependencies of web logins. */
interface WebLoginParts {
  readonly hub: Hub;
  readonly transactions: Transactions;
  /** As the page itself, to let users in. */
  readonly admitting: OwnCalls;
  readonly signal: AbortSignal;
}

interface KeptSession {
  readonly id: number;
  readonly key: string;
  readonly start_ts: unknown;
  readonly update_ts: unknown;
}

/** Opens, finds and closes the sessions of the page's visitors. */
export class WebLogins implements Logins {
  constructor(
    private readonly parts: WebLoginParts,
    private readonly callsOf: CallsOf,
  ) {}

  async open(key: string, credentials: Credentials, visitor: Visitor): Promise<void> {
    const { hub, transactions } = this.parts;
    this.checkOffline();
    if ('perms' in credentials) await this.admit(credentials);
    const caller = await this.callerOf(visitor, { anonymous: 'a login on the web page' });
    const session = new CallerSession(caller.address, 'a login on the web page');
    const opened = await describeCall('login', caller, () =>
      transactions.without({ method: 'login', caller, session }, (call) =>
        'password' in credentials
          ? login(call, { ...credentials, opts: null, renew: false, exclusive: false })
          : loginOfProxy(call, credentials.user),
      ),
    );
    if (opened === null) throw new AuthError('the hub opened no session');
    await hub.database.write(async (db) => {
      await db.run(
        sql`DELETE FROM web_login WHERE session_id IN (SELECT id FROM sessions WHERE closed = TRUE)`,
      );
      await db.run(sql`INSERT INTO web_login (key, session_id) VALUES (${key}, ${opened['session-id']})`);
    });
  }

  async find(key: string, visitor: Visitor): Promise<Login | null> {
    const kept = await this.parts.hub.database.read((db) =>
      db.get<KeptSession>(sql`
        SELECT sessions.id, sessions.key, ${epoch('sessions.start_time', 'start_ts')},
          ${epoch('sessions.update_time', 'update_ts')}
        FROM web_login JOIN sessions ON sessions.id = web_login.session_id
        WHERE web_login.key = ${key} AND sessions.closed = FALSE`),
    );
    if (!kept) return null;
    const caller = await this.callerOf(visitor, { id: kept.id, key: kept.key, callnum: null });
    const session = await this.sessionOf(caller);
    if (!session?.user) return null;
    if (this.isOver(kept)) {
      await this.parts.transactions.write({ method: 'logout', caller, session }, (call) =>
        logout(call, null),
      );
      return null;
    }
    return this.loginOf(caller, session, session.user);
  }

  async close(key: string, visitor: Visitor): Promise<void> {
    const found = await this.find(key, visitor);
    await found?.write((calls) => calls.logout());
    await this.parts.hub.database.write((db) => db.run(sql`DELETE FROM web_login WHERE key = ${key}`));
  }

  /** Applies a provider's data about a user to the hub. */
  private async admit(admission: Admission): Promise<void> {
    const { makeChanges, planAdmission } = await import('@koji/web');
    const { admitting } = this.parts;
    const changes = await admitting.read((call) => planAdmission(this.callsOf(call), admission));
    if (changes.length > 0) await admitting.write((call) => makeChanges(this.callsOf(call), changes));
  }

  private async sessionOf(caller: Caller): Promise<CallerSession | null> {
    try {
      return await this.parts.transactions.sessionOf({ method: 'web page', caller });
    } catch (error) {
      // Closed, expired, from another address, or another session of the user is exclusive.
      if (error instanceof AuthError) return null;
      throw error;
    }
  }

  private isOver({ start_ts: started, update_ts: used }: KeptSession): boolean {
    const { LoginTimeout, LoginLifetime } = this.parts.hub.options;
    const age = (since: unknown): number => (Date.now() / 1000 - Number(since)) / 3600;
    return age(used) > LoginTimeout || age(started) > LoginLifetime;
  }

  private loginOf(caller: Caller, session: CallerSession, { id, name }: { id: number; name: string }): Login {
    const { hub, transactions } = this.parts;
    const prepared = (): void => {
      this.checkOffline();
      checkLockOut(hub.options, 'web page', session);
    };
    const work =
      <T>(inner: (calls: Calls) => Promise<T>) =>
      (call: RunningCall): Promise<T> =>
        inner(this.callsOf(call));
    return {
      user: { id, name },
      sessionId: session.id ?? 0,
      perms: session.perms,
      read: async (inner) => {
        prepared();
        const request = { method: 'web page', caller, long: false };
        return transactions.read(request, () => undefined, work(inner));
      },
      write: async (inner) => {
        prepared();
        return describeCall('web page', caller, () =>
          transactions.write({ method: 'web page', caller, session }, work(inner)),
        );
      },
    };
  }

  private checkOffline(): void {
    const { ServerOffline: isOffline, OfflineMessage } = this.parts.hub.options;
    if (isOffline) throw new ServerOffline(OfflineMessage ?? 'server is offline');
  }

  private async callerOf({ address, gone }: Visitor, credentials: SessionCredentials): Promise<Caller> {
    return {
      credentials: () => credentials,
      address: await sessionAddress(address, this.parts.hub.options.CheckClientIP),
      remote: `${address}:?`,
      signal: () => this.parts.signal,
      client: { address, gone },
      // The page has limits of its own, see isOver.
      renewalTimeout: 0,
    };
  }
}
