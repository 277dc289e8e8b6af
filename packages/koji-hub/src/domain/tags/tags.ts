import { isDeepStrictEqual } from 'node:util';
import { GenericError, ParameterError, compareTexts, writeJson } from '@koji/core';
import type { BuildConfig, TagInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent, history, tellTags } from '../history/history.js';
import { lookupName, nameOrIdIs } from '../values/lookup.js';
import { anyOf, id, jsonRows, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { checkList, toArches, truthy } from '../values/convert.js';
import { isId } from '../values/ids.js';
import { fullInheritance, writeInheritance } from './inheritance.js';
import { readJson } from '../values/json.js';
import { checkName } from '../values/names.js';
import { plain, repr } from '../values/repr.js';

type TagRow = Omit<TagInfo, 'extra'>;

const columns = sql`tag.id, tag.name, tag_config.perm_id, permissions.name AS perm, tag_config.arches,
  tag_config.locked, tag_config.maven_support, tag_config.maven_include_all`;
const tables = sql`tag_config JOIN tag ON tag.id = tag_config.tag_id
  LEFT JOIN permissions ON permissions.id = tag_config.perm_id`;

/** When to look at a tag, and how. */
export interface TagOptions {
  /** An event, or "auto" for now and, if it is deleted, for just before that. */
  readonly event?: number | 'auto' | null;
  /** Gives the extra data as `[blocked, value]`, blocked keys included. */
  readonly blocked?: boolean;
}

/** A tag by id or name, now or at an event; null when it isn't there. A tag without settings counts as deleted. */
export async function findTag(
  call: Call,
  tagInfo: unknown,
  options: TagOptions = {},
): Promise<TagInfo | null> {
  const which = nameOrIdIs('tag', tagInfo);
  let { event = null } = options;
  let deleted = false;
  if (event === 'auto') {
    const last = await call.db.get<{ revoke_event: number | null }>(
      sql`SELECT tag_config.revoke_event FROM tag_config JOIN tag ON tag.id = tag_config.tag_id WHERE ${which}
          ORDER BY tag_config.create_event DESC LIMIT 1`,
    );
    event = last?.revoke_event == null ? null : last.revoke_event - 1;
    deleted = event !== null;
  }
  const more = deleted ? sql`, tag_config.revoke_event` : sql``;
  const ofTag = sql`FROM tag_extra WHERE tag_extra.tag_id = tag.id AND ${extraIs(event, options.blocked)}`;
  const [found] = await call.db.lookup<TagRow & { extra: string }>(
    sql`SELECT ${columns}${more}, (SELECT ${jsonRows(sql`create_event, key, value`)} ${ofTag}) AS extra
        FROM ${tables} WHERE ${which} AND ${atEvent('tag_config', event)}`,
  );
  if (!found) return null;
  const rows = JSON.parse(found.extra) as [event: number, key: string, value: string | null][];
  const ordered = rows.sort((a, b) => a[0] - b[0] || compareTexts(a[1], b[1]));
  const extra: Record<string, unknown> = {};
  for (const [, key, value] of ordered) extra[key] = readValue(key, value, options.blocked);
  return { ...found, extra, ...(event === null ? {} : { query_event: event }) };
}

/** Whether a row of extra data counts at an event. */
function extraIs(event: number | null, blocked = false): Sql {
  return sql`${atEvent('tag_extra', event)}${blocked ? sql`` : sql` AND value IS NOT NULL`}`;
}

function readValue(key: string, value: string | null, blocked = false): unknown {
  const read = readJson(value, `No such tag extra data: ${key}`);
  return blocked ? [value === null, read] : read;
}

/** As {@link findTag}, but a tag that is missing is a GenericError. */
export async function getTag(call: Call, tagInfo: unknown, options: TagOptions = {}): Promise<TagInfo> {
  const tag = await findTag(call, tagInfo, options);
  if (!tag) throw new GenericError(`No such tagInfo: ${repr(tagInfo)}`);
  return tag;
}

/** The extra data of tags, blocked keys included. */
async function readExtra(
  call: Call,
  tagIds: readonly number[],
  event: number | null,
): Promise<Map<number, Record<string, unknown>>> {
  const rows = await call.db.all<{ tag_id: number; key: string; value: string | null }>(
    sql`SELECT tag_id, key, value FROM tag_extra
        WHERE ${extraIs(event, true)} AND ${anyOf(sql`tag_id`, tagIds)} ORDER BY create_event, key`,
  );
  const extra = new Map<number, Record<string, unknown>>();
  for (const { tag_id: tagId, key, value } of rows) {
    const own = extra.get(tagId) ?? {};
    own[key] = readValue(key, value, true);
    extra.set(tagId, own);
  }
  return extra;
}

/**
 * A tag with the arches and extra data that it inherits: the nearest tag that has them wins, links marked noconfig are left
 * out, and a blocked key hides inherited values.
 */
export async function getBuildConfig(
  call: Call,
  tagInfo: unknown,
  event: number | null,
): Promise<BuildConfig> {
  const tag = await getTag(call, tagInfo, { event, blocked: true });
  const order = (await fullInheritance(call, tag.id, event)).filter((link) => !link.noconfig);
  const ids = [...new Set(order.map((link) => link.parent_id))];
  const rows = await call.db.all<TagRow>(
    sql`SELECT ${columns} FROM ${tables} WHERE ${anyOf(sql`tag.id`, ids)} AND ${atEvent('tag_config', event)}`,
  );
  const ancestors = new Map(rows.map((row) => [row.id, row]));
  const extras = await readExtra(call, ids, event);
  const extra = { ...tag.extra };
  const from: BuildConfig['config_inheritance']['extra'] = {};
  let { arches } = tag;
  let archesFrom = null;
  for (const { parent_id: parentId } of order) {
    const ancestor = ancestors.get(parentId);
    if (!ancestor) throw new GenericError(`No such tagInfo: ${parentId}`);
    const source = { id: parentId, name: ancestor.name };
    if (arches === null && ancestor.arches !== null) {
      arches = ancestor.arches;
      archesFrom = source;
    }
    for (const [key, value] of Object.entries(extras.get(parentId) ?? {})) {
      if (Object.hasOwn(extra, key)) continue;
      extra[key] = value;
      from[key] = source;
    }
  }
  const seen = Object.entries(extra as Record<string, [boolean, unknown]>)
    .filter(([, [blocked]]) => !blocked)
    .map(([key, [, value]]) => [key, value] as const);
  return {
    ...tag,
    arches,
    extra: Object.fromEntries(seen),
    config_inheritance: { extra: from, arches: archesFrom },
  };
}

/** The settings of a new tag. */
export interface NewTag {
  readonly name: unknown;
  readonly parent?: unknown;
  readonly arches?: unknown;
  readonly perm?: unknown;
  readonly locked?: boolean;
  readonly maven_support?: boolean;
  readonly maven_include_all?: boolean;
  readonly extra?: Readonly<Record<string, unknown>> | null;
}

/** Creates a tag, without a look at permissions; the id of a deleted tag of that name is used again. */
export async function createTag(call: Call, wanted: NewTag): Promise<number> {
  const { name, maven_support = false, maven_include_all = false } = wanted;
  checkName(call, name);
  const arches = toArches(wanted.arches ?? '');
  checkMaven(call, maven_support || maven_include_all);
  if (await findTag(call, name)) throw new GenericError(`A tag with the name '${name}' already exists`);
  const parent = wanted.parent ? await findTag(call, wanted.parent) : null;
  if (wanted.parent && !parent)
    throw new GenericError(`Parent tag '${plain(wanted.parent)}' could not be found`);
  const perm_id = wanted.perm == null ? null : await permId(call, wanted.perm);
  const { id: tag_id } = await lookupName(call, 'tag', name, { create: true });
  const rows = history(call);
  await rows.insert('tag_config', {
    tag_id,
    arches,
    perm_id,
    locked: wanted.locked ?? false,
    maven_support,
    maven_include_all,
  });
  for (const [key, value] of Object.entries(wanted.extra ?? {}))
    await rows.insert('tag_extra', { tag_id, key, value: writeJson(value) });
  if (parent)
    await writeInheritance(call, tag_id, [
      {
        parent_id: parent.id,
        priority: 0,
        maxdepth: null,
        intransitive: false,
        noconfig: false,
        pkg_filter: '',
      },
    ]);
  return tag_id;
}

async function permId(call: Call, perm: unknown): Promise<number> {
  return (await lookupName(call, 'permissions', perm, { strict: true })).id;
}

function checkMaven(call: Call, wanted: boolean): void {
  if (wanted && !call.hub.options.EnableMaven) throw new GenericError('Maven support not enabled');
}

/** Changes a tag; only the settings that are named change. */
export async function editTag(
  call: Call,
  tagInfo: unknown,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const has = (key: string): boolean => Object.hasOwn(changes, key);
  checkMaven(call, has('maven_support') || has('maven_include_all'));
  const removed = keyList(changes, 'remove_extra');
  const blocked = keyList(changes, 'block_extra');
  const tag = await getTag(call, tagInfo);
  await rename(call, tag, changes.name);
  const config: Record<string, unknown> = {
    perm_id: tag.perm_id,
    arches: tag.arches,
    locked: tag.locked,
    maven_support: tag.maven_support,
    maven_include_all: tag.maven_include_all,
  };
  const before = { ...config };
  // perm and perm_id are the same setting under two names; the latter wins.
  const perm = has('perm_id') ? changes.perm_id : changes.perm;
  if (has('perm_id') || has('perm')) config.perm_id = perm === null ? null : await permId(call, perm);
  if (has('arches')) config.arches = newArches(tag, changes.arches);
  for (const flag of ['locked', 'maven_support', 'maven_include_all'])
    if (has(flag)) config[flag] = Boolean(changes[flag]);
  if (!isDeepStrictEqual(config, before)) {
    await history(call).revoke('tag_config', sql`tag_id = ${tag.id}`);
    await history(call).insert('tag_config', { tag_id: tag.id, ...config });
  }
  if (has('extra')) await setExtra(call, tag, changes.extra, [...blocked, ...removed]);
  for (const key of blocked) await replaceExtra(call, tag.id, key, null);
  const missing = removed.filter((key) => !Object.hasOwn(tag.extra, key));
  if (missing.length > 0)
    throw new GenericError(`Tag: ${tag.name} doesn't have extra: ${missing.join(', ')}`);
  if (removed.length > 0)
    await history(call).revoke('tag_extra', sql`tag_id = ${tag.id} AND ${anyOf(sql`key`, removed)}`);
}

function keyList(changes: Readonly<Record<string, unknown>>, name: string): string[] {
  const keys = changes[name];
  if (!truthy(keys)) return [];
  checkList(keys);
  if (!keys.every((key) => typeof key === 'string'))
    throw new ParameterError(`${name} must be a list of keys, not ${repr(keys)}`);
  return keys;
}

function newArches(tag: TagInfo, arches: unknown): string | null {
  if (arches === null || arches === '' || arches === tag.arches) return arches as string | null;
  return toArches(arches);
}

async function rename(call: Call, tag: TagInfo, name: unknown): Promise<void> {
  if (!name || name === tag.name) return;
  checkName(call, name);
  const taken = await call.db.get<{ id: number }>(sql`SELECT id FROM tag WHERE name = ${name}`);
  if (taken) throw new GenericError(`Name ${name} already taken by tag ${taken.id}`);
  await call.db.run(sql`UPDATE tag SET name = ${name} WHERE id = ${tag.id}`);
}

async function setExtra(call: Call, tag: TagInfo, extra: unknown, leaving: readonly string[]): Promise<void> {
  if (typeof extra !== 'object' || extra === null || Array.isArray(extra))
    throw new ParameterError(`extra must be a dict, not ${repr(extra)}`);
  const conflict = leaving.find((key) => Object.hasOwn(extra, key));
  if (conflict !== undefined)
    throw new GenericError(`Can not both add/update and remove tag-extra: '${conflict}'`);
  for (const [key, value] of Object.entries(extra)) {
    const text = writeJson(value);
    const same = Object.hasOwn(tag.extra, key) && isDeepStrictEqual(tag.extra[key], readJson(text, key));
    if (!same) await replaceExtra(call, tag.id, key, text);
  }
}

async function replaceExtra(call: Call, tagId: number, key: string, value: string | null): Promise<void> {
  await history(call).revoke('tag_extra', sql`tag_id = ${tagId} AND key = ${key}`);
  await history(call).insert('tag_extra', { tag_id: tagId, key, value });
}

/** The settings of a tag that end when it is deleted. The name keeps its id, so that history stays readable. */
const endings = [
  ['tag_config', 'tag_id'],
  ['tag_extra', 'tag_id'],
  ['tag_inheritance', 'tag_id'],
  ['tag_inheritance', 'parent_id'],
  ['build_target_config', 'build_tag'],
  ['build_target_config', 'dest_tag'],
  ['tag_listing', 'tag_id'],
  ['tag_packages', 'tag_id'],
  ['tag_package_owners', 'tag_id'],
  ['tag_external_repos', 'tag_id'],
  ['group_config', 'tag_id'],
  ['group_req_listing', 'tag_id'],
  ['group_package_listing', 'tag_id'],
] as const;

/** Deletes a tag with all that hangs on it, without a look at permissions. */
export async function deleteTag(call: Call, tagInfo: unknown): Promise<void> {
  const tag = await getTag(call, tagInfo);
  for (const [table, column] of endings) await history(call).revoke(table, sql`${id(column)} = ${tag.id}`);
}

/** Notes a change of a tag's contents that its versioned tables do not show, so that its repos count as outdated. */
export async function noteTagUpdate(
  call: Call,
  tagIds: readonly number[],
  updateType: number,
): Promise<void> {
  if (tagIds.length === 0) return;
  call.session.assertLogin();
  const event = await call.event();
  tellTags(call, tagIds);
  await call.db.run(
    sql`INSERT INTO tag_updates (tag_id, update_event, updater_id, update_type)
        SELECT id, ${event}, ${call.session.userId}, ${updateType} FROM tag WHERE ${anyOf(sql`id`, tagIds)}`,
  );
}

/** The id of a tag by id or name, also of a deleted one. */
export async function getTagId(call: Call, tagInfo: unknown): Promise<number> {
  return isId(tagInfo) ? tagInfo : (await lookupName(call, 'tag', tagInfo, { strict: true })).id;
}
