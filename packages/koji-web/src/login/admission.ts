/** Changes at the hub before a login with the provider opens a session: a new user, and permissions by groups. */
import { AuthError, USERTYPES, USER_STATUS } from '@koji/core';
import type { Calls } from '../calls.js';

/** A user as a provider describes them. */
export interface Admission {
  readonly user: string;
  /** Whether the user is created when the hub doesn't know them. */
  readonly create: boolean;
  /** Names of permissions, and whether the user should have them. Other permissions are unchanged. */
  readonly perms: ReadonlyMap<string, boolean>;
}

/** One change at the hub, which needs the permission admin. */
export type Change = (calls: Calls) => Promise<unknown>;

/**
 * Returns the necessary changes at the hub, usually none.
 *
 * @throws AuthError if the user may not log in
 */
export async function planAdmission(
  calls: Calls,
  { user, create, perms }: Admission,
): Promise<readonly Change[]> {
  const found = await calls.getUser(user);
  // A user may also be found by a Kerberos principal, which the provider did not vouch for.
  const known = found?.name === user ? found : null;
  if (!known && (found || !create)) throw new AuthError(`the hub has no user '${user}'`);
  if (known && (known.status !== USER_STATUS.NORMAL || known.usertype !== USERTYPES.NORMAL))
    throw new AuthError(`logins by ${user} are not allowed`);
  const has = new Set(known && perms.size > 0 ? await calls.getUserPerms(known.id, false) : []);
  const created: Change[] = known ? [] : [(admin) => admin.createUser(user)];
  const changed = [...perms]
    .filter(([name, wanted]) => wanted !== has.has(name))
    .map(([name, wanted]): Change =>
      wanted ? (admin) => admin.grantPermission(user, name) : (admin) => admin.revokePermission(user, name),
    );
  return [...created, ...changed];
}

/** Makes changes one after the other, because later ones may depend on earlier ones. */
export async function makeChanges(calls: Calls, changes: readonly Change[]): Promise<void> {
  for (const change of changes) await change(calls);
}
