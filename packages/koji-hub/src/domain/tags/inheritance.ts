import { GenericError } from '@koji/core';
import type { InheritanceLink, InheritanceNode } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent, history } from '../history/history.js';
import { anyOf, id, sql } from '../../db/sql.js';
import { repr } from '../values/repr.js';

type Link = Omit<InheritanceLink, 'child_id'> & { tag_id: number };

const linkColumns = sql`tag_inheritance.parent_id, tag.name, tag_inheritance.priority, tag_inheritance.maxdepth,
  tag_inheritance.intransitive, tag_inheritance.noconfig, tag_inheritance.pkg_filter`;

/** The parents of a tag by priority, now or at an event. */
export async function readInheritance(
  call: Call,
  tagId: number,
  event: number | null = null,
): Promise<InheritanceLink[]> {
  const links = await call.db.all<Omit<InheritanceLink, 'child_id'>>(
    sql`SELECT ${linkColumns} FROM tag_inheritance JOIN tag ON tag.id = tag_inheritance.parent_id
        WHERE ${atEvent('tag_inheritance', event)} AND tag_inheritance.tag_id = ${tagId}
        ORDER BY tag_inheritance.priority, tag_inheritance.create_event`,
  );
  return links.map((link) => ({ ...link, child_id: tagId }));
}

/**
 * Every tag that a tag inherits from, in the order in which they are searched; a tag may be there twice, when a filtered
 * way to it comes before an open one. One query, whatever the depth.
 */
export async function fullInheritance(
  call: Call,
  tagId: number,
  event: number | null = null,
): Promise<InheritanceNode[]> {
  const links = await linksFrom(call, tagId, { from: 'tag_id', to: 'parent_id', event });
  return walkParents(
    tagId,
    groupBy(links, (link) => link.tag_id),
  );
}

/** All links on the ways from a tag to its parents, or to its children, by the columns between which they lead. */
function linksFrom(
  call: Call,
  tagId: number,
  { from, to, event }: { readonly from: keyof Link; readonly to: keyof Link; readonly event: number | null },
): Promise<Link[]> {
  const [start, end] = [id(`tag_inheritance.${from}`), id(`tag_inheritance.${to}`)];
  return call.db.lookup<Link>(
    sql`WITH RECURSIVE reached(id) AS (
          SELECT CAST(${tagId} AS integer)
          UNION
          SELECT ${end} FROM tag_inheritance JOIN reached ON reached.id = ${start}
          WHERE ${atEvent('tag_inheritance', event)})
        SELECT tag_inheritance.tag_id, ${linkColumns} FROM reached CROSS JOIN tag_inheritance
        JOIN tag ON tag.id = ${end}
        WHERE ${start} = reached.id AND ${atEvent('tag_inheritance', event)}
        ORDER BY tag_inheritance.priority, tag_inheritance.create_event`,
  );
}

/** Every tag that inherits from a tag, nearest first. */
export async function fullDescent(
  call: Call,
  tagId: number,
  event: number | null = null,
): Promise<InheritanceNode[]> {
  const links = await linksFrom(call, tagId, { from: 'parent_id', to: 'tag_id', event });
  return walkChildren(
    tagId,
    groupBy(links, (link) => link.parent_id),
  );
}

function groupBy(links: readonly Link[], key: (link: Link) => number): Map<number, Link[]> {
  const groups = new Map<number, Link[]>();
  for (const link of links) {
    const group = groups.get(key(link));
    if (group) group.push(link);
    else groups.set(key(link), [link]);
  }
  return groups;
}

/** Limits of an earlier path to a tag, to decide whether visiting it again can find anything new. */
interface Visit {
  readonly depth: number | null;
  readonly noconfig: boolean;
  readonly filtered: boolean;
}

interface Step {
  readonly tagId: number;
  readonly path: ReadonlySet<number>;
  readonly maxdepth: number | null;
  readonly noconfig: boolean;
  readonly filter: readonly string[];
}

/**
 * The search order by the rules of Koji: links by priority, depth first. A `maxdepth` counts from where its link stands
 * and the tightest one on the way holds; an `intransitive` link counts for the tag itself only; a tag already on the
 * way is left out, which ends cycles; `noconfig` reaches whatever comes after its link on the same level, too.
 */
export function walkParents(root: number, parents: ReadonlyMap<number, readonly Link[]>): InheritanceNode[] {
  const order: InheritanceNode[] = [];
  const visits = new Map<number, Visit[]>();
  const walk = (step: Step): void => {
    if (step.maxdepth !== null && step.maxdepth < 1) return;
    const path = new Set(step.path).add(step.tagId);
    let noconfig = step.noconfig;
    for (const { tag_id: child_id, ...link } of parents.get(step.tagId) ?? []) {
      if (path.has(link.parent_id) || (link.intransitive && path.size > 1)) continue;
      const depth = tighter(link.maxdepth, step.maxdepth);
      if (link.noconfig) noconfig = true;
      const filter = link.pkg_filter ? [...step.filter, link.pkg_filter] : [...step.filter];
      const earlier = visits.get(link.parent_id) ?? [];
      if (earlier.some((visit) => suffices(visit, depth, noconfig))) continue;
      visits.set(link.parent_id, [
        ...earlier,
        { depth, noconfig: link.noconfig, filtered: filter.length > 0 },
      ]);
      order.push({ ...link, child_id, currdepth: path.size, nextdepth: depth, filter });
      walk({ tagId: link.parent_id, path, maxdepth: depth, noconfig, filter });
    }
  };
  walk({ tagId: root, path: new Set(), maxdepth: null, noconfig: false, filter: [] });
  return order;
}

function tighter(own: number | null, above: number | null): number | null {
  if (own === null) return above === null ? null : above - 1;
  return above === null ? own : Math.min(own, above) - 1;
}

function suffices(visit: Visit, depth: number | null, noconfig: boolean): boolean {
  const deepEnough = visit.depth === null || (depth !== null && visit.depth >= depth);
  return deepEnough && !(visit.noconfig && !noconfig) && !visit.filtered;
}

/**
 * Returns the tags below one: here a `maxdepth` only limits how far up its link reaches, and an `intransitive` link ends a
 * path.
 */
export function walkChildren(
  root: number,
  children: ReadonlyMap<number, readonly Link[]>,
): InheritanceNode[] {
  const order: InheritanceNode[] = [];
  const visits = new Map<number, Visit[]>();
  const walk = (step: Step): void => {
    const path = new Set(step.path).add(step.tagId);
    let noconfig = step.noconfig;
    for (const link of children.get(step.tagId) ?? []) {
      if (path.has(link.tag_id)) continue;
      if (link.maxdepth !== null && link.maxdepth < path.size - 1) continue;
      if (link.noconfig) noconfig = true;
      const filter = link.pkg_filter ? [...step.filter, link.pkg_filter] : [...step.filter];
      const earlier = visits.get(link.tag_id) ?? [];
      if (earlier.some((visit) => suffices(visit, null, noconfig))) continue;
      visits.set(link.tag_id, [
        ...earlier,
        { depth: null, noconfig: link.noconfig, filtered: filter.length > 0 },
      ]);
      order.push({ ...link, currdepth: path.size, nextdepth: null, filter });
      if (!link.intransitive) walk({ tagId: link.tag_id, path, maxdepth: null, noconfig, filter });
    }
  };
  walk({ tagId: root, path: new Set(), maxdepth: null, noconfig: false, filter: [] });
  return order;
}

/** The fields of a link, all of which a change names. */
export const linkFields = [
  'parent_id',
  'priority',
  'maxdepth',
  'intransitive',
  'noconfig',
  'pkg_filter',
] as const;

/** A new link. */
export interface NewLink {
  readonly parent_id: number;
  readonly priority: number;
  readonly maxdepth: number | null;
  readonly intransitive: boolean;
  readonly noconfig: boolean;
  readonly pkg_filter: string | null;
}

/** A link to write, or a parent to remove. */
export type LinkChange = NewLink | { readonly parent_id: number; readonly remove: true };

/**
 * Adds, changes and removes parents of a tag; with `clear` those that are not named are removed. Nothing is written when
 * nothing changes.
 *
 * @throws GenericError for two parents with one priority
 */
export async function writeInheritance(
  call: Call,
  tagId: number,
  changes: readonly LinkChange[],
  clear = false,
): Promise<void> {
  const current = new Map(
    (await readInheritance(call, tagId)).map((link) => [link.parent_id, link as NewLink]),
  );
  const revoked = new Set<number>();
  const added = new Map<number, NewLink>();
  for (const change of changes) {
    const previous = current.get(change.parent_id);
    if ('remove' in change) {
      if (previous) revoked.add(change.parent_id);
      added.delete(change.parent_id);
    } else if (!previous || clear || linkFields.some((field) => previous[field] !== change[field])) {
      if (previous) revoked.add(change.parent_id);
      added.set(change.parent_id, change);
    }
  }
  if (clear) for (const parentId of current.keys()) revoked.add(parentId);
  if (revoked.size === 0 && added.size === 0) return;
  const kept = [...current.values()].filter((link) => !revoked.has(link.parent_id));
  checkPriorities(tagId, [...kept, ...added.values()]);
  const rows = history(call);
  if (revoked.size > 0)
    await rows.revoke('tag_inheritance', sql`tag_id = ${tagId} AND ${anyOf(sql`parent_id`, [...revoked])}`);
  for (const link of added.values()) await rows.insert('tag_inheritance', { tag_id: tagId, ...link });
}

function checkPriorities(tagId: number, links: readonly NewLink[]): void {
  const byPriority = new Map<number, number[]>();
  for (const { priority, parent_id } of links)
    byPriority.set(priority, [...(byPriority.get(priority) ?? []), parent_id]);
  for (const [priority, parents] of byPriority)
    if (parents.length > 1)
      throw new GenericError(
        `Multiple parent tags (${repr(parents)}) cannot have the same priority value (${priority}) on child tag ${tagId}`,
      );
}
