import type { Run } from './command.js';

/** Checks that the user has a permission, or is an admin; otherwise reports a usage error. */
export async function checkPerm({ session, usageError }: Run, perm: string): Promise<void> {
  if ((await session.hasPerm('admin')) || (await session.hasPerm(perm))) return;
  usageError(`This action requires ${perm} or admin privileges`);
}
