import { randomInt } from 'node:crypto';
import { AuthError, AuthLockError, GenericError } from '@koji/core';
import type { LoginOptions, SessionKey } from '@koji/core/api';
import type { Call } from '../call.js';
import type { Connection } from '../db/connection.js';
import { forUpdate, now, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { CallerSession } from './sessions.js';
import { checkPassword } from './passwords.js';

/** Login method of a session. */
export const authTypes = { NORMAL: 0, SSL: 2, GSSAPI: 3 } as const;

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Returns the session of a call in the hub's own class. */
export function callerOf(call: Call): CallerSession {
  if (!(call.session instanceof CallerSession)) throw new Error('the call has no session of this hub');
  return call.session;
}

function newKey(userId: number): string {
  const random = Array.from({ length: 24 }, () => letters[randomInt(letters.length)]).join('');
  return `${userId}-${random}`;
}

interface NewSession {
  readonly userId: number;
  readonly hostip: string;
  readonly authtype: number;
  readonly master?: number;
}

/** Opens a session in the call's transaction. */
export async function createSession(db: Connection, wanted: NewSession): Promise<SessionKey> {
  const { userId, hostip, authtype, master = null } = wanted;
  const key = newKey(userId);
  const row = await db.get<{ id: number }>(sql`
    INSERT INTO sessions (user_id, key, hostip, authtype, master, start_time, update_time)
    VALUES (${userId}, ${key}, ${hostip}, ${authtype}, ${master}, ${now}, ${now}) RETURNING id`);
  if (!row) throw new Error('a new session has no id');
  return { 'session-id': row.id, 'session-key': key, 'header-auth': true };
}

async function renewSession(db: Connection, session: CallerSession): Promise<SessionKey | null> {
  const { id, master, expiredUserId } = session;
  if (id === null || expiredUserId === null) throw new Error('no expired session to renew');
  if (master !== null) {
    const alive = await db.get(sql`SELECT id FROM sessions WHERE id = ${master} AND closed = FALSE`);
    if (!alive) return null;
  }
  const key = newKey(expiredUserId);
  // The call number is reset too, because a client counts from 0 after a new login.
  await db.run(sql`UPDATE sessions SET key = ${key}, expired = FALSE, callnum = NULL, update_time = ${now},
    renew_time = ${now} WHERE id = ${id}`);
  return { 'session-id': id, 'session-key': key, 'header-auth': true };
}

interface LoginArgs {
  readonly user: unknown;
  readonly password: unknown;
  readonly opts: unknown;
  readonly renew: unknown;
  readonly exclusive: unknown;
}

interface Login {
  readonly id: number;
  readonly name: string;
  readonly status: number;
  readonly password: string | null;
}

function readLogin(call: Call, user: string): Promise<Login | null> {
  return call.read(({ db }) =>
    db.get<Login>(sql`SELECT id, name, status, password FROM users WHERE name = ${user} AND usertype <> 2`),
  );
}

/** Logs in with a password; the session of the call must not be live. */
export async function login(
  call: Call,
  { user, password, opts, renew, exclusive }: LoginArgs,
): Promise<SessionKey | null> {
  const session = callerOf(call);
  const wrong = () => new AuthError('invalid username or password');
  if (typeof password !== 'string' || password.length === 0 || typeof user !== 'string') throw wrong();
  if (session.loggedIn) throw new AuthError('Already logged in');
  const row = await call.hub.logins.check({ user, client: call.client }, async () => {
    const found = await readLogin(call, user);
    // No transaction is open: the check takes a tenth of a second.
    return (await checkPassword(password, found?.password ?? null)) ? found : null;
  });
  if (!row) throw wrong();
  checkMayLogIn(row);
  const { id: userId } = await proxiedUser(call, row, opts);
  const hostip = hostipOf(call, opts);
  return call.write((writing) =>
    openOrRenew(writing, { userId, hostip, authtype: authTypes.NORMAL, renew, exclusive }),
  );
}

/** A login whose user is known. */
interface KnownLogin extends NewSession {
  readonly renew: unknown;
  readonly exclusive: unknown;
}

/** Opens a session of a user, or renews the expired one of the call if it is of the same user. */
export async function openOrRenew(
  call: Call,
  { renew, exclusive, ...wanted }: KnownLogin,
): Promise<SessionKey | null> {
  const session = callerOf(call);
  if (!renew || session.expiredUserId !== wanted.userId) return createSession(call.db, wanted);
  const renewed = await renewSession(call.db, session);
  if (renewed && exclusive && session.master === null)
    await takeExclusive(call.db, { id: renewed['session-id'], userId: wanted.userId, force: false });
  return renewed;
}

/** @throws AuthError for a user who is blocked */
export function checkMayLogIn({ name, status }: Pick<Login, 'name' | 'status'>): void {
  if (status !== 0) throw new AuthError(`logins by ${name} are not allowed`);
}

/** Returns the user to open a session for: the owner of the password, or the user that a member of ProxyUsers names. */
async function proxiedUser(call: Call, user: Login, opts: unknown): Promise<Login> {
  const wanted = optionOf(opts, 'proxyuser');
  if (wanted === undefined || wanted === null) return user;
  if (!call.hub.options.ProxyUsers.includes(user.name))
    throw new AuthError(`${user.name} is not authorized to login other users`);
  if (typeof wanted !== 'string') throw new AuthError('proxyuser must be the name of a user');
  return knownUser(call, wanted);
}

async function knownUser(call: Call, name: string): Promise<Login> {
  const row = await readLogin(call, name);
  if (!row) throw new AuthError(`the hub has no user '${name}'`);
  checkMayLogIn(row);
  return row;
}

/** Logs in a user authenticated by a trusted proxy, whatever the method. */
export async function loginOfProxy(call: Call, user: string): Promise<SessionKey> {
  const row = await knownUser(call, user);
  const { address: hostip } = callerOf(call);
  return call.write(({ db }) => createSession(db, { userId: row.id, hostip, authtype: authTypes.GSSAPI }));
}

function optionOf(opts: unknown, name: keyof LoginOptions): unknown {
  return typeof opts === 'object' && opts !== null ? (opts as LoginOptions)[name] : undefined;
}

function hostipOf(call: Call, opts: unknown): string {
  const { CheckClientIP } = call.hub.options;
  const given = optionOf(opts, 'hostip');
  if (!CheckClientIP) return '-';
  return typeof given === 'string' ? given : callerOf(call).address;
}

/** Opens a session that ends with the caller's top session. */
export function subsession(call: Call): Promise<SessionKey> {
  const { loggedIn, id, userId, master, address, authtype } = callerOf(call);
  if (!loggedIn || id === null || userId === null) throw new AuthError('Not logged in');
  return createSession(call.db, {
    userId,
    hostip: address,
    authtype: authtype ?? authTypes.NORMAL,
    master: master ?? id,
  });
}

interface Exclusive {
  readonly id: number;
  readonly userId: number;
  readonly force: boolean;
}

async function takeExclusive(db: Connection, { id, userId, force }: Exclusive): Promise<void> {
  // Two sessions exclude each other by locking the user's row.
  await db.get(sql`SELECT id FROM users WHERE id = ${userId}${forUpdate}`);
  const holder = await db.get<{ id: number }>(sql`SELECT id FROM sessions
    WHERE user_id = ${userId} AND closed = FALSE AND exclusive = TRUE AND id <> ${id}`);
  if (holder && !force) throw new AuthLockError('Cannot get exclusive session');
  if (holder)
    await db.run(
      sql`UPDATE sessions SET expired = TRUE, exclusive = NULL, closed = TRUE WHERE id = ${holder.id}`,
    );
  await db.run(sql`UPDATE sessions SET exclusive = TRUE WHERE id = ${id}`);
}

/** Makes the caller's session the only one of its user that may call. */
export async function makeExclusive(call: Call, force: boolean): Promise<null> {
  const session = callerOf(call);
  if (session.master !== null) throw new GenericError('subsessions cannot become exclusive');
  if (session.exclusive) throw new GenericError('session is already exclusive');
  const { id, userId, hostId } = session;
  if (id !== null && userId !== null) await takeExclusive(call.db, { id, userId, force });
  // Notifies a builder that waits with the closed session.
  if (hostId !== null) call.afterCommit(() => call.hub.wake.notify(`host:${hostId}`));
  return null;
}

/** Lets other sessions of the user call again. */
export async function makeShared(call: Call): Promise<null> {
  const { id } = call.session;
  if (id !== null) await call.db.run(sql`UPDATE sessions SET exclusive = NULL WHERE id = ${id}`);
  return null;
}

function close(db: Connection, condition: Sql): Promise<number> {
  return db.run(sql`UPDATE sessions SET expired = TRUE, exclusive = NULL, closed = TRUE WHERE ${condition}`);
}

/** Closes the caller's session, or another session of the same user (for admins: of any user), with its subsessions. */
export async function logout(call: Call, sessionId: number | null): Promise<null> {
  const session = callerOf(call);
  if (!session.loggedIn) throw new AuthError('Not logged in');
  const id = sessionId === null || sessionId === 0 ? session.id : sessionId;
  if (id !== session.id && !session.hasPerm('admin')) {
    const own = await call.db.get(
      sql`SELECT id FROM sessions WHERE user_id = ${session.userId} AND id = ${id}`,
    );
    if (!own) throw new GenericError('query returned no rows');
  }
  await close(call.db, sql`id = ${id} OR master = ${id}`);
  if (id === session.id) session.forget();
  return null;
}

/** Closes a subsession of the caller; ignores any other id, like Koji. */
export async function logoutChild(call: Call, sessionId: number | null): Promise<null> {
  if (!call.session.loggedIn) throw new AuthError('Not logged in');
  await close(call.db, sql`id = ${sessionId} AND master = ${call.session.id}`);
  return null;
}
