import { GenericError, ParameterError } from '@koji/core';
import type { GroupPackage, GroupRequirement, Named, TagGroup } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent, history } from '../history/history.js';
import type { NewRow } from '../history/history.js';
import { lookupName } from '../values/lookup.js';
import { anyOf, forUpdate, id, join, sql } from '../../db/sql.js';
import type { Sql, SqlValue } from '../../db/sql.js';
import { fullInheritance } from './inheritance.js';
import { plain, repr } from '../values/repr.js';
import { getTag } from './tags.js';

/** Filter for groups of a tag, and the parts to read. */
export interface GroupFilter {
  readonly event?: number | null;
  /** Looks into the tags that the tag inherits from, too; the nearest entry counts. */
  readonly inherit?: boolean;
  readonly withPackages?: boolean;
  readonly withRequirements?: boolean;
  readonly withBlocked?: boolean;
}

/** A change of an entry: `options` are values by column name, others are ignored. */
export interface EntryChange {
  readonly block?: boolean;
  /** Changes a blocked entry, too. */
  readonly force?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A group of a tag, each by name or id. */
export interface GroupRef {
  readonly tag: unknown;
  readonly group: unknown;
}

/** The groups of a tag by name or id, also of a deleted one; three queries besides those for the inheritance. */
export async function readTagGroups(
  call: Call,
  tagInfo: unknown,
  filter: GroupFilter = {},
): Promise<TagGroup[]> {
  const { event = null, withPackages = true, withRequirements = true, withBlocked = false } = filter;
  const tag = await lookupName(call, 'tag', tagInfo, { strict: true });
  const layers = { tagIds: await tagOrder(call, tag.id, filter), event };
  const groups = await readGroups(call, layers);
  const packages = byGroup(withPackages ? await readPackages(call, layers) : []);
  const requirements = byGroup(withRequirements ? await readRequirements(call, layers) : []);
  const open = new Set(groups.filter((group) => !group.blocked).map((group) => group.group_id));
  const shown = (entry: { readonly blocked: boolean }): boolean => withBlocked || !entry.blocked;
  return groups.filter(shown).map((group) => {
    const own = open.has(group.group_id) ? group.group_id : -1;
    return {
      ...group,
      ...(withPackages ? { packagelist: (packages.get(own) ?? []).filter(shown) } : {}),
      ...(withRequirements
        ? {
            grouplist: (requirements.get(own) ?? []).filter(
              (required) => open.has(required.req_id) && shown(required),
            ),
          }
        : {}),
    };
  });
}

/** Tags in the order in which they are searched, and when. */
interface Layers {
  readonly tagIds: readonly number[];
  readonly event: number | null;
}

async function tagOrder(call: Call, tagId: number, filter: GroupFilter): Promise<number[]> {
  const { event = null, inherit = true } = filter;
  const links = inherit ? await fullInheritance(call, tagId, event) : [];
  return [...new Set([tagId, ...links.map((link) => link.parent_id)])];
}

async function readGroups(call: Call, layers: Layers, groupId?: number): Promise<TagGroup[]> {
  const rows = await call.db.all<TagGroup>(
    sql`SELECT groups.name, group_id, tag_id, blocked, exported, display_name, is_default, uservisible, description,
          langonly, biarchonly
        FROM group_config JOIN groups ON groups.id = group_id
        WHERE ${entriesOf('group_config', layers, groupId)} ORDER BY create_event, group_id`,
  );
  return nearest(rows, layers, (row) => row.group_id);
}

async function readPackages(call: Call, layers: Layers, groupId?: number): Promise<GroupPackage[]> {
  const rows = await call.db.all<GroupPackage>(
    sql`SELECT group_id, tag_id, package, blocked, type, basearchonly, requires FROM group_package_listing
        WHERE ${entriesOf('group_package_listing', layers, groupId)} ORDER BY create_event, package`,
  );
  return nearest(rows, layers, (row) => `${row.group_id} ${row.package}`);
}

async function readRequirements(call: Call, layers: Layers, groupId?: number): Promise<GroupRequirement[]> {
  const rows = await call.db.all<GroupRequirement>(
    sql`SELECT group_id, tag_id, req_id, blocked, type, is_metapkg, groups.name
        FROM group_req_listing JOIN groups ON groups.id = req_id
        WHERE ${entriesOf('group_req_listing', layers, groupId)} ORDER BY create_event, req_id`,
  );
  return nearest(rows, layers, (row) => `${row.group_id} ${row.req_id}`);
}

function entriesOf(table: string, { tagIds, event }: Layers, groupId: number | undefined): Sql {
  const group = groupId === undefined ? sql`` : sql` AND group_id = ${groupId}`;
  return sql`${atEvent(table, event)} AND ${anyOf(sql`tag_id`, tagIds)}${group}`;
}

/** For each key the row of the tag that is searched first. */
function nearest<T extends { readonly tag_id: number }>(
  rows: readonly T[],
  { tagIds }: Layers,
  key: (row: T) => string | number,
): T[] {
  const rank = new Map(tagIds.map((tagId, i) => [tagId, i]));
  const distance = (row: T): number => rank.get(row.tag_id) as number;
  const found = new Map<string | number, T>();
  for (const row of [...rows].sort((a, b) => distance(a) - distance(b)))
    if (!found.has(key(row))) found.set(key(row), row);
  return [...found.values()];
}

function byGroup<T extends { readonly group_id: number }>(rows: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const group = groups.get(row.group_id);
    if (group) group.push(row);
    else groups.set(row.group_id, [row]);
  }
  return groups;
}

/** Adds a group to a tag or changes its entry, without a look at permissions; a group that is not known yet is made. */
export async function addGroup(call: Call, ref: GroupRef, change: EntryChange = {}): Promise<void> {
  const tag = await getTag(call, ref.tag);
  checkGroupName(ref.group);
  const group = await lookupName(call, 'groups', ref.group, { create: true });
  const layers = { tagIds: await tagOrder(call, tag.id, {}), event: null };
  const [previous] = await readGroups(call, layers, group.id);
  if (previous?.blocked && !change.force)
    throw new GenericError(`group ${group.name} is blocked in tag ${tag.name}`);
  const blocked = change.block ?? false;
  const { values, changed } = changeOf(groupFields, previous, change);
  if (previous && !changed && previous.blocked === blocked) return;
  const key = { group_id: group.id, tag_id: tag.id };
  const defaults = { display_name: group.name, biarchonly: false, exported: true, uservisible: true };
  await replaceEntry(call, 'group_config', key, { ...defaults, ...values, blocked });
}

function checkGroupName(name: unknown): void {
  if (typeof name === 'string' && Array.from(name).length > 50)
    throw new ParameterError(`the name of a group has at most 50 characters: ${name}`);
}

/** Takes a group out of a tag's own groups, without a look at permissions; with `force` it may be missing. */
export async function removeGroup(call: Call, ref: GroupRef, force = false): Promise<void> {
  const tag = await getTag(call, ref.tag);
  const group = await lookupName(call, 'groups', ref.group, { strict: true });
  const removed = await history(call).revoke('group_config', entryIs({ group_id: group.id, tag_id: tag.id }));
  if (removed === 0 && !force) throw new GenericError(`No group: ${group.name} found for tag: ${tag.name}`);
}

/** Lifts a tag's own block of a group. */
export async function unblockGroup(call: Call, ref: GroupRef): Promise<void> {
  const { tag, group } = await findRef(call, ref);
  const key = { group_id: group.id, tag_id: tag.id };
  if (!(await liftBlock(call, 'group_config', key)))
    throw new GenericError(`group ${group.name} is NOT blocked in tag ${tag.name}`);
}

/** Adds a package to a group of a tag or changes its entry, without a look at permissions. */
export async function addGroupPackage(
  call: Call,
  ref: GroupRef,
  packageName: unknown,
  change: EntryChange = {},
): Promise<void> {
  const { tag, group } = await findRef(call, ref);
  const layers = await openGroup(call, tag, group);
  const name = checkPackage(packageName);
  const previous = (await readPackages(call, layers, group.id)).find((entry) => entry.package === name);
  const { block = false, force = false } = change;
  if (previous?.blocked && !force)
    throw new GenericError(`package ${name} blocked in group ${group.name}, tag ${tag.name}`);
  const { values, changed } = changeOf(packageFields, previous, change);
  if (previous && !changed && !block && !force) return;
  const key = { group_id: group.id, tag_id: tag.id, package: name };
  await replaceEntry(call, 'group_package_listing', key, { type: 'mandatory', ...values, blocked: block });
}

/** Removes a package from a tag's own entries of a group, if it is listed. */
export async function removeGroupPackage(call: Call, ref: GroupRef, packageName: unknown): Promise<void> {
  const { tag, group } = await findRef(call, ref);
  const key = { group_id: group.id, tag_id: tag.id, package: checkPackage(packageName) };
  await history(call).revoke('group_package_listing', entryIs(key));
}

/** Lifts a tag's own block of a package in a group. */
export async function unblockGroupPackage(call: Call, ref: GroupRef, packageName: unknown): Promise<void> {
  const { tag, group } = await findRef(call, ref);
  const name = checkPackage(packageName);
  const key = { group_id: group.id, tag_id: tag.id, package: name };
  if (!(await liftBlock(call, 'group_package_listing', key)))
    throw new GenericError(`package ${name} is NOT blocked in group ${group.id}, tag ${tag.id}`);
}

/** Lets a group of a tag require another or changes how it does, without a look at permissions. */
export async function addGroupRequirement(
  call: Call,
  ref: GroupRef,
  requiredInfo: unknown,
  change: EntryChange = {},
): Promise<void> {
  const { tag, group } = await findRef(call, ref);
  const required = await lookupName(call, 'groups', requiredInfo, { strict: true });
  const layers = await openGroup(call, tag, group);
  const [present] = await readGroups(call, layers, required.id);
  const entries = present && !present.blocked ? await readRequirements(call, layers, group.id) : [];
  const previous = entries.find((entry) => entry.req_id === required.id);
  const { block = false, force = false } = change;
  if (previous?.blocked && !force)
    throw new GenericError(
      `requirement on group ${required.name} blocked in group ${group.name}, tag ${tag.name}`,
    );
  const { values, changed } = changeOf(requirementFields, previous, change);
  if (previous && !changed && !block) return;
  const key = { group_id: group.id, tag_id: tag.id, req_id: required.id };
  await replaceEntry(call, 'group_req_listing', key, { type: 'mandatory', ...values, blocked: block });
}

/** Removes a required group from a tag's own entries of a group, if it is listed. */
export async function removeGroupRequirement(
  call: Call,
  ref: GroupRef,
  requiredInfo: unknown,
): Promise<void> {
  const key = await requirementKey(call, ref, requiredInfo);
  await history(call).revoke('group_req_listing', entryIs(key));
}

/** Lifts a tag's own block of a required group. */
export async function unblockGroupRequirement(
  call: Call,
  ref: GroupRef,
  requiredInfo: unknown,
): Promise<void> {
  const key = await requirementKey(call, ref, requiredInfo);
  if (!(await liftBlock(call, 'group_req_listing', key)))
    throw new GenericError(
      `group req ${key.req_id} is NOT blocked in group ${key.group_id}, tag ${key.tag_id}`,
    );
}

async function requirementKey(
  call: Call,
  ref: GroupRef,
  requiredInfo: unknown,
): Promise<{ group_id: number; tag_id: number; req_id: number }> {
  const { tag, group } = await findRef(call, ref);
  const required = await lookupName(call, 'groups', requiredInfo, { strict: true });
  return { group_id: group.id, tag_id: tag.id, req_id: required.id };
}

async function findRef(call: Call, ref: GroupRef): Promise<{ tag: Named; group: Named }> {
  const tag = await lookupName(call, 'tag', ref.tag, { strict: true });
  return { tag, group: await lookupName(call, 'groups', ref.group, { strict: true }) };
}

/** Where to look for entries of a group that a tag must have, and not blocked. */
async function openGroup(call: Call, tag: Named, group: Named): Promise<Layers> {
  const layers = { tagIds: await tagOrder(call, tag.id, {}), event: null };
  const [config] = await readGroups(call, layers, group.id);
  if (!config) throw new GenericError(`group ${group.name} not present in tag ${tag.name}`);
  if (config.blocked) throw new GenericError(`group ${group.name} is blocked in tag ${tag.name}`);
  return layers;
}

type EntryTable = 'group_config' | 'group_package_listing' | 'group_req_listing';

const entryIs = (key: NewRow): Sql =>
  join(
    Object.entries(key).map(([column, value]) => sql`${id(column)} = ${value}`),
    ' AND ',
  );

async function replaceEntry(call: Call, table: EntryTable, key: NewRow, values: NewRow): Promise<void> {
  await history(call).revoke(table, entryIs(key));
  await history(call).insert(table, { ...values, ...key });
}

async function liftBlock(call: Call, table: EntryTable, key: NewRow): Promise<boolean> {
  const row = await call.db.get<{ blocked: boolean }>(
    sql`SELECT blocked FROM ${id(table)} WHERE active = TRUE AND ${entryIs(key)}${forUpdate}`,
  );
  if (!row?.blocked) return false;
  await history(call).revoke(table, entryIs(key));
  return true;
}

type ReadField = (value: unknown, name: string) => SqlValue;

const text: ReadField = (value, name) => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new ParameterError(`${name} must be text, not ${repr(value)}`);
  return plain(value);
};
const shortText: ReadField = (value, name) => {
  const read = text(value, name) as string;
  if (Array.from(read).length > 25) throw new ParameterError(`${name} has at most 25 characters: ${read}`);
  return read;
};
const flag: ReadField = (value, name) => {
  if (value !== 0 && value !== 1 && typeof value !== 'boolean')
    throw new ParameterError(`${name} must be true or false, not ${repr(value)}`);
  return Boolean(value);
};
const orNull =
  (read: ReadField): ReadField =>
  (value, name) =>
    value === null ? null : read(value, name);

const groupFields = {
  exported: orNull(flag),
  display_name: text,
  is_default: orNull(flag),
  uservisible: orNull(flag),
  description: orNull(text),
  langonly: orNull(text),
  biarchonly: orNull(flag),
};
const packageFields = { type: shortText, basearchonly: orNull(flag), requires: orNull(text) };
const requirementFields = { type: orNull(shortText), is_metapkg: flag };

/** The values of an entry: those given over those it has; and whether any of them is another than before. */
function changeOf(
  fields: Readonly<Record<string, ReadField>>,
  previous: object | undefined,
  { options = {} }: EntryChange,
): { values: NewRow; changed: boolean } {
  const before = previous as NewRow | undefined;
  const values: Record<string, SqlValue> = {};
  let changed = false;
  for (const [name, read] of Object.entries(fields)) {
    if (Object.hasOwn(options, name)) {
      values[name] = read(options[name], name);
      if (before && values[name] !== before[name]) changed = true;
    } else if (before) values[name] = before[name] ?? null;
  }
  return { values, changed };
}

/** A group lists packages by name; the package need not exist. */
function checkPackage(name: unknown): string {
  if (typeof name !== 'string') throw new ParameterError(`a package's name must be text, not ${repr(name)}`);
  return name;
}
