import { any, arg, flag, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId, queryOpts } from './types.js';
import type { NameOrId } from './types.js';

/** A build target: the tag that buildroots are made from, and the tag for the result. */
export interface TargetInfo {
  readonly id: number;
  readonly name: string;
  readonly build_tag: number;
  readonly build_tag_name: string;
  readonly dest_tag: number;
  readonly dest_tag_name: string;
}

const anyTarget = any<NameOrId | null>('str | int | dict | null');
const target = shape<TargetInfo>('build target');

/** Build targets: pairs of a tag to build from and a tag for the result. */
export const targetMethods = {
  createBuildTarget: method({
    doc: 'Create a build target, or bring back a deleted one of that name.',
    needs: 'perm:target',
    access: 'write',
    args: [arg('name', any<string>('str')), arg('build_tag', nameOrId), arg('dest_tag', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  editBuildTarget: method({
    doc: 'Give a build target a name and two tags; a deleted one is there again after that.',
    needs: 'perm:target',
    access: 'write',
    args: [
      arg('buildTargetInfo', nameOrId),
      arg('name', any<string>('str')),
      arg('build_tag', nameOrId),
      arg('dest_tag', nameOrId),
    ],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  deleteBuildTarget: method({
    doc: 'Delete a build target; its history stays.',
    needs: 'perm:target',
    access: 'write',
    args: [arg('buildTargetInfo', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  getBuildTarget: method({
    doc: 'A build target by id or name, now or at an event.',
    needs: 'none',
    access: 'lookup',
    args: [arg('info', anyTarget), arg('event', eventId, null), arg('strict', flag, false)],
    result: nullable(target),
    faults: ['GenericError', 'ParameterError'],
  }),
  getBuildTargets: method({
    doc: 'Build targets, maybe only those of a build tag or a destination tag, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [
      arg('info', anyTarget, null),
      arg('event', eventId, null),
      arg('buildTagID', nullable(nameOrId), null),
      arg('destTagID', nullable(nameOrId), null),
      arg('queryOpts', queryOpts, null),
    ],
    result: list(target),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type TargetMethods = typeof targetMethods;
