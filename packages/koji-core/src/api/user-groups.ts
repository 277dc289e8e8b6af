import { any, arg, flag, int, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { userRef } from './types.js';
import type { Named } from './types.js';

/** A member of a group of users. */
export interface GroupMember extends Named {
  /** One of `UserType`. */
  readonly usertype: number;
  readonly krb_principals: string[];
}

/** Groups of users. Members have the permissions of their groups. */
export const userGroupMethods = {
  newGroup: method({
    doc: 'Create a group of users.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('name', any<string>('str'))],
    result: int,
    returns: 'id of the new group',
    faults: ['GenericError'],
  }),
  addGroupMember: method({
    doc: 'Put a user into a group; one that is in it already is a fault unless strict is false.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('group', userRef), arg('user', userRef), arg('strict', flag, true)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  dropGroupMember: method({
    doc: 'Take a user out of a group.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('group', userRef), arg('user', userRef)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  getGroupMembers: method({
    doc: 'The users in a group.',
    needs: 'none',
    access: 'read',
    args: [arg('group', userRef)],
    result: list(shape<GroupMember>('member')),
    faults: ['GenericError'],
  }),
  getUserGroups: method({
    doc: 'The groups that a user is in; those of the caller for null.',
    needs: 'none',
    access: 'read',
    args: [arg('user', nullable(userRef))],
    result: list(shape<Named>('group')),
    faults: ['GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type UserGroupMethods = typeof userGroupMethods;
