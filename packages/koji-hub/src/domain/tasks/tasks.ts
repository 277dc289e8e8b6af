/**
 * The life of a task; nothing else changes a task's state.
 *
 *   makeTask ──► FREE ──assign──► ASSIGNED ──open──► OPEN ──close──► CLOSED
 *                 ▲ └────────────open────────────────►│ ├──fail───► FAILED
 *                 │                  │                │ │
 *                 └──────free────────┴──free──────────┘ │
 *                      FREE, ASSIGNED, OPEN ──cancel────┴─────────► CANCELED
 *
 * FREE has no host. ASSIGNED and OPEN have one: the scheduler or an admin assigns, the host itself opens. The last three
 * are final, unless an admin assigns such a task by force. An OPEN task may be `waiting` for those of its subtasks that are `awaited`.
 * Every change notifies `task:<id>`, `host:<id>` and `scheduler` once it is durable.
 */
import { BUILD_STATES, GenericError, ParameterError, TASK_STATES } from '@koji/core';
import type { OpenedTask } from '@koji/core/api';
import { double } from '@koji/core/wire';
import type { Double } from '@koji/core/wire';
import type { CallbackPayloads } from '@koji/plugin-sdk';
import type { Call } from '../../call.js';
import { anyOf, forUpdate, now, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { cancelBuild } from './build-canceling.js';
import { lockTask } from '../task-records/open-tasks.js';
import type { LockedTask } from '../task-records/open-tasks.js';
import { tell } from '../task-records/news.js';
import { findTasks, getTask, storedText, taskIs, taskResult } from '../task-records/task-records.js';
import { isFinished, stateName } from '../task-records/states.js';

type TaskStateChange = CallbackPayloads['preTaskStateChange'];
type Attribute = 'state' | 'host_id' | 'weight' | 'priority' | 'completion_ts';

/** The new value; for a state the number, which callbacks get as its name. */
type Changes = Partial<Record<Attribute, number | Double | null>>;

/** Runs `work` between the callbacks of a change; those after it only when `work` says that it changed something. */
async function change(
  call: Call,
  taskId: number,
  { changes, result }: { changes: Changes; result?: string },
  work: (result: string | undefined) => Promise<boolean>,
): Promise<boolean> {
  const { callbacks } = call.hub;
  if (!callbacks.has('preTaskStateChange') && !callbacks.has('postTaskStateChange')) {
    await getTask(call, taskId);
    return work(result);
  }
  const before = await getTask(call, taskId, { request: true });
  const info: Record<string, unknown> = { ...before, ...(result === undefined ? {} : { result }) };
  for (const [attribute, value] of Object.entries(changes) as [Attribute, number][])
    await call.runCallbacks('preTaskStateChange', payload(attribute, before[attribute], value, info));
  // A callback may have put another result into the info.
  if (!(await work(info.result as string | undefined))) return false;
  const after: Record<string, unknown> = { ...(await getTask(call, taskId, { request: true })) };
  if (after.state === TASK_STATES.CLOSED) after.result = await taskResult(call, taskId, false);
  for (const attribute of Object.keys(changes) as Attribute[])
    await call.runCallbacks(
      'postTaskStateChange',
      payload(attribute, before[attribute], after[attribute], after),
    );
  return true;
}

function payload(attribute: Attribute, old: unknown, value: unknown, info: object): TaskStateChange {
  const named = (v: unknown): unknown => (attribute === 'state' && v !== null ? stateName(Number(v)) : v);
  return { attribute, old: named(old), new: named(value), info } as TaskStateChange;
}

/** Whether the caller owns the task. A missing task is a GenericError. */
export async function callerOwnsTask(call: Call, taskId: number): Promise<boolean> {
  const { userId } = call.session;
  if (userId === null) return false;
  const row = await call.db.get<{ owner: number }>(sql`SELECT task.owner FROM task WHERE ${taskIs(taskId)}`);
  if (!row) throw new GenericError(`No such task: ${taskId}`);
  return row.owner === userId;
}

/**
 * Gives a task to a host, which has to open it. True when the host has it now; false when the task is finished, open or
 * another host's. With `force` it is taken from whatever it is in.
 */
export function assignTask(call: Call, taskId: number, hostId: number, force = false): Promise<boolean> {
  return claim(call, taskId, { hostId, state: TASK_STATES.ASSIGNED, force });
}

/** Opens a task for a host: the task with its request, or null when the host can't have it. */
export async function openTask(call: Call, taskId: number, hostId: number): Promise<OpenedTask | null> {
  if (!(await claim(call, taskId, { hostId, state: TASK_STATES.OPEN, force: false }))) return null;
  const [task] = await findTasks(call, taskIs(taskId), { request: true });
  if (!task) return null;
  return { ...task, request: storedText(task.request ?? '') };
}

function claim(
  call: Call,
  taskId: number,
  { hostId, state, force }: { hostId: number; state: number; force: boolean },
): Promise<boolean> {
  return change(call, taskId, { changes: { state, host_id: hostId } }, async () => {
    const task = await lockTask(call, taskId);
    if (!force) {
      const again = task.state === state && state === TASK_STATES.ASSIGNED && task.host_id === hostId;
      if (again) return true;
      if (!canClaim(task, hostId)) return false;
    }
    const started = state === TASK_STATES.OPEN ? sql`, start_time = ${now}` : sql``;
    await call.db.run(
      sql`UPDATE task SET state = ${state}, host_id = ${hostId}${started} WHERE ${taskIs(taskId)}`,
    );
    tell(call, { task: taskId, hosts: [hostId, task.host_id === hostId ? null : task.host_id] });
    return true;
  });
}

function canClaim({ state, host_id: holder }: LockedTask, hostId: number): boolean {
  return (
    (state === TASK_STATES.FREE && holder === null) || (state === TASK_STATES.ASSIGNED && holder === hostId)
  );
}

/** Takes a task from its host, for others to have. A free task faults as in Koji, a finished one too. */
export async function freeTask(call: Call, taskId: number): Promise<void> {
  await change(call, taskId, { changes: { state: TASK_STATES.FREE, host_id: null } }, async () => {
    const { state, host_id: holder } = await lockTask(call, taskId);
    if (state === TASK_STATES.FREE) throw new GenericError(`No such task: ${taskId}`);
    if (isFinished(state)) throw new GenericError(`Cannot free task ${taskId}, state is ${stateName(state)}`);
    await call.db.run(
      sql`UPDATE task SET state = ${TASK_STATES.FREE}, host_id = ${null} WHERE ${taskIs(taskId)}`,
    );
    tell(call, { task: taskId, hosts: [holder], plan: true });
    return true;
  });
}

/** Finishes a task; `result` is an XML-RPC response as text. */
export function closeTask(call: Call, taskId: number, result: string): Promise<void> {
  return finish(call, taskId, TASK_STATES.CLOSED, result);
}

/** Fails a task; `result` is an XML-RPC fault as text. */
export function failTask(call: Call, taskId: number, result: string): Promise<void> {
  return finish(call, taskId, TASK_STATES.FAILED, result);
}

async function finish(call: Call, taskId: number, state: number, result: string): Promise<void> {
  const changes = { state, completion_ts: double(Date.now() / 1000) };
  await change(call, taskId, { changes, result }, async (final) => {
    const task = await lockTask(call, taskId);
    await call.db.run(
      sql`UPDATE task SET state = ${state}, result = ${final ?? result}, completion_time = ${now} WHERE ${taskIs(taskId)}`,
    );
    await tellFinished(call, taskId, task);
    return true;
  });
}

/** The waiting parent is woken through its host; the host's own loop has nothing to do for what it finished itself. */
async function tellFinished(
  call: Call,
  taskId: number,
  task: LockedTask,
  hosts: (number | null)[] = [],
): Promise<void> {
  if (task.parent !== null && task.awaited) {
    const parent = await call.db.get<{ host_id: number | null }>(
      sql`SELECT task.host_id FROM task WHERE ${taskIs(task.parent)}`,
    );
    hosts.push(parent?.host_id ?? null);
  }
  tell(call, { task: taskId, hosts, plan: true, repos: task.method === 'newRepo' });
}

/**
 * Cancels a task with its unfinished build and, with `recurse`, everything below it.
 *
 * @returns whether it is canceled now; false for one that is closed or failed
 */
export async function cancelTask(call: Call, taskId: number, recurse = true): Promise<boolean> {
  let canceled = true;
  const changes = { state: TASK_STATES.CANCELED, completion_ts: double(Date.now() / 1000) };
  const changed = await change(call, taskId, { changes }, async () => {
    const task = await lockTask(call, taskId);
    if (isFinished(task.state)) {
      canceled = task.state === TASK_STATES.CANCELED;
      return false;
    }
    await call.db.run(
      sql`UPDATE task SET state = ${TASK_STATES.CANCELED}, completion_time = ${now} WHERE ${taskIs(taskId)}`,
    );
    await tellFinished(call, taskId, task, [task.host_id]);
    return true;
  });
  if (!changed) return canceled;
  const builds = await call.db.all<{ id: number }>(
    sql`SELECT id FROM build WHERE task_id = ${taskId} AND state = ${BUILD_STATES.BUILDING} ORDER BY id${forUpdate}`,
  );
  for (const build of builds) await cancelBuild(call, build.id);
  if (recurse) await cancelChildren(call, taskId);
  return true;
}

/** Cancels everything below a task. */
export async function cancelChildren(call: Call, taskId: number): Promise<void> {
  for (const child of await childrenOf(call, taskId)) await cancelTask(call, child);
}

async function childrenOf(call: Call, taskId: number): Promise<number[]> {
  const rows = await call.db.all<{ id: number }>(
    sql`SELECT id FROM task WHERE parent = ${taskId} ORDER BY id`,
  );
  return rows.map((row) => row.id);
}

/**
 * Cancels a whole tree, finished tasks in between notwithstanding. With `strict` the task must be its top, else the top
 * is looked for.
 */
export async function cancelTaskFull(call: Call, taskId: number, { strict = true } = {}): Promise<void> {
  const seen = new Set<number>();
  let top = taskId;
  for (;;) {
    if (seen.has(top)) throw new GenericError(`Task LOOP at task ${taskId}`);
    seen.add(top);
    const { parent } = await getTask(call, top);
    if (parent === null) break;
    if (strict) throw new GenericError(`Task ${taskId} is not top-level (parent=${parent})`);
    top = parent;
  }
  let level = [top];
  const canceled = new Set<number>();
  while (level.length > 0) {
    for (const id of level) {
      if (canceled.has(id)) throw new GenericError(`Task LOOP at task ${id}`);
      canceled.add(id);
      await cancelTask(call, id, false);
    }
    const below = await call.db.all<{ id: number }>(
      sql`SELECT id FROM task WHERE ${anyOf(sql`parent`, level)} ORDER BY id`,
    );
    level = below.map((row) => row.id);
  }
}

/** Sets how much load a task is. */
export async function setTaskWeight(call: Call, taskId: number, weight: number): Promise<void> {
  if (!(weight >= 0)) throw new ParameterError(`a task's weight must be a number from 0 on, not ${weight}`);
  await set(call, taskId, { weight: double(weight) }, sql`weight = ${weight}`);
  tell(call, { plan: true });
}

/** Sets the priority of a task (lower goes first) and, with `recurse`, of everything below it. */
export async function setTaskPriority(
  call: Call,
  taskId: number,
  priority: number,
  recurse = false,
): Promise<void> {
  await set(call, taskId, { priority }, sql`priority = ${priority}`);
  tell(call, { plan: true });
  if (!recurse) return;
  for (const child of await childrenOf(call, taskId)) await setTaskPriority(call, child, priority, true);
}

async function set(call: Call, taskId: number, changes: Changes, assignment: Sql): Promise<void> {
  await change(call, taskId, { changes }, async () => {
    await call.db.run(sql`UPDATE task SET ${assignment} WHERE ${taskIs(taskId)}`);
    return true;
  });
}

/** Whether a task is over. */
export async function isTaskFinished(call: Call, taskId: number): Promise<boolean> {
  return isFinished((await getTask(call, taskId)).state);
}
