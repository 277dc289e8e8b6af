import { any, arg, method, shape, str } from './method.js';
import type { Methods } from './method.js';
import { nameOrId } from './types.js';

const nothing = shape<null>('null');
/** The handler checks it, with Koji's texts. */
const number = any<number>('int');
const numberOrNull = any<number | null>('int | null');

/** Methods for creating repositories: those that repo tasks call, and the request for a dist repo. */
export const repoBuildingMethods = {
  distRepo: method({
    doc: 'Make a repo for distribution of rpms signed with these keys, as far as the policy "dist_repo" allows.',
    needs: 'none',
    access: 'write',
    args: [arg('tag', nameOrId), arg('keys', any<string[]>('list(str)'))],
    keywords: true,
    keywordsName: 'task_opts',
    result: shape<number>('int'),
    returns:
      'id of the task; its options are arch (a list), event, volume, comps and what the task understands',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  'host.repoInit': method({
    doc: 'Begin a repo of a tag: its record, and its folder with the lists of its packages.',
    needs: 'host',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('task_id', numberOrNull, null),
      arg('event', numberOrNull, null),
      arg('opts', any<Record<string, unknown> | null>('dict | null'), null),
    ],
    result: shape<[number, number]>('list(int)'),
    returns: 'its id and its event',
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.repoDone': method({
    doc: 'Finish a repo: take in its uploaded metadata, `{arch: [folder, [names]]}`, and mark it ready.',
    needs: 'host',
    access: 'write',
    args: [
      arg('repo_id', number),
      arg('data', any<Record<string, [string, string[]]>>('dict')),
      arg('expire', any<boolean>('bool'), false),
      arg('repo_json_updates', any<Record<string, unknown> | null>('dict | null'), null),
    ],
    result: nothing,
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.distRepoMove': method({
    doc: 'Put one arch of a repo for distribution in its place, as its uploaded repo_manifest and kojipkgs say.',
    needs: 'host',
    access: 'write',
    args: [arg('repo_id', number), arg('uploadpath', str), arg('arch', str)],
    result: nothing,
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type RepoBuildingMethods = typeof repoBuildingMethods;
