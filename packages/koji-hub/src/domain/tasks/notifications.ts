import { BUILD_STATES, GenericError, USERTYPES, USER_STATUS } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { anyOf, sql, where } from '../../db/sql.js';
import { findBuild, getBuild } from '../builds/builds.js';
import { findPackageEntry } from '../tags/package-lists.js';
import { findTag } from '../tags/tags.js';
import { targetOfTask } from '../tagging/targets.js';
import { makeTask } from './make-task.js';
import { getUser } from '../users/users.js';

interface Recipient {
  readonly user_id: number;
  readonly email: string;
}

/**
 * Who wants to hear about a build, in a tag or in none: those who asked for it, the build's owner and the package's
 * owner in the tag, without those who asked to be left alone. Addresses, each once.
 */
export async function recipients(
  call: Call,
  build: BuildInfo,
  tagId: number | null,
  state: number,
): Promise<string[]> {
  const { EmailDomain, NotifyOnSuccess } = call.hub.options;
  const concerning = [
    sql`(package_id = ${build.package_id} OR package_id IS NULL)`,
    tagId === null ? sql`tag_id IS NULL` : sql`(tag_id = ${tagId} OR tag_id IS NULL)`,
  ];
  const asked = [
    sql`users.status = ${USER_STATUS.NORMAL}`,
    anyOf(sql`users.usertype`, [USERTYPES.NORMAL, USERTYPES.GROUP]),
    ...concerning,
  ];
  if (state !== BUILD_STATES.COMPLETE) asked.push(sql`success_only = FALSE`);
  const found = await call.db.all<Recipient>(
    sql`SELECT user_id, email FROM build_notifications JOIN users ON users.id = build_notifications.user_id
        ${where(asked)}`,
  );
  // Without a domain, a user's name can't be turned into an address.
  if (EmailDomain !== null && (NotifyOnSuccess || state !== BUILD_STATES.COMPLETE)) {
    found.push({ user_id: build.owner_id, email: `${build.owner_name}@${EmailDomain}` });
    const owner = tagId === null ? null : await packageOwner(call, tagId, build.package_id);
    if (owner) found.push({ user_id: owner.id, email: `${owner.name}@${EmailDomain}` });
  }
  if (found.length === 0) return [];
  const users = [...new Set(found.map((recipient) => recipient.user_id))];
  const blocks = await call.db.all<{ user_id: number }>(
    sql`SELECT user_id FROM build_notifications_block ${where([anyOf(sql`user_id`, users), ...concerning])}`,
  );
  const left = new Set(blocks.map((block) => block.user_id));
  return [
    ...new Set(found.filter((recipient) => !left.has(recipient.user_id)).map((recipient) => recipient.email)),
  ];
}

async function packageOwner(
  call: Call,
  tagId: number,
  packageId: number,
): Promise<{ id: number; name: string } | null> {
  const entry = await findPackageEntry(call, tagId, packageId);
  if (!entry || entry.blocked) return null;
  const owner = await getUser(call, entry.owner_id);
  return owner.status === USER_STATUS.NORMAL && owner.usertype === USERTYPES.NORMAL ? owner : null;
}

/** A tagging, untagging or move to tell people about. */
export interface TagNotification {
  readonly successful: boolean;
  readonly tag: unknown;
  readonly fromTag: unknown;
  readonly build: unknown;
  readonly userId: unknown;
  /** Only failures are worth a message. */
  readonly ignoreSuccess?: boolean;
  readonly failure?: string;
}

/** Starts a task that mails the subscribers; none if there are no subscribers, or with DisableNotifications. */
export async function tagNotification(call: Call, about: TagNotification): Promise<number | null> {
  if (call.hub.options.DisableNotifications) return null;
  const { successful, ignoreSuccess = false, userId } = about;
  const build = await findBuild(call, about.build);
  if (!build || (successful && ignoreSuccess)) return null;
  const state = successful ? BUILD_STATES.COMPLETE : BUILD_STATES.FAILED;
  const emails = new Set<string>();
  for (const tagInfo of [about.tag, about.fromTag]) {
    const tag = tagInfo ? await findTag(call, tagInfo) : null;
    if (tag) for (const email of await recipients(call, build, tag.id, state)) emails.add(email);
  }
  if (emails.size === 0) return null;
  return makeTask(call, 'tagNotification', [
    [...emails],
    successful,
    about.tag,
    about.fromTag,
    about.build,
    userId,
    ignoreSuccess,
    about.failure ?? '',
  ]);
}

/** Starts a task that mails the end of a build; none when there is nobody, or with DisableNotifications. */
export async function buildNotification(call: Call, taskId: number, buildId: number): Promise<number | null> {
  if (call.hub.options.DisableNotifications) return null;
  const build = await getBuild(call, buildId);
  if (build.state === BUILD_STATES.BUILDING)
    throw new GenericError('never send notifications for incomplete builds');
  const target = await targetOfTask(call, taskId);
  const emails = await recipients(call, build, target?.dest_tag ?? null, build.state);
  if (emails.length === 0) return null;
  return makeTask(call, 'buildNotification', [emails, build, target, call.hub.options.KojiWebURL]);
}
