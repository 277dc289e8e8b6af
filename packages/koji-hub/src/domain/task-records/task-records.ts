import { GenericError, TASK_STATES, faultFromWire } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import { decodeMessage } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { anyOf, epoch, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { isFinished } from './states.js';

/** The columns of {@link TaskInfo}, of `task`. */
export const taskColumns = sql`task.id, task.state, task.create_time, ${epoch('task.create_time', 'create_ts')},
  task.start_time, ${epoch('task.start_time', 'start_ts')},
  task.completion_time, ${epoch('task.completion_time', 'completion_ts')},
  task.channel_id, task.host_id, task.parent, task.label, task.waiting, task.awaited, task.owner, task.method,
  task.arch, task.priority, task.weight`;

/** A task with its request still encoded. */
export type StoredTask = Omit<TaskInfo, 'request'> & { request?: string };

/** The order in which Koji's index has the subtasks of a task. */
export const byLabel = sql` ORDER BY label NULLS LAST, id`;

/** Tasks that fulfil a condition (on `task`), by id; with their encoded requests where asked for. */
export function findTasks(
  call: Call,
  condition: Sql,
  { request = false, order = sql` ORDER BY task.id` } = {},
): Promise<StoredTask[]> {
  const columns = request ? sql`${taskColumns}, task.request` : taskColumns;
  return call.db.all<StoredTask>(sql`SELECT ${columns} FROM task WHERE ${condition}${order}`);
}

/** A task as returned by getTaskInfo; null if there is none. */
export async function findTask(
  call: Call,
  taskId: number,
  { request = false } = {},
): Promise<TaskInfo | null> {
  const [task] = await findTasks(call, taskIs(taskId), { request });
  return task ? withRequest(task) : null;
}

/** As {@link findTask}, but a missing task is a GenericError in Koji's words for it. */
export async function getTask(
  call: Call,
  taskId: number,
  options: { request?: boolean } = {},
): Promise<TaskInfo> {
  const task = await findTask(call, taskId, options);
  if (!task) throw new GenericError('query returned no rows');
  return task;
}

/** Several tasks in the order of the ids, null for those missing. */
export async function tasksInOrder(
  call: Call,
  taskIds: readonly number[],
  options: { request?: boolean } = {},
): Promise<(TaskInfo | null)[]> {
  const known = taskIds.filter(isPossible);
  const found = await findTasks(call, anyOf(sql`task.id`, known), options);
  const byId = new Map(found.map((task) => [task.id, withRequest(task)]));
  return taskIds.map((id) => byId.get(id) ?? null);
}

/** The task with the request, if it has one, decoded. */
export function withRequest(task: StoredTask): TaskInfo {
  const { request, ...info } = task;
  return request === undefined ? info : { ...info, request: decodeRequest(request) };
}

/** `task.id = …`; never true for a number that no id can be, which PostgreSQL would refuse to compare. */
export function taskIs(taskId: number): Sql {
  return isPossible(taskId) ? sql`task.id = ${taskId}` : sql`1 = 0`;
}

function isPossible(taskId: number): boolean {
  return Math.abs(taskId) <= 0x7fffffff;
}

/** The parameters in a stored request. */
export function decodeRequest(text: string): unknown[] {
  const message = decodeMessage(storedBytes(text));
  if (message.kind !== 'call') throw new GenericError(`a task's request is stored as a ${message.kind}`);
  return message.params;
}

/** Decodes a stored request or result: a request's parameters, a response's value in a list as in Koji, a fault as a struct. */
export function decodeStored(text: string): unknown {
  const message = decodeMessage(storedBytes(text));
  switch (message.kind) {
    case 'call':
      return message.params;
    case 'response':
      return [message.value];
    case 'fault':
      return { faultCode: message.faultCode, faultString: message.faultString };
  }
}

/** Databases of very old hubs hold the documents in base64. */
export function storedText(text: string): string {
  return text.slice(0, 10).includes('<?xml') ? text : Buffer.from(text, 'base64').toString('utf8');
}

function storedBytes(text: string): Uint8Array {
  return Buffer.from(storedText(text));
}

/**
 * The result of a finished task. That of a failed one is its fault: thrown, or with `raise` false a struct.
 *
 * @throws GenericError when there is no such task, it is canceled, or not finished
 */
export async function taskResult(call: Call, taskId: number, raise: boolean): Promise<unknown> {
  const task = await call.db.get<{ state: number; result: string | null }>(
    sql`SELECT task.state, task.result FROM task WHERE ${taskIs(taskId)}`,
  );
  if (!task) throw new GenericError('No such task');
  return resultOf(taskId, task, raise);
}

/** As {@link taskResult}, of a task that was read already. */
export function resultOf(
  taskId: number,
  { state, result }: { state: number; result: string | null },
  raise: boolean,
): unknown {
  if (state === TASK_STATES.CANCELED) throw new GenericError(`Task ${taskId} is canceled`);
  if (!isFinished(state) || result === null) throw new GenericError(`Task ${taskId} is not finished`);
  const message = decodeMessage(storedBytes(result));
  if (message.kind === 'call') return message.params[0];
  if (message.kind === 'response') return message.value;
  const { faultCode, faultString } = message;
  if (raise) throw faultFromWire(faultCode, faultString);
  return { faultCode, faultString };
}

/** All tasks below a task, by parent. */
export async function descendants(
  call: Call,
  taskId: number,
  options: { request?: boolean } = {},
): Promise<Map<number, TaskInfo[]>> {
  const children = new Map<number, TaskInfo[]>([[taskId, []]]);
  let level = [taskId];
  while (level.length > 0) {
    const below = await findTasks(call, anyOf(sql`task.parent`, level.filter(isPossible)), options);
    level = [];
    for (const task of below) {
      // A task that was met already would go round for ever.
      if (children.has(task.id)) continue;
      children.set(task.id, []);
      children.get(task.parent as number)?.push(withRequest(task));
      level.push(task.id);
    }
  }
  return children;
}
