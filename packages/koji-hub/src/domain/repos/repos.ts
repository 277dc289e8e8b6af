import { BR_STATES, GenericError, ParameterError, REPO_STATES } from '@koji/core';
import type { RepoInfo, RepoReference } from '@koji/core/api';
import type { Call } from '../../call.js';
import { epochColumn } from '../../db/rows.js';
import { anyOf, forUpdate, jsonContains, now, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { toEvent, toInt, truthy } from '../values/convert.js';
import { idIs } from '../values/ids.js';
import { readRepoOptions } from './options.js';
import { plain } from '../values/repr.js';
import { firstChange, lastChange } from '../tags/changes.js';
import { tell } from '../task-records/news.js';
import { tellTags } from '../history/history.js';
import { look } from '../history/views.js';
import type { View } from '../history/views.js';

/** Repos as callers may ask for them. */
export const repoView: View = {
  table: sql`repo`,
  joins: {
    tag: sql` JOIN tag ON tag.id = repo.tag_id`,
    created: sql` JOIN events AS created ON created.id = repo.create_event`,
    began: sql` LEFT JOIN events AS began ON began.id = repo.begin_event`,
    ended: sql` LEFT JOIN events AS ended ON ended.id = repo.end_event`,
    task: sql` LEFT JOIN task ON task.id = repo.task_id`,
  },
  fields: {
    id: { column: sql`repo.id` },
    tag_id: { column: sql`repo.tag_id` },
    creation_time: { column: sql`repo.creation_time`, type: 'time' },
    creation_ts: { column: epochColumn(sql`repo.creation_time`) },
    state_time: { column: sql`repo.state_time`, type: 'time' },
    state_ts: { column: epochColumn(sql`repo.state_time`) },
    create_event: { column: sql`repo.create_event` },
    create_ts: { column: epochColumn(sql`created.time`), of: 'created' },
    begin_event: { column: sql`repo.begin_event` },
    begin_ts: { column: epochColumn(sql`began.time`), of: 'began' },
    end_event: { column: sql`repo.end_event` },
    end_ts: { column: epochColumn(sql`ended.time`), of: 'ended' },
    state: { column: sql`repo.state` },
    dist: { column: sql`repo.dist`, type: 'boolean' },
    opts: { column: sql`repo.opts`, json: true },
    custom_opts: { column: sql`repo.custom_opts`, json: true },
    task_id: { column: sql`repo.task_id` },
    task_state: { column: sql`task.state`, of: 'task' },
    tag_name: { column: sql`tag.name`, of: 'tag', type: 'text' },
  },
  usual: ['id', 'tag_id', 'create_event', 'state', 'dist', 'task_id', 'opts', 'custom_opts'],
};

async function firstRepo(call: Call, where: readonly Sql[], order: string): Promise<RepoInfo | null> {
  const opts = { order, limit: 1 };
  const [found] = await look<RepoInfo>(call, repoView, { clauses: [], fields: '**', opts, where });
  return found ?? null;
}

/** Returns a repo by id; null if it does not exist or the id is null. */
export async function findRepo(call: Call, repoId: number | null): Promise<RepoInfo | null> {
  return repoId === null ? null : firstRepo(call, [idIs('repo.id', repoId)], 'id');
}

/** As {@link findRepo}, but a repo that is missing is a GenericError. */
export async function getRepo(call: Call, repoId: number | null): Promise<RepoInfo> {
  const found = await findRepo(call, repoId);
  if (!found) throw new GenericError('query returned no rows');
  return found;
}

/** Filter for a tag's repos, with unchecked values from the caller. */
export interface TagRepoFilter {
  readonly state: unknown;
  /** Only repos not after it; the state does not count then. */
  readonly event: unknown;
  readonly dist: unknown;
  readonly min_event: unknown;
}

/**
 * Returns the newest repo of a tag that meets the conditions; null if there is none.
 *
 * @throws ParameterError if a condition is malformed
 */
export function newestRepoOfTag(call: Call, tagId: number, filter: TagRepoFilter): Promise<RepoInfo | null> {
  const state = toIntOrNull(filter.state) ?? REPO_STATES.READY;
  const last = toIntOrNull(filter.event);
  const first = filter.min_event === null ? null : toEvent(filter.min_event);
  if (filter.dist === null) throw new ParameterError("Invalid type, expected type <class 'bool'>");
  const where = [sql`repo.tag_id = ${tagId}`, sql`repo.dist = ${truthy(filter.dist)}`];
  where.push(last ? sql`repo.create_event <= ${toEvent(last)}` : idIs('repo.state', state));
  if (first !== null) where.push(sql`repo.create_event >= ${first}`);
  return firstRepo(call, where, '-creation_time,-id');
}

/** Conditions for a suitable repo, with unchecked values from the caller. */
export interface RepoWish {
  /** The oldest event that will do. */
  readonly minEvent: unknown;
  /** The one event that will do; `minEvent` does not count then. */
  readonly atEvent: unknown;
  readonly opts: unknown;
}

/**
 * The newest repo of a tag that is ready, has all the options that are asked for, and no custom one that is not.
 *
 * @throws ParameterError when a part of the wish is not what it should be
 */
export function readyRepo(call: Call, tagId: number, wish: RepoWish): Promise<RepoInfo | null> {
  const first = wish.minEvent === null ? null : toEvent(wish.minEvent);
  const at = wish.atEvent === null ? null : toEvent(wish.atEvent);
  const opts = sql`${JSON.stringify(readRepoOptions(wish.opts))}`;
  const where = [
    sql`repo.tag_id = ${tagId}`,
    sql`repo.dist IS FALSE`,
    sql`repo.state = ${REPO_STATES.READY}`,
    jsonContains(sql`repo.opts`, opts),
    jsonContains(opts, sql`repo.custom_opts`),
  ];
  if (at !== null) where.push(sql`repo.create_event = ${at}`);
  else if (first !== null) where.push(sql`repo.create_event >= ${first}`);
  return firstRepo(call, where, '-create_event,-id');
}

/** As {@link toInt}, but null stays null. */
export function toIntOrNull(value: unknown): number | null {
  return value === null ? null : toInt(value);
}

const nameOf = (state: number): string | undefined =>
  Object.entries(REPO_STATES).find(([, number]) => number === state)?.[0];

/**
 * Gives a repo another state. States only go up, except that a broken repo can be deleted; a repo that becomes ready
 * ends the requests that it satisfies.
 *
 * @throws ParameterError for an unknown state, GenericError for an unknown repo or a step that is not allowed
 */
export async function setRepoState(call: Call, repoId: number, state: number): Promise<void> {
  const name = nameOf(state);
  if (name === undefined) throw new ParameterError(`Unknown repo state: ${plain(state)}`);
  const repo = await call.db.get<{ state: number; tag_id: number }>(
    sql`SELECT state, tag_id FROM repo WHERE ${idIs('repo.id', repoId)}${forUpdate}`,
  );
  if (!repo) throw new GenericError('query returned no rows');
  if (repo.state > state && state !== REPO_STATES.DELETED)
    throw new GenericError(
      `Invalid repo state transition for repo ${repoId}: ${nameOf(repo.state) ?? repo.state} -> ${name}`,
    );
  if (repo.state === state) return;
  if (repo.state === REPO_STATES.DELETED) throw new GenericError(`Repo ${repoId} is deleted`);
  await call.db.run(sql`UPDATE repo SET state = ${state}, state_time = ${now} WHERE repo.id = ${repoId}`);
  if (state !== REPO_STATES.READY) return;
  await satisfyRequests(call, repoId);
  // Changes during its creation had to wait for it.
  tellTags(call, [repo.tag_id]);
}

/** Requests whose options the repo has, and that ask for every custom option of it. */
async function satisfyRequests(call: Call, repoId: number): Promise<void> {
  const served = await call.db.all<{ id: number }>(
    sql`UPDATE repo_queue SET repo_id = ${repoId}, active = FALSE, update_time = ${now}
        WHERE id IN (SELECT request.id FROM repo_queue AS request JOIN repo ON repo.tag_id = request.tag_id
          WHERE repo.id = ${repoId} AND repo.dist IS FALSE AND request.active IS TRUE AND request.repo_id IS NULL
            AND (request.min_event <= repo.create_event OR request.at_event = repo.create_event)
            AND ${jsonContains(sql`repo.opts`, sql`request.opts`)}
            AND ${jsonContains(sql`request.opts`, sql`repo.custom_opts`)})
        RETURNING id`,
  );
  tell(call, { requests: served.map(({ id }) => id) });
}

/** The buildroots that were made from a repo and are not retired. */
export function repoReferences(call: Call, repoId: number): Promise<RepoReference[]> {
  return call.db.all<RepoReference>(
    sql`SELECT buildroot_id AS id, host_id, task_id, create_event, state FROM standard_buildroot
        WHERE ${idIs('repo_id', repoId)} AND retire_event IS NULL AND state <> ${BR_STATES.EXPIRED} ORDER BY buildroot_id`,
  );
}

/**
 * Marks a repo deleted unless something refers to it; its files stay.
 *
 * @returns the number of references; nothing is changed unless it is 0
 */
export async function deleteRepo(call: Call, repoId: number): Promise<number> {
  await call.db.get(sql`SELECT state FROM repo WHERE ${idIs('repo.id', repoId)}${forUpdate}`);
  const references = await repoReferences(call, repoId);
  if (references.length === 0) await setRepoState(call, repoId, REPO_STATES.DELETED);
  return references.length;
}

/** A repo whose tag changed after it was made. */
export interface OutdatedRepo {
  readonly id: number;
  /** The event that changed the tag. */
  readonly end: number;
}

/**
 * Finds ready repos whose tag is not known to have changed, but has.
 *
 * @param among only repos of these tags; null for all
 */
export async function outdatedRepos(
  call: Call,
  among: readonly number[] | null = null,
): Promise<OutdatedRepo[]> {
  const ofTags = among === null ? sql`` : sql` AND ${anyOf(sql`tag_id`, among)}`;
  const repos = await call.db.all<{ id: number; tag_id: number; create_event: number }>(
    sql`SELECT id, tag_id, create_event FROM repo
        WHERE end_event IS NULL AND state = ${REPO_STATES.READY}${ofTags} ORDER BY id`,
  );
  const outdated: OutdatedRepo[] = [];
  const unchangedSince = new Map<number, number>();
  for (const { id, tag_id: tagId, create_event: after } of repos) {
    const last = unchangedSince.get(tagId);
    if (last !== undefined && last <= after) continue;
    const end = await firstChange(call, tagId, { after, inherit: true });
    if (end !== null) outdated.push({ id, end });
    else unchangedSince.set(tagId, (await lastChange(call, tagId, { before: null, inherit: true })) ?? 0);
  }
  return outdated;
}

/** Notes at repos the event that changed their tag, unless one is noted already. */
export async function noteEndEvents(call: Call, outdated: readonly OutdatedRepo[]): Promise<void> {
  for (const { id, end } of outdated)
    await call.db.run(sql`UPDATE repo SET end_event = ${end} WHERE id = ${id} AND end_event IS NULL`);
}
