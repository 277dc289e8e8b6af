/** Tokens, which replace sessions in calls of programs. */
import { createHash, randomInt } from 'node:crypto';
import { AuthError, AuthExpired, AuthLockError, AUTHTYPES, USERTYPES } from '@koji/core';
import type { Connection } from '../db/connection.js';
import { epoch, sql } from '../db/sql.js';
import { CallerSession, rightsColumn, rightsIn } from './sessions.js';
import { TokenScope } from './token-scope.js';

/** Prefix of all tokens, by which secret scanners find them in files. */
export const tokenPrefix = 'kojitoken_';
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Number of letters for 256 bits. */
const secretLength = 43;
const form = new RegExp(`^${tokenPrefix}[A-Za-z0-9]{${secretLength}}$`);
/** Seconds until another use is recorded. */
const useInterval = 60;

/** Generates a token. */
export function newToken(): string {
  const secret = Array.from({ length: secretLength }, () => letters[randomInt(letters.length)]);
  return tokenPrefix + secret.join('');
}

/** Returns the hash that the database stores. A plain hash is enough, because the secret is long and random. */
export function tokenKey(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

interface TokenRow {
  readonly id: number;
  readonly name: string;
  readonly read_only: boolean;
  readonly methods: string | null;
  readonly perms: string | null;
  readonly expire_ts: unknown;
  readonly last_use_ts: unknown;
  readonly revoke_ts: unknown;
  readonly user_id: number;
  readonly user_name: string;
  readonly status: number;
  readonly usertype: number;
  readonly exclusive_id: number | null;
  readonly rights: string;
}

/** A valid token with its user. */
export interface OpenedToken {
  readonly session: CallerSession;
  /** Whether to record its use. */
  readonly isDue: boolean;
}

/**
 * Finds and checks a token; returns null for an unknown one. The lookup uses its hash, so that the time of an answer reveals
 * nothing of a token.
 *
 * @throws AuthError, AuthExpired, AuthLockError
 */
export async function openToken(db: Connection, token: string, address: string): Promise<OpenedToken | null> {
  const row = form.test(token) ? await readToken(db, tokenKey(token)) : null;
  if (!row) return null;
  const { id, name, user_id: userId, user_name: userName, status, usertype } = row;
  const now = Date.now() / 1000;
  if (row.revoke_ts !== null) throw new AuthError(`token '${name}' of ${userName} was revoked`);
  if (Number(row.expire_ts) <= now) throw new AuthExpired(`token '${name}' of ${userName} has expired`);
  if (status !== 0 || usertype !== USERTYPES.NORMAL)
    throw new AuthError(`logins by ${userName} are not allowed`);
  if (row.exclusive_id !== null) throw new AuthLockError('User locked by another session');
  const scope = new TokenScope({
    name,
    readOnly: row.read_only,
    methods: listIn(row.methods),
    perms: listIn(row.perms),
  });
  const { perms, groups } = rightsIn(row.rights);
  const session = Object.assign(new CallerSession(address, ''), {
    loggedIn: true,
    userId,
    user: { id: userId, name: userName, status, usertype },
    authtype: AUTHTYPES.TOKEN,
    tokenId: id,
    scope,
    perms: new Set(scope.limit(perms)),
    groups,
  });
  return { session, isDue: row.last_use_ts === null || Number(row.last_use_ts) < now - useInterval };
}

function readToken(db: Connection, key: string): Promise<TokenRow | null> {
  return db.get<TokenRow>(sql`
    SELECT api_token.id, api_token.name, api_token.read_only, api_token.methods, api_token.perms, api_token.user_id,
      ${epoch('api_token.expire_time', 'expire_ts')}, ${epoch('api_token.last_use_time', 'last_use_ts')},
      ${epoch('api_token.revoke_time', 'revoke_ts')}, users.name AS user_name, users.status, users.usertype,
      (SELECT sessions.id FROM sessions WHERE sessions.user_id = api_token.user_id
        AND sessions.exclusive = TRUE AND sessions.closed = FALSE) AS exclusive_id,
      ${rightsColumn(sql`api_token.user_id`)}
    FROM api_token JOIN users ON users.id = api_token.user_id WHERE api_token.key = ${key}`);
}

/** Returns a list that the database keeps as JSON. */
export function listIn(text: string | null): string[] | null {
  return text === null ? null : (JSON.parse(text) as string[]);
}

/** Checks the token of a call again at the start of a transaction that may write, as `claimSession` does for sessions. */
export async function claimToken(db: Connection, { tokenId }: CallerSession): Promise<void> {
  if (tokenId === null) return;
  const valid = await db.get(sql`SELECT id FROM api_token WHERE id = ${tokenId} AND revoke_time IS NULL`);
  if (!valid) throw new AuthError('the token was revoked');
}
