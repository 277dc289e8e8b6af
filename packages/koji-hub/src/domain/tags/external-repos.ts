import {
  DEFAULT_REPO_MERGE_MODE,
  GenericError,
  ParameterError,
  REPO_MERGE_MODES,
  writeJson,
} from '@koji/core';
import type { ExternalRepo, QueryOpts, TagExternalRepo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent, history } from '../history/history.js';
import { lookupName, nameOrIdIs } from '../values/lookup.js';
import { query } from '../../db/rows.js';
import { anyOf, sql } from '../../db/sql.js';
import { toArches, toDict, toInt } from '../values/convert.js';
import { fullInheritance } from './inheritance.js';
import { readJson } from '../values/json.js';
import { checkName } from '../values/names.js';
import { plain, repr } from '../values/repr.js';
import { getTag } from './tags.js';

const mergeModes: ReadonlySet<unknown> = new Set(REPO_MERGE_MODES);

/** Filter for external repos; null does not restrict it. */
export interface ExternalRepoFilter {
  readonly info?: unknown;
  readonly url?: unknown;
  readonly event?: number | null;
  readonly opts?: QueryOpts | null;
}

/** External repos that hold now or at an event. */
export function listExternalRepos(call: Call, filter: ExternalRepoFilter = {}): Promise<ExternalRepo[]> {
  const { info = null, url = null, event = null, opts } = filter;
  const where = [atEvent('external_repo_config', event)];
  if (info !== null) where.push(nameOrIdIs('external_repo', info));
  if (url) where.push(sql`external_repo_config.url = ${checkUrl(url)}`);
  return query<ExternalRepo>(call.db, {
    columns: {
      id: sql`external_repo.id`,
      name: sql`external_repo.name`,
      url: sql`external_repo_config.url`,
    },
    from: sql`external_repo JOIN external_repo_config ON external_repo_config.external_repo_id = external_repo.id`,
    where,
    ...(opts ? { opts } : {}),
  });
}

/** An external repo by id or name, now or at an event; null when it isn't there. */
export async function findExternalRepo(
  call: Call,
  info: unknown,
  event: number | null = null,
): Promise<ExternalRepo | null> {
  const [repo, other] = await listExternalRepos(call, { info, event, opts: { limit: 2 } });
  // Null names none, and so finds any.
  if (other) throw new GenericError('More than one repo in the result.');
  return repo ?? null;
}

/** As {@link findExternalRepo}, but one that is missing is a GenericError. */
export async function getExternalRepo(
  call: Call,
  info: unknown,
  event: number | null = null,
): Promise<ExternalRepo> {
  const repo = await findExternalRepo(call, info, event);
  if (!repo) throw new GenericError(`No such repo: ${plain(info)}`);
  return repo;
}

/** Creates an external repo; the id of a deleted one of that name is used again. */
export async function createExternalRepo(call: Call, name: unknown, url: unknown): Promise<ExternalRepo> {
  checkName(call, name);
  if (await findExternalRepo(call, name))
    throw new GenericError(`An external repo named "${name}" already exists`);
  const complete = withSlash(checkUrl(url));
  const { id } = await lookupName(call, 'external_repo', name, { create: true });
  await history(call).insert('external_repo_config', { external_repo_id: id, url: complete });
  return { id, name, url: complete };
}

/** Renames an external repo, changes its url, or both; what is null or empty stays. */
export async function editExternalRepo(
  call: Call,
  info: unknown,
  changes: { readonly name?: unknown; readonly url?: unknown },
): Promise<void> {
  const repo = await getExternalRepo(call, info);
  const { name, url } = changes;
  if (name && name !== repo.name) {
    checkName(call, name);
    const taken = await lookupName(call, 'external_repo', name);
    if (taken) throw new GenericError(`name "${name}" is already taken by external repo ${taken.id}`);
    await call.db.run(sql`UPDATE external_repo SET name = ${name} WHERE id = ${repo.id}`);
  }
  if (url && url !== repo.url) {
    const complete = withSlash(checkUrl(url));
    await history(call).revoke('external_repo_config', sql`external_repo_id = ${repo.id}`);
    await history(call).insert('external_repo_config', { external_repo_id: repo.id, url: complete });
  }
}

/** Takes an external repo out of every tag and deletes it; its name keeps its id. */
export async function deleteExternalRepo(call: Call, info: unknown): Promise<void> {
  const repo = await getExternalRepo(call, info);
  for (const table of ['tag_external_repos', 'external_repo_config'] as const)
    await history(call).revoke(table, sql`external_repo_id = ${repo.id}`);
}

function checkUrl(url: unknown): string {
  if (typeof url !== 'string')
    throw new ParameterError(`the url of an external repo must be text, not ${repr(url)}`);
  return url;
}

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);

/** How a tag uses an external repo. */
export interface ExternalRepoUse {
  readonly priority: unknown;
  /** `koji`, `simple` or `bare`; null for the first of these. */
  readonly mergeMode?: unknown;
  /** Text with spaces or commas, or a list; null for all of the tag's. */
  readonly arches?: unknown;
}

/** Lets a tag use an external repo, without a look at permissions; the priority must be free. */
export async function addExternalRepoToTag(
  call: Call,
  tagInfo: unknown,
  repoInfo: unknown,
  use: ExternalRepoUse,
): Promise<void> {
  const merge_mode = use.mergeMode ?? DEFAULT_REPO_MERGE_MODE;
  if (typeof merge_mode !== 'string' || !mergeModes.has(merge_mode))
    throw new GenericError(`No such merge mode: ${plain(merge_mode)}`);
  const tag = await getTag(call, tagInfo);
  const repo = await getExternalRepo(call, repoInfo);
  const arches = use.arches == null ? null : toArches(use.arches, { strict: false });
  const priority = toInt(use.priority);
  const uses = await readUses(call, { tagIds: [tag.id] });
  if (uses.some((other) => other.external_repo_id === repo.id))
    throw new GenericError(`tag ${tag.name} already associated with external repo ${repo.name}`);
  if (uses.some((other) => other.priority === priority))
    throw new GenericError(
      `tag ${tag.name} already associated with an external repo at priority ${priority}`,
    );
  await history(call).insert('tag_external_repos', {
    tag_id: tag.id,
    external_repo_id: repo.id,
    priority,
    merge_mode,
    arches,
  });
}

/** Lets a tag no longer use an external repo, without a look at permissions. */
export async function removeExternalRepoFromTag(
  call: Call,
  tagInfo: unknown,
  repoInfo: unknown,
): Promise<void> {
  const tag = await getTag(call, tagInfo);
  const repo = await getExternalRepo(call, repoInfo);
  const removed = await history(call).revoke(
    'tag_external_repos',
    sql`tag_id = ${tag.id} AND external_repo_id = ${repo.id}`,
  );
  if (removed === 0) throw new GenericError(`external repo ${repo.name} not associated with tag ${tag.name}`);
}

/** Changes how a tag uses an external repo; what is null stays. Whether anything changed. */
export async function editTagExternalRepo(
  call: Call,
  tagInfo: unknown,
  repoInfo: unknown,
  changes: Partial<ExternalRepoUse>,
): Promise<boolean> {
  const tag = await getTag(call, tagInfo);
  const repo = await getExternalRepo(call, repoInfo);
  const [before] = await readUses(call, { tagIds: [tag.id], repoId: repo.id });
  if (!before) throw new GenericError(`external repo ${repo.name} not associated with tag ${tag.name}`);
  const arches = changes.arches == null ? before.arches : toArches(changes.arches);
  const priority = changes.priority ?? before.priority;
  const mergeMode = changes.mergeMode ?? before.merge_mode;
  if (arches === before.arches && priority === before.priority && mergeMode === before.merge_mode)
    return false;
  await removeExternalRepoFromTag(call, tag.id, repo.id);
  await addExternalRepoToTag(call, tag.id, repo.id, { priority, mergeMode, arches });
  return true;
}

/** Filter for uses of external repos. */
interface UseFilter {
  readonly tagIds?: readonly number[];
  readonly repoId?: number | null;
  readonly event?: number | null;
}

/** Returns the uses of external repos by tags, sorted by priority, now or at an event. */
export async function listTagExternalRepos(
  call: Call,
  filter: { readonly tag?: unknown; readonly repo?: unknown; readonly event?: number | null },
): Promise<TagExternalRepo[]> {
  const { tag = null, repo = null, event = null } = filter;
  const tagId = tag === null ? null : (await lookupName(call, 'tag', tag, { strict: true })).id;
  const repoId = repo === null ? null : (await getExternalRepo(call, repo, event)).id;
  return readUses(call, { ...(tagId === null ? {} : { tagIds: [tagId] }), repoId, event });
}

function readUses(
  call: Call,
  { tagIds, repoId = null, event = null }: UseFilter,
): Promise<TagExternalRepo[]> {
  const inTags = tagIds ? sql` AND ${anyOf(sql`tag.id`, tagIds)}` : sql``;
  const ofRepo = repoId === null ? sql`` : sql` AND external_repo.id = ${repoId}`;
  return call.db.all<TagExternalRepo>(
    sql`SELECT external_repo.id AS external_repo_id, external_repo.name AS external_repo_name,
          tag_external_repos.priority, tag.id AS tag_id, tag.name AS tag_name, external_repo_config.url,
          tag_external_repos.merge_mode, tag_external_repos.arches
        FROM tag_external_repos
        JOIN tag ON tag.id = tag_external_repos.tag_id
        JOIN external_repo ON external_repo.id = tag_external_repos.external_repo_id
        JOIN external_repo_config ON external_repo_config.external_repo_id = external_repo.id
        WHERE ${atEvent('tag_external_repos', event)} AND ${atEvent('external_repo_config', event)}${inTags}${ofRepo}
        ORDER BY tag_external_repos.priority, tag_external_repos.create_event`,
  );
}

/**
 * The external repos of a tag and of all that it inherits from: nearest tag first, each tag's by priority, each repo where
 * it comes first. One query besides those for the inheritance.
 */
export async function inheritedExternalRepos(
  call: Call,
  tagInfo: unknown,
  event: number | null = null,
): Promise<TagExternalRepo[]> {
  const tag = await getTag(call, tagInfo, { event });
  const links = await fullInheritance(call, tag.id, event);
  const tagIds = [...new Set([tag.id, ...links.map((link) => link.parent_id)])];
  const uses = await readUses(call, { tagIds, event });
  const rank = new Map(tagIds.map((tagId, i) => [tagId, i]));
  const distance = (use: TagExternalRepo): number => rank.get(use.tag_id) as number;
  const found = new Map<number, TagExternalRepo>();
  for (const use of uses.sort((a, b) => distance(a) - distance(b)))
    if (!found.has(use.external_repo_id)) found.set(use.external_repo_id, use);
  return [...found.values()];
}

/** The known state of an external repo; null if nothing is known. */
export async function readExternalRepoData(
  call: Call,
  info: unknown,
): Promise<Record<string, unknown> | null> {
  const { id } = await lookupName(call, 'external_repo', info, { strict: true });
  const row = await call.db.get<{ data: string | null }>(
    sql`SELECT data FROM external_repo_data WHERE external_repo_id = ${id} AND active = TRUE`,
  );
  return readJson(row?.data, 'Invalid json data') as Record<string, unknown> | null;
}

/** Replaces what is known of the state of an external repo. */
export async function writeExternalRepoData(call: Call, info: unknown, data: unknown): Promise<void> {
  const { id } = await lookupName(call, 'external_repo', info, { strict: true });
  const text = writeJson(toDict(data));
  await history(call).revoke('external_repo_data', sql`external_repo_id = ${id}`);
  await history(call).insert('external_repo_data', { external_repo_id: id, data: text });
}
