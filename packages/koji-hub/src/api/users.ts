import { AuthError, GenericError, ParameterError, USER_STATUS } from '@koji/core';
import type { QueryOpts, UserInfo, UserMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { query } from '../db/rows.js';
import { anyOf, id, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { checkList, checkStruct, truthy } from '../domain/values/convert.js';
import { isId, isPossibleId, prefixIs } from '../domain/values/ids.js';
import { checkPrincipal, checkUserName } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';
import {
  addPrincipal,
  createUser,
  findUser,
  getUser,
  principalsByUser,
  removePrincipal,
} from '../domain/users/users.js';

/** Handlers of the methods about users. */
export const users: Handlers<UserMethods> = {
  getUser({ userInfo, strict, krb_princs: principals, groups }, call) {
    return (strict ? getUser : findUser)(call, userInfo, { principals, groups });
  },

  async createUser({ username, status, krb_principal: principal }, call) {
    checkUserName(call, username);
    checkPrincipal(call, principal);
    if (await findUser(call, username)) throw new GenericError(`user already exists: ${plain(username)}`);
    if (principal && (await findUser(call, { krb_principal: principal })))
      throw new GenericError(`user with this Kerberos principal already exists: ${principal}`);
    return createUser(call, { name: username ?? '', status, principal });
  },

  async editUser({ userInfo, name, krb_principal_mappings: mappings }, call) {
    const user = await getUser(call, userInfo);
    if (truthy(name) && name !== user.name) await rename(call, user.id, name);
    if (truthy(mappings)) await changePrincipals(call, user, mappings);
    return null;
  },

  async addUserKrbPrincipal({ user: userInfo, krb_principal: principal }, call) {
    const user = await getUser(call, userInfo);
    checkPrincipal(call, principal);
    if (!principal) throw new GenericError('No kerberos principal provided');
    await addPrincipal(call, user.id, principal);
    return user.id;
  },

  async removeUserKrbPrincipal({ user: userInfo, krb_principal: given }, call) {
    const user = await getUser(call, userInfo);
    if (!truthy(given)) throw new GenericError('krb_principal must be specified');
    const principal = plain(given);
    if (!(await removePrincipal(call, user.id, principal)))
      throw new AuthError(`cannot remove Kerberos Principal: ${principal} with user ${user.name}`);
    return user.id;
  },

  enableUser: ({ username }, call) => setStatus(call, username, USER_STATUS.NORMAL),
  disableUser: ({ username }, call) => setStatus(call, username, USER_STATUS.BLOCKED),

  async listUsers({ userType, prefix, queryOpts, perm, inherited_perm: inherited }, call) {
    if (inherited && !perm) throw new GenericError('inherited_perm option must be used with perm option');
    const conditions = typeCondition(userType);
    const permId = perm ? (await lookupName(call, 'permissions', perm, { strict: true })).id : null;
    if (permId !== null) conditions.push(holdsPerm(permId, inherited));
    if (prefix) conditions.push(prefixIs('users.name', prefix));
    if (queryOpts?.group) throw new GenericError('queryOpts.group is not available for this API');
    return listUsers(call, conditions, queryOpts, inherited ? permId : null);
  },
};

async function rename(call: Call, userId: number, name: unknown): Promise<void> {
  checkUserName(call, name);
  const taken = await call.db.get<{ id: number }>(sql`SELECT id FROM users WHERE name = ${name}`);
  if (taken) throw new GenericError(`Name ${name} already taken by user ${taken.id}`);
  await call.db.run(sql`UPDATE users SET name = ${name} WHERE id = ${userId}`);
}

async function changePrincipals(call: Call, user: UserInfo, mappings: unknown): Promise<void> {
  checkList(mappings);
  const added = new Set<string>();
  const removed = new Set<string>();
  for (const mapping of mappings) {
    checkStruct(mapping);
    if (truthy(mapping.old)) removed.add(plain(mapping.old));
    if (!truthy(mapping.new)) continue;
    checkPrincipal(call, mapping.new);
    added.add(plain(mapping.new));
  }
  const current = new Set(user.krb_principals);
  const among = (set: Set<string>, inOther: boolean, other: Set<string>) =>
    [...set].filter((principal) => other.has(principal) === inOther).join(', ');
  const both = among(added, true, removed);
  if (both)
    throw new GenericError(`There are some conflicts between added and removed Kerberos principals: ${both}`);
  const existing = among(added, true, current);
  if (existing) throw new GenericError(`Cannot add existing Kerberos principals: ${existing}`);
  const unknown = among(removed, false, current);
  if (unknown) throw new GenericError(`Cannot remove non-existent Kerberos principals: ${unknown}`);
  for (const principal of removed) await removePrincipal(call, user.id, principal);
  for (const principal of added) await addPrincipal(call, user.id, principal);
}

async function setStatus(call: Call, username: unknown, status: number): Promise<null> {
  const user = await findUser(call, username);
  if (!user) throw new GenericError(`No such user: ${plain(username)}`);
  call.session.assertPerm('admin');
  if (user.status !== status)
    await call.db.run(sql`UPDATE users SET status = ${status} WHERE id = ${user.id}`);
  return null;
}

function typeCondition(userType: unknown): Sql[] {
  if (userType === null) return [];
  const types = Array.isArray(userType) ? (userType as unknown[]) : [userType];
  if (!types.every(isId)) throw new ParameterError('userType must be integer, list, tuple or None');
  return [anyOf(sql`users.usertype`, types.filter(isPossibleId))];
}

function holdsPerm(permId: number, inherited: boolean): Sql {
  const holders = sql`SELECT user_id FROM user_perms WHERE active = TRUE AND perm_id = ${permId}`;
  if (!inherited) return sql`users.id IN (${holders})`;
  return sql`(users.id IN (${holders}) OR users.id IN
    (SELECT user_id FROM user_groups WHERE active = TRUE AND group_id IN (${holders})))`;
}

/**
 * In how many ways each of these users holds a permission, as Koji counts them: once for each of its groups that holds
 * it and, if it holds it itself, once for each of its groups at all. Its principals are listed that many times.
 */
async function waysToHold(
  call: Call,
  permId: number,
  userIds: readonly number[],
): Promise<Map<number, number>> {
  const rows = await call.db.all<{ id: number; ways: number }>(
    sql`SELECT users.id, count(*) AS ways FROM users
        LEFT JOIN user_groups ON user_groups.user_id = users.id AND user_groups.active = TRUE
        JOIN user_perms ON user_perms.user_id IN (users.id, user_groups.group_id)
          AND user_perms.active = TRUE AND user_perms.perm_id = ${permId}
        WHERE ${anyOf(sql`users.id`, userIds)} GROUP BY users.id`,
  );
  return new Map(rows.map((row) => [row.id, row.ways]));
}

async function listUsers(
  call: Call,
  where: Sql[],
  opts: QueryOpts | null,
  inheritedPerm: number | null,
): Promise<UserInfo[]> {
  const rows = await query<UserInfo>(call.db, {
    columns: {
      id: id('users.id'),
      name: id('users.name'),
      status: id('users.status'),
      usertype: id('users.usertype'),
    },
    from: sql`users`,
    where,
    opts: { ...opts, asList: false },
  });
  if (!Array.isArray(rows)) return rows;
  const ids = rows.map((row) => row.id);
  const principals = await principalsByUser(call, ids);
  const ways = inheritedPerm === null ? null : await waysToHold(call, inheritedPerm, ids);
  const found = rows.map((row) => ({
    id: row.id,
    krb_principals: Array.from({ length: ways?.get(row.id) ?? 1 }, () => principals.get(row.id) ?? []).flat(),
    name: row.name,
    status: row.status,
    usertype: row.usertype,
  }));
  // Rows as lists have their columns in alphabetical order, as above.
  return opts?.asList ? (found.map((row) => Object.values(row)) as unknown as UserInfo[]) : found;
}
