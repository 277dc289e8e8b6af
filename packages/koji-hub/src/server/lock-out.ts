import { ServerOffline } from '@koji/core';
import type { HubOptions } from '@koji/core/config';
import type { Session } from '../call.js';

/**
 * Admits only admins while option LockOut is on; other users may log in and out.
 *
 * @throws ServerOffline
 */
export function checkLockOut(
  options: Pick<HubOptions, 'LockOut'>,
  method: string | null,
  session: Pick<Session, 'hasPerm'>,
): void {
  if (!options.LockOut || session.hasPerm('admin')) return;
  if (method === 'login' || method === 'sslLogin' || method === 'logout') return;
  throw new ServerOffline('Server disabled for maintenance');
}
