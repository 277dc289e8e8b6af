/** Differences between two tags, computed by the database. */
import type { ListDifferences, TagDifference, TagDifferences } from '@koji/core/api';
import type { Call } from '../../call.js';
import { id, join, Sql, sql } from '../../db/sql.js';
import { entriesOf } from '../tags/package-parts.js';
import { tagged } from './tagged-parts.js';

/** A tag as it is compared. */
export interface ComparedTag {
  readonly tagId: number;
  /** Null for now. */
  readonly event: number | null;
  readonly inherit: boolean;
}

/** Differences that are answered; a list of more of them is read by nobody. */
const most = 200;

/** Returns what differs between two tags; null where a package filter of the inheritance asks for the whole lists. */
export async function compareTags(
  call: Call,
  from: ComparedTag,
  to: ComparedTag,
): Promise<TagDifferences | null> {
  const builds = await latestBuilds(call, from, to);
  const packages = builds && (await packageLists(call, from, to));
  return packages && { builds, packages };
}

/** The counts of a comparison, which each row has. */
interface Counts {
  readonly added: number;
  readonly removed: number;
  readonly same: number;
  readonly total: number;
}

const sum = (condition: Sql): Sql => sql`SUM(CASE WHEN ${condition} THEN 1 ELSE 0 END) OVER ()`;

/**
 * Puts the rows of two sides beside each other by package.
 *
 * @param isSame whether the two sides of a row, columns `from_…` and `to_…`, are the same
 */
function beside(sides: readonly [Sql, Sql], columns: readonly string[], isSame: Sql): Sql {
  const of = (side: number): Sql =>
    join(
      columns.map(
        (name) => sql`MAX(CASE WHEN side = ${literal(side)} THEN ${id(name)} END) AS ${sided(side, name)}`,
      ),
      ', ',
    );
  return sql`SELECT paired.*, package.name AS package_name, count(*) OVER () AS total,
      ${sum(sql`from_id IS NULL`)} AS added, ${sum(sql`to_id IS NULL`)} AS removed, ${sum(isSame)} AS same
    FROM (SELECT pkg_id, ${of(0)}, ${of(1)} FROM (${sides[0]} UNION ALL ${sides[1]}) AS rows_of_sides GROUP BY pkg_id) AS paired
    JOIN package ON package.id = paired.pkg_id
    ORDER BY CASE WHEN ${isSame} THEN 1 ELSE 0 END, package.name ${codePoints} LIMIT ${most}`;
}

const literal = (side: number): Sql => (side === 0 ? sql`0` : sql`1`);
const sided = (side: number, name: string): Sql => id(`${side === 0 ? 'from' : 'to'}_${name}`);
const codePoints = new Sql([(dialect) => (dialect === 'postgres' ? 'COLLATE "C"' : '')]);

async function latestBuilds(
  call: Call,
  ...tags: readonly [ComparedTag, ComparedTag]
): Promise<TagDifferences['builds'] | null> {
  const [from, to] = await Promise.all(
    tags.map(({ tagId, event, inherit }) => tagged(call, tagId, { event, inherit, latest: true })),
  );
  if (!from || !to) return null;
  const side = ({ tables }: { readonly tables: Sql }, number: number): Sql =>
    sql`SELECT * FROM (${tables} SELECT ${literal(number)} AS side, pkg_id, id FROM found) AS side_rows`;
  const pairs = beside([side(from, 0), side(to, 1)], ['id'], sql`from_id = to_id`);
  const nvr = (build: string): Sql => {
    const [version, release] = [id(`${build}.version`), id(`${build}.release`)];
    return sql`pairs.package_name || '-' || ${version} || '-' || ${release}`;
  };
  const rows = await call.db.all<
    Counts & {
      package_name: string;
      from_id: number | null;
      to_id: number | null;
      from_nvr: string;
      to_nvr: string;
    }
  >(sql`SELECT pairs.*, ${nvr('old')} AS from_nvr, ${nvr('new')} AS to_nvr FROM (${pairs}) AS pairs
    LEFT JOIN build AS old ON old.id = pairs.from_id LEFT JOIN build AS new ON new.id = pairs.to_id
    ORDER BY pairs.package_name ${codePoints}`);
  const build = (build_id: number | null, text: string): { build_id: number; nvr: string } | null =>
    build_id === null ? null : { build_id, nvr: text };
  return differences(
    rows,
    rows
      .filter((row) => row.from_id !== row.to_id)
      .map((row) => ({
        package_name: row.package_name,
        from: build(row.from_id, row.from_nvr),
        to: build(row.to_id, row.to_nvr),
      })),
  );
}

async function packageLists(
  call: Call,
  ...tags: readonly [ComparedTag, ComparedTag]
): Promise<TagDifferences['packages'] | null> {
  const [from, to] = await Promise.all(
    tags.map(({ tagId, event, inherit }) => entriesOf(call, { tagId, event, inherit })),
  );
  if (!from || !to) return null;
  const side = (tables: Sql, number: number): Sql =>
    sql`SELECT * FROM (${tables} SELECT ${literal(number)} AS side, package_id AS pkg_id, owner_id AS id,
      CASE WHEN blocked THEN 1 ELSE 0 END AS blocked FROM found) AS side_rows`;
  const isSame = sql`from_id = to_id AND from_blocked = to_blocked`;
  const pairs = beside([side(from, 0), side(to, 1)], ['id', 'blocked'], isSame);
  const rows = await call.db.all<
    Counts & {
      package_name: string;
      from_owner: string | null;
      to_owner: string | null;
      from_blocked: number | null;
      to_blocked: number | null;
    }
  >(sql`SELECT pairs.*, old.name AS from_owner, new.name AS to_owner FROM (${pairs}) AS pairs
    LEFT JOIN users AS old ON old.id = pairs.from_id LEFT JOIN users AS new ON new.id = pairs.to_id
    ORDER BY pairs.package_name ${codePoints}`);
  const entry = (owner_name: string | null, blocked: number | null) =>
    owner_name === null ? null : { owner_name, blocked: blocked === 1 };
  return differences(
    rows,
    rows
      .filter((row) => row.from_owner !== row.to_owner || row.from_blocked !== row.to_blocked)
      .map((row) => ({
        package_name: row.package_name,
        from: entry(row.from_owner, row.from_blocked),
        to: entry(row.to_owner, row.to_blocked),
      })),
  );
}

function differences<T>(counted: readonly Counts[], rows: TagDifference<T>[]): ListDifferences<T> {
  const [{ added, removed, same, total } = { added: 0, removed: 0, same: 0, total: 0 }] = counted;
  return { rows, added, removed, same, changed: total - added - removed - same };
}
