import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ConfigError } from '@koji/core';

const run = promisify(execFile);

/**
 * What to put before a command so that it runs as mock's own account, with the group that mock asks for: nothing when this
 * process is not root, or no account is set.
 *
 * @throws ConfigError when there is no such account or group
 */
export async function asMockUser(user: string): Promise<string[]> {
  if (process.getuid?.() !== 0 || user === '') return [];
  const { stdout: group } = await run('id', ['-g', '--', user]).catch((cause: unknown) => {
    throw new ConfigError(`kojid.conf [kojid] mockuser = '${user}': no such account on this host`, { cause });
  });
  await run('getent', ['group', 'mock']).catch((cause: unknown) => {
    throw new ConfigError("there is no group 'mock' on this host: install mock, which makes it", { cause });
  });
  return ['setpriv', `--reuid=${user}`, `--regid=${group.trim()}`, '--groups=mock', '--'];
}
