import { ActionNotAllowed, GenericError, ParameterError, TASK_STATES } from '@koji/core';
import type { QueryOpts, TaskFilter, TaskListItem, TaskMethods, TaskOptions } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { epochColumn, stream } from '../db/rows.js';
import { id, sql } from '../db/sql.js';
import { lookupName } from '../domain/values/lookup.js';
import { getHost } from '../domain/task-records/hosts.js';
import { checkIds } from '../domain/task-records/waiting.js';
import { plain } from '../domain/values/repr.js';
import { listOutput, readOutput } from '../domain/task-records/output.js';
import {
  byLabel,
  decodeRequest,
  decodeStored,
  descendants,
  findTask,
  findTasks,
  getTask,
  taskIs,
  taskResult,
  tasksInOrder,
  withRequest,
} from '../domain/task-records/task-records.js';
import { isFinished } from '../domain/task-records/states.js';
import { taskConditions } from '../domain/task-records/task-filters.js';
import { makeTask } from '../domain/tasks/make-task.js';
import { hostHasTask } from '../domain/task-records/open-tasks.js';
import {
  callerOwnsTask,
  cancelChildren,
  cancelTask,
  cancelTaskFull,
  freeTask,
  isTaskFinished,
  setTaskPriority,
} from '../domain/tasks/tasks.js';
import { giveTask, lockScheduler } from '../scheduler/run.js';
import { untilNews } from './long-polls.js';

/** Handlers of the methods about tasks. */
export const tasks: Handlers<TaskMethods> = {
  makeTask({ method, arglist, keywords }, call) {
    return makeTask(call, method, arglist, taskOptions(keywords));
  },

  async getTaskInfo({ task_id: taskId, request, strict }, call) {
    const wanted = Array.isArray(taskId) ? taskId : [taskId];
    const found = await tasksInOrder(call, wanted, { request });
    if (strict && found.includes(null)) throw new GenericError('query returned no rows');
    return Array.isArray(taskId) ? found : (found[0] ?? null);
  },

  async getTaskChildren({ task_id: taskId, request, strict }, call) {
    if (strict) await getTask(call, taskId);
    checkIds([taskId]);
    return (await findTasks(call, sql`task.parent = ${taskId}`, { request, order: byLabel })).map(
      withRequest,
    );
  },

  async getTaskDescendents({ task_id: taskId, request }, call) {
    const byParent = await descendants(call, taskId, { request });
    return Object.fromEntries(byParent);
  },

  async getTaskRequest({ taskId }, call) {
    const [task] = await findTasks(call, taskIs(taskId), { request: true });
    if (!task) throw new GenericError('query returned no rows');
    return decodeRequest(task.request ?? '');
  },

  getTaskResult: ({ taskId, raise_fault: raise }, call) => taskResult(call, taskId, raise),

  listTasks: ({ opts, queryOpts }, call) => listTasks(call, opts ?? {}, queryOpts),

  taskFinished: ({ taskId }, call) => isTaskFinished(call, taskId),

  async cancelTask({ task_id: taskId, recurse }, call) {
    await assertMayCancel(call, taskId);
    await cancelTask(call, taskId, recurse);
    return null;
  },

  async cancelTaskFull({ task_id: taskId, strict }, call) {
    await cancelTaskFull(call, taskId, { strict });
    return null;
  },

  async cancelTaskChildren({ task_id: taskId }, call) {
    await assertMayCancel(call, taskId);
    await cancelChildren(call, taskId);
    return null;
  },

  async freeTask({ task_id: taskId }, call) {
    await freeTask(call, taskId);
    return null;
  },

  async setTaskPriority({ task_id: taskId, priority, recurse }, call) {
    if (await isTaskFinished(call, taskId))
      throw new GenericError("Finished task's priority can't be updated");
    await setTaskPriority(call, taskId, priority, recurse);
    return null;
  },

  async assignTask({ task_id: taskId, host, force, override }, call) {
    const { id: hostId } = await getHost(call, host);
    await lockScheduler(call);
    return giveTask(call, taskId, hostId, { force, override });
  },

  async resubmitTask({ taskID: taskId }, call) {
    const task = await getTask(call, taskId, { request: true });
    if (task.state !== TASK_STATES.CANCELED && task.state !== TASK_STATES.FAILED)
      throw new GenericError('only canceled or failed tasks may be resubmitted');
    if (task.parent !== null) throw new GenericError('only top-level tasks may be resubmitted');
    if (call.session.userId !== task.owner && !call.session.hasPerm('admin'))
      throw new GenericError('only the task owner or an admin may resubmit a task');
    const { name: channel } = await lookupName(call, 'channels', task.channel_id, { strict: true });
    const { arch, priority } = task;
    return makeTask(call, task.method, task.request ?? [], { arch, channel, priority });
  },

  async listTaskOutput({ taskID: taskId, stat, all_volumes: allVolumes, strict }, call) {
    if (strict && !(await findTask(call, taskId))) throw new GenericError("Task doesn't exist");
    return listOutput(call, taskId, { stat, allVolumes });
  },

  async downloadTaskOutput({ taskID: taskId, fileName, offset, size, volume: wanted }, call) {
    const volume = wanted ? await lookupName(call, 'volume', wanted) : { name: 'DEFAULT' };
    if (!volume) throw new GenericError(`No such volume: ${plain(wanted)}`);
    const piece = { offset: offset ?? 0, size, volume: volume.name };
    return (await readOutput(call, taskId, fileName, piece)).toString('base64');
  },

  async waitTask({ task_id: taskId, state: known, timeout }, call) {
    let seen = known;
    return untilNews(call, {
      channel: `task:${taskId}`,
      timeout,
      look: () => call.read((reading) => getTask(reading, taskId)),
      isNews: ({ state }) => {
        seen ??= state;
        return state !== seen || isFinished(state);
      },
    });
  },
};

/** The options that may make a task; anything else is refused by name. */
export function taskOptions(given: Record<string, unknown>): TaskOptions {
  if (Object.hasOwn(given, 'owner')) throw new ActionNotAllowed('The owner option is not allowed here');
  const known = ['parent', 'label', 'channel', 'arch', 'priority', 'assign'];
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ParameterError(`'${unknown}' is no option of a task; there are ${known.join(', ')}`);
  return given;
}

async function assertMayCancel(call: Call, taskId: number): Promise<void> {
  if ((await callerOwnsTask(call, taskId)) || (await hostHasTask(call, taskId, call.session.hostId))) return;
  if (!call.session.hasPerm('admin')) throw new ActionNotAllowed('Cannot cancel task, not owner');
}

const plainColumns = [
  'id',
  'state',
  'create_time',
  'start_time',
  'completion_time',
  'channel_id',
  'host_id',
  'parent',
  'label',
  'waiting',
  'awaited',
  'owner',
  'method',
  'arch',
  'priority',
  'weight',
  'request',
  'result',
];

const columns = {
  ...Object.fromEntries(plainColumns.map((name) => [name, id(`task.${name}`)])),
  create_ts: epochColumn(sql`task.create_time`),
  start_ts: epochColumn(sql`task.start_time`),
  completion_ts: epochColumn(sql`task.completion_time`),
  owner_name: sql`users.name`,
  owner_type: sql`users.usertype`,
};

function listTasks(
  call: Call,
  opts: TaskFilter,
  queryOpts: QueryOpts | null,
): Promise<TaskListItem[] | AsyncIterable<TaskListItem>> {
  const decode = Boolean(opts.decode) && !queryOpts?.asList;
  return stream<TaskListItem>(call.db, {
    columns,
    from: sql`task LEFT JOIN users ON users.id = task.owner`,
    where: taskConditions(opts, queryOpts),
    opts: queryOpts,
    key: sql`task.id`,
    ...(decode ? { transform: decoded } : {}),
  });
}

function decoded(task: TaskListItem): TaskListItem {
  const read = (text: unknown): unknown =>
    typeof text === 'string' && text !== '' ? decodeStored(text) : text;
  return { ...task, request: read(task.request), result: read(task.result) };
}
