import {
  GenericError,
  PRIO_DEFAULT,
  ParameterError,
  TASK_STATES,
  parseArches,
  parseTaskParams,
} from '@koji/core';
import type { ChannelInfo, TaskOptions } from '@koji/core/api';
import { encodeCall } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { sql } from '../../db/sql.js';
import { refuseByArch } from './arch-refusals.js';
import { toInt } from '../values/convert.js';
import { findChannel, getHost } from '../task-records/hosts.js';
import { isId } from '../values/ids.js';
import { checkText } from '../values/names.js';
import { plain } from '../values/repr.js';
import { tell } from '../task-records/news.js';
import { taskIs } from '../task-records/task-records.js';
import { getUser } from '../users/users.js';

interface Parent {
  readonly state: number;
  readonly owner: number;
  readonly channel_id: number;
  readonly priority: number;
  readonly arch: string;
}

/** A task with everything settled except its channel. */
interface Draft {
  readonly parent: number | null;
  readonly label: string | null;
  readonly owner: number;
  readonly arch: string;
  priority: number;
  readonly channel: unknown;
  readonly assign: number | null;
  readonly parentChannel: number | null;
}

/**
 * Makes a task; a subtask when `parent` is given, which must be open. Channel and priority are what the policies say.
 *
 * @param params the parameters as they travel: named ones in a last struct (`encodeArgs`)
 * @returns its id
 * @throws GenericError for an unknown parent, channel, host or user, or a policy whose answer makes no sense
 */
export async function makeTask(
  call: Call,
  method: unknown,
  params: readonly unknown[],
  options: TaskOptions = {},
): Promise<number> {
  checkText(method);
  const draft = await settle(call, options);
  const data = await policyData(call, method, params, draft);
  const channelId = await chooseChannel(call, draft, data);
  draft.priority = await choosePriority(call, draft.priority, data);
  const { label, owner, parent, priority, arch, assign } = draft;
  const request = encodeCall(method, params);
  const state = assign === null ? TASK_STATES.FREE : TASK_STATES.ASSIGNED;
  const info = {
    ...options,
    ...{ label, owner, parent, priority, arch, method, request },
    ...{ channel_id: channelId, state: TASK_STATES.FREE },
    ...({} as { id?: number }),
  };
  const changed = { attribute: 'state', old: null, new: 'FREE', info } as const;
  await call.runCallbacks('preTaskStateChange', changed);
  const row = await call.db.get<{ id: number }>(
    sql`INSERT INTO task (state, owner, method, request, priority, parent, label, channel_id, arch, host_id)
        VALUES (${state}, ${owner}, ${method}, ${request}, ${priority}, ${parent}, ${label}, ${channelId}, ${arch},
          ${assign}) RETURNING id`,
  );
  if (!row) throw new Error('a new task got no id');
  info.id = row.id;
  await call.runCallbacks('postTaskStateChange', changed);
  await refuseByArch(call, { id: row.id, method, params, arch, channelId });
  tell(call, { task: row.id, hosts: [assign], plan: assign === null });
  return row.id;
}

async function settle(call: Call, options: TaskOptions): Promise<Draft> {
  const given = (name: keyof TaskOptions): boolean => options[name] !== undefined;
  const parentId = given('parent') ? toInt(options.parent) : null;
  if (given('label') && (parentId === null || options.label !== null)) checkText(options.label);
  const owner = given('owner') ? await ownerId(call, options.owner) : null;
  const arch = given('arch') ? archText(options.arch) : null;
  const priority = given('priority') ? toInt(options.priority) : null;
  const assign = given('assign') ? await hostId(call, options.assign) : null;
  const parent = parentId === null ? null : await openParent(call, parentId);
  return {
    parent: parentId,
    label: parent ? (options.label ?? null) : null,
    owner: owner ?? parent?.owner ?? callerId(call),
    arch: arch ?? parent?.arch ?? 'noarch',
    // Subtasks go before new work, so that what was begun gets finished.
    priority: priority ?? (parent ? parent.priority - 1 : PRIO_DEFAULT),
    channel: given('channel') ? options.channel : undefined,
    assign: assign === 0 ? null : assign,
    parentChannel: parent?.channel_id ?? null,
  };
}

async function ownerId(call: Call, owner: unknown): Promise<number> {
  return isId(owner) ? owner : (await getUser(call, owner)).id;
}

async function hostId(call: Call, host: unknown): Promise<number> {
  return isId(host) ? host : (await getHost(call, host)).id;
}

function archText(arch: unknown): string {
  if (arch !== null && typeof arch !== 'string' && !Array.isArray(arch))
    throw new ParameterError(`Invalid type for value '${plain(arch)}': arch must be a text`);
  return parseArches((arch ?? []) as string | string[], { strict: true });
}

function callerId(call: Call): number {
  if (call.session.userId === null) throw new GenericError('task must have an owner');
  return call.session.userId;
}

async function openParent(call: Call, id: number): Promise<Parent> {
  const parent = await call.db.get<Parent>(
    sql`SELECT task.state, task.owner, task.channel_id, task.priority, task.arch FROM task WHERE ${taskIs(id)}`,
  );
  if (!parent) throw new GenericError(`Invalid parent task: ${id}`);
  if (parent.state !== TASK_STATES.OPEN) throw new GenericError(`Parent task (id ${id}) is not open`);
  return parent;
}

/** Returns the data for the channel and priority policies. */
async function policyData(
  call: Call,
  method: string,
  params: readonly unknown[],
  draft: Draft,
): Promise<Record<string, unknown>> {
  const { arch, parent, label, owner, channel } = draft;
  const data: Record<string, unknown> = { method, arch, parent, label, owner, user_id: owner };
  if (channel !== undefined) data.req_channel = channel;
  return { ...data, ...(await taskPolicyData(call, method, params)) };
}

const first = (params: Record<string, unknown>, names: readonly string[]): string | undefined =>
  names.find((name) => Object.hasOwn(params, name));

/** Returns the policy data from a task's parameters: those of source, target, tag, build_tag and scratch that exist. */
export async function taskPolicyData(
  call: Call,
  method: string,
  params: readonly unknown[],
): Promise<Record<string, unknown>> {
  const named = namedParams(call, method, params);
  if (!named) return {};
  const data: Record<string, unknown> = {};
  // newRepo has a "src" that is not a source.
  const source = method === 'newRepo' ? undefined : first(named, ['src', 'spec_url', 'url']);
  if (source !== undefined) {
    checkText(named[source]);
    data.source = named[source];
  }
  const target = first(named, ['target', 'build_target', 'target_info']);
  if (target !== undefined) data.target = await targetName(call, named[target]);
  const tag = first(named, ['tag', 'tag_id', 'tag_info']);
  if (tag !== undefined) Object.assign(data, await tagName(call, 'tag', named[tag]));
  if (Object.hasOwn(named, 'build_tag'))
    Object.assign(data, await tagName(call, 'build_tag', named.build_tag));
  const options = structOf(named.opts);
  if (Object.hasOwn(options, 'scratch')) data.scratch = options.scratch;
  return data;
}

function namedParams(call: Call, method: string, params: readonly unknown[]): Record<string, unknown> | null {
  try {
    const named = parseTaskParams(method, params);
    // This one has all its parameters in its only argument.
    return method === 'indirectionimage' && named ? { ...structOf(named.opts), opts: named.opts } : named;
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    call.log.warn(`policies see no parameters of a ${method} task: ${error.message}`);
    return null;
  }
}

function structOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

async function targetName(call: Call, target: unknown): Promise<string | null> {
  const wanted = typeof target === 'object' && target !== null ? structOf(target).name : target;
  if (typeof wanted !== 'string' && !isId(wanted)) return null;
  return (await lookupName(call, 'build_target', wanted, { strict: false }))?.name ?? null;
}

async function tagName(call: Call, key: string, tag: unknown): Promise<Record<string, string>> {
  const wanted = typeof tag === 'object' && tag !== null ? (structOf(tag).id ?? structOf(tag).name) : tag;
  if (typeof wanted !== 'string' && !isId(wanted)) return {};
  const found = await lookupName(call, 'tag', wanted, { strict: false });
  return found ? { [key]: found.name } : {};
}

async function enabledChannel(call: Call, channel: unknown): Promise<ChannelInfo> {
  const info = await findChannel(call, channel);
  if (!info) throw new GenericError(`No such channel: ${plain(channel)}`);
  if (!info.enabled) throw new GenericError(`Channel ${plain(channel)} is disabled.`);
  return info;
}

async function chooseChannel(call: Call, draft: Draft, data: Record<string, unknown>): Promise<number> {
  const requested = draft.channel === undefined ? null : await enabledChannel(call, draft.channel);
  const answer = await call.hub.policies.eval(call, 'channel', data);
  if (answer === null) {
    call.log.warn('the channel policy has no answer for a task, it goes to "default"');
    return (await lookupName(call, 'channels', 'default', { strict: true })).id;
  }
  const [action, name] = answer.trim().split(/\s+/);
  if (action === 'use' && name !== undefined) return (await enabledChannel(call, name)).id;
  if (action === 'parent' && draft.parentChannel !== null) return draft.parentChannel;
  if (action === 'req' && requested) return requested.id;
  call.log.error(
    `the channel policy answers "${answer}" for a ${String(data.method)} task` +
      (action === 'parent' ? ' without a parent' : action === 'req' ? ' without a requested channel' : ''),
  );
  throw new GenericError('invalid channel policy');
}

async function choosePriority(call: Call, priority: number, data: Record<string, unknown>): Promise<number> {
  const answer = await call.hub.policies.eval(call, 'priority', data);
  if (answer === null) return priority;
  const [action, text = ''] = answer.trim().split(/\s+/);
  if (action === 'stay') return priority;
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : null;
  if (action === 'set' && number !== null) return number;
  if (action === 'adjust' && number !== null) return priority + number;
  call.log.error(`the priority policy answers "${answer}" for a ${String(data.method)} task`);
  throw new GenericError('invalid priority policy');
}
