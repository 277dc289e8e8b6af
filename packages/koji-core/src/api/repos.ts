import { any, arg, flag, int, list, method, nullable, shape } from './method.js';
import { wholeNumber } from './tasks.js';
import type { Methods } from './method.js';
import { clauses, fields, viewRows } from './scheduler.js';
import type { TaskInfo } from './tasks.js';
import { eventId, nameOrId, queryOpts } from './types.js';
import type { Float, Timestamp } from './types.js';

/** A repository of a tag. */
export interface RepoInfo {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  /** One of `RepoState`. */
  readonly state: number;
  readonly state_time: Timestamp | null;
  readonly state_ts: Float | null;
  readonly creation_time: Timestamp | null;
  readonly creation_ts: Float | null;
  /** The event that its content is from. */
  readonly create_event: number;
  readonly create_ts: Float;
  /** The tag did not change between these two events. The last one is null while it is unknown. */
  readonly begin_event: number | null;
  readonly begin_ts: Float | null;
  readonly end_event: number | null;
  readonly end_ts: Float | null;
  /** True for a dist repo, made from signed rpms. */
  readonly dist: boolean;
  readonly opts: Record<string, unknown> | null;
  /** The values of `opts` that differ from the tag's settings. */
  readonly custom_opts: Record<string, unknown> | null;
  readonly task_id: number | null;
  /** One of `TaskState`. */
  readonly task_state: number | null;
}

/** A repo that is not deleted, with the fields that the repo manager needs. */
export type ActiveRepo = Pick<
  RepoInfo,
  | 'id'
  | 'tag_id'
  | 'create_event'
  | 'create_ts'
  | 'state'
  | 'dist'
  | 'task_id'
  | 'tag_name'
  | 'creation_ts'
  | 'state_ts'
  | 'end_event'
  | 'opts'
>;

/** A buildroot that was made from a repo and is not yet retired. */
export interface RepoReference {
  /** State of the buildroot. */
  readonly id: number;
  readonly host_id: number;
  readonly task_id: number;
  readonly create_event: number;
  /** One of `BuildrootState`. */
  readonly state: number;
}

/** A request for a repo, waiting or served. */
export interface RepoRequest {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  /** The exact event that is required, or null. */
  readonly at_event: number | null;
  /** The oldest event that is accepted, or null. */
  readonly min_event: number | null;
  /** The requested options; others come from the tag. */
  readonly opts: Record<string, unknown>;
  readonly owner: number;
  readonly owner_name: string;
  /** Lower numbers are served first. */
  readonly priority: number;
  /** True while it is waiting. */
  readonly active: boolean;
  readonly tries: number;
  readonly task_id: number | null;
  /** One of `TaskState`. */
  readonly task_state: number | null;
  readonly repo_id: number | null;
  readonly create_time: Timestamp;
  readonly create_ts: Float;
  readonly update_time: Timestamp;
  readonly update_ts: Float;
}

/** Answer to a request: a repo that is ready, or a request to check again later. */
export interface RequestedRepo {
  readonly repo: RepoInfo | null;
  readonly request: RepoRequest | null;
  /** True if the request already existed. */
  readonly duplicate: boolean;
}

/** Progress of a request. */
export interface RepoRequestStatus {
  readonly repo: RepoInfo | null;
  readonly request: RepoRequest;
  /** Set only while a task creates the repo. */
  readonly task?: TaskInfo | null;
}

const nothing = shape<null>('null');
/** The handler checks it, with Koji's texts. */
const number = any<number>('int');
const numberOrNull = any<number | null>('int | null');
const ownFlag = any<boolean>('bool');
const repoOpts = any<Record<string, unknown> | null>('dict | null');

/** Repositories of build tags. */
export const repoMethods = {
  repoInfo: method({
    doc: 'A repo by id.',
    needs: 'none',
    access: 'lookup',
    args: [arg('repo_id', numberOrNull), arg('strict', flag, false)],
    result: nullable(shape<RepoInfo>('repo')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getRepo: method({
    doc: 'The newest repo of a tag in a state (READY unless given), or with `event` the newest not after it in any state.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('state', numberOrNull, null),
      arg('event', numberOrNull, null),
      arg('dist', ownFlag, false),
      arg('min_event', numberOrNull, null),
    ],
    result: nullable(shape<RepoInfo>('repo')),
    faults: ['GenericError', 'ParameterError'],
  }),
  repoExpire: method({
    doc: 'Mark a repo expired: no build begins with it any more.',
    needs: 'perm:repo',
    access: 'write',
    args: [arg('repo_id', number)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  repoProblem: method({
    doc: 'Mark a repo as broken.',
    needs: 'perm:repo',
    access: 'write',
    args: [arg('repo_id', number)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  repoDelete: method({
    doc: 'Mark a repo deleted unless buildroots refer to it; its files stay.',
    needs: 'perm:repo',
    access: 'write',
    args: [arg('repo_id', number)],
    result: int,
    returns: 'the number of references; nothing is changed unless it is 0',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  getActiveRepos: method({
    doc: 'All repos that are not deleted, for the repo daemon.',
    needs: 'none',
    access: 'read',
    args: [],
    result: list(shape<ActiveRepo>('repo')),
  }),
  newRepo: method({
    doc: 'Make a task that makes a repo of a tag; needs the permission repo or regen-repo.',
    needs: 'none',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('event', eventId, null),
      arg('src', ownFlag, false),
      arg('debuginfo', ownFlag, false),
      arg('separate_src', ownFlag, false),
    ],
    result: int,
    returns: "the task's id",
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  'repo.get': method({
    doc: 'The newest ready repo of a tag with all these options and no other custom ones; null when there is none.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('min_event', numberOrNull, null),
      arg('at_event', numberOrNull, null),
      arg('opts', repoOpts, null),
    ],
    result: nullable(shape<RepoInfo>('repo')),
    faults: ['GenericError', 'ParameterError'],
  }),
  'repo.query': method({
    doc: 'Repos that fulfil all clauses; fields of tag, task and events can be asked for.',
    needs: 'none',
    access: 'read',
    args: [arg('clauses', clauses), arg('fields', fields, null), arg('opts', queryOpts, null)],
    result: viewRows,
    faults: ['ParameterError'],
  }),
  'repo.references': method({
    doc: 'The buildroots that were made from a repo and are not retired.',
    needs: 'none',
    access: 'read',
    args: [arg('repo_id', numberOrNull)],
    result: list(shape<RepoReference>('buildroot')),
    faults: ['ParameterError'],
  }),
  'repo.setState': method({
    doc: 'Give a repo another state; states only go up, except that a broken repo can be deleted.',
    needs: 'perm:repo',
    access: 'write',
    args: [arg('repo_id', number), arg('state', number)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  'repo.updateEndEvents': method({
    doc: 'Note at ready repos since which event their tag is another, for the repo daemon.',
    needs: 'perm:repo',
    access: 'write',
    args: [],
    result: nothing,
    faults: ['ActionNotAllowed'],
  }),
  'repo.request': method({
    doc: 'Find a ready repo of a tag or a request for one, or file a request. A priority below 0 needs admin.',
    needs: 'login',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('min_event', any<number | string | null>('int | str | null'), null),
      arg('at_event', numberOrNull, null),
      arg('opts', repoOpts, null),
      arg('priority', numberOrNull, null),
      arg('force', ownFlag, false),
    ],
    result: shape<RequestedRepo>('requested repo'),
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  'repo.checkRequest': method({
    doc: 'A request with its repo, or with the task that makes it.',
    needs: 'none',
    access: 'lookup',
    args: [arg('req_id', number)],
    result: shape<RepoRequestStatus>('request status'),
    faults: ['GenericError', 'ParameterError'],
  }),
  'repo.waitForRequest': method({
    doc: 'Wait until a request has its repo or is given up, or `timeout` seconds (60 at most) have passed. Not in Koji.',
    needs: 'login',
    access: 'none',
    readsOnly: true,
    args: [arg('req_id', wholeNumber), arg('timeout', wholeNumber, 60)],
    result: shape<RepoRequestStatus>('request status'),
    returns: 'the request as it is then, as from `repo.checkRequest`',
    faults: ['GenericError', 'ParameterError'],
  }),
  'repo.queryQueue': method({
    doc: 'Requests that fulfil all clauses; fields of tag, task and user can be asked for.',
    needs: 'none',
    access: 'read',
    args: [arg('clauses', clauses, null), arg('fields', fields, null), arg('opts', queryOpts, null)],
    result: viewRows,
    faults: ['ParameterError'],
  }),
  'repo.setRequestPriority': method({
    doc: 'Serve a request earlier (lower) or later (higher).',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('req_id', number), arg('priority', number)],
    result: nothing,
    faults: ['ActionNotAllowed', 'ParameterError'],
  }),
  'repo.autoRequests': method({
    doc: 'File requests for the tags with `repo.auto`, for the repo daemon.',
    needs: 'perm:repo',
    access: 'write',
    args: [],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError'],
  }),
  'repo.checkQueue': method({
    doc: 'Serve waiting requests: look after their tasks and make new ones, for the repo daemon.',
    needs: 'perm:repo',
    access: 'write',
    args: [],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type RepoMethods = typeof repoMethods;
