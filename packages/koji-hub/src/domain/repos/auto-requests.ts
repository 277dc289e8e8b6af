/** Repos that are made without anybody asking, for tags with the extra `repo.auto`. */
import { messageOf } from '@koji/core';
import type { Call } from '../../call.js';
import { anyOf, jsonContains, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { truthy } from '../values/convert.js';
import { readJson } from '../values/json.js';
import { findRequests, recentEvent, requestRepo } from './requests.js';
import { readyRepo } from './repos.js';

/** A tag that needs a repo. */
export interface DueRequest {
  readonly tagId: number;
  /** The oldest event that will do. */
  readonly minEvent: number;
}

interface AutomaticTag {
  readonly tagId: number;
  /** Maximum age difference of its repo in seconds. */
  readonly lag: number;
}

/** Behind those that somebody waits for. */
const priority = 5;
const noOptions = '{}';

/**
 * Finds the tags with `repo.auto` whose repos lag too far behind. A tag with a waiting request is skipped: later changes are
 * noticed when that request's repo is ready.
 *
 * @param among only these tags; null for all
 */
export async function dueRequests(call: Call, among: readonly number[] | null = null): Promise<DueRequest[]> {
  const due: DueRequest[] = [];
  for (const { tagId, lag } of await automaticTags(call, among))
    try {
      const minEvent = await recentEvent(call, tagId, lag);
      if (minEvent === null || (await isServed(call, tagId, minEvent))) continue;
      due.push({ tagId, minEvent });
    } catch (error) {
      // One tag, deleted just now say, must not hold up the others.
      call.log.error(`cannot tell whether tag ${tagId} needs a repo: ${messageOf(error)}`, error);
    }
  return due;
}

/** Files the request for a tag's repo. */
export async function fileDueRequest(call: Call, { tagId, minEvent }: DueRequest): Promise<void> {
  await requestRepo(call, tagId, { minEvent, atEvent: null, opts: null, priority, force: false });
}

async function automaticTags(call: Call, among: readonly number[] | null): Promise<AutomaticTag[]> {
  const ofTags = among === null ? sql`` : sql` AND ${anyOf(sql`tag_id`, among)}`;
  const rows = await call.db.all<{ tag_id: number; key: string; value: string }>(
    sql`SELECT tag_id, key, value FROM tag_extra WHERE active = TRUE AND value IS NOT NULL
        AND ${anyOf(sql`key`, ['repo.auto', 'repo.lag'])}${ofTags} ORDER BY tag_id`,
  );
  const settings = rows.map(({ tag_id: tagId, key, value }) => ({ tagId, key, value: settingOf(value) }));
  const lags = new Map(
    settings.flatMap(({ tagId, key, value }) =>
      key === 'repo.lag' && typeof value === 'number' ? [[tagId, value] as const] : [],
    ),
  );
  const usual = usualLag(call);
  return settings
    .filter(({ key, value }) => key === 'repo.auto' && truthy(value))
    .map(({ tagId }) => ({ tagId, lag: lags.get(tagId) ?? usual }));
}

function usualLag({ hub }: Call): number {
  const { RepoAutoLag, RepoManager } = hub.options;
  return RepoAutoLag ?? (RepoManager === 'hub' ? 0 : 7200);
}

function settingOf(text: string): unknown {
  try {
    return readJson(text, 'tag setting');
  } catch {
    return null; // anything but JSON sets nothing
  }
}

/** Whether a tag has a repo that is new enough, gets one, or had a request given up not long ago. */
async function isServed(call: Call, tagId: number, minEvent: number): Promise<boolean> {
  if (await readyRepo(call, tagId, { minEvent, atEvent: null, opts: null })) return true;
  const plain: Sql[] = [
    sql`repo_queue.tag_id = ${tagId}`,
    sql`repo_queue.at_event IS NULL`,
    sql`repo_queue.repo_id IS NULL`,
    jsonContains(sql`${noOptions}`, sql`repo_queue.opts`),
  ];
  const since = new Date(Date.now() - call.hub.options.RepoRecheckPeriod * 1000);
  const [found] = await findRequests(call, [
    ...plain,
    sql`(repo_queue.active IS TRUE OR (repo_queue.min_event >= ${minEvent} AND repo_queue.update_time > ${since}))`,
  ]);
  return found !== undefined;
}
