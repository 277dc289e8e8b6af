import { any, arg, either, flag, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { wholeNumber } from './tasks.js';
import { queryOpts } from './types.js';
import type { BuildRef, Extra, Float, Timestamp } from './types.js';

/** A buildroot. Fields that only a builder's buildroot has are null for one of a content generator, and vice versa. */
export interface BuildrootInfo {
  readonly id: number;
  /** One of `BrType`. */
  readonly br_type: number;
  readonly cg_id: number | null;
  readonly cg_name: string | null;
  readonly cg_version: string | null;
  readonly container_arch: string | null;
  /** The same as `container_arch`. */
  readonly arch: string | null;
  readonly container_type: string | null;
  readonly host_os: string | null;
  readonly host_arch: string | null;
  readonly extra: Extra;
  /** One of `BrState`. */
  readonly state: number | null;
  readonly task_id: number | null;
  readonly host_id: number | null;
  readonly host_name: string | null;
  readonly repo_id: number | null;
  /** One of `RepoState`. */
  readonly repo_state: number | null;
  readonly tag_id: number | null;
  readonly tag_name: string | null;
  readonly create_event_id: number | null;
  readonly create_event_time: Timestamp | null;
  readonly create_ts: Float | null;
  readonly retire_event_id: number | null;
  readonly retire_event_time: Timestamp | null;
  readonly retire_ts: Float | null;
  readonly repo_create_event_id: number | null;
  readonly repo_create_event_time: Timestamp | null;
}

/** An rpm that was installed in a buildroot. */
export interface BuildrootRpm {
  readonly rpm_id: number;
  /** True if it was installed during the build. */
  readonly is_update: boolean;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  readonly arch: string;
  readonly build_id: number | null;
  readonly draft: boolean | null;
  readonly external_repo_id: number;
  readonly external_repo_name: string;
}

/** An rpm in a buildroot: an id, or its fields. One with a `location` belongs to that external repo, which accepts any. */
export type BuildrootRpmRef = Readonly<Record<string, unknown>>;

const id = nullable(wholeNumber);
const taskId = nullable(wholeNumber);
const nothing = shape<null>('null');
const rpmList = any<BuildrootRpmRef[]>('list(dict)');
const idOrIds = nullable(either(wholeNumber, list(wholeNumber)));

/** Buildroots. */
export const buildrootMethods = {
  listBuildroots: method({
    doc: 'Buildroots that fulfil every condition: host, build tag, state, an rpm or archive used in them, task, id, repo.',
    needs: 'none',
    access: 'read',
    args: [
      arg('hostID', id, null),
      arg('tagID', id, null),
      arg('state', idOrIds, null),
      arg('rpmID', id, null),
      arg('archiveID', id, null),
      arg('taskID', id, null),
      arg('buildrootID', idOrIds, null),
      arg('repoID', id, null),
      arg('queryOpts', queryOpts, null),
    ],
    result: list(shape<BuildrootInfo>('buildroot')),
    faults: ['ParameterError'],
  }),
  getBuildroot: method({
    doc: 'A buildroot by id.',
    needs: 'none',
    access: 'lookup',
    args: [arg('buildrootID', any<number>('int')), arg('strict', flag, false)],
    result: nullable(shape<BuildrootInfo>('buildroot')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getBuildrootListing: method({
    doc: 'The rpms that were installed in a buildroot.',
    needs: 'none',
    access: 'read',
    args: [arg('id', wholeNumber)],
    result: list(shape<BuildrootRpm>('rpm')),
    faults: ['GenericError', 'ParameterError'],
  }),
  'host.newBuildRoot': method({
    doc: 'Add a buildroot that the builder makes from a repo for one of its tasks.',
    needs: 'host',
    access: 'write',
    args: [arg('repo', wholeNumber), arg('arch', any<string>('str')), arg('task_id', taskId, null)],
    result: shape<number>('int'),
    returns: 'id of the buildroot',
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.setBuildRootState': method({
    doc: 'Move a buildroot of the builder on: WAITING, BUILDING or EXPIRED, by name or number.',
    needs: 'host',
    access: 'write',
    args: [
      arg('brootid', wholeNumber),
      arg('state', any<string | number>('str | int')),
      arg('task_id', taskId, null),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.setBuildRootList': method({
    doc: 'Say which rpms a buildroot of the builder has when the build begins.',
    needs: 'host',
    access: 'write',
    args: [arg('brootid', wholeNumber), arg('rpmlist', rpmList), arg('task_id', taskId, null)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.updateBuildRootList': method({
    doc: 'Add rpms that came into a buildroot of the builder during the build.',
    needs: 'host',
    access: 'write',
    args: [arg('brootid', wholeNumber), arg('rpmlist', rpmList), arg('task_id', taskId, null)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.updateBuildrootArchives': method({
    doc: 'Add archives, structs with an id, that a build used; `project` for dependencies of the project itself.',
    needs: 'host',
    access: 'write',
    args: [
      arg('brootid', wholeNumber),
      arg('task_id', wholeNumber),
      arg('archives', any<{ readonly id: number }[]>('list(dict)')),
      arg('project', any<boolean>('bool'), false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.updateMavenBuildRootList': method({
    doc: 'Note which archives of its tag a Maven build used; files it brought itself are to be ignored. Needs EnableMaven.',
    needs: 'host',
    access: 'write',
    args: [
      arg('brootid', wholeNumber),
      arg('task_id', wholeNumber),
      arg('mavenlist', any<Readonly<Record<string, unknown>>[]>('list(dict)')),
      arg('ignore', any<Readonly<Record<string, unknown>>[] | null>('list(dict) | null'), null),
      arg('project', any<boolean>('bool'), false),
      arg('ignore_unknown', any<boolean>('bool'), false),
      arg('extra_deps', any<BuildRef[] | null>('list(int | str | dict) | null'), null),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'BuildrootError', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type BuildrootMethods = typeof buildrootMethods;
