import { GenericError } from '@koji/core';
import type { Named, PackageListEntry, TagInfo, UserInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent, history } from '../history/history.js';
import { lookupName } from '../values/lookup.js';
import { beginningOf, beginsWith } from '../../db/beginnings.js';
import { anyOf, sql, unkeyed, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { toArches } from '../values/convert.js';
import { fullInheritance } from './inheritance.js';
import { plain } from '../values/repr.js';
import { getTag } from './tags.js';
import { findUser, getUser } from '../users/users.js';

/** Filter for entries of package lists; one of tag, user and package is required. */
export interface PackageListFilter {
  readonly tagId?: number | null;
  readonly userId?: number | null;
  /** Its id, or its name. */
  readonly pkg?: number | string | null;
  readonly event?: number | null;
  /** Excludes names with another beginning, case-insensitively, as precisely as the database can; the caller does the rest. */
  readonly prefix?: string | null;
  /** Looks into the tags that the tag inherits from, too. */
  readonly inherit?: boolean;
  /** Gives every entry of a package, not only the one that counts. */
  readonly withDups?: boolean;
  readonly withOwners?: boolean;
  readonly withBlocked?: boolean;
}

/**
 * Entries of package lists, blocked ones included unless told otherwise. With `inherit` the nearest tag's entry counts;
 * two queries at most, however deep the inheritance.
 */
export async function readPackageList(call: Call, filter: PackageListFilter): Promise<PackageListEntry[]> {
  const { tagId = null, userId = null, pkg = null, event = null } = filter;
  if (tagId === null && userId === null && pkg === null)
    throw new GenericError('tag,user, and/or pkg must be specified');
  if (userId !== null && filter.withOwners === false)
    throw new GenericError("userID and with_owners=False can't be used together");
  const links = tagId !== null && filter.inherit ? await fullInheritance(call, tagId, event) : [];
  const tagIds = tagId === null ? null : [...new Set([tagId, ...links.map((link) => link.parent_id)])];
  const rows = await queryEntries(call, filter, tagIds);
  const found = new Map<number, PackageListEntry[]>();
  const add = (row: PackageListEntry, replace: boolean): void => {
    const own = found.get(row.package_id);
    if (!own || (replace && !filter.withDups)) found.set(row.package_id, [row]);
    else if (filter.withDups) own.push(row);
  };
  const byTag = new Map<number, PackageListEntry[]>();
  for (const row of rows) {
    if (tagId === null || row.tag_id === tagId) add(row, true);
    else if (!byTag.get(row.tag_id)?.push(row)) byTag.set(row.tag_id, [row]);
  }
  for (const link of links) {
    const filters = link.filter.map(packageFilter);
    for (const row of byTag.get(link.parent_id) ?? [])
      if (filters.every((pattern) => pattern.test(row.package_name))) add(row, false);
  }
  return [...found.values()].flat();
}

/** Returns what entries must fulfil before those that count are chosen from them. */
export function entryConditions(filter: PackageListFilter): Sql[] {
  const { userId = null, pkg = null, event = null, withOwners = true, withBlocked = true } = filter;
  // Nearly all entries are active.
  const isNarrow = (userId !== null || pkg !== null) && event === null;
  const conditions = [
    isNarrow ? sql`${unkeyed(sql`tag_packages.active`)} = TRUE` : atEvent('tag_packages', event),
  ];
  if (userId !== null) conditions.push(sql`tag_package_owners.owner = ${userId}`);
  if (pkg !== null)
    conditions.push(typeof pkg === 'number' ? sql`package.id = ${pkg}` : sql`package.name = ${pkg}`);
  const start = beginningOf((filter.prefix ?? '').replace(/[\\%_]/g, '\\$&'));
  if (start) conditions.push(beginsWith(sql`package.name`, start));
  if (!withBlocked) conditions.push(sql`NOT tag_packages.blocked`);
  if (withOwners) conditions.push(atEvent('tag_package_owners', event));
  return conditions;
}

/** The columns of an entry, of tables joined by {@link entryJoins}. */
export function entryColumns({ withOwners = true }: PackageListFilter): Sql {
  return sql`package.id AS package_id, package.name AS package_name, tag.id AS tag_id, tag.name AS tag_name,
    tag_packages.extra_arches, tag_packages.blocked
    ${withOwners ? sql`, users.id AS owner_id, users.name AS owner_name` : sql``}`;
}

/** The joins of `tag_packages` for {@link entryColumns} and {@link entryConditions}. */
export function entryJoins({ withOwners = true }: PackageListFilter): Sql {
  const owners = sql`JOIN tag_package_owners ON tag_package_owners.tag_id = tag_packages.tag_id
      AND tag_package_owners.package_id = tag_packages.package_id
    JOIN users ON users.id = tag_package_owners.owner`;
  return sql`JOIN tag ON tag.id = tag_packages.tag_id
    JOIN package ON package.id = tag_packages.package_id ${withOwners ? owners : sql``}`;
}

function queryEntries(
  call: Call,
  filter: PackageListFilter,
  tagIds: readonly number[] | null,
): Promise<PackageListEntry[]> {
  const conditions = entryConditions(filter);
  if (tagIds !== null) conditions.push(anyOf(sql`tag_packages.tag_id`, tagIds));
  return call.db.all<PackageListEntry>(
    sql`SELECT ${entryColumns(filter)} FROM tag_packages ${entryJoins(filter)}
        ${where(conditions)}
        ORDER BY tag_packages.create_event, package.id`,
  );
}

const filters = new Map<string, RegExp>();

/** A link's package filter: a regular expression that must fit from the start of the name. */
function packageFilter(source: string): RegExp {
  let pattern = filters.get(source);
  if (!pattern) {
    try {
      pattern = new RegExp(`^(?:${source})`);
    } catch {
      throw new GenericError(`inheritance pkg_filter '${source}' is not a regular expression`);
    }
    filters.set(source, pattern);
  }
  return pattern;
}

/** The entry of a package that counts in a tag, inheritance included; null when the tag does not have it. */
export async function findPackageEntry(
  call: Call,
  tagId: number,
  packageId: number,
  options: { event?: number | null; withOwners?: boolean } = {},
): Promise<PackageListEntry | null> {
  const [entry] = await readPackageList(call, { tagId, pkg: packageId, inherit: true, ...options });
  return entry ?? null;
}

/** A package by id or name; null if there is none. */
export function findPackage(call: Call, info: unknown): Promise<Named | null> {
  return lookupName(call, 'package', info);
}

/** A change of one entry of a tag's package list. */
export interface PackageListChange {
  readonly owner?: unknown;
  /** Null keeps what there is, or means no for a new entry. */
  readonly block?: boolean | null;
  /** Text or a list; null keeps what there is. */
  readonly extraArches?: unknown;
  readonly force?: boolean;
  /** Refuses to make a new entry. */
  readonly update?: boolean;
  /** False does not ask the policy. */
  readonly policy?: boolean;
}

/**
 * Adds a package to a tag's list, or changes its entry, if the policy "package_list" allows it. A package that is not
 * known yet is made; nothing is written when nothing changes.
 */
export async function addPackage(
  call: Call,
  tagInfo: unknown,
  packageInfo: unknown,
  change: PackageListChange,
): Promise<void> {
  const { force = false, update = false } = change;
  const tag = await getTag(call, tagInfo);
  let pkg = await findPackage(call, packageInfo);
  if (!pkg && typeof packageInfo !== 'string')
    throw new GenericError(`No such package: ${plain(packageInfo)}`);
  const givenOwner = change.owner == null ? null : (await getUser(call, change.owner)).id;
  const action = update ? 'update' : change.block ? 'block' : 'add';
  call.session.assertLogin();
  const data = { tag: tag.id, action, package: packageInfo, force };
  if (change.policy !== false) await call.hub.policies.assert(call, 'package_list', data, { force });
  pkg ??= await lookupName(call, 'package', packageInfo, { create: true });
  const givenArches = change.extraArches == null ? null : toArches(change.extraArches);

  const previous = await findPackageEntry(call, tag.id, pkg.id);
  if (!previous && update && !force)
    throw new GenericError(`cannot update: tag ${tag.name} has no data for package ${pkg.name}`);
  const block = change.block ?? previous?.blocked ?? false;
  const extra_arches = givenArches ?? previous?.extra_arches ?? null;
  let owner = givenOwner ?? previous?.owner_id ?? null;
  const changed = !previous || previous.blocked !== block || previous.extra_arches !== extra_arches;
  const changedOwner = previous !== null && previous.owner_id !== owner;
  if (!changed && !changedOwner && !force) return;
  if (previous?.blocked && !block && !force)
    throw new GenericError(`package ${pkg.name} is blocked in tag ${tag.name}`);
  if (owner === null && force) owner = call.session.userId;
  if (owner === null) throw new GenericError('owner not specified');

  const user = await actor(call);
  const payload = { action, tag, package: pkg, owner, block, extra_arches, force, update, user } as const;
  await call.runCallbacks('prePackageListChange', payload);
  if (changed) await writeEntry(call, tag.id, pkg.id, { owner, block, extra_arches });
  else if (changedOwner) await writeOwner(call, tag.id, pkg.id, owner);
  await call.runCallbacks('postPackageListChange', payload);
}

/** The user of the session as callbacks get it. */
function actor(call: Call): Promise<UserInfo | null> {
  return findUser(call, call.session.userId);
}

async function writeEntry(
  call: Call,
  tagId: number,
  packageId: number,
  entry: { owner: number; block: boolean; extra_arches: string | null },
): Promise<void> {
  await removeEntry(call, tagId, packageId);
  await history(call).insert('tag_packages', {
    tag_id: tagId,
    package_id: packageId,
    blocked: entry.block,
    extra_arches: entry.extra_arches,
  });
  await writeOwner(call, tagId, packageId, entry.owner);
}

async function writeOwner(call: Call, tagId: number, packageId: number, owner: number): Promise<void> {
  await history(call).revoke('tag_package_owners', sql`tag_id = ${tagId} AND package_id = ${packageId}`);
  await history(call).insert('tag_package_owners', { tag_id: tagId, package_id: packageId, owner });
}

async function removeEntry(call: Call, tagId: number, packageId: number): Promise<void> {
  await history(call).revoke('tag_packages', sql`tag_id = ${tagId} AND package_id = ${packageId}`);
}

/** The tag and package of a change, once the policy "package_list" allowed the caller to make it. */
async function allowed(
  call: Call,
  action: string,
  names: { tag: unknown; package: unknown; force: boolean },
): Promise<{ tag: TagInfo; pkg: Named }> {
  const tag = await getTag(call, names.tag);
  const pkg = await lookupName(call, 'package', names.package, { strict: true });
  call.session.assertLogin();
  const data = { tag: tag.id, action, package: pkg.id, force: names.force };
  await call.hub.policies.assert(call, 'package_list', data, { force: names.force });
  return { tag, pkg };
}

/** Removes the entry of a package from a tag's own list, so that an inherited one counts again. */
export async function removePackage(
  call: Call,
  tagInfo: unknown,
  packageInfo: unknown,
  force = false,
): Promise<void> {
  const { tag, pkg } = await allowed(call, 'remove', { tag: tagInfo, package: packageInfo, force });
  const payload = { action: 'remove', tag, package: pkg, user: await actor(call) } as const;
  await call.runCallbacks('prePackageListChange', payload);
  await removeEntry(call, tag.id, pkg.id);
  await call.runCallbacks('postPackageListChange', payload);
}

/** Blocks a package that a tag has, inheritance included. */
export async function blockPackage(
  call: Call,
  tagInfo: unknown,
  packageInfo: unknown,
  force = false,
): Promise<void> {
  const tag = await getTag(call, tagInfo);
  const pkg = await lookupName(call, 'package', packageInfo, { strict: true });
  if (!(await findPackageEntry(call, tag.id, pkg.id, { withOwners: false })))
    throw new GenericError(`Package ${pkg.name} is not in tag listing for ${tag.name}`);
  await addPackage(call, tagInfo, packageInfo, { block: true, force });
}

/**
 * Unblocks a package in a tag: removes the tag's own blocking entry. If then nothing, or an inherited block, remains, an open
 * entry replaces it.
 */
export async function unblockPackage(
  call: Call,
  tagInfo: unknown,
  packageInfo: unknown,
  force = false,
): Promise<void> {
  const { tag, pkg } = await allowed(call, 'unblock', { tag: tagInfo, package: packageInfo, force });
  const previous = await findPackageEntry(call, tag.id, pkg.id);
  if (!previous)
    throw new GenericError(`no data (blocked or otherwise) for package ${pkg.name} in tag ${tag.name}`);
  if (!previous.blocked) throw new GenericError(`package ${pkg.name} NOT blocked in tag ${tag.name}`);
  const payload = { action: 'unblock', tag, package: pkg, user: await actor(call) } as const;
  await call.runCallbacks('prePackageListChange', payload);
  if (previous.tag_id === tag.id) await removeEntry(call, tag.id, pkg.id);
  const behind = await findPackageEntry(call, tag.id, pkg.id);
  if (!behind || behind.blocked)
    await writeEntry(call, tag.id, pkg.id, {
      owner: previous.owner_id as number,
      block: false,
      extra_arches: previous.extra_arches,
    });
  await call.runCallbacks('postPackageListChange', payload);
}
