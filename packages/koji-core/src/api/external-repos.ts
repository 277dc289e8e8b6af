import { any, arg, bool, flag, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId, queryOpts } from './types.js';
import type { Named, NameOrId } from './types.js';

/** A repository maintained outside of Koji. */
export interface ExternalRepo extends Named {
  /** Ends with a slash; `$arch` in it is replaced by the architecture. */
  readonly url: string;
}

/** An external repo as used by a tag. */
export interface TagExternalRepo {
  readonly tag_id: number;
  readonly tag_name: string;
  readonly external_repo_id: number;
  readonly external_repo_name: string;
  readonly url: string;
  readonly priority: number;
  /** `koji`, `simple` or `bare`. */
  readonly merge_mode: string;
  /** Separated by spaces; null for all arches of the tag. */
  readonly arches: string | null;
}

const nothing = shape<null>('null');
const links = list(shape<TagExternalRepo>("tag's external repo"));
const anyOrNull = any<NameOrId | null>('str | int | dict | null');
const text = nullable(any<string>('str'));

/** External repositories that tags take packages from. */
export const externalRepoMethods = {
  createExternalRepo: method({
    doc: 'Create an external repo; its url gets a slash at the end.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('name', any<string>('str')), arg('url', any<string>('str'))],
    result: shape<ExternalRepo>('external repo'),
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  listExternalRepos: method({
    doc: 'External repos by name, id or url, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [
      arg('info', anyOrNull, null),
      arg('url', text, null),
      arg('event', eventId, null),
      arg('queryOpts', queryOpts, null),
    ],
    result: list(shape<ExternalRepo>('external repo')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getExternalRepo: method({
    doc: 'An external repo by id or name, now or at an event.',
    needs: 'none',
    access: 'lookup',
    args: [arg('info', anyOrNull), arg('strict', flag, false), arg('event', eventId, null)],
    result: nullable(shape<ExternalRepo>('external repo')),
    faults: ['GenericError', 'ParameterError'],
  }),
  editExternalRepo: method({
    doc: 'Rename an external repo, change its url, or both.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('info', nameOrId), arg('name', text, null), arg('url', text, null)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  deleteExternalRepo: method({
    doc: 'Take an external repo out of every tag and delete it.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('info', nameOrId)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  addExternalRepoToTag: method({
    doc: 'Let a tag use an external repo at a priority.',
    needs: 'perm:tag',
    access: 'write',
    args: [
      arg('tag_info', nameOrId),
      arg('repo_info', nameOrId),
      arg('priority', any<number>('int')),
      arg('merge_mode', text, 'koji'),
      arg('arches', any<string | readonly string[] | null>('str | list(str) | null'), null),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  removeExternalRepoFromTag: method({
    doc: 'Let a tag no longer use an external repo.',
    needs: 'perm:tag',
    access: 'write',
    args: [arg('tag_info', nameOrId), arg('repo_info', nameOrId)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  editTagExternalRepo: method({
    doc: 'Change how a tag uses an external repo; null keeps what there is.',
    needs: 'perm:tag',
    access: 'write',
    args: [
      arg('tag_info', nameOrId),
      arg('repo_info', nameOrId),
      arg('priority', any<number | null>('int | null'), null),
      arg('merge_mode', text, null),
      arg('arches', any<string | readonly string[] | null>('str | list(str) | null'), null),
    ],
    result: bool,
    returns: 'whether anything changed',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  getTagExternalRepos: method({
    doc: 'Uses of external repos by tags, sorted by priority, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [arg('tag_info', anyOrNull, null), arg('repo_info', anyOrNull, null), arg('event', eventId, null)],
    result: links,
    faults: ['GenericError', 'ParameterError'],
  }),
  getExternalRepoList: method({
    doc: 'The external repos of a tag and of all that it inherits from, in the order in which they count, each once.',
    needs: 'none',
    access: 'read',
    args: [arg('tag_info', nameOrId), arg('event', eventId, null)],
    result: links,
    faults: ['GenericError', 'ParameterError'],
  }),
  'repo.getExternalRepoData': method({
    doc: 'The known state of an external repo; null if nothing is known.',
    needs: 'none',
    access: 'read',
    args: [arg('erepo', nameOrId)],
    result: nullable(shape<Record<string, unknown>>('dict')),
    faults: ['GenericError', 'ParameterError'],
  }),
  'repo.setExternalRepoData': method({
    doc: 'Replace what is known of the state of an external repo.',
    needs: 'perm:repo',
    access: 'write',
    args: [arg('external_repo_id', nameOrId), arg('data', any<Record<string, unknown>>('dict'))],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ExternalRepoMethods = typeof externalRepoMethods;
