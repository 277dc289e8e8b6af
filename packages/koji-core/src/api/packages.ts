import { any, arg, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId, queryOpts, userRef } from './types.js';
import type { Named, PackageListEntry, PackageName } from './types.js';

const nothing = shape<null>('null');

/** Packages, and the package lists of tags. */
export const packageMethods = {
  packageListAdd: method({
    doc: 'Put a package into the list of a tag, or change its entry. The policy "package_list" decides.',
    needs: 'none',
    access: 'write',
    args: [
      arg('taginfo', nameOrId),
      arg('pkginfo', nameOrId),
      arg('owner', nullable(userRef), null),
      arg('block', nullable(flag), null),
      arg('extra_arches', any<string | string[] | null>('str | list(str) | null'), null),
      arg('force', flag, false),
      arg('update', flag, false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  packageListRemove: method({
    doc: 'Remove the entry of a package from the list of a tag, so that an inherited one counts again.',
    needs: 'none',
    access: 'write',
    args: [arg('taginfo', nameOrId), arg('pkginfo', nameOrId), arg('force', flag, false)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  packageListBlock: method({
    doc: 'Block a package in a tag: its builds there, own and inherited, are left out.',
    needs: 'none',
    access: 'write',
    args: [arg('taginfo', nameOrId), arg('pkginfo', nameOrId), arg('force', flag, false)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  packageListUnblock: method({
    doc: 'Lift the block of a package in a tag.',
    needs: 'none',
    access: 'write',
    args: [arg('taginfo', nameOrId), arg('pkginfo', nameOrId), arg('force', flag, false)],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  packageListSetOwner: method({
    doc: 'Set the owner of a package in a tag.',
    needs: 'none',
    access: 'write',
    args: [
      arg('taginfo', nameOrId),
      arg('pkginfo', nameOrId),
      arg('owner', nullable(userRef)),
      arg('force', flag, false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  packageListSetArches: method({
    doc: 'Set the additional arches of a package in a tag.',
    needs: 'none',
    access: 'write',
    args: [
      arg('taginfo', nameOrId),
      arg('pkginfo', nameOrId),
      arg('arches', any<string | string[] | null>('str | list(str) | null')),
      arg('force', flag, false),
    ],
    result: nothing,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  listPackages: method({
    doc: 'Package list entries by tag, owner or package, blocked ones included; all packages when none of them is given.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tagID', nullable(nameOrId), null),
      arg('userID', nullable(userRef), null),
      arg('pkgID', nullable(nameOrId), null),
      arg('prefix', nullable(str), null),
      arg('inherited', flag, false),
      arg('with_dups', flag, false),
      arg('event', eventId, null),
      arg('queryOpts', queryOpts, null),
      arg('with_owners', flag, true),
      arg('with_blocked', flag, true),
    ],
    result: list(shape<PackageListEntry | PackageName>('package list entry')),
    faults: ['GenericError', 'ParameterError'],
  }),
  listPackagesSimple: method({
    doc: 'All packages, or those whose names start with a text.',
    needs: 'none',
    access: 'read',
    args: [arg('prefix', any<string | null>('str | null'), null), arg('queryOpts', queryOpts, null)],
    result: list(shape<PackageName>('package')),
  }),
  checkTagPackage: method({
    doc: 'Whether a tag takes a package: listed, inheritance counted, and not blocked.',
    needs: 'none',
    access: 'read',
    args: [arg('tag', nameOrId), arg('pkg', nameOrId)],
    result: shape<boolean>('bool'),
    faults: ['ParameterError'],
  }),
  getPackageConfig: method({
    doc: 'The entry of a package that counts in a tag, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [arg('tag', nameOrId), arg('pkg', nameOrId), arg('event', eventId, null)],
    result: nullable(shape<PackageListEntry>('package list entry')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getPackage: method({
    doc: 'A package by id or name. `create` makes one, which needs the permission "admin".',
    needs: 'none',
    access: 'write',
    args: [arg('info', nameOrId), arg('strict', flag, false), arg('create', flag, false)],
    result: nullable(shape<Named>('package')),
    faults: ['GenericError', 'ParameterError', 'ActionNotAllowed'],
  }),
  getPackageID: method({
    doc: 'The id of a package name.',
    needs: 'none',
    access: 'lookup',
    args: [arg('name', any<string>('str')), arg('strict', flag, false)],
    result: nullable(int),
    faults: ['GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type PackageMethods = typeof packageMethods;
