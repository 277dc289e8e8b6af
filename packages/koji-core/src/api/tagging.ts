import { any, arg, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { buildRef, draftFilter, eventId, latestCount, nameOrId } from './types.js';
import type { BuildRef, TaggedArchive, TaggedBuild, TaggedMavenArchive } from './types.js';

const nothing = shape<null>('null');

/** Tagging and untagging of builds, and lists of tagged builds. */
export const taggingMethods = {
  tagBuild: method({
    doc: 'Tag a build, or with `fromtag` move it, by a task. The policy "tag" decides; `force` works for admins only.',
    needs: 'login',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('build', buildRef),
      arg('force', flag, false),
      arg('fromtag', any<string | number | null>('str | int | null'), null),
    ],
    result: int,
    returns: 'id of the task',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
  moveBuild: method({
    doc: 'Move a build from one tag to another, by a task.',
    needs: 'login',
    access: 'write',
    args: [
      arg('tag1', any<string | number>('str | int')),
      arg('tag2', nameOrId),
      arg('build', buildRef),
      arg('force', flag, false),
    ],
    result: int,
    returns: 'id of the task',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
  untagBuild: method({
    doc: 'Take a build out of a tag at once.',
    needs: 'login',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('build', buildRef),
      arg('strict', flag, true),
      arg('force', flag, false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
  tagBuildBypass: method({
    doc: 'Tag a build at once, without a look at the package list.',
    needs: 'perm:tag',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('build', buildRef),
      arg('force', flag, false),
      arg('notify', flag, false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
  untagBuildBypass: method({
    doc: 'Take a build out of a tag at once; nobody is told unless `notify` asks for it.',
    needs: 'perm:tag',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('build', buildRef),
      arg('strict', flag, true),
      arg('force', flag, false),
      arg('notify', flag, false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
  massTag: method({
    doc: 'Tag builds at once, in their order, without a look at locks, permissions, policies and package lists.',
    needs: 'perm:tag',
    access: 'write',
    args: [arg('tag', nameOrId), arg('builds', any<readonly BuildRef[] | string>('list(int | str | dict)'))],
    result: nothing,
    faults: ['GenericError', 'ParameterError', 'TagError'],
  }),
  moveAllBuilds: method({
    doc: 'Move the builds of a package from one tag to another in their order, by tasks of which each waits for the one before.',
    needs: 'login',
    access: 'write',
    args: [arg('tag1', nameOrId), arg('tag2', nameOrId), arg('package', nameOrId), arg('force', flag, false)],
    result: list(int),
    returns: 'ids of the tasks',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'TagError'],
  }),
  checkTagAccess: method({
    doc: 'Whether a user, the caller by default, may tag builds into a tag; the reason if not, and whether `force` would do.',
    needs: 'none',
    access: 'read',
    args: [arg('tag_id', nameOrId), arg('user_id', any<number | null>('int | null'), null)],
    result: shape<readonly [access: boolean, override: boolean, reason: string]>('list(bool, bool, str)'),
    faults: ['GenericError', 'ParameterError'],
  }),
  'host.tagBuild': method({
    doc: 'Tag or move a build for the owner of the task that the builder runs.',
    needs: 'host',
    access: 'write',
    args: [
      arg('task_id', int),
      arg('tag', nameOrId),
      arg('build', buildRef),
      arg('force', flag, false),
      arg('fromtag', any<string | number | null>('str | int | null'), null),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError', 'TagError'],
  }),
  listTagged: method({
    doc: 'The builds in a tag, latest first, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('event', eventId, null),
      arg('inherit', flag, false),
      arg('prefix', nullable(str), null),
      arg('latest', latestCount, false),
      arg('package', any<string | null>('str | null'), null),
      arg('owner', any<string | null>('str | null'), null),
      arg('type', nullable(str), null),
      arg('strict', flag, true),
      arg('extra', flag, false),
      arg('draft', draftFilter, null),
    ],
    result: list(shape<TaggedBuild>('tagged build')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getTagDifferences: method({
    doc: 'The differences between two tags, or one tag at two events: latest builds and package lists. Null if a link of the inheritance has a package filter: only the whole lists tell then. Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [
      arg('from', nameOrId),
      arg('to', nameOrId),
      arg('from_event', eventId, null),
      arg('to_event', eventId, null),
      arg('inherit', flag, true),
    ],
    result: nullable(shape<TagDifferences>('differences of builds and packages')),
    faults: ['GenericError'],
  }),
  listTaggedArchives: method({
    doc: 'The archives of the builds in a tag, with those builds. `type` is maven or win.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('event', eventId, null),
      arg('inherit', flag, false),
      arg('latest', latestCount, false),
      arg('package', any<string | null>('str | null'), null),
      arg('type', nullable(str), null),
      arg('strict', flag, true),
      arg('extra', flag, true),
    ],
    result: shape<[TaggedArchive[], TaggedBuild[]] | []>('list of archives and list of builds'),
    faults: ['GenericError', 'ParameterError'],
  }),
  getLatestMavenArchives: method({
    doc: 'The Maven artifacts of the builds that were tagged last; every version of them from tags that include all.',
    needs: 'none',
    access: 'read',
    args: [arg('tag', nameOrId), arg('event', eventId, null), arg('inherit', flag, true)],
    result: list(shape<TaggedMavenArchive>('maven archive')),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** An object that differs between two tags, or that only one of them has. */
export interface TagDifference<T> {
  readonly package_name: string;
  /** Null if it is missing. */
  readonly from: T | null;
  readonly to: T | null;
}

/** Differences between two lists. */
export interface ListDifferences<T> {
  /** The first 200, sorted by package name. */
  readonly rows: readonly TagDifference<T>[];
  /** Of all differences. */
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly same: number;
}

/** Differences between two tags. */
export interface TagDifferences {
  readonly builds: ListDifferences<{ readonly build_id: number; readonly nvr: string }>;
  readonly packages: ListDifferences<{ readonly owner_name: string; readonly blocked: boolean }>;
}

/** Type of the declarations of this group. */
export type TaggingMethods = typeof taggingMethods;
