import {
  ActionNotAllowed,
  GenericError,
  ParameterError,
  PreBuildError,
  TASK_STATES,
  plain,
  typeName,
} from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import { context, exported, option, pluginConfig } from '@koji/plugin-sdk';
import type {} from './index.js';

const config = pluginConfig('save_failed_tree', {
  permissions: {
    allowed_methods: option.words(['buildArch'], 'Methods of tasks whose buildroots may be saved; * for all'),
  },
});

/** Makes a task that packs the buildroot of a failed task, on the host that has it; for the task's owner and admins. */
export const saveFailedTree = exported({ doc: 'Save the buildroot of a failed task.' })(async (
  buildrootID: unknown,
  full: unknown = false,
  { ...opts }: Record<string, unknown> = {},
): Promise<number> => {
  const id = readId(buildrootID);
  const buildroot = await context.call('getBuildroot', [id], { strict: true });
  if (buildroot.task_id === null || buildroot.host_id === null)
    throw new GenericError(`Not a standard buildroot: ${id}`);
  const task = await context.call('getTaskInfo', [buildroot.task_id], { strict: true });
  await checkTask(task);
  return context.makeTask('saveFailedTree', [id, Boolean(full)], { named: opts, assign: buildroot.host_id });
});

function readId(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'boolean') return Math.trunc(Number(value));
  if (typeof value === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(value)) return Number(value);
  if (value === null) throw new ParameterError("Invalid type, expected type <class 'int'>");
  throw new ParameterError(
    `Invalid type for value '${plain(value)}': ${typeName(value)}, expected type <class 'int'>`,
  );
}

async function checkTask(task: TaskInfo): Promise<void> {
  if (task.state !== TASK_STATES.FAILED)
    throw new PreBuildError(`Task ${task.id} has not failed. Only failed tasks can upload their buildroots.`);
  const { allowed_methods: allowed } = config.permissions;
  const allowsAll = allowed.length === 1 && allowed[0] === '*';
  if (!allowsAll && !allowed.includes(task.method))
    throw new PreBuildError(
      `Only ${allowed.join(', ')} tasks can upload their buildroots (Task ${task.id} is ${task.method}).`,
    );
  if (task.owner !== context.session.userId && !context.session.hasPerm('admin'))
    throw new ActionNotAllowed("Only owner of failed task or 'admin' can run this task.");
  const host = task.host_id === null ? null : await context.call('getHost', [task.host_id]);
  if (!host?.enabled) throw new PreBuildError('Host is disabled.');
}
