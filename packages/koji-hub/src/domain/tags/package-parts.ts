/** Parts of a tag's package list, found by the database. */
import type { PackageListEntry } from '@koji/core/api';
import type { RowStream } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { canSort, cutPart, sortOrder } from '../../db/parts.js';
import type { Part, SortColumns } from '../../db/parts.js';
import { anyOf, like, placesOf, sql, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { atEvent } from '../history/history.js';
import { fullInheritance } from './inheritance.js';
import { entryColumns, entryConditions, entryJoins } from './package-lists.js';
import type { PackageListFilter } from './package-lists.js';

/** Filter for the package list of one tag, in which each package has one entry. */
export interface PackagePartFilter extends Omit<PackageListFilter, 'withDups'> {
  readonly tagId: number;
  /** The beginning of the package's name, in any case. */
  readonly prefix?: string | null;
}

/** Columns by which the database can sort a package list. */
const sortColumns: SortColumns = {
  package_name: { expression: sql`package.name`, text: true },
  package_id: { expression: sql`package.id` },
  tag_name: { expression: sql`tag.name`, text: true },
  tag_id: { expression: sql`tag.id` },
  owner_name: { expression: sql`users.name`, text: true },
  owner_id: { expression: sql`users.id` },
  blocked: { expression: sql`tag_packages.blocked` },
};

/** Returns the letters of a prefix as the database compares them; null where only code can tell what begins with it. */
export function prefixIs(name: Sql, prefix: string): Sql | null {
  // Other letters have a case that only one of the databases knows.
  if (!/^[\x20-\x7e]*$/.test(prefix)) return null;
  return like(name, `${prefix.replace(/[\\%_]/g, '\\$&')}%`);
}

/**
 * Returns the tags whose entries a tag's list is made of, nearest first; null where only code can tell which entries
 * count, since a link filters packages by a regular expression.
 */
export async function listingTags(
  call: Call,
  tagId: number,
  event: number | null,
): Promise<readonly number[] | null> {
  const links = await fullInheritance(call, tagId, event);
  if (links.some((link) => link.filter.length > 0)) return null;
  return [tagId, ...links.map((link) => link.parent_id)];
}

/** The entries of tags, each with the place of its tag. */
const placedEntries = (tags: readonly number[]): Sql =>
  sql`tag_packages JOIN ${placesOf(tags)} ON place.value = tag_packages.tag_id`;

/** Says the same again as {@link placedEntries}: SQLite would read the entries of all tags to join them. */
const isIn = (tags: readonly number[]): Sql => anyOf(sql`tag_packages.tag_id`, tags);

/**
 * Reads the whole package list of a tag one by one, each package by the nearest tag's entry.
 *
 * @returns null where code has to choose the entries that count
 */
export async function streamPackageList(
  call: Call,
  filter: Omit<PackagePartFilter, 'prefix'>,
): Promise<RowStream<PackageListEntry> | null> {
  const { tagId, event = null, inherit } = filter;
  const tags = inherit ? await listingTags(call, tagId, event) : [tagId];
  if (!tags) return null;
  return call.db.iterate<PackageListEntry>(
    sql`SELECT ${entryColumns(filter)}
      FROM ${placedEntries(tags)} ${entryJoins(filter)}
      ${where([...entryConditions(filter), isIn(tags)])}
      ORDER BY place.key, tag_packages.create_event, package.id`,
    { keep: { column: 'package_id', among: null, most: 1 } },
  );
}

/** Returns a table `found` of the entries that count; null where only code can tell. */
export async function entriesOf(call: Call, filter: PackagePartFilter): Promise<Sql | null> {
  const { tagId, prefix = null, event = null, inherit } = filter;
  const tags = inherit ? await listingTags(call, tagId, event) : [tagId];
  const named = prefix === null ? sql`1 = 1` : prefixIs(sql`package.name`, prefix);
  if (!tags || !named) return null;
  return sql`WITH numbered AS (
      SELECT tag_packages.tag_id, tag_packages.package_id, tag_packages.create_event, tag_packages.blocked,
        ${filter.withOwners === false ? sql`NULL` : sql`users.id`} AS owner_id, place.key AS place, ROW_NUMBER() OVER (
          PARTITION BY tag_packages.package_id ORDER BY place.key, tag_packages.create_event) AS nth
      FROM ${placedEntries(tags)} ${entryJoins(filter)}
      ${where([...entryConditions(filter), isIn(tags), named])}),
    found AS (SELECT * FROM numbered WHERE nth = 1)`;
}

/**
 * Reads a part of a tag's package list, each package by the nearest tag's entry.
 *
 * @returns null where the whole list has to be read
 */
export async function readPackagePart(
  call: Call,
  filter: PackagePartFilter,
  part: Part,
): Promise<PackageListEntry[] | null> {
  const { terms } = part;
  const isKnown = canSort(sortColumns, terms) && (filter.withOwners !== false || !isOfOwner(part));
  const found = isKnown ? await entriesOf(call, filter) : null;
  if (!found) return null;
  const order = sortOrder(sortColumns, terms, sql`found.place, found.create_event, found.package_id`);
  const owners = filter.withOwners === false ? [] : [atEvent('tag_package_owners', filter.event ?? null)];
  return call.db.all<PackageListEntry>(
    sql`${found} SELECT ${entryColumns(filter)}
      FROM found JOIN tag_packages ON tag_packages.tag_id = found.tag_id
        AND tag_packages.package_id = found.package_id AND tag_packages.create_event = found.create_event
      ${entryJoins(filter)} ${where(owners)} ORDER BY ${order}${cutPart(part)}`,
  );
}

const isOfOwner = ({ terms }: Part): boolean => terms.some(({ name }) => name.startsWith('owner_'));

/** Returns how many packages a tag lists; null where the whole list has to be read. */
export async function countPackages(call: Call, filter: PackagePartFilter): Promise<number | null> {
  const found = await entriesOf(call, filter);
  return found && ((await call.db.get<{ n: number }>(sql`${found} SELECT count(*) AS n FROM found`))?.n ?? 0);
}
