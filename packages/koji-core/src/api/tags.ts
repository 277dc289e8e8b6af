import { any, arg, bool, dict, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { buildRef, eventId, eventOrAuto, nameOrId, queryOpts } from './types.js';
import type { BuildConfig, TagInfo, TagListItem } from './types.js';

/** Tags: named sets of builds with settings. */
export const tagMethods = {
  getTag: method({
    doc: 'A tag by id or name, now or at an event; event "auto" finds a deleted one as it was last.',
    needs: 'none',
    access: 'lookup',
    args: [
      arg('tagInfo', nameOrId),
      arg('strict', flag, false),
      arg('event', eventOrAuto, null),
      arg('blocked', flag, false),
    ],
    result: nullable(shape<TagInfo>('tag')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getTagID: method({
    doc: 'The id of a tag name, of a deleted tag too. `create` makes one, which needs the permission "tag".',
    needs: 'none',
    access: 'write',
    args: [arg('info', nameOrId), arg('strict', flag, false), arg('create', flag, false)],
    result: nullable(int),
    faults: ['GenericError', 'ParameterError', 'ActionNotAllowed'],
  }),
  createTag: method({
    doc: 'Create a tag, maybe with a parent to inherit from.',
    needs: 'perm:tag',
    access: 'write',
    args: [
      arg('name', any<string>('str')),
      arg('parent', nullable(nameOrId), null),
      arg('arches', any<string | readonly string[] | null>('str | list(str) | null'), null),
      arg('perm', nullable(nameOrId), null),
      arg('locked', bool, false),
      arg('maven_support', bool, false),
      arg('maven_include_all', bool, false),
      arg('extra', nullable(dict), null),
    ],
    result: int,
    returns: 'id of the new tag',
    faults: ['GenericError', 'ParameterError'],
  }),
  editTag2: method({
    doc: 'Change a tag: name, arches, locked, perm, maven_support, maven_include_all, extra, remove_extra, block_extra, each by name.',
    needs: 'perm:tag',
    access: 'write',
    args: [arg('tagInfo', nameOrId)],
    keywords: true,
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  editTag: method({
    doc: 'Older form of editTag2: every setting by position, `extra` must be a struct.',
    needs: 'perm:tag',
    access: 'write',
    args: [
      arg('tagInfo', nameOrId),
      arg('name', any<string | null>('str | null')),
      arg('arches', any<string | null>('str | null')),
      arg('locked', bool),
      arg('permissionID', nullable(nameOrId)),
      arg('extra', any<Readonly<Record<string, unknown>> | null>('dict'), null),
    ],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  deleteTag: method({
    doc: 'Delete a tag with its builds, packages, parents, children, targets and groups; its history stays.',
    needs: 'perm:tag',
    access: 'write',
    args: [arg('tagInfo', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  listTags: method({
    doc: 'Tags by name pattern, or those of a build or package.',
    needs: 'none',
    access: 'read',
    args: [
      arg('build', nullable(buildRef), null),
      arg('package', nullable(nameOrId), null),
      arg('perms', flag, true),
      arg('queryOpts', queryOpts, null),
      arg('pattern', nullable(str), null),
    ],
    result: list(shape<TagListItem>('tag')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getBuildConfig: method({
    doc: 'A tag with the arches and extra data that it inherits.',
    needs: 'none',
    access: 'read',
    args: [arg('tag', nameOrId), arg('event', eventId, null)],
    result: shape<BuildConfig>('build config'),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type TagMethods = typeof tagMethods;
