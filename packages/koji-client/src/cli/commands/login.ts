import { createInterface } from 'node:readline/promises';
import { userInfo } from 'node:os';
import { AUTHTYPES, AuthError, AuthExpired, askPassword, messageOf, nameOf, readPassword } from '@koji/core';
import type { SessionKey } from '@koji/core/api';
import { command } from '../command.js';
import type { Run } from '../command.js';
import {
  endKeptSession,
  keepSession,
  keptSessionFile,
  readKeptSession,
  removeKeptSession,
} from '../kept-sessions.js';
import type { KeptSession } from '../kept-sessions.js';
import { checkHub, loginCommand } from '../login.js';
import { flag } from '../options.js';
import { longTime } from '@koji/core/text';

const login = command({
  name: 'login',
  category: 'misc',
  extra: true,
  arguments: ['user'],
  examples: ['login alice', 'login alice < password-file'],
  summary: 'Log in with a password and keep the session for later commands',
  usage: `login [options] [<user>]

Asks for the password on the terminal, or reads it from the first line of standard input.
Later commands of this profile use the session until it expires or \`%prog logout\` ends it,
unless the profile or the command line says how else to log in.`,
  anonymous: true,
  options: {},
  async run(run) {
    const { args, session, global, print, usageError } = run;
    if (args.length > 1) return usageError('Please specify at most one user');
    if (global.authtype !== null && !['password', 'noauth'].includes(global.authtype))
      return usageError(
        `Commands of this profile log in by authtype = ${global.authtype}, so a kept session would not be used`,
      );
    await checkHub(session, global, run);
    const user = args[0] ?? global.user ?? (await askUser(run));
    const password = (args[0] ?? global.user) === global.user ? global.password : null;
    const key = await session.login(user, password ?? (await askFor(user)));
    if (!key) return run.fail('The hub opened no session');
    const before = previousSession(run);
    const file = keep(run, { user, key });
    // This command leaves only the kept session open.
    session.forget();
    if (before) await endKeptSession(global, before).catch(() => null);
    if (!global.quiet) print(`Logged in to ${global.server} as ${user}. The session is kept in ${file}.`);
    return undefined;
  },
});

async function askUser({ usageError }: Run): Promise<string> {
  if (!process.stdin.isTTY) return usageError('Please specify a user');
  const usual = userInfo().username;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`User name [${usual}]: `).finally(() => terminal.close());
  return answer.trim() || usual;
}

function askFor(user: string): Promise<string> {
  return process.stdin.isTTY ? askPassword(`Password of ${user}: `) : readPassword('-');
}

/** Returns the session that the new one replaces. An unreadable file is replaced, too. */
function previousSession({ global }: Run): KeptSession | null {
  try {
    return readKeptSession(global);
  } catch {
    return null;
  }
}

function keep({ global }: Run, { user, key }: { user: string; key: SessionKey }): string {
  const created = new Date().toISOString();
  return keepSession(global, { server: global.server, user, session: key, created });
}

const logout = command({
  name: 'logout',
  category: 'misc',
  extra: true,
  examples: ['logout'],
  summary: 'End the session that login kept',
  usage: 'logout [options]',
  anonymous: true,
  options: { forget: flag('--forget', 'Only remove the file, if the hub cannot be reached') },
  async run({ args, options, global, print, warn, usageError, fail }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    const kept = options.forget ? null : readKeptSession(global);
    if (!kept && !options.forget) return fail(`No session is kept for ${global.server}`);
    if (kept)
      try {
        await endKeptSession(global, kept);
      } catch (error) {
        if (!(error instanceof AuthError || error instanceof AuthExpired)) {
          warn(`The session at ${global.server} is not ended: ${messageOf(error)}`);
          return fail('Try again later, or remove only the file with --forget.');
        }
        warn(`The hub had ended the session already: ${error.message}`);
      }
    removeKeptSession(global);
    if (!global.quiet)
      print(
        options.forget
          ? `Removed ${keptSessionFile(global)}`
          : `Logged out ${kept?.user} from ${global.server}`,
      );
    return undefined;
  },
});

const whoami = command({
  name: 'whoami',
  category: 'info',
  extra: true,
  examples: ['whoami'],
  summary: 'Print who commands log in as, in which way, and the permissions',
  usage: 'whoami [options]',
  data: {
    of: 'getLoggedInUser',
    adds: {
      hub: 'the address of the hub',
      login: "how commands log in: 'password', 'certificate', 'kerberos', 'token' or 'kept session'",
      login_method: "what opened the session at the hub: 'password', 'certificate', 'Kerberos' or 'token'",
      logged_in: 'with a kept session: when the user logged in, as ISO 8601; null otherwise',
      permissions: 'names of permissions, sorted',
    },
    one: true,
  },
  options: {},
  async run({ args, session, global, print, data, login: logIn, usageError, fail }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    const way = await logIn();
    if (way.by === 'none') return fail(`Not logged in. Log in with \`${loginCommand(global)}\`.`);
    const calls = session.multicall({ strict: true });
    const [asked, perms] = [calls.getLoggedInUser(), calls.getPerms()];
    await calls.run();
    const user = asked.result ?? fail('The hub does not know who is logged in');
    const code = nameOf(AUTHTYPES, user.authtype) ?? String(user.authtype);
    const method = methodNames[code] ?? code;
    const created = way.by === 'kept session' ? way.kept.created : null;
    const permissions = [...perms.result].sort();
    data({
      ...user,
      hub: global.server,
      login: way.by,
      login_method: method,
      logged_in: created,
      permissions,
    });
    print(`User: ${user.name} [${user.id}]`);
    print(`Hub: ${global.server}`);
    print(`Login: ${way.by} (${method})`);
    if (created !== null) print(`Logged in: ${longTime(Date.parse(created) / 1000)}`);
    if (user.krb_principal) print(`Kerberos principal: ${user.krb_principal}`);
    print(`Permissions: ${permissions.length > 0 ? permissions.join(', ') : 'none'}`);
    return undefined;
  },
});

const methodNames: Readonly<Record<string, string>> = {
  NORMAL: 'password',
  SSL: 'certificate',
  GSSAPI: 'Kerberos',
  TOKEN: 'token',
};

export const loginCommands = [login, logout, whoami];
