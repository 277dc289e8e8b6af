import { GenericError } from '@koji/core';
import type { ChannelInfo, ChannelMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { history } from '../domain/history/history.js';
import { lookupName } from '../domain/values/lookup.js';
import { sql } from '../db/sql.js';
import { truthy } from '../domain/values/convert.js';
import { findChannel, findHost, listChannels } from '../domain/task-records/hosts.js';
import { checkName, checkText } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';

/** Handlers of the methods about channels. */
export const channels: Handlers<ChannelMethods> = {
  async addChannel({ channel_name: name, description }, call) {
    checkName(call, name);
    await checkFree(call, name);
    const row = await call.db.get<{ id: number }>(
      sql`INSERT INTO channels (name, description) VALUES (${name}, ${description === null ? null : plain(description)}) RETURNING id`,
    );
    if (!row) throw new Error('a new channel got no id');
    return row.id;
  },

  getChannel: ({ channelInfo, strict }, call) => (strict ? getChannel : findChannel)(call, channelInfo),

  listChannels: ({ hostID, event, enabled }, call) => listChannels(call, { host: hostID, event, enabled }),

  editChannel: ({ channelInfo, keywords }, call) => editChannel(call, channelInfo, keywords),

  async renameChannel({ old, new: name }, call) {
    await editChannel(call, old, { name });
    return null;
  },

  enableChannel: ({ channelname, comment }, call) => setEnabled(call, channelname, true, comment),
  disableChannel: ({ channelname, comment }, call) => setEnabled(call, channelname, false, comment),

  async addHostToChannel({ hostname, channel_name: channelInfo, create, force }, call) {
    const hostId = await hostIdOf(call, hostname);
    if (create) checkName(call, channelInfo);
    const found = await lookupName(call, 'channels', channelInfo, { create });
    if (!found) throw new GenericError(`channel does not exist: ${plain(channelInfo)}`);
    if (!force && !(await findChannel(call, found.id))?.enabled)
      throw new GenericError(`channel ${plain(channelInfo)} is disabled`);
    if ((await listChannels(call, { host: hostId })).some((channel) => channel.id === found.id))
      throw new GenericError(
        `host ${plain(hostname)} is already subscribed to the ${plain(channelInfo)} channel`,
      );
    await history(call).insert('host_channels', { host_id: hostId, channel_id: found.id });
    call.afterCommit(() => call.hub.wake.notify('scheduler'));
    return null;
  },

  async removeHostFromChannel({ hostname, channel_name: channelInfo }, call) {
    const hostId = await hostIdOf(call, hostname);
    const found = await lookupName(call, 'channels', channelInfo);
    if (!found) throw new GenericError(`channel does not exist: ${plain(channelInfo)}`);
    if (!(await listChannels(call, { host: hostId })).some((channel) => channel.id === found.id))
      throw new GenericError(
        `host ${plain(hostname)} is not subscribed to the ${plain(channelInfo)} channel`,
      );
    await history(call).revoke('host_channels', sql`host_id = ${hostId} AND channel_id = ${found.id}`);
    return null;
  },
};

async function editChannel(
  call: Call,
  channelInfo: unknown,
  given: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const channel = await getChannel(call, channelInfo);
  const fields = (['name', 'description', 'comment'] as const).filter((field) => Object.hasOwn(given, field));
  if (fields.every((field) => given[field] === channel[field])) return false;
  if (truthy(given.name)) {
    checkName(call, given.name);
    await checkFree(call, given.name);
  }
  for (const field of fields) checkText(given[field]);
  const { name, description, comment } = { ...channel, ...given };
  await call.db.run(
    sql`UPDATE channels SET name = ${name}, description = ${description}, comment = ${comment}
        WHERE id = ${channel.id}`,
  );
  return true;
}

async function setEnabled(
  call: Call,
  channelInfo: unknown,
  enabled: boolean,
  comment: unknown,
): Promise<null> {
  checkText(comment, { nullable: true });
  const channel = await findChannel(call, channelInfo);
  if (!channel) throw new GenericError(`No such channel: ${plain(channelInfo)}`);
  await call.db.run(
    sql`UPDATE channels SET enabled = ${enabled}, comment = ${comment ?? channel.comment} WHERE id = ${channel.id}`,
  );
  if (enabled) call.afterCommit(() => call.hub.wake.notify('scheduler'));
  return null;
}

async function getChannel(call: Call, channelInfo: unknown): Promise<ChannelInfo> {
  const channel = await findChannel(call, channelInfo);
  if (!channel) throw new GenericError('query returned no rows');
  return channel;
}

async function checkFree(call: Call, name: string): Promise<void> {
  const taken = await findChannel(call, name);
  if (taken) throw new GenericError(`channel ${taken.name} already exists (id=${taken.id})`);
}

async function hostIdOf(call: Call, hostname: unknown): Promise<number> {
  const host = await findHost(call, hostname);
  if (!host) throw new GenericError(`host does not exist: ${plain(hostname)}`);
  return host.id;
}
