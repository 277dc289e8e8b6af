import { arg, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { userRef } from './types.js';
import type { Float, Timestamp } from './types.js';

/** A token of a user, as the hub keeps it; the token itself is known to nobody but its holder. */
export interface TokenInfo {
  readonly id: number;
  readonly user_id: number;
  readonly user_name: string;
  /** Name given by its user. */
  readonly name: string;
  /** Whether it is for methods only that change nothing. */
  readonly read_only: boolean;
  /** The methods that it is for, besides those that read and need no login; null for all. */
  readonly methods: string[] | null;
  /** The permissions that it has as long as its user has them; null for all of the user's. */
  readonly permissions: string[] | null;
  readonly create_time: Timestamp;
  readonly create_ts: Float;
  readonly expire_time: Timestamp;
  readonly expire_ts: Float;
  /** To the minute; null before the first use. */
  readonly last_use_time: Timestamp | null;
  readonly last_use_ts: Float | null;
  readonly revoke_time: Timestamp | null;
  readonly revoke_ts: Float | null;
}

/** A new token, with the token itself: the hub shows it this once. */
export interface NewToken extends TokenInfo {
  /** The value that a client sends as `Authorization: Bearer`. */
  readonly token: string;
}

const names = nullable(list(str));

/** Tokens with which programs call as a user, without a password and without a session. */
export const tokenMethods = {
  createToken: method({
    doc: 'Make a token for programs of a user, the caller by default. It may do what the user may, or less. Not in Koji.',
    needs: 'login',
    access: 'write',
    args: [
      arg('name', str),
      {
        ...arg('lifetime', nullable(int), null),
        about: 'seconds until it expires; 90 days by default, at most TokenLifetime',
      },
      { ...arg('read_only', flag, false), about: 'for methods only that change nothing' },
      {
        ...arg('methods', names, null),
        about: 'the methods that it is for, besides those that read and need no login',
      },
      { ...arg('permissions', names, null), about: 'those of the user that it has' },
      { ...arg('user', nullable(userRef), null), about: 'for admins: whose token it is' },
    ],
    result: shape<NewToken>('struct'),
    returns: 'the token in `token`, which is shown only once, and what listTokens tells',
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  listTokens: method({
    doc: "The caller's tokens, those of a user, or all; others than the caller's are for admins. Not in Koji.",
    needs: 'login',
    access: 'read',
    args: [
      arg('user', nullable(userRef), null),
      { ...arg('ended', flag, false), about: 'also those that were revoked or have expired' },
      { ...arg('everybody', flag, false), about: 'the tokens of all users' },
    ],
    result: list(shape<TokenInfo>('struct')),
    returns: 'ordered by id',
    faults: ['ActionNotAllowed', 'GenericError'],
  }),
  revokeToken: method({
    doc: "End a token of the caller's by its id; admins end those of everybody. Not in Koji.",
    needs: 'login',
    access: 'write',
    args: [arg('token_id', int)],
    result: shape<null>('null'),
    returns: 'null, also for one that was revoked before',
    faults: ['GenericError'],
  }),
} satisfies Methods;

/** The declarations of {@link tokenMethods} by wire name, as types. */
export type TokenMethods = typeof tokenMethods;
