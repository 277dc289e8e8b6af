import { any, arg, flag, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { nameOrId, userRef } from './types.js';
import type { PermissionInfo } from './types.js';

/** A content generator with the names of users who may import for it. */
export interface ContentGeneratorAccess {
  readonly id: number;
  readonly users: string[];
}

/** Permissions of users. */
export const permissionMethods = {
  getUserPerms: method({
    doc: 'Names of the permissions of a user (of the caller when none is named), those of its groups included.',
    needs: 'none',
    access: 'lookup',
    args: [arg('userID', nullable(userRef), null), arg('with_groups', flag, true)],
    result: list(str),
    faults: ['GenericError'],
  }),
  getAllPerms: method({
    doc: 'Every permission there is.',
    needs: 'none',
    access: 'read',
    args: [],
    result: list(shape<PermissionInfo>('permission')),
  }),
  grantPermission: method({
    doc: 'Give a user a permission; with `create` one that may not exist yet, with a description.',
    needs: 'perm:admin',
    access: 'write',
    args: [
      arg('userinfo', userRef),
      arg('permission', nameOrId),
      arg('create', flag, false),
      arg('description', any<string | null>('str | null'), null),
    ],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  getUserPermsInheritance: method({
    doc: 'The permissions of a user with where each comes from: null for its own, else names of groups.',
    needs: 'none',
    access: 'read',
    args: [arg('userID', nullable(userRef))],
    result: shape<Record<string, (string | null)[]>>('sources by permission'),
    faults: ['GenericError'],
  }),
  editPermission: method({
    doc: "Change a permission's description.",
    needs: 'perm:admin',
    access: 'write',
    args: [arg('permission', nameOrId), arg('description', any<string>('str'))],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  revokePermission: method({
    doc: 'Take a permission from a user.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('userinfo', userRef), arg('permission', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  listCGs: method({
    doc: 'Content generators that somebody may import for, by name, with the users who may.',
    needs: 'none',
    access: 'read',
    args: [],
    result: shape<Record<string, ContentGeneratorAccess>>('access by content generator'),
  }),
  grantCGAccess: method({
    doc: 'Let a user import for a content generator; with `create` one that may not exist yet.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('user', userRef), arg('cg', nameOrId), arg('create', flag, false)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  revokeCGAccess: method({
    doc: 'Keep a user from importing for a content generator.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('user', userRef), arg('cg', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type PermissionMethods = typeof permissionMethods;
