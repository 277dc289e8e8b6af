import { GenericError, USERTYPES } from '@koji/core';
import type { GroupMember, UserGroupMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { history } from '../domain/history/history.js';
import { sql } from '../db/sql.js';
import { checkName } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';
import { createUser, findUser, getUser, principalsByUser, userGroups } from '../domain/users/users.js';

/** Handlers of the methods about groups of users. */
export const userGroupHandlers: Handlers<UserGroupMethods> = {
  async newGroup({ name }, call) {
    checkName(call, name);
    if (await findUser(call, name)) throw new GenericError(`user/group already exists: ${name}`);
    return createUser(call, { name, usertype: USERTYPES.GROUP });
  },

  async addGroupMember({ group, user, strict }, call) {
    const groupId = await findGroupId(call, group);
    const member = await findUser(call, user);
    if (groupId === null) throw new GenericError(`Not a group: ${plain(group)}`);
    if (!member) throw new GenericError(`Not a user: ${plain(user)}`);
    if (member.usertype === USERTYPES.GROUP)
      throw new GenericError('Groups cannot be members of other groups');
    if (!(await isMember(call, groupId, member.id))) {
      await history(call).insert('user_groups', { user_id: member.id, group_id: groupId });
    } else if (strict) throw new GenericError('User already in group');
    return null;
  },

  async dropGroupMember({ group, user }, call) {
    const member = await getUser(call, user);
    const groupId = await findGroupId(call, group);
    if (groupId === null) throw new GenericError(`Not a group: ${plain(group)}`);
    const dropped = await history(call).revoke(
      'user_groups',
      sql`user_id = ${member.id} AND group_id = ${groupId}`,
    );
    if (dropped === 0) throw new GenericError(`No such user in group: ${plain(group)}`);
    return null;
  },

  async getGroupMembers({ group }, call) {
    const groupId = await findGroupId(call, group);
    if (groupId === null) throw new GenericError(`No such group: ${plain(group)}`);
    const members = await call.db.all<GroupMember>(
      sql`SELECT users.id, users.name, users.usertype FROM user_groups JOIN users ON users.id = user_groups.user_id
          WHERE user_groups.active = TRUE AND user_groups.group_id = ${groupId} ORDER BY users.id`,
    );
    const principals = await principalsByUser(
      call,
      members.map((member) => member.id),
    );
    return members.map((member) => ({ ...member, krb_principals: principals.get(member.id) ?? [] }));
  },

  async getUserGroups({ user }, call) {
    const { id } = await getUser(call, user, { principals: false });
    return [...(await userGroups(call, id))].map(([groupId, name]) => ({ id: groupId, name }));
  },
};

async function findGroupId(call: Call, group: unknown): Promise<number | null> {
  const found = await findUser(call, group, { principals: false });
  return found?.usertype === USERTYPES.GROUP ? found.id : null;
}

async function isMember(call: Call, groupId: number, userId: number): Promise<boolean> {
  const found = await call.db.get(
    sql`SELECT user_id FROM user_groups WHERE active = TRUE AND user_id = ${userId} AND group_id = ${groupId}`,
  );
  return found !== null;
}
