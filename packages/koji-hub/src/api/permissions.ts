import { GenericError } from '@koji/core';
import type { ContentGeneratorAccess, PermissionInfo, PermissionMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { history } from '../domain/history/history.js';
import { lookupName } from '../domain/values/lookup.js';
import { sql } from '../db/sql.js';
import { checkName, checkText } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';
import { getUser, userPermSources, userPerms } from '../domain/users/users.js';

/** Handlers of the methods about permissions. */
export const permissions: Handlers<PermissionMethods> = {
  async getUserPerms({ userID, with_groups: withGroups }, call) {
    const user = await getUser(call, userID, { principals: false });
    return userPerms(call, user.id, withGroups);
  },

  getAllPerms: (_args, call) =>
    call.db.all<PermissionInfo>(sql`SELECT id, name, description FROM permissions ORDER BY id`),

  async grantPermission({ userinfo, permission, create, description }, call) {
    if (create) checkName(call, permission);
    if (description !== null && !create)
      throw new GenericError('Description should be specified only with create.');
    checkText(description, { nullable: true });
    const user = await getUser(call, userinfo);
    const perm = await lookupName(call, 'permissions', permission, create ? { create } : { strict: true });
    if (description !== null)
      await call.db.run(sql`UPDATE permissions SET description = ${description} WHERE id = ${perm.id}`);
    if ((await userPerms(call, user.id, false)).includes(perm.name))
      throw new GenericError(`user ${plain(userinfo)} already has permission: ${perm.name}`);
    await history(call).insert('user_perms', { user_id: user.id, perm_id: perm.id });
    return null;
  },

  async getUserPermsInheritance({ userID }, call) {
    const user = await getUser(call, userID, { principals: false });
    return userPermSources(call, user.id);
  },

  async editPermission({ permission, description }, call) {
    checkText(description);
    const perm = await lookupName(call, 'permissions', permission, { strict: true });
    await call.db.run(sql`UPDATE permissions SET description = ${description} WHERE id = ${perm.id}`);
    return null;
  },

  async revokePermission({ userinfo, permission }, call) {
    const user = await getUser(call, userinfo);
    const perm = await lookupName(call, 'permissions', permission, { strict: true });
    if (!(await userPerms(call, user.id, false)).includes(perm.name))
      throw new GenericError(`user ${plain(userinfo)} does not have permission: ${perm.name}`);
    await history(call).revoke('user_perms', sql`user_id = ${user.id} AND perm_id = ${perm.id}`);
    return null;
  },

  async listCGs(_args, call) {
    const rows = await call.db.all<{ id: number; name: string; user_name: string }>(
      sql`SELECT content_generator.id, content_generator.name, users.name AS user_name FROM cg_users
          JOIN content_generator ON content_generator.id = cg_users.cg_id JOIN users ON users.id = cg_users.user_id
          WHERE cg_users.active = TRUE ORDER BY content_generator.id, users.id`,
    );
    const generators = new Map<string, ContentGeneratorAccess>();
    for (const { id, name, user_name: user } of rows) {
      const known = generators.get(name);
      if (known) known.users.push(user);
      else generators.set(name, { id, users: [user] });
    }
    return Object.fromEntries(generators);
  },

  async grantCGAccess({ user: userInfo, cg: cgInfo, create }, call) {
    const user = await getUser(call, userInfo);
    const cg = await lookupName(call, 'content_generator', cgInfo, create ? { create } : { strict: true });
    const held = await call.db.get(
      sql`SELECT cg_id FROM cg_users WHERE active = TRUE AND cg_id = ${cg.id} AND user_id = ${user.id}`,
    );
    if (held) throw new GenericError(`User already has access to content generator ${cg.name}`);
    await history(call).insert('cg_users', { cg_id: cg.id, user_id: user.id });
    return null;
  },

  async revokeCGAccess({ user: userInfo, cg: cgInfo }, call) {
    const user = await getUser(call, userInfo);
    const cg = await lookupName(call, 'content_generator', cgInfo, { strict: true });
    await history(call).revoke('cg_users', sql`user_id = ${user.id} AND cg_id = ${cg.id}`);
    return null;
  },
};
