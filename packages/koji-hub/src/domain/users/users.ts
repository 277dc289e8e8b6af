import { AuthError, GenericError, USERTYPES, USER_STATUS, compareTexts } from '@koji/core';

import type { UserInfo } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { anyOf, join, jsonRows, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { checkFolderName } from '../values/names.js';
import { repr, typeName } from '../values/repr.js';
import { idIs, isId } from '../values/ids.js';

interface UserRow {
  id: number;
  name: string;
  status: number;
  usertype: number;
}

/** Data to add to a user: Kerberos principals (the default), names of groups. */
export interface UserDetails {
  readonly principals?: boolean;
  readonly groups?: boolean;
}

/**
 * A user by id, name, Kerberos principal or a struct of them; null for the caller itself.
 *
 * @returns null if there is none
 * @throws GenericError for anything that does not identify a user, and for null if nobody is logged in
 */
export async function findUser(
  call: Call,
  userInfo: unknown,
  details: UserDetails = {},
): Promise<UserInfo | null> {
  const info = userInfo ?? call.session.userId;
  if (info === null) throw new GenericError('No user provided');
  const conditions = userConditions(info);
  const { principals = true } = details;
  const held = sql`(SELECT ${jsonRows(sql`krb_principal`)} FROM user_krb_principals WHERE user_id = users.id)`;
  const [found] = await call.db.lookup<UserRow & { principals: string | null }>(
    sql`SELECT id, name, status, usertype, ${principals ? held : sql`NULL`} AS principals
        FROM users WHERE ${join(conditions, ' AND ')} ORDER BY id LIMIT 1`,
  );
  if (!found) return null;
  const { principals: rows, ...user } = found;
  const names = (JSON.parse(rows ?? '[]') as readonly (readonly [string])[]).map(([name]) => name);
  return {
    ...user,
    ...(principals ? { krb_principals: names.sort(compareTexts) } : {}),
    ...(details.groups ? { groups: [...(await userGroups(call, user.id)).values()] } : {}),
  };
}

/** As {@link findUser}, but a user that is missing is a GenericError. */
export async function getUser(call: Call, userInfo: unknown, details: UserDetails = {}): Promise<UserInfo> {
  const user = await findUser(call, userInfo, details);
  if (!user) throw new GenericError(`No such user: ${repr(userInfo ?? call.session.userId)}`);
  return user;
}

function userConditions(info: unknown): Sql[] {
  if (isId(info)) return [idIs('users.id', info)];
  if (typeof info === 'string') return [sql`(users.name = ${info} OR ${hasPrincipal(info)})`];
  if (typeof info !== 'object' || Array.isArray(info) || info instanceof Double || info instanceof Uint8Array)
    throw new GenericError(`Invalid type for userInfo: ${typeName(info)}`);
  const { id, name, krb_principal: principal } = info as Record<string, unknown>;
  const conditions: Sql[] = [];
  if (id !== null && id !== undefined) {
    if (!isId(id)) throw new GenericError(`Invalid type for userid: ${typeName(id)}`);
    conditions.push(idIs('users.id', id));
  }
  if (name) {
    if (typeof name !== 'string') throw new GenericError(`Invalid type for username: ${typeName(name)}`);
    conditions.push(sql`users.name = ${name}`);
  }
  if (principal) {
    if (typeof principal !== 'string')
      throw new GenericError(`Invalid type for krb_principal: ${typeName(principal)}`);
    conditions.push(hasPrincipal(principal));
  }
  // A struct that names nobody must not find just anybody.
  return conditions.length > 0 ? conditions : [sql`1 = 0`];
}

function hasPrincipal(principal: string): Sql {
  return sql`users.id IN (SELECT user_id FROM user_krb_principals WHERE krb_principal = ${principal})`;
}

/** The Kerberos principals of many users, by user id. */
export async function principalsByUser(
  call: Call,
  userIds: readonly number[],
): Promise<Map<number, string[]>> {
  const rows = await call.db.all<{ user_id: number; krb_principal: string }>(
    sql`SELECT user_id, krb_principal FROM user_krb_principals WHERE ${anyOf(sql`user_id`, userIds)} ORDER BY krb_principal`,
  );
  const principals = new Map<number, string[]>();
  for (const row of rows) {
    const list = principals.get(row.user_id);
    if (list) list.push(row.krb_principal);
    else principals.set(row.user_id, [row.krb_principal]);
  }
  return principals;
}

/** The groups that a user belongs to: names by id. */
export async function userGroups(call: Call, userId: number): Promise<Map<number, string>> {
  const rows = await call.db.all<{ id: number; name: string }>(
    sql`SELECT users.id, users.name FROM user_groups JOIN users ON users.id = user_groups.group_id
        WHERE user_groups.active = TRUE AND users.usertype = ${USERTYPES.GROUP} AND user_groups.user_id = ${userId}
        ORDER BY users.id`,
  );
  return new Map(rows.map((row) => [row.id, row.name]));
}

/** Names of the permissions of a user, its own and, unless told otherwise, those of its groups. */
export async function userPerms(call: Call, userId: number, withGroups = true): Promise<string[]> {
  const holder = withGroups
    ? sql`(user_perms.user_id = ${userId} OR user_perms.user_id IN
        (SELECT group_id FROM user_groups WHERE active = TRUE AND user_id = ${userId}))`
    : sql`user_perms.user_id = ${userId}`;
  const rows = await call.db.lookup<{ name: string }>(
    sql`SELECT DISTINCT permissions.id, permissions.name FROM user_perms
        JOIN permissions ON permissions.id = user_perms.perm_id
        WHERE user_perms.active = TRUE AND ${holder} ORDER BY permissions.id`,
  );
  return rows.map((row) => row.name);
}

/** Names of the permissions that a user has in this call: of the caller's own, those that its token allows. */
export async function permsInCall(call: Call, userId: number): Promise<string[]> {
  const perms = await userPerms(call, userId);
  const { scope, userId: own } = call.session;
  return scope && userId === own ? scope.limit(perms) : perms;
}

/** The permissions of a user with their sources: null for its own, the group's name for a group's. */
export async function userPermSources(
  call: Call,
  userId: number,
): Promise<Record<string, (string | null)[]>> {
  const rows = await call.db.all<{ name: string; source: string | null }>(
    sql`SELECT permissions.name, NULL AS source, 0 AS source_id, permissions.id FROM user_perms
          JOIN permissions ON permissions.id = user_perms.perm_id
          WHERE user_perms.active = TRUE AND user_perms.user_id = ${userId}
        UNION ALL SELECT permissions.name, users.name, users.id, permissions.id FROM user_groups
          JOIN users ON users.id = user_groups.group_id
          JOIN user_perms ON user_perms.user_id = user_groups.group_id
          JOIN permissions ON permissions.id = user_perms.perm_id
          WHERE user_groups.active = TRUE AND user_perms.active = TRUE AND user_groups.user_id = ${userId}
        ORDER BY 3, 4`,
  );
  const sources = new Map<string, (string | null)[]>();
  for (const { name, source } of rows) sources.set(name, [...(sources.get(name) ?? []), source]);
  return Object.fromEntries(sources);
}

/** Optional data of a new user. */
export interface NewUser {
  readonly name: string;
  readonly usertype?: number;
  readonly status?: unknown;
  readonly principal?: string | null;
}

/**
 * Adds a user, a builder's account or a group.
 *
 * @returns its id
 * @throws AuthError for a principal whose realm AllowedKrbRealms does not have
 */
export async function createUser(call: Call, user: NewUser): Promise<number> {
  if (!user.name) throw new GenericError('a user must have a non-empty name');
  checkFolderName(user.name.replace(/\n$/, ''));
  const status = user.status ?? USER_STATUS.NORMAL;
  if (status !== USER_STATUS.NORMAL && status !== USER_STATUS.BLOCKED)
    throw new GenericError(`invalid status: ${typeof status === 'string' ? status : repr(status)}`);
  const principal = user.principal ?? null;
  if (principal !== null) checkRealm(call, principal);
  const row = await call.db.get<{ id: number }>(
    sql`INSERT INTO users (name, usertype, status) VALUES (${user.name}, ${user.usertype ?? USERTYPES.NORMAL}, ${status})
        RETURNING id`,
  );
  if (!row) throw new Error('a new user got no id');
  if (principal) await addPrincipal(call, row.id, principal);
  return row.id;
}

/**
 * Lets a user log in with a Kerberos principal.
 *
 * @throws AuthError for one whose realm AllowedKrbRealms does not have, GenericError for one that is taken
 */
export async function addPrincipal(call: Call, userId: number, principal: string): Promise<void> {
  if (await findUser(call, { krb_principal: principal }, { principals: false }))
    throw new GenericError(`user with this Kerberos principal already exists: ${principal}`);
  checkRealm(call, principal);
  await call.db.run(
    sql`INSERT INTO user_krb_principals (user_id, krb_principal) VALUES (${userId}, ${principal})`,
  );
}

/** Removes a Kerberos principal from a user. Returns whether the user had it. */
export async function removePrincipal(call: Call, userId: number, principal: string): Promise<boolean> {
  const removed = await call.db.run(
    sql`DELETE FROM user_krb_principals WHERE user_id = ${userId} AND krb_principal = ${principal}`,
  );
  return removed > 0;
}

/** @throws AuthError for a principal whose realm AllowedKrbRealms does not have */
export function checkRealm(call: Call, principal: string): void {
  const allowed = call.hub.options.AllowedKrbRealms;
  if (allowed === '*') return;
  const at = principal.indexOf('@');
  if (at === -1 || at === principal.length - 1)
    throw new AuthError(`invalid Kerberos principal: ${principal}`);
  const realm = principal.slice(at + 1);
  if (!allowed.split(/\s*,\s*/).includes(realm))
    throw new AuthError(`Kerberos principal's realm: ${realm} is not allowed`);
}
