import type { Call } from '../../call.js';
import { isPossibleId } from '../values/ids.js';
import { atEvent } from '../history/history.js';
import { lookupName } from '../values/lookup.js';
import { anyOf, id, join, placesOf, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { fullInheritance } from './inheritance.js';
import { getTag } from './tags.js';

/** Versioned properties of a tag; its other changes are in tag_updates. */
const tagTables = [
  'tag_listing',
  'tag_inheritance',
  'tag_config',
  'tag_extra',
  'tag_packages',
  'tag_external_repos',
  'group_package_listing',
  'group_req_listing',
  'group_config',
] as const;

const repoTables = ['external_repo_config', 'external_repo_data'] as const;

/** Whether any of some tags changed after an event; inheritance is not looked at. */
export async function changedSince(call: Call, event: number, tagIds: readonly number[]): Promise<boolean> {
  const possible = tagIds.filter(isPossibleId);
  if (possible.length === 0) return false;
  const change = await changeEvent(call, { tagIds: possible, after: event });
  return change !== null;
}

/**
 * The event that changed a tag first after another, or made it if no other is given; null if there is none.
 *
 * @param inherit counts changes of the tags that it inherited from then, too
 */
export async function firstChange(
  call: Call,
  tagInfo: unknown,
  { after, inherit }: { after: number | null; inherit: boolean },
): Promise<number | null> {
  const tag = await lookupName(call, 'tag', tagInfo, { strict: true });
  const row = await call.db.get<{ event: number | null }>(
    sql`SELECT min(create_event) AS event FROM tag_config WHERE tag_id = ${tag.id}`,
  );
  const made = row?.event ?? null;
  if (after === null) return made;
  const tagIds = await tagAndParents(call, tag.id, inherit ? { event: after } : null);
  const change = await changeEvent(call, { tagIds, after, reposAt: after });
  // A parent may have changed before there was such a child.
  return change === null ? null : Math.max(change, made ?? change);
}

/**
 * The event that changed a tag last, maybe before another; for a deleted tag at the latest the one that deleted it. Null if
 * there is none.
 *
 * @param inherit counts changes of the tags that it inherited from then, too
 */
export async function lastChange(
  call: Call,
  tagInfo: unknown,
  { before, inherit }: { before: number | null; inherit: boolean },
): Promise<number | null> {
  const tag = await getTag(call, tagInfo, { event: 'auto' });
  const deleted = tag.revoke_event ?? null;
  if (before === null && deleted !== null) return deleted;
  const tagIds = await tagAndParents(call, tag.id, inherit ? { event: before } : null);
  const change = await changeEvent(call, { tagIds, before, reposAt: before });
  return change === null || deleted === null ? change : Math.min(change, deleted);
}

async function tagAndParents(
  call: Call,
  tagId: number,
  inherit: { event: number | null } | null,
): Promise<number[]> {
  const links = inherit ? await fullInheritance(call, tagId, inherit.event) : [];
  return [...new Set([tagId, ...links.map((link) => link.parent_id)])];
}

interface Span {
  readonly tagIds: readonly number[];
  /** Finds the first change after it; without, the last one is found. */
  readonly after?: number;
  readonly before?: number | null;
  /** Counts changes of the external repos that the tags had at that event, null for now. */
  readonly reposAt?: number | null;
}

/** The first or last change of some tags, in one query. */
async function changeEvent(call: Call, { tagIds, after, before, reposAt }: Span): Promise<number | null> {
  const extreme = id(after === undefined ? 'max' : 'min');
  const within = (column: string): Sql => {
    if (after !== undefined) return sql` AND ${id(column)} > ${after}`;
    return before == null ? sql`` : sql` AND ${id(column)} < ${before}`;
  };
  const change = (table: string, column: string, condition: Sql): Sql =>
    sql`SELECT ${extreme}(${id(column)}) AS event FROM ${id(table)} WHERE ${condition}${within(column)}`;
  // Of one tag an index has the first and the last.
  const ofTags = (table: string, column: string): Sql =>
    sql`SELECT (${change(table, column, sql`tag_id = place.value`)}) AS event FROM ${placesOf(tagIds)}`;
  const changes = [ofTags('tag_updates', 'update_event')];
  for (const table of tagTables) changes.push(ofTags(table, 'create_event'), ofTags(table, 'revoke_event'));
  if (reposAt !== undefined) {
    const ofRepos = sql`external_repo_id IN (SELECT used.external_repo_id FROM tag_external_repos AS used
      JOIN external_repo_config AS config ON config.external_repo_id = used.external_repo_id
      WHERE ${anyOf(sql`used.tag_id`, tagIds)} AND ${atEvent('used', reposAt)} AND ${atEvent('config', reposAt)})`;
    for (const table of repoTables)
      changes.push(change(table, 'create_event', ofRepos), change(table, 'revoke_event', ofRepos));
  }
  const row = await call.db.get<{ event: number | null }>(
    sql`SELECT ${extreme}(event) AS event FROM (${join(changes, ' UNION ALL ')}) AS changes`,
  );
  return row?.event ?? null;
}
