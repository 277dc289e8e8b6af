import { named } from '@koji/core/wire';
import { USERTYPES, USER_STATUS, byText, compareTexts, nameOf, valueOf } from '@koji/core';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { printHeader } from '../listing.js';
import { flag, text } from '../options.js';

const userinfo = command({
  name: 'userinfo',
  category: 'admin',
  arguments: ['user...'],
  examples: ['userinfo alice'],
  summary: 'Show information about a user',
  usage: 'userinfo [options] <username> [<username> ...]',
  anonymous: true,
  data: {
    of: 'getUser',
    adds: {
      permissions: 'the names of its permissions',
      packages: 'number of packages it owns',
      tasks: 'number of tasks it started',
      builds: 'number of builds it owns',
    },
  },
  options: {},
  async run({ args, session, print, warn, data, connect, usageError }) {
    if (args.length === 0) return usageError('You must specify at least one username');
    await connect();
    const calls = session.multicall();
    const found = args.map((name) => calls.getUser(name, named({ groups: true })));
    await calls.run();
    const users = found.flatMap((entry, i) => {
      if (entry.result) return [entry.result];
      warn(`No such user: ${args[i]}\n`);
      return [];
    });
    const count = { queryOpts: { countOnly: true } };
    const details = users.map(({ id }) => ({
      perms: calls.getUserPerms(id),
      packages: calls.call<number>('listPackages', [], { userID: id, with_dups: true, ...count }),
      tasks: calls.call<number>('listTasks', [], { opts: { owner: id, parent: null }, ...count }),
      builds: calls.call<number>('listBuilds', [], { userID: id, ...count }),
    }));
    await calls.run();
    users.forEach((user, i) => {
      const detail = details[i];
      if (!detail) return;
      const list = (heading: string, items: readonly string[]): void => {
        if (items.length > 0) print(heading);
        for (const item of items) print(`  ${item}`);
      };
      data({
        ...user,
        permissions: detail.perms.result,
        packages: detail.packages.result,
        tasks: detail.tasks.result,
        builds: detail.builds.result,
      });
      print(`User name: ${user.name}`);
      print(`User ID: ${user.id}`);
      if (user.krb_principals) print('krb principals:');
      for (const principal of user.krb_principals ?? []) print(`  ${principal}`);
      list('Permissions:', detail.perms.result);
      list('Groups:', [...(user.groups ?? [])].sort(compareTexts));
      print(`Status: ${nameOf(USER_STATUS, user.status)}`);
      print(`Usertype: ${nameOf(USERTYPES, user.usertype)}`);
      print(`Number of packages: ${detail.packages.result}`);
      print(`Number of tasks: ${detail.tasks.result}`);
      print(`Number of builds: ${detail.builds.result}`);
      print('');
    });
  },
});

const listUsers = command({
  name: 'list-users',
  category: 'admin',
  examples: ['list-users --perm=admin'],
  summary: 'List of users',
  usage: 'list-users [options]',
  anonymous: true,
  data: { of: 'listUsers' },
  options: {
    usertype: {
      ...text(
        '--usertype',
        'List users that have a given usertype (e.g. NORMAL, HOST, GROUP). Use "any" to get all types',
      ),
      initial: 'NORMAL',
    },
    prefix: text('--prefix', 'List users that have a given prefix'),
    perm: text('--perm', 'List users that have a given permission'),
    inherited_perm: flag('--inherited-perm', 'Consider inherited permissions'),
  },
  async run({ args, options, session, print, data, login, usageError, fail }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    if (options.inherited_perm && !options.perm)
      return usageError('inherited_perm option must be used with perm option');
    await login();
    const type = options.usertype.toUpperCase();
    const userType = ['ANY', 'ALL'].includes(type)
      ? null
      : (valueOf(USERTYPES, type) ?? fail(`Invalid usertype: ${options.usertype}`));
    if (options.perm) {
      const perms = await session.getAllPerms();
      if (!perms.some(({ name }) => name === options.perm)) fail(`Invalid permission: ${options.perm}`);
    }
    const users = await session.listUsers(
      named({
        userType,
        ...(options.prefix ? { prefix: options.prefix } : {}),
        ...(options.perm ? { perm: options.perm } : {}),
        ...(options.inherited_perm ? { inherited_perm: true } : {}),
      }),
    );
    data(users);
    for (const { name } of users) print(name);
  },
});

const listPermissions = command({
  name: 'list-permissions',
  category: 'info',
  examples: ['list-permissions --user=alice'],
  summary: 'List user permissions',
  usage: 'list-permissions [options]',
  data: {
    of: 'getAllPerms',
    adds: { inherited_from: 'with --user or --mine, the groups that grant it' },
  },
  options: {
    user: text('--user', 'List permissions for the given user'),
    mine: flag('--mine', 'List your permissions'),
    quiet: flag('--quiet', 'Do not print the header information'),
  },
  async run(run) {
    const { args, options, global, print, data, login, usageError } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    await login();
    const perms = [...(await permissionsOf(run, options))].sort(byText(({ name }) => name));
    data(perms);
    const width = Math.max('Permission name   '.length, ...perms.map(({ name }) => name.length));
    if (!(options.quiet ?? global.quiet)) {
      const more = perms[0]?.description ? '   Description'.padEnd(53) : '';
      printHeader(print, `${'Permission name'.padEnd(width)}${more}`);
    }
    for (const { name, description } of perms)
      print(name.padEnd(width) + (description ? `   ${description}` : ''));
  },
});

/** Returns all permissions, or those of one user with their origin. */
async function permissionsOf(
  { session, fail }: Run,
  { user: given, mine }: { readonly user: string | undefined; readonly mine: boolean | undefined },
): Promise<readonly { readonly name: string; readonly description: string | null }[]> {
  if (!given && !mine) return session.getAllPerms();
  const user = mine
    ? ((await session.getLoggedInUser()) ?? fail('Please log in or specify --user'))
    : ((await session.getUser(given ?? '')) ?? fail(`No such user: ${given}`));
  const sources = await session.getUserPermsInheritance(user.id);
  return Object.entries(sources).map(([name, groups]) => {
    const inherited = groups.filter((group) => group !== null);
    const description = inherited.length > 0 ? `inherited from: ${inherited.join(', ')}` : null;
    return { name, description, inherited_from: inherited };
  });
}

export const userInfo = [userinfo, listUsers, listPermissions];
