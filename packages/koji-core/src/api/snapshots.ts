import { any, arg, flag, method, shape } from './method.js';
import type { Methods } from './method.js';
import { eventId, latestCount, nameOrId } from './types.js';

/** The parts of a tag that a snapshot copies. */
const parts = [
  arg('config', flag, true),
  arg('pkgs', flag, true),
  arg('builds', flag, true),
  arg('groups', flag, true),
  arg('latest_only', latestCount, true),
  arg('inherit_builds', flag, true),
  arg('event', eventId, null),
  arg('force', flag, false),
] as const;

/** Copies of tags, without their inheritance and external repos. */
export const snapshotMethods = {
  snapshotTag: method({
    doc: 'Copy a tag, now or as it was at an event, to a new one: settings, packages, builds and groups.',
    needs: 'perm:tag',
    access: 'write',
    args: [arg('src', nameOrId), arg('dst', any<string>('str')), ...parts],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError', 'TagError'],
  }),
  snapshotTagModify: method({
    doc: 'Bring a tag in line with another, builds in the same order. `remove` also untags builds that the other lacks, and blocks inherited groups; what else is only in the copy has to be removed first.',
    needs: 'perm:tag',
    access: 'write',
    args: [arg('src', nameOrId), arg('dst', nameOrId), ...parts, arg('remove', flag, false)],
    result: shape<null>('null'),
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type SnapshotMethods = typeof snapshotMethods;
