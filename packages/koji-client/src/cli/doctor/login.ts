import { GSSAPIAuthError, messageOf } from '@koji/core';
import type { ClientSession } from '../../session.js';
import { Exit } from '../command.js';
import type { GlobalOptions } from '../global-options.js';
import { login, loginCommand, loginWay } from '../login.js';
import type { Output } from '../output.js';
import { ok, problem, warning } from './findings.js';
import type { Finding } from './findings.js';

/** Checks that commands can log in with the profile's settings. */
export async function checkLogin(session: ClientSession, global: GlobalOptions): Promise<Finding> {
  const remedy = `Log in with \`${loginCommand(global)}\`, or set authtype.`;
  const complaints: string[] = [];
  const collecting: Output = {
    print: () => undefined,
    write: () => undefined,
    warn: (line) => complaints.push(line),
  };
  try {
    const { by } = loginWay(global);
    if (by === 'none')
      return warning('login', 'commands do not log in', 'Leave out --noauth, or set authtype.');
    if (by === 'kerberos' && global.authtype === null)
      return warning('login', 'no way to log in is set up, so only reading works', remedy);
    await login(session, global, collecting);
    const user = await session.getLoggedInUser();
    return ok('login', `as ${user?.name ?? 'nobody'} by ${by}`, { by, user: user?.name ?? null });
  } catch (error) {
    const text = error instanceof Exit ? complaints.join(' ') : messageOf(error);
    return problem('login', text, error instanceof GSSAPIAuthError ? remedy : remedyFor(global));
  }
}

function remedyFor(global: GlobalOptions): string {
  if (global.authtype === 'token' || (global.authtype === null && global.token_file))
    return 'Check token_file in the profile, or make another token with `koji create-token`.';
  return global.authtype === 'ssl'
    ? 'Check cert in the profile, and that the hub knows the user of the certificate.'
    : `Check user and password, or log in again with \`${loginCommand(global)}\`.`;
}
