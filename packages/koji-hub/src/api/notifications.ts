import { GenericError } from '@koji/core';
import type { Notification, NotificationBlock, NotificationMethods, UserInfo } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { id as column, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { toInt, truthy } from '../domain/values/convert.js';
import { idIs } from '../domain/values/ids.js';
import { plain } from '../domain/values/repr.js';
import { findUser, getUser } from '../domain/users/users.js';

type Table = 'build_notifications' | 'build_notifications_block';

/** Package and tag of a notification or a block. */
interface Subject {
  readonly packageId: number | null;
  readonly tagId: number | null;
}

const notificationColumns = sql`id, user_id, package_id, tag_id, success_only, email`;
const blockColumns = sql`id, user_id, package_id, tag_id`;

/** Handlers of the methods about mail that users want or do not want. */
export const notifications: Handlers<NotificationMethods> = {
  async getBuildNotifications({ userID }, call) {
    const user = await getUser(call, userID, { principals: false });
    return call.db.all<Notification>(
      sql`SELECT ${notificationColumns} FROM build_notifications WHERE user_id = ${user.id} ORDER BY id`,
    );
  },

  getBuildNotification: ({ id, strict }, call) => (strict ? getNotification : findNotification)(call, id),

  async createNotification({ user_id: userInfo, success_only: given, ...about }, call) {
    const user = await recipient(call, userInfo, 'notifications');
    const subject = await subjectOf(call, about);
    const successOnly = truthy(given);
    await checkNew(call, user.id, subject, successOnly);
    // Without a domain Koji writes its "None" as one.
    const email = `${user.name}@${plain(call.hub.options.EmailDomain)}`;
    await call.db.run(
      sql`INSERT INTO build_notifications (user_id, package_id, tag_id, success_only, email)
          VALUES (${user.id}, ${subject.packageId}, ${subject.tagId}, ${successOnly}, ${email})`,
    );
    return null;
  },

  async updateNotification({ id, success_only: given, ...about }, call) {
    const caller = await currentUser(call);
    const { id: known, user_id: owner } = await getNotification(call, id);
    if (!mayManage(call, caller, owner))
      throw new GenericError(`user ${caller.id} cannot update notifications for user ${owner}`);
    const subject = await subjectOf(call, about);
    const successOnly = truthy(given);
    await checkNew(call, owner, subject, successOnly);
    await call.db.run(
      sql`UPDATE build_notifications SET package_id = ${subject.packageId}, tag_id = ${subject.tagId},
            success_only = ${successOnly} WHERE id = ${known}`,
    );
    return null;
  },

  async deleteNotification({ id }, call) {
    const found = await getNotification(call, id);
    return remove(call, 'build_notifications', found, 'notifications');
  },

  async getBuildNotificationBlocks({ userID }, call) {
    const user = await getUser(call, userID, { principals: false });
    return call.db.all<NotificationBlock>(
      sql`SELECT ${blockColumns} FROM build_notifications_block WHERE user_id = ${user.id} ORDER BY id`,
    );
  },

  getBuildNotificationBlock: ({ id, strict }, call) => (strict ? getBlock : findBlock)(call, id),

  async createNotificationBlock({ user_id: userInfo, ...about }, call) {
    const user = await recipient(call, userInfo, 'notification blocks');
    const subject = await subjectOf(call, about);
    await checkNew(call, user.id, subject);
    await call.db.run(
      sql`INSERT INTO build_notifications_block (user_id, package_id, tag_id)
          VALUES (${user.id}, ${subject.packageId}, ${subject.tagId})`,
    );
    return null;
  },

  async deleteNotificationBlock({ id }, call) {
    const found = await getBlock(call, id);
    return remove(call, 'build_notifications_block', found, 'notification blocks');
  },
};

async function findNotification(call: Call, id: unknown): Promise<Notification | null> {
  return id === null
    ? null
    : call.db.get(sql`SELECT ${notificationColumns} FROM build_notifications WHERE ${idIs('id', toInt(id))}`);
}

async function getNotification(call: Call, id: unknown): Promise<Notification> {
  const found = await findNotification(call, id);
  if (!found) throw new GenericError(`No notification with ID ${plain(id)} found`);
  return found;
}

async function findBlock(call: Call, id: unknown): Promise<NotificationBlock | null> {
  return id === null
    ? null
    : call.db.get(sql`SELECT ${blockColumns} FROM build_notifications_block WHERE ${idIs('id', toInt(id))}`);
}

async function getBlock(call: Call, id: unknown): Promise<NotificationBlock> {
  const found = await findBlock(call, id);
  if (!found) throw new GenericError(`No notification block with ID ${plain(id)} found`);
  return found;
}

async function currentUser(call: Call): Promise<UserInfo> {
  if (!call.session.loggedIn) throw new GenericError('Not logged-in');
  return getUser(call, null, { principals: false });
}

function mayManage(call: Call, caller: UserInfo, owner: number): boolean {
  return caller.id === owner || call.session.hasPerm('admin');
}

/** Returns the user to create something for: the caller, or for an admin any user. */
async function recipient(call: Call, userInfo: unknown, what: string): Promise<UserInfo> {
  const caller = await currentUser(call);
  const user = await findUser(call, userInfo, { principals: false });
  if (!user) throw new GenericError(`No such user ID: ${plain(userInfo)}`);
  if (!mayManage(call, caller, user.id))
    throw new GenericError(`user ${caller.name} cannot create ${what} for user ${user.name}`);
  return user;
}

async function subjectOf(
  call: Call,
  { package_id: packageInfo, tag_id: tagInfo }: { package_id: unknown; tag_id: unknown },
): Promise<Subject> {
  const strict = { strict: true } as const;
  return {
    packageId: packageInfo === null ? null : (await lookupName(call, 'package', packageInfo, strict)).id,
    tagId: tagInfo === null ? null : (await lookupName(call, 'tag', tagInfo, strict)).id,
  };
}

/** Checks that the user has no such notification (with `successOnly`) or block (without) yet. */
async function checkNew(call: Call, userId: number, subject: Subject, successOnly?: boolean): Promise<void> {
  const table = successOnly === undefined ? 'build_notifications_block' : 'build_notifications';
  const flag = successOnly === undefined ? sql`` : sql` AND success_only = ${successOnly}`;
  const same = await call.db.get(
    sql`SELECT id FROM ${column(table)} WHERE user_id = ${userId} AND ${is('package_id', subject.packageId)}
          AND ${is('tag_id', subject.tagId)}${flag}`,
  );
  if (same) throw new GenericError('notification already exists');
}

function is(name: string, value: number | null): Sql {
  return value === null ? sql`${column(name)} IS NULL` : sql`${column(name)} = ${value}`;
}

async function remove(call: Call, table: Table, found: NotificationBlock, what: string): Promise<null> {
  const caller = await currentUser(call);
  if (!mayManage(call, caller, found.user_id))
    throw new GenericError(`user ${caller.id} cannot delete ${what} for user ${found.user_id}`);
  await call.db.run(sql`DELETE FROM ${column(table)} WHERE id = ${found.id}`);
  return null;
}
