/**
 * Limits of a builder's access: objects that belong to a task that it has open, or to a descendant of it. Koji checks only the
 * task; the other ids of a builder's call are checked here.
 */
import path from 'node:path';
import {
  ActionNotAllowed,
  BR_TYPES,
  GenericError,
  ParameterError,
  TASK_STATES,
  parseTaskParams,
} from '@koji/core';
import type { BuildInfo, RepoInfo, TaskInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { anyOf, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { findBuildId } from '../builds/builds.js';
import { isStruct } from '../values/convert.js';
import { isId, isPossibleId } from '../values/ids.js';
import { findTag } from '../tags/tags.js';
import { decodeRequest, findTasks, taskIs } from '../task-records/task-records.js';
import type { StoredTask } from '../task-records/task-records.js';

/** Throws ActionNotAllowed unless the build is the task's own. */
export function assertTaskBuild(taskId: number, build: Pick<BuildInfo, 'id' | 'task_id'>): void {
  if (build.task_id !== taskId) throw new ActionNotAllowed(`Task ${taskId} does not own build ${build.id}`);
}

/** Whether the host has the task open that a build belongs to. */
async function hasTaskOf(call: Call, hostId: number, build: Pick<BuildInfo, 'task_id'>): Promise<boolean> {
  return build.task_id !== null && (await hasOpen(call, hostId, build.task_id));
}

async function hasOpen(call: Call, hostId: number, taskId: number): Promise<boolean> {
  const found = await call.db.get(sql`SELECT id FROM task WHERE id = ${taskId} AND ${openAt(hostId)}`);
  return found !== null;
}

/** Throws ActionNotAllowed unless the host has the task open that a build belongs to. */
export async function assertHostBuild(
  call: Call,
  hostId: number,
  build: Pick<BuildInfo, 'id' | 'task_id'>,
): Promise<void> {
  if (!(await hasTaskOf(call, hostId, build)))
    throw new ActionNotAllowed(`host ${hostId} does not own build ${build.id}`);
}

/**
 * Throws ActionNotAllowed unless a build may get wrapper rpms from a task: one that was made to wrap it, or whose host
 * has the build's own task open.
 */
export async function assertWrapsBuild(call: Call, task: TaskInfo, build: BuildInfo): Promise<void> {
  if (build.task_id === task.id) return;
  if (task.method === 'wrapperRPM') {
    const { build: wanted } = await paramsOf(call, task.id);
    if ((await idOfBuild(call, wanted)) === build.id) return;
  }
  if (task.host_id !== null && (await hasTaskOf(call, task.host_id, build))) return;
  throw new ActionNotAllowed(`Task ${task.id} does not own build ${build.id}`);
}

/**
 * Throws ActionNotAllowed unless a task is to do such a tagging: a tagBuild task the one in its request, others may tag
 * their own builds.
 */
export async function assertTags(
  call: Call,
  task: TaskInfo,
  wanted: { readonly build: BuildInfo; readonly tagId: number; readonly fromtag: unknown },
): Promise<void> {
  if (wanted.build.task_id === task.id) return;
  if (task.method === 'tagBuild') {
    const { tag_id: tag, build_id: build, fromtag } = await paramsOf(call, task.id);
    const isMeant =
      (await idOfBuild(call, build)) === wanted.build.id &&
      (await findTag(call, tag))?.id === wanted.tagId &&
      (await idOfTag(call, fromtag)) === (await idOfTag(call, wanted.fromtag));
    if (isMeant) return;
  }
  throw new ActionNotAllowed(`Task ${task.id} does not tag build ${wanted.build.id}`);
}

const idOfTag = async (call: Call, tag: unknown): Promise<number | null> =>
  tag ? ((await findTag(call, tag))?.id ?? null) : null;

/** The id of a build that a request names; tasks also name builds by structs of which only the id counts. */
async function idOfBuild(call: Call, build: unknown): Promise<number | null> {
  const { id } = isStruct(build) ? build : {};
  if (isId(id)) return id;
  return build === null || build === undefined ? null : findBuildId(call, build);
}

/** Throws ActionNotAllowed unless the host has a task open that makes or tags the build. */
export async function assertTagsOrBuilds(call: Call, hostId: number, build: BuildInfo): Promise<void> {
  if (await hasTaskOf(call, hostId, build)) return;
  for (const { build_id: tagged } of await paramsOfTasks(call, openAt(hostId), 'tagBuild'))
    if ((await idOfBuild(call, tagged)) === build.id) return;
  throw new ActionNotAllowed(`host ${hostId} does not own build ${build.id}`);
}

/**
 * Throws ActionNotAllowed unless the host is making a repo: it has the task open that the repo is of or, where the repo
 * has none, began the repo itself. A distRepo task that nobody has yet it could open, so that its repo passes.
 *
 * @returns the repo's task, null where it has none
 */
export async function assertHostRepo(call: Call, hostId: number, repo: RepoInfo): Promise<number | null> {
  if (repo.dist) {
    const making = await paramsOfTasks(
      call,
      sql`${openAt(hostId)} OR task.state = ${TASK_STATES.FREE}`,
      'distRepo',
    );
    const own = making.find(({ repo_id: made }) => made === repo.id);
    if (own) return own.task;
  } else if (repo.task_id !== null) {
    if (await hasOpen(call, hostId, repo.task_id)) return repo.task_id;
  } else if (await call.db.get(sql`SELECT id FROM repo WHERE id = ${repo.id} AND host_id = ${hostId}`)) {
    return null;
  }
  throw new ActionNotAllowed(`host ${hostId} does not own repo ${repo.id}`);
}

/** Throws ActionNotAllowed unless each of the tasks is the given one or below it. */
export async function assertTasksBelow(call: Call, taskId: number, ids: Iterable<number>): Promise<void> {
  const [foreign] = await foreignTasks(call, [taskId], ids);
  if (foreign !== undefined)
    throw new ActionNotAllowed(`Task ${foreign} is neither task ${taskId} nor below it`);
}

/** Throws ActionNotAllowed unless each of the tasks is the given one or a subtask of it. */
export async function assertSubtasks(call: Call, parent: number, ids: readonly number[]): Promise<void> {
  const rows = await call.db.all<{ id: number }>(
    sql`SELECT id FROM task WHERE parent = ${parent} AND ${anyOf(sql`id`, ids)}`,
  );
  const own = new Set([parent, ...rows.map(({ id }) => id)]);
  const others = ids.filter((id) => !own.has(id));
  if (others.length === 0) return;
  // One that does not exist is left to the caller, which has words for it.
  const there = await call.db.get<{ id: number }>(
    sql`SELECT id FROM task WHERE ${anyOf(sql`id`, others)} ORDER BY id LIMIT 1`,
  );
  if (there) throw new ActionNotAllowed(`Task ${there.id} is no subtask of task ${parent}`);
}

/**
 * Throws ActionNotAllowed unless each of the paths, below the upload folder, is in the folder of the given task or of one
 * below it.
 */
export async function assertPathsBelow(call: Call, taskId: number, paths: readonly string[]): Promise<void> {
  await checkPaths(call, [taskId], paths, `task ${taskId}`);
}

/** As {@link assertPathsBelow}, for any task that the host has open. */
export async function assertPathsOfHost(call: Call, hostId: number, paths: readonly string[]): Promise<void> {
  const open = await call.db.all<{ id: number }>(sql`SELECT id FROM task WHERE ${openAt(hostId)}`);
  const ids = open.map(({ id }) => id);
  await checkPaths(call, ids, paths, `host ${hostId}`);
}

async function checkPaths(
  call: Call,
  roots: readonly number[],
  paths: readonly string[],
  owner: string,
): Promise<void> {
  const byTask = new Map<number, string>();
  for (const one of paths) {
    const id = taskOfPath(call, one);
    if (id === null) throw new ActionNotAllowed(`${one} is not in the folder of ${owner}`);
    if (!byTask.has(id)) byTask.set(id, one);
  }
  const [foreign] = await foreignTasks(call, roots, byTask.keys());
  if (foreign !== undefined)
    throw new ActionNotAllowed(`${byTask.get(foreign)} is not in the folder of ${owner}`);
}

/** The task in whose folder a path below the upload folder is; null when it is in none. */
function taskOfPath(call: Call, relative: string): number | null {
  const normal = path.posix.normalize(relative);
  const id = Number(/^tasks\/\d+\/(\d{1,10})(\/|$)/.exec(normal)?.[1] ?? NaN);
  if (Number.isNaN(id)) return null;
  return `${normal}/`.startsWith(`${call.hub.paths.taskrelpath(id)}/`) ? id : null;
}

/**
 * Throws ActionNotAllowed unless each of the buildroots is of the given task or of one below it.
 *
 * @throws GenericError for a buildroot that does not exist
 */
export async function assertBuildrootsBelow(
  call: Call,
  taskId: number,
  ids: readonly (number | null)[],
): Promise<void> {
  const wanted = [...new Set(ids.filter((id) => id !== null))];
  const rows = await call.db.all<{ id: number; task_id: number | null }>(
    sql`SELECT buildroot.id, standard_buildroot.task_id FROM buildroot
        LEFT JOIN standard_buildroot ON standard_buildroot.buildroot_id = buildroot.id
          AND buildroot.br_type = ${BR_TYPES.STANDARD}
        WHERE ${anyOf(sql`buildroot.id`, wanted.filter(isPossibleId))}`,
  );
  const tasks = new Map(rows.map((row) => [row.id, row.task_id]));
  const missing = wanted.find((id) => !tasks.has(id));
  if (missing !== undefined) throw new GenericError(`no buildroot with ID: ${missing}`);
  const known = [...tasks.values()].filter((id) => id !== null);
  const foreignIds = await foreignTasks(call, [taskId], known);
  const isForeign = (task: number | null | undefined): boolean => task == null || foreignIds.has(task);
  const foreign = wanted.find((id) => isForeign(tasks.get(id)));
  if (foreign !== undefined)
    throw new ActionNotAllowed(`Task ${taskId} does not have lock on buildroot ${foreign}`);
}

/** Throws ActionNotAllowed unless wrapper rpms, and the buildroot they were made in, are of a task or of one below it. */
export async function assertWrapperBelow(
  call: Call,
  taskId: number,
  made: { readonly taskId: number; readonly buildrootId: number | null },
): Promise<void> {
  await assertTasksBelow(call, taskId, [made.taskId]);
  await assertBuildrootsBelow(call, taskId, [made.buildrootId]);
}

/** Returns the tasks that are neither roots nor below one. */
async function foreignTasks(
  call: Call,
  roots: readonly number[],
  ids: Iterable<number>,
): Promise<Set<number>> {
  const foreign = new Set([...ids].filter((id) => !roots.includes(id)));
  const possible = [...foreign].filter(isPossibleId);
  if (possible.length === 0) return foreign;
  const rows = await call.db.all<{ start: number }>(
    sql`WITH RECURSIVE up (start, id) AS (
          SELECT id, id FROM task WHERE ${anyOf(sql`id`, possible)}
          UNION SELECT up.start, task.parent FROM up JOIN task ON task.id = up.id WHERE task.parent IS NOT NULL)
        SELECT DISTINCT start FROM up WHERE ${anyOf(sql`id`, roots)}`,
  );
  for (const { start } of rows) foreign.delete(start);
  return foreign;
}

async function paramsOf(call: Call, taskId: number): Promise<Record<string, unknown>> {
  const [task] = await findTasks(call, taskIs(taskId), { request: true });
  return task ? readParams(task) : {};
}

/** The condition that a host has a task open. */
function openAt(hostId: number): Sql {
  return sql`(task.host_id = ${hostId} AND task.state = ${TASK_STATES.OPEN})`;
}

/** The parameters of the tasks of a method that fulfil a condition, each with its task's id. */
async function paramsOfTasks(
  call: Call,
  condition: Sql,
  method: string,
): Promise<(Record<string, unknown> & { task: number })[]> {
  const tasks = await findTasks(call, sql`task.method = ${method} AND (${condition})`, { request: true });
  return tasks.map((task) => ({ ...readParams(task), task: task.id }));
}

/** The parameters of a task by name; none where its request fits no signature, so that it names nothing. */
function readParams({ method, request }: StoredTask): Record<string, unknown> {
  try {
    return parseTaskParams(method, decodeRequest(request ?? '')) ?? {};
  } catch (error) {
    if (error instanceof ParameterError) return {};
    throw error;
  }
}
