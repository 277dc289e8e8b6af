import { ActionNotAllowed, GenericError, ParameterError, TagError } from '@koji/core';
import type {
  BuildInfo,
  Extra,
  Named,
  PackageListEntry,
  TagInfo,
  TaggedBuild,
  TaggedRpm,
  UserInfo,
} from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { RowStream } from '@koji/core/wire';
import type { RowPlan } from '../../db/row-plan.js';
import type { Call } from '../../call.js';
import { atEvent, history } from '../history/history.js';
import { lookupName } from '../values/lookup.js';
import { anyOf, isOneOf, placesOf, sql, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { aliased, buildColumns, checkComplete, getBuild, isComplete } from '../builds/builds.js';
import { truthy } from '../values/convert.js';
import { fullInheritance } from '../tags/inheritance.js';
import { readJson } from '../values/json.js';
import { addPackage, findPackageEntry, readPackageList } from '../tags/package-lists.js';
import { checkText } from '../values/names.js';
import { repr, typeName } from '../values/repr.js';
import { getTag } from '../tags/tags.js';
import { getUser, permsInCall } from '../users/users.js';

/** Filter for builds of a tag. */
export interface TaggedFilter {
  readonly event?: number | null;
  readonly inherit?: boolean;
  /** Number of latest builds per package, true for one; any other value counts as true or false. False or 0 for all. */
  readonly latest?: unknown;
  /** A package's name; what counts as false finds none. */
  readonly package?: unknown;
  /** The beginning of the package's name, in any case. */
  readonly prefix?: string | null;
  /** The name of the user who owns the builds. */
  readonly owner?: unknown;
  /** A build type's name. */
  readonly type?: string | null;
  /** Adds the builds' free data. */
  readonly extra?: boolean;
  readonly draft?: boolean | null;
}

/**
 * The complete builds of a tag: latest tagging first, the tag's own before inherited ones. Builds of packages that the
 * tag does not list, or blocks, are left out. A constant number of queries, however deep the inheritance.
 */
export async function readTaggedBuilds(
  call: Call,
  tagId: number,
  filter: TaggedFilter,
): Promise<TaggedBuild[]> {
  const builds: TaggedBuild[] = [];
  for await (const build of (await selectTagged(call, tagId, filter)).builds()) builds.push(build);
  return builds;
}

/** As {@link readTaggedBuilds}, one by one. */
export async function streamTaggedBuilds(
  call: Call,
  tagId: number,
  filter: TaggedFilter,
): Promise<RowStream<TaggedBuild>> {
  return (await selectTagged(call, tagId, filter)).builds();
}

/** The builds of a tag that a filter finds, to be read as often as wanted; nothing is read before. */
async function selectTagged(
  call: Call,
  tagId: number,
  filter: TaggedFilter,
): Promise<{ builds: () => RowStream<TaggedBuild>; ids: () => Promise<number[]> }> {
  const { event = null, type = null } = filter;
  const pkg = packageName(filter.package ?? null);
  const order = [tagId];
  if (filter.inherit)
    order.push(...(await fullInheritance(call, tagId, event)).map((link) => link.parent_id));
  const entries = await readPackageList(call, {
    tagId,
    event,
    inherit: true,
    pkg,
    prefix: filter.prefix ?? null,
    withOwners: false,
  });
  const start = filter.prefix?.toLowerCase() ?? '';
  const isWanted = (entry: PackageListEntry): boolean =>
    !entry.blocked && (!start || entry.package_name.toLowerCase().startsWith(start));
  const open = new Set(entries.filter(isWanted).map((entry) => entry.package_id));
  const ofType = await typeJoin(call, type);
  const conditions = taggedConditions(filter);
  // `open` holds nothing else then, and these packages have fewer builds than the tag.
  const byPackage = Boolean(pkg) || start !== '';
  if (byPackage) conditions.push(isOneOf(sql`build.pkg_id`, [...open]));
  const listedIn = byPackage ? sql`(tag_listing.tag_id + 0)` : sql`tag_listing.tag_id`;
  const most = mostOf(readLatest(filter.latest));
  const keep = { column: 'package_id', among: open, most };
  const names = await readNames(call, order, entries);
  const rows = <T extends object>(columns: Sql, joins: Sql, plan: RowPlan): RowStream<T> =>
    call.db.iterate<T>(
      sql`SELECT ${columns} FROM tag_listing
          JOIN ${placesOf(order)} ON place.value = ${listedIn}
          JOIN build ON build.id = tag_listing.build_id
          JOIN users ON users.id = build.owner
          ${joins} ${ofType.join} ${where(conditions)}
          ORDER BY place.key, tag_listing.create_event DESC, build.id DESC`,
      plan,
    );
  return {
    builds() {
      const builds = rows<TaggedRow>(
        sql`tag_listing.tag_id, NULL AS tag_name, build.id, ${taggedColumns},
            tag_listing.create_event ${ofType.columns} ${filter.extra ? sql`, build.extra` : sql``}`,
        taggedJoins,
        { keep, names, joined: [{ column: 'nvr', of: ['name', 'version', 'release'] }] },
      );
      return filter.extra ? builds.map(withExtra('Invalid extra data')) : builds;
    },
    async ids() {
      const ids = new Set<number>();
      const columns = sql`build.id, build.pkg_id AS package_id`;
      for await (const { id } of rows<{ id: number }>(columns, sql``, { keep })) ids.add(id);
      return [...ids];
    },
  };
}

type TaggedRow = { -readonly [K in keyof TaggedBuild]: TaggedBuild[K] } & { extra?: string | null };

/** The columns of a build in a tag; what is null here, {@link readNames} and a plan fill in. */
const taggedColumns = aliased({
  ...buildColumns,
  package_id: sql`build.pkg_id`,
  package_name: sql`NULL`,
  name: sql`NULL`,
  nvr: sql`NULL`,
  volume_id: sql`build.volume_id`,
  volume_name: sql`NULL`,
});

const taggedJoins = sql`JOIN events ON events.id = build.create_event
  LEFT JOIN users AS promoter ON promoter.id = build.promoter`;

/** Reads names by id that many builds of a tag share: to join them to every row takes longer than all else of it. */
async function readNames(
  call: Call,
  tagIds: readonly number[],
  entries: readonly PackageListEntry[],
): Promise<NonNullable<RowPlan['names']>> {
  const byId = async (query: Sql): Promise<ReadonlyMap<number, string>> =>
    new Map((await call.db.all<Named>(query)).map(({ id, name }) => [id, name]));
  const packages = new Map(entries.map((entry) => [entry.package_id, entry.package_name]));
  const tags = await byId(sql`SELECT id, name FROM tag WHERE ${anyOf(sql`id`, tagIds)}`);
  return [
    { column: 'tag_name', of: 'tag_id', names: tags },
    { column: 'package_name', of: 'package_id', names: packages },
    { column: 'name', of: 'package_id', names: packages },
    { column: 'volume_name', of: 'volume_id', names: await byId(sql`SELECT id, name FROM volume`) },
  ];
}

/** The name of the package to look for, null for all; Koji's database finds none for what counts as false. */
export function packageName(given: unknown): string | null {
  if (given === null || typeof given === 'string') return given;
  if (!truthy(given)) return '';
  throw new ParameterError(`package must be the name of a package, not ${repr(given)}`);
}

export function taggedConditions(filter: TaggedFilter): Sql[] {
  const conditions = [atEvent('tag_listing', filter.event ?? null), isComplete];
  if (truthy(filter.owner)) {
    checkText(filter.owner);
    conditions.push(sql`users.name = ${filter.owner}`);
  }
  if (filter.draft != null) conditions.push(isDraft('build', filter.draft));
  return conditions;
}

/** Whether a build or rpm is a draft; null counts as none. */
export function isDraft(table: 'build' | 'rpminfo', draft: boolean): Sql {
  const column = table === 'build' ? sql`build.draft` : sql`rpminfo.draft`;
  return draft ? sql`${column} IS TRUE` : sql`${column} IS NOT TRUE`;
}

// Callers also send texts and nulls, of which only the truth counts.
export function readLatest(latest: unknown): boolean | number {
  return typeof latest === 'number' || latest instanceof Double ? Number(latest) : Boolean(latest);
}

/** How many builds of a package count. */
const mostOf = (latest: boolean | number): number => (latest === true ? 1 : latest || Infinity);

/** Additions of a build type to a query on `build`. */
export async function typeJoin(
  call: Call,
  type: string | null,
): Promise<{ columns: Sql; extra: Readonly<Record<string, Sql>>; join: Sql }> {
  const none = { columns: sql``, extra: {}, join: sql`` };
  if (type === null) return none;
  if (type === 'maven') {
    const extra = {
      maven_group_id: sql`maven_builds.group_id`,
      maven_artifact_id: sql`maven_builds.artifact_id`,
      maven_version: sql`maven_builds.version`,
    };
    return {
      extra,
      columns: sql`, ${aliased(extra)}`,
      join: sql`JOIN maven_builds ON maven_builds.build_id = build.id`,
    };
  }
  if (type === 'win') {
    const extra = { platform: sql`win_builds.platform` };
    return {
      extra,
      columns: sql`, ${aliased(extra)}`,
      join: sql`JOIN win_builds ON win_builds.build_id = build.id`,
    };
  }
  if (type === 'image') return { ...none, join: sql`JOIN image_builds ON image_builds.build_id = build.id` };
  const btype = await lookupName(call, 'btype', type);
  if (!btype) throw new GenericError(`unsupported build type: ${type}`);
  return {
    ...none,
    join: sql`JOIN build_types ON build_types.build_id = build.id AND build_types.btype_id = ${btype.id}`,
  };
}

/** Filter for rpms of a tag. */
export interface TaggedRpmFilter extends Omit<TaggedFilter, 'extra'> {
  readonly arch?: unknown;
  /** Gives a row for each signature. */
  readonly rpmsigs?: boolean;
  /** Adds the rpms' free data; the default. */
  readonly extra?: boolean;
}

/** The rpms of the builds that {@link readTaggedBuilds} finds, then those builds, all one by one. */
export async function readTaggedRpms(
  call: Call,
  tagId: number,
  filter: TaggedRpmFilter,
): Promise<[RowStream<TaggedRpm>, RowStream<TaggedBuild>]> {
  const { builds, ids } = await selectTagged(call, tagId, { ...filter, extra: false });
  const conditions = [anyOf(sql`rpminfo.build_id`, await ids())];
  if (filter.arch && (!Array.isArray(filter.arch) || filter.arch.length > 0))
    conditions.push(archIs(filter.arch, 'Invalid type for arch option'));
  if (filter.draft != null) conditions.push(isDraft('rpminfo', filter.draft));
  const rows = call.db.iterate<TaggedRpm & { extra?: string | null }>(
    sql`SELECT rpminfo.name, rpminfo.version, rpminfo.release, rpminfo.arch, rpminfo.id, rpminfo.epoch,
          rpminfo.draft, rpminfo.payloadhash, rpminfo.size, rpminfo.buildtime, rpminfo.buildroot_id,
          rpminfo.build_id, rpminfo.metadata_only
          ${filter.rpmsigs ? sql`, rpmsigs.sigkey` : sql``} ${filter.extra === false ? sql`` : sql`, rpminfo.extra`}
        FROM rpminfo ${filter.rpmsigs ? sql`LEFT JOIN rpmsigs ON rpmsigs.rpm_id = rpminfo.id` : sql``}
        ${where(conditions)} ORDER BY rpminfo.id`,
  );
  return [filter.extra === false ? rows : rows.map(withExtra('Invalid json data')), builds()];
}

export function withExtra(complaint: string): <T extends object>(row: T & { extra?: string | null }) => T {
  return (row) => ({ ...row, extra: readJson(row.extra, complaint) as Extra });
}

/** Whether an rpm is of an architecture, or of one of several. */
export function archIs(arch: unknown, complaint: string): Sql {
  if (typeof arch === 'string') return sql`rpminfo.arch = ${arch}`;
  if (!Array.isArray(arch) || !arch.every((item) => typeof item === 'string'))
    throw new GenericError(`${complaint}: ${typeName(arch)}`);
  return anyOf(sql`rpminfo.arch`, arch);
}

/** Whether a user may tag into a tag, whether force would help one who may not, and why not. */
export interface TagAccess {
  readonly access: boolean;
  readonly override: boolean;
  /** Empty when access is granted. */
  readonly reason: string;
}

/**
 * The user whose access to a tag is asked for, the caller by default.
 *
 * @throws GenericError when nobody is logged in and no user is given
 */
export function accessingUser(call: Call, given: number | null): number {
  const userId = given ?? call.session.userId;
  if (userId === null) throw new GenericError('a user_id is required');
  return userId;
}

/** Checks whether the lock and the permission of a tag allow a change by a user. */
export async function readTagAccess(call: Call, tag: TagInfo, userId: number): Promise<TagAccess> {
  const perms = await permsInCall(call, userId);
  const override = perms.includes('admin');
  if (tag.locked) return { access: false, override, reason: 'tag is locked' };
  if (tag.perm !== null && !perms.includes(tag.perm))
    return { access: false, override, reason: `tag requires ${tag.perm} permission` };
  return { access: true, override, reason: '' };
}

/**
 * @throws ActionNotAllowed when a tag is locked, or wants a permission that the user (the caller by default) lacks,
 *   unless an admin forces it
 */
export async function checkTagAccess(
  call: Call,
  tag: TagInfo,
  options: { userId?: number | null; force?: boolean } = {},
): Promise<void> {
  const userId = accessingUser(call, options.userId ?? null);
  const { access, override, reason } = await readTagAccess(call, tag, userId);
  if (!access && !(override && options.force)) throw new ActionNotAllowed(reason);
}

/** How a build is tagged or untagged. */
export interface TaggingOptions {
  /** On whose account, the caller's by default. */
  readonly userId?: number | null;
  readonly force?: boolean;
  /** For untagging: the build must be in the tag; the default. */
  readonly strict?: boolean;
}

/** Tags a build at once, if the user may use the tag; with `force` again when it is tagged already. */
export async function tagBuild(
  call: Call,
  tagInfo: unknown,
  buildInfo: unknown,
  options: TaggingOptions = {},
): Promise<void> {
  await addToTag(call, await allowedChange(call, tagInfo, buildInfo, options));
}

/** Takes a build out of a tag at once, if the user may use the tag. */
export async function untagBuild(
  call: Call,
  tagInfo: unknown,
  buildInfo: unknown,
  options: TaggingOptions = {},
): Promise<void> {
  const { strict = true } = options;
  await takeFromTag(call, { ...(await allowedChange(call, tagInfo, buildInfo, options)), strict });
}

/** A build that goes into a tag or out of it, on a user's account. */
export interface TaggingChange {
  readonly tag: TagInfo;
  readonly build: BuildInfo;
  readonly user: UserInfo;
  readonly force: boolean;
}

/** As {@link tagBuild}, without a look at permissions. */
export async function addToTag(call: Call, change: TaggingChange): Promise<void> {
  const { tag, build, user, force } = change;
  await call.runCallbacks('preTag', { tag, build, user, force });
  checkComplete(build);
  const listed = sql`tag_id = ${tag.id} AND build_id = ${build.id}`;
  const tagged = await call.db.get(sql`SELECT build_id FROM tag_listing WHERE active = TRUE AND ${listed}`);
  if (tagged && !force) throw new TagError(`build ${build.nvr} already tagged (${tag.name})`);
  const rows = history(call, { userId: user.id });
  if (tagged) await rows.revoke('tag_listing', listed);
  await rows.insert('tag_listing', { tag_id: tag.id, build_id: build.id });
  await call.runCallbacks('postTag', { tag, build, user, force });
}

/** As {@link untagBuild}, without a look at permissions. */
export async function takeFromTag(
  call: Call,
  { strict = true, ...change }: TaggingChange & { readonly strict?: boolean },
): Promise<void> {
  const { tag, build, user, force } = change;
  await call.runCallbacks('preUntag', { tag, build, user, force, strict });
  const listed = sql`tag_id = ${tag.id} AND build_id = ${build.id}`;
  const count = await history(call, { userId: user.id }).revoke('tag_listing', listed);
  if (count === 0 && strict) throw new TagError(`build ${build.nvr} not in tag ${tag.name}`);
  await call.runCallbacks('postUntag', { tag, build, user, force, strict });
}

async function allowedChange(
  call: Call,
  tagInfo: unknown,
  buildInfo: unknown,
  { userId = null, force = false }: TaggingOptions,
): Promise<TaggingChange> {
  const tag = await getTag(call, tagInfo);
  const build = await getBuild(call, buildInfo);
  const user = await getUser(call, userId);
  await checkTagAccess(call, tag, { userId, force });
  return { tag, build, user, force };
}

/** Tags builds in their order, each at an event of its own, without a look at permissions and package lists. */
export async function tagAll(call: Call, tagInfo: unknown, builds: readonly unknown[]): Promise<void> {
  const tag = await getTag(call, tagInfo);
  const user = await getUser(call, null);
  for (const info of builds) {
    await addToTag(call, { tag, build: await getBuild(call, info), user, force: true });
    call.nextEvent();
  }
}

/**
 * Makes sure that a tag takes a package; an admin with `force` adds it.
 *
 * @param tag its name is how fault texts name it, and so is that of the package
 * @throws TagError when the package is not listed, or blocked
 */
export async function checkPackageListed(
  call: Call,
  tag: { readonly id: number; readonly name: string },
  pkg: { readonly id: number; readonly name: string },
  force: boolean,
): Promise<void> {
  const entry = await findPackageEntry(call, tag.id, pkg.id, { withOwners: false });
  if (entry && !entry.blocked) return;
  if (!force || !call.session.hasPerm('admin'))
    throw new TagError(
      entry
        ? `Package ${pkg.name} blocked in ${tag.name}`
        : `Package ${pkg.name} not in list for ${tag.name}`,
    );
  await addPackage(call, tag.id, pkg.id, { force: true, block: false });
  call.log.info(`package ${pkg.name} was added to ${tag.name} by force`);
}
