import { GenericError } from '@koji/core';
import type { ChannelInfo, HostInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent } from '../history/history.js';
import { truthy } from '../values/convert.js';
import { nameOrIdIs } from '../values/lookup.js';
import { epoch, sql, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { idIs, isId } from '../values/ids.js';
import { plain } from '../values/repr.js';

/** The columns of {@link HostInfo}, of `host` joined with `host_config`. */
const columns = sql`host.id, host.user_id, host.name, ${epoch('host.update_time', 'update_ts')}, host.ready,
  host.task_load, host_config.arches, host_config.capacity, host_config.description, host_config.comment,
  host_config.enabled`;

/** Builders that fulfil every condition (on `host` and `host_config`), now or at an event. */
export function listHosts(call: Call, conditions: Sql[], event: number | null = null): Promise<HostInfo[]> {
  return call.db.all<HostInfo>(
    sql`SELECT ${columns} FROM host_config JOIN host ON host.id = host_config.host_id
        ${where([atEvent('host_config', event), ...conditions])} ORDER BY host.id`,
  );
}

/** A builder by id or name, now or at an event; null if there is none. */
export async function findHost(
  call: Call,
  hostInfo: unknown,
  event: number | null = null,
): Promise<HostInfo | null> {
  const [host] = await listHosts(call, [nameOrIdIs('host', hostInfo)], event);
  return host ?? null;
}

/** As {@link findHost}, but a builder that is missing is a GenericError. */
export async function getHost(call: Call, hostInfo: unknown, event: number | null = null): Promise<HostInfo> {
  const host = await findHost(call, hostInfo, event);
  if (!host) throw new GenericError(`Invalid hostInfo: ${plain(hostInfo)}`);
  return host;
}

const channelColumns = sql`channels.id, channels.name, channels.description, channels.enabled, channels.comment`;

/** A channel by id or name; null if there is none. */
export function findChannel(call: Call, channelInfo: unknown): Promise<ChannelInfo | null> {
  return call.db.get<ChannelInfo>(
    sql`SELECT ${channelColumns} FROM channels WHERE ${nameOrIdIs('channels', channelInfo)}`,
  );
}

/** All channels, or those of a builder (now or at an event), maybe only the enabled or the disabled ones. */
export async function listChannels(
  call: Call,
  filter: { host?: unknown; event?: number | null; enabled?: boolean | null },
): Promise<ChannelInfo[]> {
  const { event = null, enabled = null } = filter;
  const conditions = enabled === null ? [] : [sql`channels.enabled = ${enabled}`];
  if (!truthy(filter.host)) {
    if (event) throw new GenericError('list_channels with event and not host is not allowed.');
    return call.db.all(sql`SELECT ${channelColumns} FROM channels ${where(conditions)} ORDER BY channels.id`);
  }
  const hostId = isId(filter.host) ? filter.host : (await getHost(call, filter.host)).id;
  conditions.push(atEvent('host_channels', event), idIs('host_channels.host_id', hostId));
  return call.db.all(
    sql`SELECT ${channelColumns} FROM host_channels JOIN channels ON channels.id = host_channels.channel_id
        ${where(conditions)} ORDER BY channels.id`,
  );
}
