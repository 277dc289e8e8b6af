import {
  answersBy,
  any,
  arg,
  bool,
  dict,
  either,
  flag,
  list,
  method,
  nullable,
  shape,
  str,
} from './method.js';
import type { AnswerRule, ArgType, Methods } from './method.js';
import { nameOrId, queryOpts } from './types.js';
import type { Float, NameOrId, TaskId, Timestamp } from './types.js';

/** A whole number, or a string with one, as Koji accepts ids; the handler gets a number. */
export const wholeNumber: ArgType<number> = {
  name: 'int',
  is: (v) =>
    typeof v === 'boolean' ||
    (typeof v === 'number' && Number.isFinite(v)) ||
    (typeof v === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(v)),
  read: (v) => Math.trunc(Number(v)),
};

/** A task as returned by getTaskInfo. */
export interface TaskInfo {
  readonly id: number;
  /** One of `TaskState`. */
  readonly state: number;
  readonly create_time: Timestamp;
  /** Epoch seconds, like all `_ts` fields. */
  readonly create_ts: Float;
  readonly start_time: Timestamp | null;
  readonly start_ts: Float | null;
  readonly completion_time: Timestamp | null;
  readonly completion_ts: Float | null;
  readonly channel_id: number;
  readonly host_id: number | null;
  readonly parent: number | null;
  readonly label: string | null;
  /** True if it is waiting for subtasks. */
  readonly waiting: boolean | null;
  /** True if its parent is waiting for it. */
  readonly awaited: boolean | null;
  /** The owner's user id. */
  readonly owner: number;
  readonly method: string;
  readonly arch: string;
  /** Lower numbers run first. */
  readonly priority: number;
  readonly weight: Float;
  /** The decoded parameters, if requested. */
  readonly request?: unknown[];
}

/** A task in a list, with its request and result as XML text unless `decode` was set. */
export interface TaskListItem extends Omit<TaskInfo, 'request'> {
  readonly owner_name: string;
  /** One of `UserType`. */
  readonly owner_type: number;
  readonly request: unknown;
  readonly result: unknown;
}

/** A task that was just opened, with its request as XML text. */
export interface OpenedTask extends Omit<TaskInfo, 'request'> {
  readonly request: string;
}

/** Options of a new task. The parent or Koji's defaults provide absent ones. */
export interface TaskOptions {
  readonly parent?: number | string;
  /** Only for subtasks; a label is unique within a parent. */
  readonly label?: string | null;
  /** User id or name. */
  readonly owner?: number | string;
  readonly channel?: NameOrId;
  readonly arch?: string | null;
  readonly priority?: number | string;
  /** A host, by id or name, that gets the task directly, bypassing the scheduler. */
  readonly assign?: number | string;
}

/** Filter of listTasks. */
export interface TaskFilter {
  readonly arch?: readonly string[];
  readonly not_arch?: readonly string[];
  readonly state?: readonly number[];
  readonly not_state?: readonly number[];
  readonly owner?: number | readonly number[] | null;
  readonly not_owner?: number | readonly number[] | null;
  readonly host_id?: number | readonly number[] | null;
  readonly not_host_id?: number | readonly number[] | null;
  readonly channel_id?: number | readonly number[] | null;
  readonly not_channel_id?: number | readonly number[] | null;
  readonly parent?: number | readonly number[] | null;
  readonly not_parent?: number | readonly number[] | null;
  readonly method?: string;
  /** Decode request and result. */
  readonly decode?: boolean;
  /** Times, here and below: epoch seconds or text. */
  readonly createdBefore?: number | string | null;
  readonly createdAfter?: number | string | null;
  readonly startedBefore?: number | string | null;
  readonly startedAfter?: number | string | null;
  readonly completeBefore?: number | string | null;
  readonly completeAfter?: number | string | null;
  readonly completedBefore?: number | string | null;
  readonly completedAfter?: number | string | null;
}

/** Information about a file that a task uploaded. */
export interface OutputStat {
  readonly st_atime: Float;
  readonly st_mtime: Float;
  readonly st_ctime: Float;
  /** Bytes, as a string. */
  readonly st_size: string;
}

/** Names; with `stat` or `all_volumes` a map by name of file information, volumes, or file information by volume. */
export type TaskOutput =
  | string[]
  | Record<string, OutputStat>
  | Record<string, string[]>
  | Record<string, Record<string, OutputStat>>;

/** One task for one id, a list for a list of ids; never null with `strict`. */
export interface TaskInfoAnswer extends AnswerRule {
  readonly answer: this['args'] extends { readonly strict: true }
    ? ForIds<this['args'], TaskInfo>
    : ForIds<this['args'], TaskInfo | null>;
}

type ForIds<A, T> = A extends { readonly task_id: infer I }
  ? I extends readonly unknown[]
    ? T[]
    : T
  : T | T[];

/** The result of the handler, or the fault as a struct if it is not thrown. */
export interface TaskResultAnswer extends AnswerRule {
  readonly answer: this['args'] extends { readonly raise_fault: true }
    ? ResultFor<this['args']>
    : this['args'] extends { readonly raise_fault: boolean }
      ? ResultFor<this['args']> | TaskFault
      : ResultFor<this['args']>;
}

type ResultFor<A> = A extends { readonly taskId: TaskId<infer R> } ? R : unknown;

/** The fault of a failed task as returned by `getTaskResult` with `raise_fault: false`. */
export interface TaskFault {
  readonly faultCode: number;
  readonly faultString: string;
}

/** Names, file information with `stat`, volumes with `all_volumes`, or both. */
export interface TaskOutputAnswer extends AnswerRule {
  readonly answer: this['args'] extends { readonly stat: true; readonly all_volumes: true }
    ? Record<string, Record<string, OutputStat>>
    : this['args'] extends { readonly stat: true }
      ? Record<string, OutputStat>
      : this['args'] extends { readonly all_volumes: true }
        ? Record<string, string[]>
        : this['args'] extends { readonly stat: boolean } | { readonly all_volumes: boolean }
          ? TaskOutput
          : string[];
}

const taskInfo = shape<TaskInfo>('task');
const taskId: ArgType<TaskId> = wholeNumber;
const nothing = shape<null>('null');

/** The tasks API for users. */
export const taskMethods = {
  makeTask: method({
    doc: 'Make any task: method, list of parameters, then the options parent, label, arch, channel, priority, assign.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('method', any<string>('str')), arg('arglist', list(any()))],
    keywords: true,
    result: shape<number>('int'),
    returns: 'id of the new task',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
    wrapped: true,
  }),
  getTaskInfo: method({
    doc: 'A task, or a list of them for a list of ids; with `request` also the decoded parameters.',
    needs: 'none',
    access: 'lookup',
    args: [
      arg('task_id', either(list(wholeNumber), wholeNumber)),
      arg('request', flag, false),
      arg('strict', flag, false),
    ],
    result: shape<TaskInfo | null | (TaskInfo | null)[]>('task | null | list(task | null)'),
    ...answersBy<TaskInfoAnswer>(),
    faults: ['GenericError', 'ParameterError'],
  }),
  getTaskChildren: method({
    doc: 'The subtasks of a task.',
    needs: 'none',
    access: 'read',
    args: [arg('task_id', wholeNumber), arg('request', flag, false), arg('strict', flag, false)],
    result: list(taskInfo),
    faults: ['GenericError', 'ParameterError'],
  }),
  getTaskDescendents: method({
    doc: 'The subtasks of a task and of all tasks below it, by id (as text) of the parent.',
    needs: 'none',
    access: 'read',
    args: [arg('task_id', wholeNumber), arg('request', flag, false)],
    result: shape<Record<string, TaskInfo[]>>('dict(list(task))'),
    faults: ['ParameterError'],
  }),
  getTaskRequest: method({
    doc: 'The parameters of a task.',
    needs: 'none',
    access: 'lookup',
    args: [arg('taskId', wholeNumber)],
    result: list(any()),
    faults: ['GenericError', 'ParameterError'],
  }),
  getTaskResult: method({
    doc: 'The result of a finished task; that of a failed one is its fault, thrown or, without raise_fault, as a struct.',
    needs: 'none',
    access: 'lookup',
    args: [arg('taskId', taskId), arg('raise_fault', flag, true)],
    result: any(),
    ...answersBy<TaskResultAnswer>(),
    faults: ['GenericError', 'ParameterError'],
  }),
  listTasks: method({
    doc: 'Tasks that fit every given filter.',
    needs: 'none',
    access: 'read',
    args: [arg('opts', nullable(dict as ArgType<TaskFilter>), null), arg('queryOpts', queryOpts, null)],
    result: shape<TaskListItem[]>('list(task)'),
    returns: 'a list; with queryOpts countOnly their number, with asList rows as lists',
    faults: ['GenericError', 'ParameterError'],
  }),
  taskFinished: method({
    doc: 'Whether a task is closed, canceled or failed.',
    needs: 'none',
    access: 'lookup',
    args: [arg('taskId', wholeNumber)],
    result: bool,
    faults: ['GenericError', 'ParameterError'],
  }),
  cancelTask: method({
    doc: 'Cancel a task, and what is below it unless `recurse` is false. For its owner, its host and admins.',
    needs: 'none',
    access: 'write',
    args: [arg('task_id', wholeNumber), arg('recurse', flag, true)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  cancelTaskFull: method({
    doc: 'Cancel a top-level task and everything below it; with strict false, the tree that the task is in.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('task_id', wholeNumber), arg('strict', flag, true)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  cancelTaskChildren: method({
    doc: 'Cancel everything below a task. For its owner, its host and admins.',
    needs: 'login',
    access: 'write',
    args: [arg('task_id', wholeNumber)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  freeTask: method({
    doc: 'Put a task back, so that another host can take it.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('task_id', wholeNumber)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  setTaskPriority: method({
    doc: 'Change the priority of an unfinished task and, unless `recurse` is false, of everything below it.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('task_id', wholeNumber), arg('priority', wholeNumber), arg('recurse', flag, true)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  assignTask: method({
    doc: 'Give a task to a host: with `force` one that is not free, with `override` so that the scheduler leaves it there.',
    needs: 'perm:admin',
    access: 'write',
    args: [
      arg('task_id', wholeNumber),
      arg('host', nameOrId),
      arg('force', flag, false),
      arg('override', flag, false),
    ],
    result: shape<boolean>('bool'),
    returns: 'whether it was assigned',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  resubmitTask: method({
    doc: 'Make a canceled or failed top-level task again. For its owner and admins.',
    needs: 'login',
    access: 'write',
    args: [arg('taskID', wholeNumber)],
    result: shape<number>('int'),
    returns: 'id of the new task',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  listTaskOutput: method({
    doc: 'The files that a task uploaded: names, or by name their facts (stat) or volumes (all_volumes).',
    needs: 'none',
    access: 'read',
    args: [
      arg('taskID', wholeNumber),
      arg('stat', flag, false),
      arg('all_volumes', flag, false),
      arg('strict', flag, false),
    ],
    result: shape<TaskOutput>('list(str) | dict'),
    ...answersBy<TaskOutputAnswer>(),
    faults: ['GenericError', 'ParameterError'],
  }),
  downloadTaskOutput: method({
    doc: 'A piece of a file that a task uploaded, in base64. A negative offset counts from the end, size -1 is all.',
    needs: 'none',
    access: 'read',
    args: [
      arg('taskID', wholeNumber),
      arg('fileName', str),
      arg('offset', nullable(wholeNumber), 0),
      arg('size', wholeNumber, -1),
      arg('volume', nullable(nameOrId), null),
    ],
    result: str,
    faults: ['GenericError', 'ParameterError'],
  }),
  waitTask: method({
    doc: 'Wait until a task is no longer in the given state, or `timeout` seconds (60 at most) have passed. Not in Koji.',
    needs: 'none',
    access: 'none',
    readsOnly: true,
    args: [
      arg('task_id', wholeNumber),
      arg('state', nullable(wholeNumber), null),
      arg('timeout', wholeNumber, 60),
    ],
    result: taskInfo,
    returns:
      'the task as it is then; without `state`, as soon as anything about its state changes or it is finished',
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type TaskMethods = typeof taskMethods;
