import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { REPO_STATES, TASK_STATES, messageOf } from '@koji/core';
import type { RepoInfo, RepoRequest } from '@koji/core/api';
import { encodeArgs } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { takeLock } from '../../db/locks.js';
import { now, sql } from '../../db/sql.js';
import { makeTask } from '../tasks/make-task.js';
import { readRepoOptions } from './options.js';
import { findRequests } from './requests.js';
import { findRepo } from './repos.js';
import { tell } from '../task-records/news.js';
import { taskResult } from '../task-records/task-records.js';
import { isFinished } from '../task-records/states.js';

/** Changes that a round makes to a request. */
interface Change {
  task_id?: number | null;
  repo_id?: number;
  active?: boolean;
  tries?: number;
}

/** How a round goes. */
export interface RoundOptions {
  /** Waits for another round that is under way; else nothing happens then. */
  readonly wait?: boolean;
  /** Whether requests whose task brought no repo are tried again or given up; else they stay as they are. */
  readonly retry?: boolean;
}

const waitingRequests = [sql`repo_queue.repo_id IS NULL`, sql`repo_queue.active IS TRUE`];

const isRunning = ({ task_id: id, task_state: state }: RepoRequest): boolean =>
  id !== null && !isFinished(state ?? -1);

/** Whether a round would find anything to do. */
export async function hasWork(call: Call): Promise<boolean> {
  const waiting = await findRequests(call, waitingRequests);
  return waiting.some((request) => !isRunning(request));
}

/**
 * Processes the waiting requests once: handles those whose task has ended, creates tasks for others within the limits
 * MaxRepoTasks and MaxRepoTasksMaven, and deletes requests that were served long ago.
 */
export async function serveRequests(
  call: Call,
  { wait = false, retry = true }: RoundOptions = {},
): Promise<void> {
  if (!(await takeLock(call.db, 'repo-queue', { wait }))) return;
  const waiting = await findRequests(call, waitingRequests);
  const changes = new Map<RepoRequest, Change>();
  for (const request of waiting) {
    if (request.task_id === null || isRunning(request)) continue;
    const change = await afterTask(call, request, retry);
    if (change) changes.set(request, change);
  }

  const running = waiting.filter(isRunning);
  const { MaxRepoTasks, MaxRepoTasksMaven } = call.hub.options;
  let tasks = running.length;
  let mavenTasks = running.filter(wantsMaven).length;
  for (const request of waiting) {
    if (tasks >= MaxRepoTasks) break;
    const change = changes.get(request) ?? {};
    if (request.task_id !== null && change.task_id !== null) continue;
    if (wantsMaven(request) && mavenTasks >= MaxRepoTasksMaven) continue;
    if (!retry && request.tries > 0) continue;
    const tried = await tryTask(call, request);
    changes.set(request, { ...change, ...tried });
    if (tried.task_id === null) continue;
    tasks += 1;
    if (wantsMaven(request)) mavenTasks += 1;
  }
  for (const [request, change] of changes) await apply(call, request, change);
  if (changes.size > 0) await forgetServed(call);
}

const wantsMaven = ({ opts }: RepoRequest): boolean => opts.maven === true;

/** A request whose task can't be made, since a plugin objects say, must not hold up the others. */
async function tryTask(call: Call, request: RepoRequest): Promise<Change> {
  const tries = request.tries + 1;
  try {
    return { tries, task_id: await call.db.savepoint(() => makeRepoTask(call, request)) };
  } catch (error) {
    const isLast = tries > call.hub.options.RepoRetries;
    call.log.error(
      `repo request ${request.id}: no task can be made${isLast ? ', it is given up' : ''}: ${messageOf(error)}`,
      error,
    );
    return { tries, task_id: null, ...(isLast && { active: false }) };
  }
}

/**
 * Decides about a request whose task has ended: it has its repo, is tried again, or is given up; null if it does not change.
 */
async function afterTask(call: Call, request: RepoRequest, retry: boolean): Promise<Change | null> {
  const repo = request.task_state === TASK_STATES.CLOSED ? await repoOfTask(call, request.task_id) : null;
  const flaw = repo ? flawOf(request, repo) : `task ${request.task_id} made no repo`;
  if (repo && flaw === null) return { repo_id: repo.id, active: false };
  if (!retry) return null;
  call.log.warn(`repo request ${request.id}: ${flaw}`);
  if (request.tries <= call.hub.options.RepoRetries) return { task_id: null };
  call.log.error(`repo request ${request.id} is given up after ${request.tries} tries`);
  return { active: false };
}

/** The repo that a newRepo task answered, `[repo_id, event_id]`. */
async function repoOfTask(call: Call, taskId: number | null): Promise<RepoInfo | null> {
  if (taskId === null) return null;
  try {
    const result = await taskResult(call, taskId, true);
    const repoId: unknown = Array.isArray(result) ? result[0] : null;
    return typeof repoId === 'number' ? await findRepo(call, repoId) : null;
  } catch (error) {
    call.log.warn(`the result of task ${taskId} can't be read: ${messageOf(error)}`);
    return null;
  }
}

/** Why a repo is not what a request asked for; null when it is. */
function flawOf(request: RepoRequest, repo: RepoInfo): string | null {
  const { id, opts, custom_opts: custom } = repo;
  if (repo.tag_id !== request.tag_id) return `repo ${id} is of another tag`;
  if (repo.state !== REPO_STATES.READY) return `repo ${id} is not ready`;
  if (request.at_event !== null && repo.create_event !== request.at_event)
    return `repo ${id} is of another event`;
  if (request.at_event === null && repo.create_event < (request.min_event ?? 0))
    return `repo ${id} is too old`;
  const differ = (some: object, others: Readonly<Record<string, unknown>>): boolean =>
    Object.entries(some).some(([name, value]) => others[name] !== value);
  if (!opts || differ(request.opts, opts) || differ(custom ?? {}, request.opts))
    return `repo ${id} has other options`;
  return null;
}

async function makeRepoTask(call: Call, request: RepoRequest): Promise<number> {
  const named: Record<string, unknown> = { opts: readRepoOptions(request.opts) };
  if (request.at_event !== null) named.event = request.at_event;
  const { RepoQueueUser } = call.hub.options;
  const owner = await lookupName(call, 'users', RepoQueueUser, { strict: false });
  await makeReposFolder(call);
  const params = encodeArgs([{ id: request.tag_id, name: request.tag_name }], named);
  const taskId = await makeTask(call, 'newRepo', params, {
    priority: 15,
    channel: 'createrepo',
    ...(owner && { owner: owner.id }),
  });
  call.log.info(`Created task ${taskId} for repo request ${request.id}`);
  return taskId;
}

/** Builders refuse to make repos where the folder of all repos is missing. */
export async function makeReposFolder(call: Call): Promise<void> {
  await mkdir(path.join(call.hub.paths.topdir, 'repos'), { recursive: true });
}

async function apply(call: Call, request: RepoRequest, change: Change): Promise<void> {
  const {
    task_id: taskId,
    repo_id: repoId,
    active,
    tries,
  } = {
    task_id: request.task_id,
    repo_id: request.repo_id,
    active: request.active,
    tries: request.tries,
    ...change,
  };
  tell(call, { requests: [request.id] });
  await call.db.run(
    sql`UPDATE repo_queue SET task_id = ${taskId}, repo_id = ${repoId}, active = ${active}, tries = ${tries},
          update_time = ${now} WHERE id = ${request.id}`,
  );
}

/** The requester can query its repo for RequestCleanTime minutes after it was served. */
async function forgetServed(call: Call): Promise<void> {
  const before = new Date(Date.now() - call.hub.options.RequestCleanTime * 60_000);
  await call.db.run(sql`DELETE FROM repo_queue WHERE active IS FALSE AND update_time < ${before}`);
}
