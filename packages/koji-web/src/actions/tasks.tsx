import type { FC } from 'hono/jsx';
import type { TaskInfo } from '@koji/core/api';
import { found } from '../errors.js';
import { findTask } from '../lists.js';
import { TaskStateChip } from '../parts/states.js';
import { TaskLink } from '../parts/things.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { ActionRequest } from './action.js';
import type { ActionRoutes } from './routes.js';

const load = async ({ calls, params }: ActionRequest<ActionRoutes['canceltask']>): Promise<TaskInfo> =>
  found(await findTask(calls, params.taskID), 'task', params.taskID);

const back = ({ id }: TaskInfo): string => link('taskinfo', { taskID: id });

const Which: FC<{ task: TaskInfo }> = ({ task }) => (
  <p>
    <TaskLink id={task.id} task={task} /> <TaskStateChip state={task.state} />
  </p>
);

/** Cancels a task with all that belong to it. */
export const canceltask = action('canceltask', {
  menu: 'Tasks',
  fields: {},
  load,
  title: ({ id }) => `Cancel task ${id}?`,
  show: (task) => (
    <>
      <Which task={task} />
      <p>Its subtasks are canceled, too. What they did so far is lost.</p>
    </>
  ),
  button: 'Cancel the task',
  isGrave: true,
  back,
  async run({ calls, data }) {
    await calls.cancelTask(data.id);
    return back(data);
  },
});

/** Frees a task, so that a builder starts it from the beginning. */
export const freetask = action('freetask', {
  menu: 'Tasks',
  fields: {},
  load,
  title: ({ id }) => `Free task ${id}?`,
  show: (task) => (
    <>
      <Which task={task} />
      <p>A builder starts it from the beginning.</p>
    </>
  ),
  button: 'Free the task',
  back,
  async run({ calls, data }) {
    await calls.freeTask(data.id);
    return back(data);
  },
});

/** Makes the same task again. */
export const resubmittask = action('resubmittask', {
  menu: 'Tasks',
  fields: {},
  load,
  title: ({ id }) => `Resubmit task ${id}?`,
  show: (task) => (
    <>
      <Which task={task} />
      <p>A new task with the same parameters is made.</p>
    </>
  ),
  button: 'Resubmit the task',
  back,
  run: async ({ calls, data }) => link('taskinfo', { taskID: await calls.resubmitTask(data.id) }),
});
