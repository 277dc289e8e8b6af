import { ActionNotAllowed, GenericError, ParameterError, USERTYPES } from '@koji/core';
import type { NewToken, TokenInfo, TokenMethods, UserInfo } from '@koji/core/api';
import { callerOf } from '../auth/login.js';
import { readRights } from '../auth/sessions.js';
import { listIn, newToken, tokenKey } from '../auth/tokens.js';
import type { Call, Handlers } from '../call.js';
import { epoch, forUpdate, now, sql, where } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { getUser } from '../domain/users/users.js';

const day = 86_400;
const usualLifetime = 90 * day;
/** Tokens that a user may have at a time. */
const mostTokens = 100;
/** Names in a list of methods or permissions. */
const mostNames = 1000;

const columns = sql`
  api_token.id, api_token.user_id, users.name AS user_name, api_token.name, api_token.read_only, api_token.methods,
  api_token.perms, api_token.create_time, ${epoch('api_token.create_time', 'create_ts')},
  api_token.expire_time, ${epoch('api_token.expire_time', 'expire_ts')},
  api_token.last_use_time, ${epoch('api_token.last_use_time', 'last_use_ts')},
  api_token.revoke_time, ${epoch('api_token.revoke_time', 'revoke_ts')}`;

type Row = Omit<TokenInfo, 'methods' | 'permissions'> & {
  readonly methods: string | null;
  readonly perms: string | null;
};

/** Handlers of the methods about tokens. */
export const tokens: Handlers<TokenMethods> = {
  async createToken({ name, lifetime, read_only: readOnly, methods, permissions, user: userInfo }, call) {
    const user = await ownerOf(call, userInfo);
    checkOwner(user);
    const seconds = lifetimeOf(call, lifetime);
    checkMethods(call, methods);
    await checkPermissions(call, user, permissions);
    checkTokenName(name);
    await checkRoom(call, user, name);
    const token = newToken();
    const expires = new Date(Date.now() + seconds * 1000);
    const made = await call.db.get<{ id: number }>(sql`
      INSERT INTO api_token (user_id, name, key, read_only, methods, perms, creator_id, create_time, expire_time)
      VALUES (${user.id}, ${name}, ${tokenKey(token)}, ${readOnly}, ${textOf(methods)}, ${textOf(permissions)},
        ${call.session.userId}, ${now}, ${expires}) RETURNING id`);
    const [info] = await find(call, [sql`api_token.id = ${made?.id ?? 0}`]);
    if (!info) throw new Error('a new token has no row');
    call.log.info(
      `token ${info.id} ('${name}') of ${user.name} was made by ${callerOf(call).userName ?? ''}`,
    );
    return { ...info, token } satisfies NewToken;
  },

  async listTokens({ user: userInfo, ended, everybody }, call) {
    if (everybody) call.session.assertPerm('admin');
    const conditions = ended ? [] : [sql`api_token.revoke_time IS NULL`, sql`api_token.expire_time > ${now}`];
    if (everybody && userInfo === null) return find(call, conditions);
    const user = await ownerOf(call, userInfo);
    return find(call, [sql`api_token.user_id = ${user.id}`, ...conditions]);
  },

  async revokeToken({ token_id: id }, call) {
    const found = await call.db.get<{ user_id: number }>(sql`SELECT user_id FROM api_token WHERE id = ${id}`);
    const mayRevoke = found && (found.user_id === call.session.userId || call.session.hasPerm('admin'));
    if (!mayRevoke) throw new GenericError(`No such token: ${id}`);
    await call.db.run(sql`UPDATE api_token SET revoke_time = ${now}, revoker_id = ${call.session.userId}
      WHERE id = ${id} AND revoke_time IS NULL`);
    call.log.info(`token ${id} was revoked by ${callerOf(call).userName ?? ''}`);
    return null;
  },
};

async function find(call: Call, conditions: readonly Sql[]): Promise<TokenInfo[]> {
  const rows = await call.db.all<Row>(sql`SELECT ${columns} FROM api_token
    JOIN users ON users.id = api_token.user_id ${where(conditions)} ORDER BY api_token.id`);
  return rows.map(({ perms, methods, ...row }) => ({
    ...row,
    methods: listIn(methods),
    permissions: listIn(perms),
  }));
}

function textOf(names: readonly string[] | null): string | null {
  return names && JSON.stringify([...new Set(names)].sort());
}

async function ownerOf(call: Call, userInfo: unknown): Promise<UserInfo> {
  const user = await getUser(call, userInfo ?? call.session.userId, { principals: false });
  if (user.id !== call.session.userId && !call.session.hasPerm('admin'))
    throw new ActionNotAllowed('tokens of other users are for admins only');
  return user;
}

function checkOwner({ name, status, usertype }: UserInfo): void {
  if (usertype !== USERTYPES.NORMAL)
    throw new GenericError(`${name} is a builder or a group: only users can have tokens`);
  if (status !== 0) throw new GenericError(`logins by ${name} are not allowed`);
}

function lifetimeOf(call: Call, lifetime: number | null): number {
  const { TokenLifetime } = call.hub.options;
  if (TokenLifetime === 0) throw new GenericError('this hub takes no tokens (TokenLifetime = 0)');
  const most = TokenLifetime * day;
  const seconds = lifetime ?? Math.min(usualLifetime, most);
  if (seconds < 1 || seconds > most)
    throw new ParameterError(
      `lifetime ${seconds}: from 1 second to ${TokenLifetime} days (${most} seconds, TokenLifetime)`,
    );
  return seconds;
}

function checkMethods(call: Call, methods: readonly string[] | null): void {
  if (methods === null) return;
  checkNames('methods', methods);
  const unknown = methods.find((name) => !call.hub.methods.has(name));
  if (unknown !== undefined) throw new GenericError(`Invalid method: ${unknown}`);
}

/** A token must not have more than its user, though it may have a part of what `admin` stands for. */
async function checkPermissions(call: Call, user: UserInfo, perms: readonly string[] | null): Promise<void> {
  if (perms === null) return;
  checkNames('permissions', perms);
  const { perms: held } = await readRights(call.db, user.id);
  const known = await call.db.all<{ name: string }>(sql`SELECT name FROM permissions`);
  for (const perm of perms) {
    if (!known.some(({ name }) => name === perm))
      throw new GenericError(`No such permission ${perm} defined`);
    if (!held.has(perm) && !held.has('admin'))
      throw new GenericError(`${user.name} does not have the permission ${perm}`);
  }
}

function checkNames(what: string, names: readonly string[]): void {
  if (names.length > mostNames) throw new ParameterError(`${what}: more than ${mostNames} names`);
}

function checkTokenName(name: string): void {
  if (!/^[\w.@:+ -]{1,100}$/.test(name) || name.trim() !== name || /^\d+$/.test(name))
    throw new ParameterError(
      `name '${name.slice(0, 100)}': up to 100 letters, digits and .@:+_- or spaces, and not only digits`,
    );
}

async function checkRoom(call: Call, user: UserInfo, name: string): Promise<void> {
  // The user's row is the lock that two calls meet at.
  await call.db.get(sql`SELECT id FROM users WHERE id = ${user.id}${forUpdate}`);
  const live = await find(call, [
    sql`api_token.user_id = ${user.id}`,
    sql`api_token.revoke_time IS NULL`,
    sql`api_token.expire_time > ${now}`,
  ]);
  if (live.some((token) => token.name === name))
    throw new GenericError(`${user.name} has a token '${name}' already: revoke it, or choose another name`);
  if (live.length >= mostTokens)
    throw new GenericError(`${user.name} has ${mostTokens} tokens already: revoke one`);
}
