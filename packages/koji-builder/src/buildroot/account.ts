import { isRoot } from './userns.js';

/** The account that runs programs of strangers on the host itself when kojid is root: nobody else on the host has it. */
export const builderId = 61_000;

/** The words before a command that take all rights away from it; none where kojid has no rights to give up. */
export function withoutRights(): string[] {
  if (!isRoot()) return [];
  return [
    'setpriv',
    ...[`--reuid=${builderId}`, `--regid=${builderId}`],
    ...['--clear-groups', '--no-new-privs', '--'],
  ];
}
