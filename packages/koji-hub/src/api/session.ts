import { ActionNotAllowed, GenericError } from '@koji/core';
import type { SessionInfo, sessionMethods } from '@koji/core/api';
import {
  callerOf,
  login,
  logout,
  logoutChild,
  makeExclusive,
  makeShared,
  subsession,
} from '../auth/login.js';
import { sessionColumns } from '../auth/sessions.js';
import { sslLogin } from '../auth/transport-login.js';
import type { Call, Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { plain } from '../domain/values/repr.js';
import { sql } from '../db/sql.js';
import { getUser } from '../domain/users/users.js';

/** Logging in and out, and what the hub knows about the caller. */
export const session: Handlers<typeof sessionMethods> = {
  login: (args, call) => login(call, args),
  sslLogin: (args, call) => sslLogin(call, args),
  logout: ({ session_id: sessionId }, call) => logout(call, sessionId),
  logoutChild: ({ session_id: sessionId }, call) => logoutChild(call, sessionId),
  subsession: (_, call) => subsession(call),
  exclusiveSession: ({ force }, call) => makeExclusive(call, force),
  sharedSession: (_, call) => makeShared(call),
  showSession: (_, call) => callerOf(call).toString(),
  getPerms: (_, call) => [...call.session.perms],

  async getSessionInfo({ details, user_id: user }, call) {
    const { info, id, address } = callerOf(call);
    if (info === null || id === null) return null;
    if (user !== null && user !== 0 && user !== '') return sessionsOf(call, user, Boolean(details));
    return details ? { ...info, hostip: address, id } : info;
  },

  async getLoggedInUser(_, call) {
    const { userId, authtype } = call.session;
    if (userId === null) return null;
    const user = await getUser(call, userId);
    return { ...user, authtype: authtype ?? 0, krb_principal: user.krb_principals?.[0] ?? null };
  },

  async hasPerm({ perm, strict }, call) {
    if (strict && !(await lookupName(call, 'permissions', perm)))
      throw new GenericError(`No such permission ${plain(perm)} defined`);
    return typeof perm === 'string' && call.session.perms.has(perm);
  },
};

async function sessionsOf(call: Call, userRef: unknown, details: boolean): Promise<SessionInfo[]> {
  const user = await getUser(call, userRef);
  if (!call.session.hasPerm('admin') && user.id !== call.session.userId)
    throw new ActionNotAllowed('only admins or owners may see all active sessions');
  const more = details ? sql`, sessions.hostip, sessions.id` : sql``;
  return call.db.all<SessionInfo>(
    sql`SELECT ${sessionColumns}${more} FROM sessions WHERE expired = FALSE AND user_id = ${user.id} ORDER BY id`,
  );
}
