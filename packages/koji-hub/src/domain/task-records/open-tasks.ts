import { ActionNotAllowed, GenericError, TASK_STATES } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { forUpdate, sql } from '../../db/sql.js';
import { findTasks, getTask, taskIs } from './task-records.js';

/** The fields needed for changing a task. */
export interface LockedTask {
  readonly state: number;
  readonly host_id: number | null;
  readonly parent: number | null;
  readonly awaited: boolean | null;
  readonly method: string;
}

/** The task's row, locked against other calls until the transaction ends. */
export async function lockTask(call: Call, taskId: number): Promise<LockedTask> {
  const row = await call.db.get<LockedTask>(
    sql`SELECT task.state, task.host_id, task.parent, task.awaited, task.method FROM task WHERE ${taskIs(taskId)}${forUpdate}`,
  );
  if (!row) throw new GenericError(`No such task: ${taskId}`);
  return row;
}

/** Whether the host has the task open. A missing task is a GenericError. */
export async function hostHasTask(call: Call, taskId: number, hostId: number | null): Promise<boolean> {
  if (hostId === null) return false;
  const { state, host_id: holder } = await lockTask(call, taskId);
  return state === TASK_STATES.OPEN && holder === hostId;
}

/** Throws ActionNotAllowed unless the host has the task open. */
export async function assertHostHasTask(call: Call, taskId: number, hostId: number): Promise<void> {
  if (!(await hostHasTask(call, taskId, hostId)))
    throw new ActionNotAllowed(`host ${hostId} does not own task ${taskId}`);
}

/** As {@link assertHostHasTask}, but tasks that nobody has pass, and missing ones. */
export async function assertNotOtherHosts(call: Call, taskId: number, hostId: number): Promise<void> {
  const [task] = await findTasks(call, taskIs(taskId));
  if (task && task.state !== TASK_STATES.FREE) await assertHostHasTask(call, taskId, hostId);
}

/**
 * The task, which the calling builder must have open.
 *
 * @throws AuthError if the caller is not a builder, ActionNotAllowed if it does not have the task
 */
export async function assertTaskHost(call: Call, taskId: number): Promise<TaskInfo> {
  await assertHostHasTask(call, taskId, call.session.assertHost());
  return getTask(call, taskId);
}
