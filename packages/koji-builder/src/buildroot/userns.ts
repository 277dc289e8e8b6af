import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** Whether this process is root, or root of a user namespace of its own. */
export const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * The words before a command that give it mounts of its own, which end with it. A process that is not root gets a user
 * namespace besides, in which it is root and has the accounts of its range in /etc/subuid.
 */
export function namespaceWords(): string[] {
  const words = ['unshare', '--mount', '--propagation', 'slave'];
  return [...words, ...(isRoot() ? [] : ['--user', '--map-root-user', '--map-auto']), '--'];
}

/** The words before a command that must handle files of the accounts in this user's range; none for root. */
export function asRootWords(): string[] {
  return isRoot() ? [] : ['unshare', '--user', '--map-root-user', '--map-auto', '--'];
}

/** How many ids this user may give to accounts inside, by /etc/subuid or /etc/subgid. */
export async function idsInRange(file: '/etc/subuid' | '/etc/subgid'): Promise<number> {
  const { username, uid } = userInfo();
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name]) => name === username || name === String(uid))
    .reduce((sum, [, , count]) => sum + (Number(count) || 0), 0);
}
