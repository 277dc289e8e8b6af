import { ConfigError } from '@koji/core';
import { outputOf } from '@koji/plugin-sdk/host';

/**
 * What to put before a command so that it runs as mock's own account, with the group that mock asks for: nothing when this
 * process is not root, or no account is set.
 *
 * @throws ConfigError when there is no such account or group
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
