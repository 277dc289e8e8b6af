import { any, arg, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { queryOpts, userRef } from './types.js';
import type { UserInfo } from './types.js';

/** A Kerberos principal to add (`new`), to remove (`old`) or to replace (both). */
export interface PrincipalChange {
  readonly old?: string | null;
  readonly new?: string | null;
}

/** People, builders and groups that can log in or own things. */
export const userMethods = {
  getUser: method({
    doc: 'A user by id, name, Kerberos principal or a struct of them; the caller itself when none is named.',
    needs: 'none',
    access: 'lookup',
    args: [
      arg('userInfo', nullable(userRef), null),
      arg('strict', flag, false),
      arg('krb_princs', flag, true),
      arg('groups', flag, false),
    ],
    result: nullable(shape<UserInfo>('user')),
    returns: 'the user, or null when there is none and strict is false',
    faults: ['GenericError'],
  }),
  createUser: method({
    doc: 'Create a user who can log in.',
    needs: 'perm:admin',
    access: 'write',
    args: [
      arg('username', any<string>('str')),
      arg('status', any<number | null>('int | null'), null),
      arg('krb_principal', any<string | null>('str | null'), null),
    ],
    result: int,
    returns: 'id of the new user',
    faults: ['GenericError'],
  }),
  editUser: method({
    doc: 'Rename a user; add, replace and remove its Kerberos principals.',
    needs: 'perm:admin',
    access: 'write',
    args: [
      arg('userInfo', userRef),
      arg('name', any<string | null>('str | null'), null),
      arg('krb_principal_mappings', any<PrincipalChange[] | null>('list(dict) | null'), null),
    ],
    result: shape<null>('null'),
    faults: ['AuthError', 'GenericError', 'ParameterError'],
  }),
  addUserKrbPrincipal: method({
    doc: 'Let a user log in with a Kerberos principal.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('user', userRef), arg('krb_principal', any<string>('str'))],
    result: int,
    returns: 'id of the user',
    faults: ['AuthError', 'GenericError'],
  }),
  removeUserKrbPrincipal: method({
    doc: 'Take a Kerberos principal from a user.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('user', userRef), arg('krb_principal', any<string>('str'))],
    result: int,
    returns: 'id of the user',
    faults: ['AuthError', 'GenericError'],
  }),
  enableUser: method({
    doc: 'Let a user log in again.',
    needs: 'none',
    access: 'write',
    args: [arg('username', userRef)],
    result: shape<null>('null'),
    faults: ['ActionNotAllowed', 'GenericError'],
  }),
  disableUser: method({
    doc: 'Keep a user from logging in.',
    needs: 'none',
    access: 'write',
    args: [arg('username', userRef)],
    result: shape<null>('null'),
    faults: ['ActionNotAllowed', 'GenericError'],
  }),
  listUsers: method({
    doc: 'Users by type, start of the name or permission; ordinary users when no type is given, all for null.',
    needs: 'none',
    access: 'read',
    args: [
      arg('userType', any<number | number[] | null>('int | list(int) | null'), 0),
      arg('prefix', nullable(str), null),
      arg('queryOpts', queryOpts, null),
      arg('perm', any<string | number | null>('str | int | null'), null),
      arg('inherited_perm', flag, false),
    ],
    result: list(shape<UserInfo>('user')),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type UserMethods = typeof userMethods;
