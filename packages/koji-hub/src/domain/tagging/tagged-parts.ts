/** Parts of what a tag has, found by the database: a page of 20,000 builds reads no more rows than it shows. */
import type { TaggedBuild } from '@koji/core/api';
import type { Call } from '../../call.js';
import { canSort, cutPart, sortJoins, sortOrder } from '../../db/parts.js';
import type { Part, PartOfRows, SortColumns } from '../../db/parts.js';
import { placesOf, sql, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { allBuildColumns, buildJoins } from '../builds/builds.js';
import { atEvent } from '../history/history.js';
import { listingTags, prefixIs } from '../tags/package-parts.js';
import { packageName, readLatest, taggedConditions, typeJoin, withExtra } from './tagging.js';
import type { TaggedFilter } from './tagging.js';

const isNamed = (name: string): Sql => sql`package.name = ${name}`;
const packageJoin = sql`JOIN package ON package.id = build.pkg_id`;

/** Columns by which the database can sort the builds of a tag. */
const sortColumns: SortColumns = {
  build_id: { expression: sql`build.id` },
  id: { expression: sql`build.id` },
  nvr: {
    expression: sql`package.name || '-' || build.version || '-' || build.release`,
    text: true,
    join: packageJoin,
  },
  name: { expression: sql`package.name`, text: true, join: packageJoin },
  package_name: { expression: sql`package.name`, text: true, join: packageJoin },
  owner_name: {
    expression: sql`users.name`,
    text: true,
    join: sql`JOIN users ON users.id = build.owner`,
  },
  tag_name: { expression: sql`tag.name`, text: true, join: sql`JOIN tag ON tag.id = found.tag_id` },
  completion_time: { expression: sql`build.completion_time` },
  state: { expression: sql`build.state` },
};

/** Builds of a tag as a table `found`, one row for each that {@link TaggedFilter} finds. */
export interface Tagged {
  /** The common table expressions that make it. */
  readonly tables: Sql;
  readonly type: Awaited<ReturnType<typeof typeJoin>>;
}

/**
 * Returns null where only code can tell what the tag has: when a link of its inheritance filters packages by a regular
 * expression, and for prefixes that are not ASCII, in which letters have no case of their own.
 */
export async function tagged(call: Call, tagId: number, filter: TaggedFilter): Promise<Tagged | null> {
  const { event = null, prefix = null } = filter;
  const startsWith = prefix ? prefixIs(sql`package.name`, prefix) : sql`1 = 1`;
  const listing = startsWith && (await listingTags(call, tagId, event));
  if (!listing) return null;
  const name = packageName(filter.package ?? null);
  const ofPackage = name === null && !prefix ? [] : [startsWith, ...(name === null ? [] : [isNamed(name)])];
  const most = readLatest(filter.latest);
  const limit = most === true ? 1 : most || Infinity;
  const type = await typeJoin(call, filter.type ?? null);
  return {
    type,
    tables: sql`WITH entries AS (
        SELECT tag_packages.package_id, tag_packages.blocked, ROW_NUMBER() OVER (
          PARTITION BY tag_packages.package_id ORDER BY place.key, tag_packages.create_event) AS nth
        FROM tag_packages JOIN ${placesOf(listing)} ON place.value = tag_packages.tag_id
        ${ofPackage.length > 0 ? sql`JOIN package ON package.id = tag_packages.package_id` : sql``}
        ${where([atEvent('tag_packages', event), ...ofPackage])}),
      numbered AS (
        SELECT build.id, build.pkg_id, tag_listing.tag_id, tag_listing.create_event, place.key AS place, ROW_NUMBER() OVER (
          PARTITION BY build.pkg_id ORDER BY place.key, tag_listing.create_event DESC, build.id DESC) AS nth
        FROM tag_listing JOIN ${placesOf(filter.inherit ? listing : [tagId])} ON place.value = tag_listing.tag_id
        JOIN build ON build.id = tag_listing.build_id
        JOIN users ON users.id = build.owner ${type.join}
        ${where(taggedConditions(filter))}
          AND build.pkg_id IN (SELECT package_id FROM entries WHERE nth = 1 AND NOT blocked)),
      found AS (SELECT * FROM numbered ${limit < 0x7fffffff ? sql`WHERE nth <= ${Math.max(Math.ceil(limit), 0)}` : sql``})`,
  };
}

/**
 * Reads a part of the builds that the method listTagged answers.
 *
 * @returns null where the whole list has to be read
 */
export async function readTaggedPart(
  call: Call,
  tagId: number,
  filter: TaggedFilter,
  part: Part,
): Promise<PartOfRows<TaggedBuild> | null> {
  const { terms } = part;
  const found = canSort(sortColumns, terms) ? await tagged(call, tagId, filter) : null;
  if (!found) return null;
  const inList = (table: Sql): Sql => sql`${table}.place, ${table}.create_event DESC, ${table}.id DESC`;
  const rows = await call.db.all<TaggedBuild & { total?: number; extra?: string | null }>(
    sql`${found.tables}
      SELECT cut.tag_id, tag.name AS tag_name, build.id, ${allBuildColumns}, cut.create_event, cut.total
        ${found.type.columns} ${filter.extra ? sql`, build.extra` : sql``}
      FROM (SELECT found.*, count(*) OVER () AS total
        FROM found JOIN build ON build.id = found.id ${sortJoins(sortColumns, terms)}
        ORDER BY ${sortOrder(sortColumns, terms, inList(sql`found`))}${cutPart(part)}) AS cut
      JOIN build ON build.id = cut.id JOIN tag ON tag.id = cut.tag_id ${buildJoins} ${found.type.join}
      ORDER BY ${sortOrder(sortColumns, terms, inList(sql`cut`))}`,
  );
  const total = rows[0]?.total ?? (part.offset > 0 ? await countFound(call, found) : 0);
  for (const row of rows) delete row.total;
  return { total, rows: filter.extra ? rows.map(withExtra('Invalid extra data')) : rows };
}

/** Returns how many builds the method listTagged answers; null where the whole list has to be read. */
export async function countTagged(call: Call, tagId: number, filter: TaggedFilter): Promise<number | null> {
  const found = await tagged(call, tagId, filter);
  return found && countFound(call, found);
}

async function countFound(call: Call, { tables }: Tagged): Promise<number> {
  return (await call.db.get<{ n: number }>(sql`${tables} SELECT count(*) AS n FROM found`))?.n ?? 0;
}
