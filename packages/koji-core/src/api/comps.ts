import { any, arg, flag, list, method, shape } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId } from './types.js';

/** A comps group of a tag. */
export interface TagGroup {
  readonly group_id: number;
  readonly name: string;
  /** The tag that defines it: the requested one, or the nearest one it inherits from. */
  readonly tag_id: number;
  readonly blocked: boolean;
  readonly exported: boolean | null;
  readonly display_name: string;
  readonly is_default: boolean | null;
  readonly uservisible: boolean | null;
  readonly description: string | null;
  readonly langonly: string | null;
  readonly biarchonly: boolean | null;
  /** Absent when the caller asked to leave them out. */
  readonly packagelist?: GroupPackage[];
  readonly grouplist?: GroupRequirement[];
}

/** A package of a comps group. */
export interface GroupPackage {
  readonly group_id: number;
  readonly tag_id: number;
  readonly package: string;
  readonly blocked: boolean;
  /** `mandatory`, `default`, `optional` or `conditional`. */
  readonly type: string;
  readonly basearchonly: boolean | null;
  readonly requires: string | null;
}

/** A comps group that another one requires. */
export interface GroupRequirement {
  readonly group_id: number;
  readonly tag_id: number;
  readonly req_id: number;
  readonly name: string;
  readonly blocked: boolean;
  readonly type: string | null;
  readonly is_metapkg: boolean;
}

const nothing = shape<null>('null');
const faults = ['ActionNotAllowed', 'GenericError', 'ParameterError'] as const;
const group = [arg('taginfo', nameOrId), arg('grpinfo', nameOrId)] as const;
const groupPackage = [...group, arg('pkg_name', any('str'))] as const;
const groupRequirement = [...group, arg('reqinfo', nameOrId)] as const;
const addition = [arg('block', flag, false), arg('force', flag, false)] as const;

/** Comps groups of tags, which define what a buildroot contains and what a comps file lists. */
export const compsMethods = {
  getTagGroups: method({
    doc: 'The comps groups of a tag with their packages and required groups, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('event', eventId, null),
      arg('inherit', flag, true),
      arg('incl_pkgs', flag, true),
      arg('incl_reqs', flag, true),
      arg('incl_blocked', flag, false),
    ],
    result: list(shape<TagGroup>('comps group')),
    faults: ['GenericError', 'ParameterError'],
  }),
  groupListAdd: method({
    doc:
      'Add a comps group to a tag, or change it: display_name, description, langonly, is_default, uservisible, ' +
      'biarchonly and exported by name.',
    needs: 'perm:tag',
    access: 'write',
    args: [...group, ...addition],
    keywords: true,
    keywordsName: 'opts',
    result: nothing,
    faults,
  }),
  groupListRemove: method({
    doc: "Take a comps group out of a tag's own groups.",
    needs: 'perm:tag',
    access: 'write',
    args: [...group, arg('force', flag, false)],
    result: nothing,
    faults,
  }),
  groupListBlock: method({
    doc: 'Block a comps group in a tag.',
    needs: 'perm:tag',
    access: 'write',
    args: group,
    result: nothing,
    faults,
  }),
  groupListUnblock: method({
    doc: "Lift a tag's own block of a comps group.",
    needs: 'perm:tag',
    access: 'write',
    args: group,
    result: nothing,
    faults,
  }),
  groupPackageListAdd: method({
    doc: 'Add a package to a comps group of a tag, or change it: type, basearchonly and requires by name.',
    needs: 'perm:tag',
    access: 'write',
    args: [...groupPackage, ...addition],
    keywords: true,
    keywordsName: 'opts',
    result: nothing,
    faults,
  }),
  groupPackageListRemove: method({
    doc: "Take a package out of a tag's own entries of a comps group.",
    needs: 'perm:tag',
    access: 'write',
    args: groupPackage,
    result: nothing,
    faults,
  }),
  groupPackageListBlock: method({
    doc: 'Block a package in a comps group of a tag.',
    needs: 'perm:tag',
    access: 'write',
    args: groupPackage,
    result: nothing,
    faults,
  }),
  groupPackageListUnblock: method({
    doc: "Lift a tag's own block of a package in a comps group.",
    needs: 'perm:tag',
    access: 'write',
    args: groupPackage,
    result: nothing,
    faults,
  }),
  groupReqListAdd: method({
    doc: 'Let a comps group of a tag require another, or change that: type and is_metapkg by name.',
    needs: 'perm:tag',
    access: 'write',
    args: [...groupRequirement, ...addition],
    keywords: true,
    keywordsName: 'opts',
    result: nothing,
    faults,
  }),
  groupReqListRemove: method({
    doc: "Take a required group out of a tag's own entries of a comps group; `force` has no meaning any more.",
    needs: 'perm:tag',
    access: 'write',
    args: [...groupRequirement, arg('force', any('bool | null'), null)],
    result: nothing,
    faults,
  }),
  groupReqListBlock: method({
    doc: 'Block a required group in a comps group of a tag.',
    needs: 'perm:tag',
    access: 'write',
    args: groupRequirement,
    result: nothing,
    faults,
  }),
  groupReqListUnblock: method({
    doc: "Lift a tag's own block of a required group.",
    needs: 'perm:tag',
    access: 'write',
    args: groupRequirement,
    result: nothing,
    faults,
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type CompsMethods = typeof compsMethods;
