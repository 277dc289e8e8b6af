import { any, arg, bool, flag, int, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { userRef } from './types.js';
import type { Float, Timestamp, UserInfo } from './types.js';

/** The answer to a login: the id and key that every later call sends in its headers. */
export interface SessionKey {
  readonly 'session-id': number;
  readonly 'session-key': string;
  /** The hub reads id and key from headers. */
  readonly 'header-auth': true;
}

/** A login session in the hub's database; its key is never shown. */
export interface SessionInfo {
  readonly user_id: number;
  readonly expired: boolean;
  readonly master: number | null;
  readonly authtype: number;
  /** Number of the last call that changed data. */
  readonly callnum: number | null;
  readonly exclusive: true | null;
  readonly start_time: Timestamp;
  readonly start_ts: Float;
  readonly update_time: Timestamp;
  readonly update_ts: Float;
  readonly renew_time: Timestamp | null;
  readonly renew_ts: Float | null;
  /** Only with `details`. */
  readonly id?: number;
  /** Only with `details`. */
  readonly hostip?: string;
}

/** The caller's own user record. */
export interface LoggedInUser extends UserInfo {
  readonly authtype: number;
  readonly krb_principal: string | null;
}

/** Options of a password login. */
export interface LoginOptions {
  /** The client's address, if it differs from the one that the hub sees. */
  readonly hostip?: string;
  /**
   * The user to open the session for, instead of the one that the password belongs to. Only for users of ProxyUsers; not in
   * Koji.
   */
  readonly proxyuser?: string;
}

const sessionKey = shape<SessionKey>('struct(session-id, session-key, header-auth)');
const anyBool = any<boolean | null>('bool');

/** Login and logout, and information about the caller. */
export const sessionMethods = {
  login: method({
    doc: 'Log in with a user name and password.',
    needs: 'none',
    access: 'none',
    args: [
      arg('user', any<string>('str')),
      arg('password', any<string>('str')),
      arg('opts', any<LoginOptions | null>('dict | null'), null),
      arg('renew', anyBool, false),
      arg('exclusive', anyBool, false),
    ],
    result: shape<SessionKey | null>('struct(session-id, session-key, header-auth) | null'),
    returns: 'id and key of the session; null for a renewal whose master session was closed meanwhile',
    faults: ['AuthError'],
    wrapped: true,
  }),
  sslLogin: method({
    doc: 'Log in with the identity that TLS or GSSAPI established.',
    needs: 'none',
    access: 'none',
    args: [
      arg('proxyuser', nullable(str), null),
      arg('proxyauthtype', nullable(int), null),
      arg('renew', anyBool, false),
      arg('exclusive', anyBool, null),
    ],
    result: shape<SessionKey | null>('struct(session-id, session-key, header-auth) | null'),
    faults: ['AuthError'],
    wrapped: true,
  }),
  logout: method({
    doc: 'Close this session and its subsessions, or another one by its id.',
    needs: 'none',
    access: 'write',
    args: [arg('session_id', nullable(int), null)],
    result: shape<null>('null'),
    faults: ['AuthError', 'GenericError'],
  }),
  logoutChild: method({
    doc: 'Close a subsession of this session.',
    needs: 'none',
    access: 'write',
    args: [arg('session_id', nullable(int))],
    result: shape<null>('null'),
    faults: ['AuthError'],
  }),
  subsession: method({
    doc: 'Open a session of the same user that ends with this one.',
    needs: 'none',
    access: 'write',
    args: [],
    result: sessionKey,
    faults: ['AuthError'],
  }),
  exclusiveSession: method({
    doc: 'Make this session the only one of its user that may call; builders need that.',
    needs: 'none',
    access: 'write',
    args: [arg('force', flag, false)],
    result: shape<null>('null'),
    returns: 'null; with `force` the session that was exclusive before is closed',
    faults: ['AuthLockError', 'GenericError'],
    wrapped: true,
  }),
  sharedSession: method({
    doc: 'Give up being exclusive.',
    needs: 'none',
    access: 'write',
    args: [],
    result: shape<null>('null'),
  }),
  getSessionInfo: method({
    doc: 'Data of this session, or of all sessions of a user that have not expired.',
    needs: 'none',
    access: 'lookup',
    args: [arg('details', any<boolean | null>('bool'), false), arg('user_id', nullable(userRef), null)],
    result: shape<SessionInfo | SessionInfo[] | null>('struct | list(struct) | null'),
    returns: 'null when nobody is logged in',
    faults: ['ActionNotAllowed', 'GenericError'],
  }),
  showSession: method({
    doc: 'This session as text.',
    needs: 'none',
    access: 'free',
    args: [],
    result: str,
  }),
  getLoggedInUser: method({
    doc: 'The user who calls.',
    needs: 'none',
    access: 'lookup',
    args: [],
    result: shape<LoggedInUser | null>('struct | null'),
    returns: 'null when nobody is logged in',
  }),
  getPerms: method({
    doc: 'Names of the permissions that the caller has, directly or by a group.',
    needs: 'none',
    access: 'free',
    args: [],
    result: shape<string[]>('list(str)'),
  }),
  hasPerm: method({
    doc: 'Whether the caller has a permission; admin does not stand for others here.',
    needs: 'none',
    access: 'lookup',
    args: [arg('perm', any<string>('str')), arg('strict', flag, false)],
    result: bool,
    faults: ['GenericError'],
  }),
} satisfies Methods;
