import { GenericError, ParameterError, USERTYPES, canonArch } from '@koji/core';
import type { Float, HostMethods, Timestamp } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { Call, Handlers } from '../call.js';
import { history } from '../domain/history/history.js';
import { lookupName } from '../domain/values/lookup.js';
import { epoch, hasWord, join, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { findHost, getHost, listHosts } from '../domain/task-records/hosts.js';
import { makeTask } from '../domain/tasks/make-task.js';
import { checkHostName, checkText } from '../domain/values/names.js';
import { toArches, toInt, truthy } from '../domain/values/convert.js';
import { plain, typeName } from '../domain/values/repr.js';
import { createUser, findUser, getUser } from '../domain/users/users.js';

/** Handlers of the methods about builders. */
export const hosts: Handlers<HostMethods> = {
  async addHost({ hostname, arches, krb_principal: principal, force }, call) {
    checkHostName(call, hostname);
    const archText = toArches(joinWords(arches));
    if (await findHost(call, hostname)) throw new GenericError(`host already exists: ${hostname}`);
    const channel = await call.db.get<{ id: number }>(sql`SELECT id FROM channels WHERE name = 'default'`);
    if (!channel) throw new GenericError('query returned no rows');
    const userId = await accountFor(call, hostname, principalIn(principal), force);
    const host = await call.db.get<{ id: number }>(
      sql`INSERT INTO host (user_id, name) VALUES (${userId}, ${hostname}) RETURNING id`,
    );
    if (!host) throw new Error('a new host got no id');
    await history(call).insert('host_config', { host_id: host.id, arches: archText });
    await history(call).insert('host_channels', { host_id: host.id, channel_id: channel.id });
    return host.id;
  },

  getHost: ({ hostInfo, strict, event }, call) => (strict ? getHost : findHost)(call, hostInfo, event),

  async listHosts({ arches, channelID, ready, enabled, userID }, call) {
    const conditions: Sql[] = [];
    if (arches !== null) conditions.push(hasArch(arches));
    if (channelID !== null) {
      const channel = await lookupName(call, 'channels', channelID, { strict: true });
      conditions.push(sql`host.id IN
        (SELECT host_id FROM host_channels WHERE active = TRUE AND channel_id = ${channel.id})`);
    }
    if (ready !== null) conditions.push(sql`host.ready = ${ready}`);
    if (enabled !== null) conditions.push(sql`host_config.enabled = ${enabled}`);
    if (userID !== null) conditions.push(sql`host.user_id = ${(await getUser(call, userID)).id}`);
    return listHosts(call, conditions);
  },

  enableHost: ({ hostname }, call) => setEnabled(call, hostname, true),
  disableHost: ({ hostname }, call) => setEnabled(call, hostname, false),

  async editHost({ hostInfo, keywords }, call) {
    const host = await getHost(call, hostInfo);
    const { id: host_id, arches, capacity, description, comment, enabled } = host;
    const config = { arches, capacity, description, comment } as Record<string, unknown>;
    const changes = Object.keys(config).filter(
      (field) => Object.hasOwn(keywords, field) && !same(keywords[field], config[field]),
    );
    if (changes.length === 0) return false;
    for (const field of changes) {
      const value = keywords[field];
      if (field !== 'capacity') checkText(value);
      else if (!Number.isFinite(Number(value)) || value === null || typeof value === 'boolean')
        throw new ParameterError(`editHost(): capacity must be a number, not ${plain(value)}`);
      else if (Number(value) <= 1)
        throw new ParameterError(`editHost(): capacity must be greater than 1, not ${plain(value)}`);
      config[field] = field === 'capacity' ? Number(value) : value;
    }
    if (!changes.includes('capacity')) config.capacity = Number(capacity);
    await history(call).revoke('host_config', sql`host_id = ${host_id}`);
    await history(call).insert('host_config', { host_id, enabled, ...config });
    call.afterCommit(() => call.hub.wake.notify('scheduler'));
    return true;
  },

  async getAllArches(_args, call) {
    const rows = await call.db.all<{ arches: string }>(
      sql`SELECT DISTINCT arches FROM host_config WHERE active = TRUE AND arches IS NOT NULL ORDER BY arches`,
    );
    return [...new Set(rows.flatMap(({ arches }) => arches.split(/\s+/).filter(Boolean).map(canonArch)))];
  },

  restartHosts({ priority, options }, call) {
    const isStruct = typeof options === 'object' && !Array.isArray(options);
    if (!isStruct || options instanceof Double || options instanceof Uint8Array)
      throw new ParameterError(`Invalid type of options: ${typeName(options)}`);
    return makeTask(call, 'restartHosts', options === null ? [] : [options], { priority: toInt(priority) });
  },

  async getLastHostUpdate({ hostID, ts }, call) {
    if (hostID === null || Math.abs(hostID) > 0x7fffffff) return null;
    const row = await call.db.get<{ update_time: Timestamp; update_ts: Float }>(
      sql`SELECT sessions.update_time, ${epoch('sessions.update_time', 'update_ts')} FROM sessions
          JOIN host ON sessions.user_id = host.user_id
          WHERE host.id = ${hostID} ORDER BY sessions.update_time DESC LIMIT 1`,
    );
    if (!row) return null;
    return ts ? row.update_ts : row.update_time;
  },
};

function principalIn(given: unknown): string | null {
  if (!truthy(given)) return null;
  checkText(given);
  return given;
}

/** Joins a list of texts, or the characters of a text, like Koji; leaves anything else to the following check. */
function joinWords(arches: unknown): unknown {
  if (typeof arches === 'string') return Array.from(arches).join(' ');
  return Array.isArray(arches) && arches.every((arch) => typeof arch === 'string')
    ? arches.join(' ')
    : arches;
}

function same(given: unknown, stored: unknown): boolean {
  if (typeof given === 'string' || stored === null) return given === stored;
  return given !== null && typeof given !== 'boolean' && Number(given) === Number(stored);
}

// The builder may have logged in, and so got an account, before it was added.
async function accountFor(
  call: Call,
  hostname: string,
  principal: string | null,
  force: boolean,
): Promise<number> {
  const user = await findUser(call, {
    name: hostname,
    ...(principal === null ? {} : { krb_principal: principal }),
  });
  if (!user) {
    const format = call.hub.options.HostPrincipalFormat;
    return createUser(call, {
      name: hostname,
      usertype: USERTYPES.HOST,
      principal: principal ?? (format ? format.replace('%s', hostname) : null),
    });
  }
  if (user.usertype !== USERTYPES.HOST) {
    if (!force || user.usertype !== USERTYPES.NORMAL)
      throw new GenericError(`user ${hostname} already exists and it is not a host`);
    await call.db.run(sql`UPDATE users SET usertype = ${USERTYPES.HOST} WHERE id = ${user.id}`);
  }
  return user.id;
}

async function setEnabled(call: Call, hostname: unknown, enabled: boolean): Promise<null> {
  const host = await findHost(call, hostname);
  if (!host) throw new GenericError(`host does not exist: ${plain(hostname)}`);
  const { id, arches, capacity, description, comment } = host;
  await history(call).revoke('host_config', sql`host_id = ${id}`);
  await history(call).insert('host_config', {
    host_id: id,
    arches,
    capacity: Number(capacity),
    description,
    comment,
    enabled,
  });
  if (enabled) call.afterCommit(() => call.hub.wake.notify('scheduler'));
  return null;
}

/** Whether a builder has one of some arches. */
function hasArch(arches: unknown): Sql {
  const wanted = (Array.isArray(arches) ? arches : [arches]) as unknown[];
  if (!truthy(arches)) throw new GenericError('arches option cannot be empty');
  const words = wanted.map((arch) => hasWord(sql`host_config.arches`, plain(arch)));
  return sql`(${join(words, ' OR ')})`;
}
