/** Tasks that wait for their subtasks: which are awaited, which of those are finished, and what came of them. */
import { GenericError, ParameterError, TASK_STATES } from '@koji/core';
import type { HostTask } from '@koji/core/api';
import type { Call } from '../../call.js';
import { anyOf, boolAs, sql } from '../../db/sql.js';
import { tell } from './news.js';
import { byLabel, resultOf } from './task-records.js';
import { isFinished } from './states.js';

const finished = anyOf(sql`child.state`, [TASK_STATES.CLOSED, TASK_STATES.CANCELED, TASK_STATES.FAILED]);

/** Begins to wait for subtasks, null for all; an empty list changes nothing but that the task waits. */
export async function setWaiting(call: Call, parent: number, tasks: readonly number[] | null): Promise<void> {
  await call.db.run(sql`UPDATE task SET waiting = TRUE WHERE id = ${parent}`);
  if (tasks === null) await call.db.run(sql`UPDATE task SET awaited = TRUE WHERE parent = ${parent}`);
  else if (tasks.length > 0) {
    const listed = anyOf(sql`id`, tasks);
    await call.db.run(sql`UPDATE task SET awaited = TRUE WHERE parent = ${parent} AND ${listed}`);
    await call.db.run(
      sql`UPDATE task SET awaited = FALSE WHERE parent = ${parent} AND awaited = TRUE AND NOT (${listed})`,
    );
  } else call.log.warn(`task ${parent} waits for an empty list of subtasks`);
  tell(call, { plan: true });
}

/** The awaited subtasks: finished ones, which are no longer awaited, and the others. */
export async function takeFinished(call: Call, parent: number): Promise<[number[], number[]]> {
  const children = await call.db.all<{ id: number; state: number }>(
    sql`SELECT id, state FROM task WHERE parent = ${parent} AND awaited = TRUE${byLabel}`,
  );
  const done = children.filter(({ state }) => isFinished(state)).map(({ id }) => id);
  done.sort((a, b) => a - b);
  const rest = children.filter(({ state }) => !isFinished(state)).map(({ id }) => id);
  if (done.length > 0) await call.db.run(sql`UPDATE task SET awaited = FALSE WHERE ${anyOf(sql`id`, done)}`);
  return [done, rest];
}

/**
 * Ends the waiting: pairs of subtask and result, in the order asked for; null for all finished ones.
 *
 * @param canFail subtasks whose fault is answered as a struct instead of thrown
 * @throws the fault of another one that failed, GenericError for one that is not finished or canceled
 */
export async function takeResults(
  call: Call,
  parent: number,
  tasks: readonly number[] | null,
  canFail: readonly number[],
): Promise<[number, unknown][]> {
  await call.db.run(sql`UPDATE task SET waiting = FALSE WHERE id = ${parent}`);
  await call.db.run(sql`UPDATE task SET awaited = FALSE WHERE parent = ${parent}`);
  tell(call, { plan: true });
  const which = tasks === null ? sql`child.parent = ${parent} AND ${finished}` : anyOf(sql`child.id`, tasks);
  const rows = await call.db.all<{ id: number; state: number; result: string | null }>(
    sql`SELECT child.id, child.state, child.result FROM task child WHERE ${which}${byLabel}`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return (tasks ?? [...byId.keys()]).map((id) => {
    const row = byId.get(id);
    if (!row) throw new GenericError('No such task');
    const raise = !canFail.includes(id);
    if (!raise && row.state === TASK_STATES.CANCELED)
      return [id, { faultCode: GenericError.faultCode, faultString: `Task ${id} is canceled` }];
    return [id, resultOf(id, row, raise)];
  });
}

/** The open tasks of a host; `alert` on those that wait and should be woken. */
export async function hostTasks(call: Call, hostId: number): Promise<HostTask[]> {
  const rows = await call.db.all<Omit<HostTask, 'alert'> & { alert: boolean }>(
    sql`SELECT task.id, task.waiting, task.weight, ${boolAs(alert, 'alert')} FROM task
        WHERE task.host_id = ${hostId} AND task.state = ${TASK_STATES.OPEN} ORDER BY task.id`,
  );
  return rows.map(({ alert: woken, ...task }) => (woken ? { ...task, alert: true } : task));
}

const alert = sql`(task.waiting IS TRUE AND EXISTS
  (SELECT 1 FROM task child WHERE child.parent = task.id AND child.awaited = TRUE AND ${finished}))`;

/**
 * Whether a host's main loop has anything to look at: a task assigned to it, one of its tasks to wake, or one of the
 * tasks it believes it has that it no longer has.
 */
export async function hostHasWork(
  call: Call,
  hostId: number,
  held: readonly number[] | null,
): Promise<boolean> {
  const found = await call.db.get<{ id: number }>(
    sql`SELECT task.id FROM task WHERE task.host_id = ${hostId} AND (task.state = ${TASK_STATES.ASSIGNED}
        OR (task.state = ${TASK_STATES.OPEN} AND ${alert})) LIMIT 1`,
  );
  if (found) return true;
  if (held === null || held.length === 0) return false;
  const still = await call.db.all(
    sql`SELECT id FROM task WHERE host_id = ${hostId} AND state = ${TASK_STATES.OPEN} AND ${anyOf(sql`id`, held)}`,
  );
  return still.length < new Set(held).size;
}

/** Checks ids before they reach the database, whose columns hold 32 bits. */
export function checkIds(ids: readonly number[]): void {
  const wrong = ids.find((id) => Math.abs(id) > 0x7fffffff);
  if (wrong !== undefined) throw new ParameterError(`not a task id: ${wrong}`);
}
