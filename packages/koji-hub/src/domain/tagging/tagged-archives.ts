import { GenericError } from '@koji/core';
import type { Extra, TaggedArchive, TaggedBuild, TaggedMavenArchive } from '@koji/core/api';
import type { RowStream } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { atEvent } from '../history/history.js';
import { anyOf, placeIn, sql, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { fullInheritance } from '../tags/inheritance.js';
import { readJson } from '../values/json.js';
import { readPackageList } from '../tags/package-lists.js';
import { readTaggedBuilds } from './tagging.js';
import type { TaggedFilter } from './tagging.js';

/** Filter for archives of a tag; `type` is maven or win. */
export interface TaggedArchiveFilter extends Omit<TaggedFilter, 'extra' | 'owner' | 'draft'> {
  /** Adds the archives' free data; the default. */
  readonly extra?: boolean;
}

/** The archives of the builds that {@link readTaggedBuilds} finds, with those builds. */
export async function readTaggedArchives(
  call: Call,
  tagId: number,
  filter: TaggedArchiveFilter,
): Promise<[TaggedArchive[], TaggedBuild[]]> {
  const builds = await readTaggedBuilds(call, tagId, { ...filter, extra: false });
  const ofType = archiveTypeJoin(filter.type ?? null);
  const ids = [...new Set(builds.map((build) => build.build_id))];
  const rows = await call.db.all<TaggedArchive & { extra?: string | null }>(
    sql`SELECT archiveinfo.id, archiveinfo.type_id, archiveinfo.btype_id, btype.name AS btype, archiveinfo.build_id,
          archiveinfo.buildroot_id, archiveinfo.filename, archiveinfo.size, archiveinfo.checksum,
          archiveinfo.checksum_type, archiveinfo.metadata_only
          ${ofType.columns} ${filter.extra === false ? sql`` : sql`, archiveinfo.extra`}
        FROM archiveinfo JOIN btype ON btype.id = archiveinfo.btype_id ${ofType.join}
        WHERE ${anyOf(sql`archiveinfo.build_id`, ids)} ORDER BY archiveinfo.id`,
  );
  return [filter.extra === false ? rows : rows.map(withExtra), builds];
}

function archiveTypeJoin(type: string | null): { columns: Sql; join: Sql } {
  if (type === null) return { columns: sql``, join: sql`` };
  if (type === 'maven')
    return {
      columns: sql`, maven_archives.group_id AS maven_group_id, maven_archives.artifact_id AS maven_artifact_id,
        maven_archives.version AS maven_version`,
      join: sql`JOIN maven_archives ON maven_archives.archive_id = archiveinfo.id`,
    };
  if (type === 'win')
    return {
      columns: sql`, win_archives.relpath, win_archives.platforms, win_archives.flags`,
      join: sql`JOIN win_archives ON win_archives.archive_id = archiveinfo.id`,
    };
  throw new GenericError(`unsupported archive type: ${type}`);
}

function withExtra<T extends { extra?: string | null }>(row: T): T & { extra: Extra } {
  return { ...row, extra: readJson(row.extra, 'Invalid json data') as Extra };
}

/**
 * The Maven artifacts of a tag, one version of each: that of the build that was tagged last, the tag's own before
 * inherited ones. A tag that includes all adds its other versions. One by one, whatever their number.
 */
export async function latestMavenArchives(
  call: Call,
  tagId: number,
  { event, inherit }: { readonly event: number | null; readonly inherit: boolean },
): Promise<RowStream<TaggedMavenArchive>> {
  const links = inherit ? await fullInheritance(call, tagId, event) : [];
  const order = [...new Set([tagId, ...links.map((link) => link.parent_id)])];
  const entries = await readPackageList(call, { tagId, event, inherit: true, withOwners: false });
  const open = new Set(entries.filter((entry) => !entry.blocked).map((entry) => entry.package_id));
  const whole = await includeAll(call, order, event);
  const rows = call.db.iterate<Omit<TaggedMavenArchive, 'extra'> & { extra: string | null }>(
    sql`SELECT tag.id AS tag_id, tag.name AS tag_name, build.pkg_id, build.id AS build_id, package.name AS build_name,
          build.version AS build_version, build.release AS build_release, build.epoch AS build_epoch, build.state,
          build.task_id, build.owner, volume.id AS volume_id, volume.name AS volume_name, archiveinfo.id,
          archiveinfo.type_id, archiveinfo.buildroot_id, archiveinfo.filename, archiveinfo.size,
          archiveinfo.checksum, archiveinfo.checksum_type, archiveinfo.metadata_only, archiveinfo.extra,
          maven_archives.group_id, maven_archives.artifact_id, maven_archives.version,
          tag_listing.create_event AS tag_event
        FROM tag_listing
        JOIN tag ON tag.id = tag_listing.tag_id
        JOIN build ON build.id = tag_listing.build_id
        JOIN volume ON volume.id = build.volume_id
        JOIN package ON package.id = build.pkg_id
        JOIN archiveinfo ON archiveinfo.build_id = build.id
        JOIN maven_archives ON maven_archives.archive_id = archiveinfo.id
        ${where([atEvent('tag_listing', event), anyOf(sql`tag_listing.tag_id`, order)])}
        ORDER BY ${placeIn(sql`tag_listing.tag_id`, order)}, tag_listing.create_event DESC, archiveinfo.id`,
  );
  const wanted = firstVersions(whole);
  return rows.map((row) => (open.has(row.pkg_id) && wanted(row) ? withExtra(row) : undefined));
}

/** The tags among these that include every version of an artifact. */
async function includeAll(
  call: Call,
  tagIds: readonly number[],
  event: number | null,
): Promise<ReadonlySet<number>> {
  const rows = await call.db.all<{ tag_id: number; maven_include_all: boolean }>(
    sql`SELECT tag_id, maven_include_all FROM tag_config
        ${where([atEvent('tag_config', event), anyOf(sql`tag_id`, tagIds)])}`,
  );
  const known = new Set(rows.map((row) => row.tag_id));
  const missing = tagIds.find((id) => !known.has(id));
  if (missing !== undefined) throw new GenericError(`No such tagInfo: ${missing}`);
  return new Set(rows.filter((row) => row.maven_include_all).map((row) => row.tag_id));
}

/** Says of each archive, in search order, whether it is of the version of its artifact that counts. */
function firstVersions(whole: ReadonlySet<number>): (archive: Omit<TaggedMavenArchive, 'extra'>) => boolean {
  const builds = new Map<string, Map<string, number>>();
  const seen = new Set<number>();
  return ({ id, build_id, group_id, artifact_id, version, tag_id }) => {
    const artifact = `${group_id}:${artifact_id}`;
    const versions = builds.get(artifact) ?? new Map<string, number>();
    builds.set(artifact, versions);
    const chosen = versions.get(version);
    if (chosen === undefined) {
      if (versions.size > 0 && !whole.has(tag_id)) return false;
      versions.set(version, build_id);
    } else if (chosen !== build_id || seen.has(id)) return false;
    seen.add(id);
    return true;
  };
}
