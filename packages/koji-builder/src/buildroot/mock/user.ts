import { ConfigError } from '@koji/core';
import { outputOf } from '@koji/plugin-sdk/host';

/**
 * Returns the prefix that runs a command as mock's own account, with mock's group; empty if this process is not root, or no
 * account is set.
 *
 * @throws ConfigError if the account or group does not exist
 */
export async function asMockUser(user: string): Promise<string[]> {
  if (process.getuid?.() !== 0 || user === '') return [];
  const { status, stdout: group } = await outputOf(['id', '-g', '--', user], { timeout: 60 });
  if (!status.success)
    throw new ConfigError(`kojid.conf [kojid] mockuser = '${user}': no such account on this host`);
  const mock = await outputOf(['getent', 'group', 'mock'], { timeout: 60 });
  if (!mock.status.success)
    throw new ConfigError("there is no group 'mock' on this host: install mock, which makes it");
  return ['setpriv', `--reuid=${user}`, `--regid=${group.trim()}`, '--groups=mock', '--'];
}
