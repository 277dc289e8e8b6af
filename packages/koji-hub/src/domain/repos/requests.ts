import { ActionNotAllowed, GenericError, PRIO_DEFAULT, ParameterError } from '@koji/core';
import type { RepoRequest, RepoRequestStatus, RequestedRepo, TagInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { epochColumn } from '../../db/rows.js';
import { jsonContains, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { assertMavenEnabled } from '../builds/types.js';
import { toInt, truthy } from '../values/convert.js';
import { findEvent, lastEvent } from '../history/events.js';
import { idIs } from '../values/ids.js';
import { readRepoOptions } from './options.js';
import { findRepo, readyRepo } from './repos.js';
import { firstChange, lastChange } from '../tags/changes.js';
import { getTag } from '../tags/tags.js';
import { tell } from '../task-records/news.js';
import { findTask } from '../task-records/task-records.js';
import { look } from '../history/views.js';
import type { View } from '../history/views.js';

/** Requests for repos as callers may ask for them. */
export const requestView: View = {
  table: sql`repo_queue`,
  joins: {
    tag: sql` JOIN tag ON tag.id = repo_queue.tag_id`,
    task: sql` LEFT JOIN task ON task.id = repo_queue.task_id`,
    users: sql` LEFT JOIN users ON users.id = repo_queue.owner`,
  },
  fields: {
    id: { column: sql`repo_queue.id` },
    create_time: { column: sql`repo_queue.create_time`, type: 'time' },
    create_ts: { column: epochColumn(sql`repo_queue.create_time`) },
    owner: { column: sql`repo_queue.owner` },
    owner_name: { column: sql`users.name`, of: 'users', type: 'text' },
    priority: { column: sql`repo_queue.priority` },
    tag_id: { column: sql`repo_queue.tag_id` },
    tag_name: { column: sql`tag.name`, of: 'tag', type: 'text' },
    at_event: { column: sql`repo_queue.at_event` },
    min_event: { column: sql`repo_queue.min_event` },
    opts: { column: sql`repo_queue.opts`, json: true },
    update_time: { column: sql`repo_queue.update_time`, type: 'time' },
    update_ts: { column: epochColumn(sql`repo_queue.update_time`) },
    active: { column: sql`repo_queue.active`, type: 'boolean' },
    task_id: { column: sql`repo_queue.task_id` },
    task_state: { column: sql`task.state`, of: 'task' },
    tries: { column: sql`repo_queue.tries` },
    repo_id: { column: sql`repo_queue.repo_id` },
  },
  usual: [
    'id',
    'tag_id',
    'at_event',
    'min_event',
    'create_ts',
    'task_id',
    'tries',
    'repo_id',
    'opts',
    'active',
    'update_ts',
  ],
};

/** Requests in the order in which they are served. */
export function findRequests(call: Call, where: readonly Sql[]): Promise<RepoRequest[]> {
  const opts = { order: 'priority,id' };
  return look<RepoRequest>(call, requestView, { clauses: [], fields: '**', opts, where });
}

/** Parameters of a request, with unchecked values from the caller. */
export interface WantedRepo {
  /** An event, `last` for the tag's last change, or null for one that is recent enough. */
  readonly minEvent: unknown;
  readonly atEvent: unknown;
  readonly opts: unknown;
  /** Relative to what tasks usually have; null for that. */
  readonly priority: unknown;
  /** Files a request even where a ready repo would do. */
  readonly force: unknown;
}

/**
 * Finds a ready repo of a tag, or a request for one that waits already, or files a request.
 *
 * @throws GenericError for an unknown tag or maven that is not enabled, ParameterError for what makes no sense,
 *   ActionNotAllowed when somebody else than an admin wants to be served first
 */
export async function requestRepo(call: Call, tagInfo: unknown, wanted: WantedRepo): Promise<RequestedRepo> {
  call.session.assertLogin();
  const tag = await getTag(call, tagInfo);
  const opts = readRepoOptions(wanted.opts);
  if (opts.maven) assertMavenEnabled(call);
  const events = await readEvents(call, tag, wanted);
  const priority = readPriority(call, wanted.priority);
  const repo = truthy(wanted.force) ? null : await readyRepo(call, tag.id, { ...events, opts });
  if (repo) return { repo, request: null, duplicate: false };

  const text = JSON.stringify(opts);
  const waiting = await waitingRequest(call, tag.id, { ...events, opts: text });
  if (waiting && waiting.priority <= priority) return { repo: null, request: waiting, duplicate: true };
  if (waiting) {
    await setRequestPriority(call, waiting.id, priority);
    return { repo: null, request: { ...waiting, priority }, duplicate: true };
  }
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO repo_queue (owner, priority, tag_id, at_event, min_event, opts)
        VALUES (${call.session.userId}, ${priority}, ${tag.id}, ${events.atEvent}, ${events.minEvent}, ${text})
        RETURNING id`,
  );
  const [request] = await findRequests(call, [sql`repo_queue.id = ${made?.id ?? null}`]);
  if (!request) throw new Error('a new request is not there');
  tell(call, { repos: true });
  call.log.info(`New repo request for ${tag.name}`);
  return { repo: null, request, duplicate: false };
}

interface Events {
  readonly minEvent: number | null;
  readonly atEvent: number | null;
}

async function readEvents(call: Call, tag: TagInfo, { minEvent, atEvent }: WantedRepo): Promise<Events> {
  if (atEvent !== null) {
    if (minEvent !== null) throw new ParameterError('The min_event and at_event options conflict');
    return { atEvent: await knownEvent(call, atEvent), minEvent: null };
  }
  if (minEvent === 'last') return { minEvent: await lastOf(call, tag.id), atEvent: null };
  if (minEvent !== null) return { minEvent: await knownEvent(call, minEvent), atEvent: null };
  const { 'repo.lag': lag } = tag.extra;
  const { RepoLag } = call.hub.options;
  return {
    minEvent: await recentEvent(call, tag.id, typeof lag === 'number' ? lag : RepoLag),
    atEvent: null,
  };
}

async function knownEvent(call: Call, given: unknown): Promise<number> {
  const event = toInt(given);
  if (!(await findEvent(call, event))) throw new ParameterError(`Invalid event: ${event}`);
  return event;
}

const lastOf = (call: Call, tagId: number): Promise<number | null> =>
  lastChange(call, tagId, { before: null, inherit: true });

/**
 * The oldest acceptable event if a repo may lag this many seconds: that of the tag's last change, or an older one. The time is
 * rounded so that requests soon after each other ask for the same; without a lag it is the last change.
 */
export async function recentEvent(call: Call, tagId: number, lag: number): Promise<number | null> {
  if (lag <= 0) return lastOf(call, tagId);
  const window = Math.max(1, call.hub.options.RepoLagWindow);
  const time = Math.floor((Date.now() / 1000 - lag) / window) * window;
  const base =
    (await lastEvent(call, time))?.id ?? (await firstChange(call, tagId, { after: null, inherit: true }));
  const last = await lastOf(call, tagId);
  return base === null || last === null ? (base ?? last) : Math.min(base, last);
}

function readPriority(call: Call, given: unknown): number {
  const relative = given === null ? 0 : toInt(given);
  if (relative < 0 && !call.session.hasPerm('admin'))
    throw new ActionNotAllowed('only admins may create high-priority requests');
  return PRIO_DEFAULT + relative;
}

async function waitingRequest(
  call: Call,
  tagId: number,
  { atEvent, minEvent, opts }: Events & { readonly opts: string },
): Promise<RepoRequest | undefined> {
  const found = await findRequests(call, [
    sql`repo_queue.tag_id = ${tagId}`,
    sql`repo_queue.active IS TRUE`,
    jsonContains(sql`repo_queue.opts`, sql`${opts}`),
    jsonContains(sql`${opts}`, sql`repo_queue.opts`),
    atEvent === null ? sql`repo_queue.min_event >= ${minEvent}` : sql`repo_queue.at_event = ${atEvent}`,
  ]);
  return found[0];
}

/**
 * A request with its repo, or with the task that makes it.
 *
 * @throws GenericError when there is no such request
 */
export async function checkRequest(call: Call, requestId: number): Promise<RepoRequestStatus> {
  const [request] = await findRequests(call, [idIs('repo_queue.id', requestId)]);
  if (!request) throw new GenericError('No such request');
  if (request.repo_id !== null) return { repo: await findRepo(call, request.repo_id), request };
  if (request.task_id === null) return { repo: null, request };
  return { repo: null, request, task: await findTask(call, request.task_id) };
}

/** Serves a request earlier (lower) or later (higher); nothing happens when there is no such request. */
export async function setRequestPriority(call: Call, requestId: number, priority: number): Promise<void> {
  await call.db.run(sql`UPDATE repo_queue SET priority = ${priority} WHERE ${idIs('id', requestId)}`);
}
