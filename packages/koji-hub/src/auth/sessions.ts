import { timingSafeEqual } from 'node:crypto';
import {
  AUTH_METHODS,
  ActionNotAllowed,
  AuthError,
  AuthExpired,
  AuthLockError,
  RETRY_WHITELIST,
  RetryError,
  SequenceError,
} from '@koji/core';
import type { SessionInfo } from '@koji/core/api';
import type { Session } from '../call.js';
import type { Connection } from '../db/connection.js';
import { epoch, forUpdate, jsonRows, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import type { SessionCredentials } from './credentials.js';
import type { TokenScope } from './token-scope.js';

/** Calls that may be repeated with the same number although the first try changed something. */
const repeatable = new Set(RETRY_WHITELIST);
const logins = new Set(AUTH_METHODS);
/** Calls that work although another session of the user is exclusive. */
const lockFree = new Set(['exclusiveSession', 'login', 'logout']);

/** The columns of {@link SessionInfo} in the table `sessions`. */
export const sessionColumns = sql`
  sessions.user_id, sessions.expired, sessions.master, sessions.authtype, sessions.callnum, sessions.exclusive,
  sessions.start_time, sessions.update_time, sessions.renew_time,
  ${epoch('sessions.start_time', 'start_ts')}, ${epoch('sessions.update_time', 'update_ts')},
  ${epoch('sessions.renew_time', 'renew_ts')}`;

interface SessionRow extends SessionInfo {
  key: string;
  hostip: string;
  closed: boolean;
  user_name: string;
  status: number;
  usertype: number;
  host_id: number | null;
  exclusive_id: number | null;
  rights: Rights;
}

/** Properties of a call that the session check needs. */
export interface SessionContext {
  /** Name of the method; null for a raw upload. */
  readonly method: string | null;
  /** The client's address as stored in sessions, see `sessionAddress`. */
  readonly address: string;
  /** Minutes until a session must be renewed, 0 for never. */
  readonly renewalTimeout: number;
}

/**
 * The session of one request, anonymous or logged in. `logout` makes a logged-in session anonymous for the
 * rest of a multicall.
 */
export class CallerSession implements Session {
  loggedIn = false;
  id: number | null = null;
  userId: number | null = null;
  user: Readonly<{ id: number; name: string; status: number; usertype: number }> | null = null;
  hostId: number | null = null;
  exclusive = false;
  master: number | null = null;
  perms: ReadonlySet<string> = new Set();
  /** The user's groups by id. */
  groups: ReadonlyMap<number, string> = new Map();
  authtype: number | null = null;
  callnum: number | null = null;
  /** An earlier transaction of the same call has already stored its call number. */
  stored = false;
  info: SessionInfo | null = null;
  /** The token that stands in for a session. */
  tokenId: number | null = null;
  scope: TokenScope | null = null;
  /** The owner of an expired session; only their login can renew it. */
  expiredUserId: number | null = null;

  constructor(
    readonly address: string,
    /** Why the call is anonymous. */
    readonly message: string,
  ) {}

  get userName(): string | null {
    return this.user?.name ?? null;
  }

  assertLogin(): void {
    if (!this.loggedIn) throw new ActionNotAllowed('you must be logged in for this operation');
  }

  hasPerm(name: string): boolean {
    return this.perms.has(name) || this.perms.has('admin');
  }

  assertPerm(name: string): void {
    if (this.hasPerm(name)) return;
    const who = this.loggedIn ? `logged in as ${this.user?.name ?? ''}` : 'user not logged in';
    throw new ActionNotAllowed(`${name} permission required (${who})`);
  }

  assertHost(): number {
    if (!this.loggedIn) throw new AuthError('Not logged-in');
    if (this.hostId === null) throw new AuthError(`User ${this.userId ?? ''} is not a host`);
    if (!this.exclusive) throw new AuthError('This method requires an exclusive session');
    return this.hostId;
  }

  /** The same session with every permission. */
  withAllPerms(): CallerSession {
    return this.with({ perms: new Set([...this.perms, 'admin']) });
  }

  /** The same session for what a plugin calls. */
  forPlugin(): CallerSession {
    return this.scope ? this.with({ scope: this.scope.forPlugin() }) : this;
  }

  private with(changes: Partial<CallerSession>): CallerSession {
    return Object.assign(new CallerSession(this.address, this.message), this, changes);
  }

  /** Makes the session anonymous after its row was closed. */
  forget(): void {
    Object.assign(this, { loggedIn: false, userId: null, user: null, hostId: null, exclusive: false });
    Object.assign(this, { perms: new Set(), groups: new Map(), info: null });
  }

  toString(): string {
    if (this.tokenId !== null) return `token ${this.tokenId}: ${JSON.stringify({ user: this.user?.name })}`;
    if (this.loggedIn)
      return `session ${this.id ?? ''}: ${JSON.stringify({ ...this.info, user: this.user?.name })}`;
    return `session: not logged in${this.message ? ` (${this.message})` : ''}`;
  }
}

// The duration of the comparison must not leak a key's content; the length of keys is public.
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Permissions and groups of users. */
export interface Rights {
  readonly perms: ReadonlySet<string>;
  /** Names by id. */
  readonly groups: ReadonlyMap<number, string>;
}

/** A row for each permission of a user, direct or from groups, and a row with an id for each group. */
function rightsOf(userId: Sql): Sql {
  return sql`
    SELECT permissions.name, NULL AS group_id FROM user_perms JOIN permissions ON permissions.id = user_perms.perm_id
      WHERE user_perms.active = TRUE AND (user_perms.user_id = ${userId} OR user_perms.user_id IN (
        SELECT user_groups.group_id FROM user_groups WHERE user_groups.active = TRUE AND user_groups.user_id = ${userId}))
    UNION SELECT users.name, users.id FROM user_groups JOIN users ON users.id = user_groups.group_id
      WHERE user_groups.active = TRUE AND users.usertype = 2 AND user_groups.user_id = ${userId}`;
}

type RightsRow = readonly [name: string, groupId: number | null];

function gatherRights(rows: readonly RightsRow[]): Rights {
  const perms = new Set<string>();
  const groups = new Map<number, string>();
  for (const [name, groupId] of rows) {
    if (groupId === null) perms.add(name);
    else groups.set(groupId, name);
  }
  return { perms, groups };
}

/** A column `rights` with the permissions and groups of a user, for {@link rightsIn}. */
export function rightsColumn(userId: Sql): Sql {
  return sql`(SELECT ${jsonRows(sql`mine.name, mine.group_id`)} FROM (${rightsOf(userId)}) AS mine) AS rights`;
}

/** Reads a column that {@link rightsColumn} made. */
export function rightsIn(column: string): Rights {
  return gatherRights(JSON.parse(column) as RightsRow[]);
}

/** Returns the permissions and groups of a user. */
export async function readRights(db: Connection, userId: number): Promise<Rights> {
  const rows = await db.all<{ name: string; group_id: number | null }>(rightsOf(sql`${userId}`));
  return gatherRights(rows.map((row) => [row.name, row.group_id]));
}

async function readSession(db: Connection, id: number): Promise<SessionRow | null> {
  const row = await db.get<Omit<SessionRow, 'rights'> & { rights: string }>(sql`
    SELECT ${sessionColumns}, sessions.key, sessions.hostip, sessions.closed,
      users.name AS user_name, users.status, users.usertype, host.id AS host_id,
      (SELECT other.id FROM sessions other
        WHERE other.user_id = sessions.user_id AND other.exclusive = TRUE AND other.closed = FALSE) AS exclusive_id,
      ${rightsColumn(sql`sessions.user_id`)}
    FROM sessions JOIN users ON users.id = sessions.user_id LEFT JOIN host ON host.user_id = users.id
    WHERE sessions.id = ${id}`);
  return row && { ...row, rights: rightsIn(row.rights) };
}

/** Leaves a snapshot when a session is too old, so that its row can be marked before the call is refused. */
export class SessionTooOld extends AuthExpired {
  constructor(readonly id: number) {
    super(`session "${id}" has expired`);
  }
}

/**
 * Finds and checks the session of a request, in Koji's order.
 *
 * @throws AuthError, AuthExpired, SequenceError, RetryError, AuthLockError; SessionTooOld if {@link markExpired} must be called
 */
export async function openSession(
  db: Connection,
  credentials: SessionCredentials,
  context: SessionContext,
): Promise<CallerSession> {
  const { id, key, callnum } = credentials;
  const session = new CallerSession(context.address, '');
  const possible = Number.isSafeInteger(id) && Math.abs(id) < 2 ** 31;
  const row = possible ? await db.unchanged(`session ${id}`, () => readSession(db, id)) : null;
  if (!row || row.closed || row.hostip !== context.address || !sameText(row.key, key))
    throw new AuthError('Invalid session or bad credentials');
  Object.assign(session, { id, master: row.master });
  const { method } = context;
  if (!row.expired && tooOld(row, context.renewalTimeout)) throw new SessionTooOld(id);
  if (row.expired && !logins.has(method ?? '')) throw new AuthExpired(`session "${id}" has expired`);
  checkCallNumber(row.callnum, callnum, { id, method });
  if (row.expired) return Object.assign(session, { expiredUserId: row.user_id });

  if (row.status !== 0) throw new AuthError(`logins by ${row.user_name} are not allowed`);
  const locked = row.exclusive !== true && row.exclusive_id !== null && row.exclusive_id !== row.master;
  if (locked && !lockFree.has(method ?? '')) throw new AuthLockError('User locked by another session');
  return Object.assign(session, {
    loggedIn: true,
    userId: row.user_id,
    user: { id: row.user_id, name: row.user_name, status: row.status, usertype: row.usertype },
    hostId: row.host_id,
    exclusive: row.exclusive === true || (row.exclusive_id !== null && row.exclusive_id === row.master),
    authtype: row.authtype,
    callnum,
    info: infoOf(row),
    ...row.rights,
  });
}

function tooOld(row: SessionRow, minutes: number): boolean {
  if (minutes === 0) return false;
  return Date.now() / 1000 > Number(row.renew_ts ?? row.start_ts) + minutes * 60;
}

function checkCallNumber(
  stored: number | null,
  callnum: number | null,
  { id, method }: { id: number; method: string | null },
): void {
  if (callnum === null || stored === null || stored < callnum) return;
  if (stored > callnum) throw new SequenceError(`${stored} > ${callnum} (session ${id})`);
  // Only a committed call stores its number, so the first try succeeded.
  if (method === null || !repeatable.has(method))
    throw new RetryError(`unable to retry call ${callnum} (method ${method ?? 'None'}) for session ${id}`);
}

function infoOf(row: SessionRow): SessionInfo {
  const { authtype, callnum, exclusive, expired, master, user_id } = row;
  const { renew_time, renew_ts, start_time, start_ts, update_time, update_ts } = row;
  const times = { renew_time, renew_ts, start_time, start_ts, update_time, update_ts };
  return { authtype, callnum, exclusive, expired, master, ...times, user_id };
}

/** Marks a session and its subsessions as expired. */
export async function markExpired(db: Connection, id: number): Promise<void> {
  await db.run(sql`UPDATE sessions SET expired = TRUE WHERE id = ${id} OR master = ${id}`);
}

/**
 * Checks a session again at the start of a transaction that may write: since the snapshot in which it was opened, another call
 * may have closed it or used its number. On PostgreSQL the row of a call with a number stays locked until the commit, so that a
 * repeated call waits until the outcome of the first one is known. Calls without a number can't be distinguished, and run
 * concurrently within a session, as in Koji.
 */
export async function claimSession(
  db: Connection,
  session: CallerSession,
  method: string | null,
): Promise<void> {
  if (!session.loggedIn || session.id === null) return;
  const lock = session.callnum === null ? sql`` : forUpdate;
  const row = await db.get<{ closed: boolean; callnum: number | null }>(
    sql`SELECT closed, callnum FROM sessions WHERE id = ${session.id}${lock}`,
  );
  if (!row || row.closed) throw new AuthError('Invalid session or bad credentials');
  if (!session.stored) checkCallNumber(row.callnum, session.callnum, { id: session.id, method });
}

/** Stores the number of a call that changed something, in the call's own transaction. */
export async function storeCallNumber(db: Connection, session: CallerSession): Promise<void> {
  if (session.id === null || session.callnum === null || !db.wrote) return;
  await db.run(sql`UPDATE sessions SET callnum = ${session.callnum} WHERE id = ${session.id}`);
}
