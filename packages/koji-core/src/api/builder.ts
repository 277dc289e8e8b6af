import { any, arg, dict, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { wholeNumber } from './tasks.js';
import type { OpenedTask } from './tasks.js';
import { buildRef, nameOrId } from './types.js';
import type { Float, HostInfo } from './types.js';

/** A task assigned to the host. */
export interface AssignedTask {
  readonly id: number;
  readonly state: number;
  readonly channel_id: number;
  readonly host_id: number;
  readonly arch: string;
  readonly method: string;
  readonly priority: number;
  readonly create_ts: Float;
}

/** An open task of the host. `alert` is set if the task is waiting and a subtask it waits for has finished. */
export interface HostTask {
  readonly id: number;
  readonly waiting: boolean | null;
  readonly weight: Float;
  readonly alert?: true;
}

const nothing = shape<null>('null');
const newTask = shape<number>('int');

/** Methods that builders call to check in, take tasks, report results, and create and await subtasks. */
export const builderMethods = {
  'host.getID': method({
    doc: 'The id of the calling builder.',
    needs: 'host',
    access: 'lookup',
    args: [],
    result: shape<number>('int'),
    faults: ['AuthError'],
  }),
  'host.getHost': method({
    doc: 'The calling builder.',
    needs: 'host',
    access: 'read',
    args: [],
    result: shape<HostInfo>('host'),
    faults: ['AuthError', 'GenericError'],
  }),
  'host.isEnabled': method({
    doc: 'Whether the calling builder is enabled.',
    needs: 'host',
    access: 'lookup',
    args: [],
    result: shape<boolean>('bool'),
    faults: ['AuthError', 'GenericError'],
  }),
  'host.updateHost': method({
    doc: 'Check in: the load of the open tasks, whether the builder would take another, and data for the scheduler.',
    needs: 'host',
    access: 'write',
    args: [
      arg('task_load', any<number | string>('float')),
      arg('ready', any<boolean>('bool')),
      arg('data', any<Readonly<Record<string, unknown>> | null>('dict | null'), null),
    ],
    result: nothing,
    faults: ['AuthError', 'ParameterError'],
  }),
  'host.setHostData': method({
    doc: 'Store data for the scheduler: a struct, or JSON text of one from older builders.',
    needs: 'host',
    access: 'write',
    args: [arg('hostdata', any<Readonly<Record<string, unknown>> | string>('dict | str'))],
    result: nothing,
    faults: ['AuthError', 'ParameterError'],
  }),
  'host.getTasks': method({
    doc: 'The tasks assigned to the builder, the most urgent first.',
    needs: 'host',
    access: 'write',
    args: [],
    result: list(shape<AssignedTask>('task')),
    faults: ['AuthError'],
  }),
  'host.getLoadData': method({
    doc: 'The calling builder with its channels, and the tasks assigned to it; for older builders.',
    needs: 'host',
    access: 'write',
    args: [],
    result: shape<[(HostInfo & { channels: number[] })[], AssignedTask[]]>('list(host), list(task)'),
    faults: ['AuthError', 'GenericError'],
  }),
  'host.getHostTasks': method({
    doc: 'The open tasks of the builder, those that a finished subtask should wake marked with `alert`.',
    needs: 'host',
    access: 'read',
    args: [],
    result: list(shape<HostTask>('task')),
    faults: ['AuthError'],
  }),
  'host.waitForTasks': method({
    doc:
      'Wait until the builder has something to look at: a task assigned to it, a subtask that one of its tasks awaits ' +
      'finished, or a task of `tasks` that it no longer has. A builder that waits counts as checked in. Not in Koji.',
    needs: 'host',
    access: 'none',
    args: [arg('timeout', wholeNumber, 60), arg('tasks', nullable(list(wholeNumber)), null)],
    result: shape<boolean>('bool'),
    returns: 'true when there is something, false after `timeout` seconds (600 at most)',
    faults: ['AuthError'],
  }),
  'host.openTask': method({
    doc: 'Take a task: the task with its request, or null when somebody else has it or it is finished.',
    needs: 'host',
    access: 'write',
    args: [arg('task_id', wholeNumber)],
    result: nullable(shape<OpenedTask>('task')),
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.closeTask': method({
    doc: 'Finish a task with its result, an XML-RPC response as text.',
    needs: 'host',
    access: 'write',
    args: [arg('task_id', wholeNumber), arg('response', any<string>('str'))],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.failTask': method({
    doc: 'Fail a task with its fault, an XML-RPC fault as text.',
    needs: 'host',
    access: 'write',
    args: [arg('task_id', wholeNumber), arg('response', any<string>('str'))],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.freeTasks': method({
    doc: 'Give open tasks back; those that the builder does not have are left alone.',
    needs: 'host',
    access: 'write',
    args: [arg('tasks', list(wholeNumber))],
    result: nothing,
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.refuseTask': method({
    doc: 'Decline a task: for a while, or with soft false for good. It is freed for other hosts.',
    needs: 'host',
    access: 'write',
    args: [
      arg('task_id', wholeNumber),
      arg('soft', any<boolean>('bool'), true),
      arg('msg', any<string>('str'), ''),
    ],
    result: nothing,
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.setTaskWeight': method({
    doc: 'Say how much load an open task is.',
    needs: 'host',
    access: 'write',
    args: [arg('task_id', wholeNumber), arg('weight', any<number>('float'))],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.subtask': method({
    doc: 'Make a subtask: options label, arch, channel, priority, assign; the one that has the label is answered again.',
    needs: 'host',
    access: 'write',
    args: [arg('method', any<string>('str')), arg('arglist', list(any())), arg('parent', wholeNumber)],
    keywords: true,
    keywordsName: 'opts',
    result: newTask,
    returns: 'id of the subtask',
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.subtask2': method({
    doc: 'Make a subtask: parent, options, method, then its parameters by position and by name.',
    needs: 'host',
    access: 'write',
    args: [arg('parent', wholeNumber), arg('taskopts', dict), arg('method', str)],
    rest: true,
    keywords: true,
    keywordsName: 'opts',
    result: newTask,
    returns: 'id of the subtask',
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.taskSetWait': method({
    doc: 'Begin to wait for subtasks of a task: those listed, or all for null.',
    needs: 'host',
    access: 'write',
    args: [arg('parent', wholeNumber), arg('tasks', nullable(list(wholeNumber)))],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.taskWait': method({
    doc: 'The awaited subtasks: ids of finished ones, which are no longer awaited, and of the others.',
    needs: 'host',
    access: 'write',
    args: [arg('parent', wholeNumber)],
    result: shape<[number[], number[]]>('list(int), list(int)'),
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.taskWaitResults': method({
    doc: 'Stop waiting: pairs of id and result. A failed subtask throws, unless it is in canfail: then a fault struct.',
    needs: 'host',
    access: 'write',
    args: [
      arg('parent', wholeNumber),
      arg('tasks', nullable(list(wholeNumber))),
      arg('canfail', nullable(list(wholeNumber)), null),
    ],
    result: list(shape<[number, unknown]>('int, any')),
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.tagNotification': method({
    doc: 'Start a tagNotification task that notifies the subscribers of a tagging.',
    needs: 'host',
    access: 'write',
    args: [
      arg('is_successful', any<boolean>('bool')),
      arg('tag_id', nullable(nameOrId)),
      arg('from_id', nullable(nameOrId)),
      arg('build_id', buildRef),
      arg('user_id', any<number | string | null>('int | str | null')),
      arg('ignore_success', any<boolean>('bool'), false),
      arg('failure_msg', any<string>('str'), ''),
    ],
    result: nothing,
    faults: ['AuthError', 'GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type BuilderMethods = typeof builderMethods;
