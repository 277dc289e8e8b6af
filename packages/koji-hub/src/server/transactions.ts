import type { IncomingHttpHeaders } from 'node:http';
import { AuthError } from '@koji/core';
import type { Logger } from '@koji/core';
import type { Credentials } from '../auth/credentials.js';
import type { SessionTimes } from '../auth/session-times.js';
import {
  CallerSession,
  SessionTooOld,
  claimSession,
  markExpired,
  openSession,
  storeCallNumber,
} from '../auth/sessions.js';

import { claimToken, openToken } from '../auth/tokens.js';
import { Effects } from '../after-commit.js';
import { ClientGone } from '../client.js';
import type { Client } from '../client.js';
import type { Hub } from '../call.js';
import type { Connection, ReadOptions } from '../db/connection.js';
import { syncChanges } from '../domain/files/syncs.js';
import { describeSession } from './call-fields.js';
import { RunningCall } from './running-call.js';
import type { OwnTransactions } from './running-call.js';

/** Who sent a request. */
export interface Caller {
  /** Reads the session's credentials. Throws AuthError if they are invalid. */
  readonly credentials: () => Credentials;
  /** As stored in sessions. */
  readonly address: string;
  /** Address and port for the log; the port of a client behind a proxy is unknown: `?`. */
  readonly remote: string;
  /** Identifies the request in the log and its answer; absent for the hub's own work. */
  readonly requestId?: string;
  /** Possible sources of a parent span. */
  readonly headers?: IncomingHttpHeaders;
  /** Returns a signal that aborts when the client disconnects or the hub stops. */
  readonly signal: () => AbortSignal;
  readonly client: Client;
  /** Minutes until its session must be renewed, 0 for never. Default: option SessionRenewalTimeout. */
  readonly renewalTimeout?: number;
}

/** A call whose session is not known yet. */
export interface Request {
  /** Null for a raw upload. */
  readonly method: string | null;
  readonly caller: Caller;
}

/** A call whose session is checked. */
export interface Checked {
  readonly method: string;
  readonly caller: Caller;
  readonly session: CallerSession;
}

/**
 * The transactions that calls run in. On SQLite one of them writes at a time, so that nothing in here waits for a client
 * while it holds one: sessions are opened in a snapshot, answers are encoded inside and sent outside.
 */
export class Transactions {
  private readonly log: Logger;

  constructor(
    private readonly hub: Hub,
    private readonly times: SessionTimes,
  ) {
    this.log = hub.logger('koji.xmlrpc');
  }

  /** Finds and checks the session of a request; an expired one serves for logging in again. */
  async sessionOf(request: Request): Promise<CallerSession> {
    const given = request.caller.credentials();
    // Anonymous calls have no session to read from the database, which may be busy.
    if ('anonymous' in given) return new CallerSession(request.caller.address, given.anonymous);
    const read = () => this.hub.database.read((db) => this.sessionOn(db, request), { snapshot: false });
    try {
      return await this.markingExpired(read);
    } catch (error) {
      // After the mark, methods that an expired session may call are accepted.
      if (error instanceof SessionTooOld) return read();
      throw error;
    }
  }

  /**
   * Opens the session of a request and runs work on the same snapshot, or without one, depending on ReadOptions.
   *
   * @throws ClientGone if the client has disconnected
   */
  async read<T>(
    request: Request & { readonly method: string; readonly long: boolean; readonly snapshot?: boolean },
    check: (session: CallerSession) => void,
    work: (call: RunningCall) => Promise<T>,
  ): Promise<T> {
    const read = (): Promise<T> =>
      this.hub.database.read(
        async (db) => {
          const session = await this.sessionOn(db, request);
          check(session);
          return this.during(this.running({ ...request, session }, db), work);
        },
        { ...readOptions(request.caller, request.long), snapshot: request.snapshot ?? true },
      );
    return this.markingExpired(() => this.settled(read));
  }

  /** Runs work in a transaction, and afterwards its actions after a commit, or its undos after a rollback. */
  async write<T>(checked: Checked, work: (call: RunningCall) => Promise<T>): Promise<T> {
    const { method, session } = checked;
    let effects = new Effects(this.log);
    const did = { write: false, work: false };
    let result: T;
    try {
      result = await this.hub.database.write(async (db) => {
        await claimSession(db, session, method);
        await claimToken(db, session);
        const running = this.running(checked, db);
        effects = running.effects;
        try {
          return await this.during(running, async (call) => {
            const value = await work(call);
            did.write = db.wrote;
            if (did.write) await call.runCallbacks('preCommit', {});
            await syncChanges(db);
            await storeCallNumber(db, session);
            did.work = true;
            return value;
          });
        } catch (error) {
          await effects.restored();
          throw error;
        }
      });
    } catch (error) {
      await effects.rolledBack(did.work ? 'unknown' : 'rolled-back');
      throw error;
    }
    session.stored ||= did.write;
    await effects.committed();
    if (did.write && this.hub.callbacks.has('postCommit')) await this.postCommit(checked);
    return result;
  }

  /** Runs work without a transaction; it may open some of its own. */
  async without<T>(checked: Checked, work: (call: RunningCall) => Promise<T>): Promise<T> {
    const own: OwnTransactions = {
      read: (inner, { long = false } = {}) =>
        this.settled(() =>
          this.hub.database.read(
            (db) => this.during(this.running(checked, db), inner),
            readOptions(checked.caller, long),
          ),
        ),
      write: (inner) => this.write(checked, inner),
    };
    return this.during(this.running(checked, own), async (call) => {
      const value = await work(call);
      await call.effects.committed();
      return value;
    });
  }

  /** The commit is final: a plugin that fails now is logged, and the answer is still sent. */
  private async postCommit(checked: Checked): Promise<void> {
    try {
      await this.without(checked, (call) => call.runCallbacks('postCommit', {}));
    } catch (error) {
      this.log.error(`postCommit of ${checked.method} failed`, error);
    }
  }

  private async during<T>(call: RunningCall, work: (call: RunningCall) => Promise<T>): Promise<T> {
    try {
      return await work(call);
    } finally {
      call.end();
    }
  }

  private running({ method, session, caller }: Checked, on: Connection | OwnTransactions): RunningCall {
    const { hub, log } = this;
    const effects = new Effects(log);
    const { signal, client } = caller;
    return new RunningCall({ hub, method, session, log, on, effects, signal, client });
  }

  /** Reads, and waits until all that was seen is durable, before anybody is told. */
  private async settled<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } finally {
      const settling = this.hub.database.settled();
      if (settling) await settling;
    }
  }

  private async sessionOn(db: Connection, { method, caller }: Request): Promise<CallerSession> {
    const { address, renewalTimeout = this.hub.options.SessionRenewalTimeout } = caller;
    const credentials = caller.credentials();
    if ('anonymous' in credentials) return new CallerSession(address, credentials.anonymous);
    if ('token' in credentials) return this.ofToken(db, credentials.token, caller);
    const session = await openSession(db, credentials, { method, address, renewalTimeout });
    describeSession(session);
    if (session.loggedIn && session.id !== null) this.times.used(session.id);
    return session;
  }

  private async ofToken(db: Connection, token: string, { address, client }: Caller): Promise<CallerSession> {
    const { options, logins } = this.hub;
    if (options.TokenLifetime === 0) throw new AuthError('this hub takes no tokens (TokenLifetime = 0)');
    const opened = await openToken(db, token, address);
    if (!opened) return logins.refuseToken(client);
    const { session, isDue } = opened;
    describeSession(session);
    if (isDue && session.tokenId !== null) this.times.usedToken(session.tokenId);
    return session;
  }

  private async markingExpired<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SessionTooOld) await this.hub.database.write((db) => markExpired(db, error.id));
      throw error;
    }
  }
}

/** Nobody hears what a read finds out once its client is gone. */
function readOptions({ client }: Caller, long: boolean): ReadOptions {
  const check = (): void => {
    if (client.gone()) throw new ClientGone();
  };
  return { long, check };
}
