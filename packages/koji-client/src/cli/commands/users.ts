import { USER_STATUS } from '@koji/core';
import type { UserInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import { flag, text } from '../options.js';

const addUser = command({
  name: 'add-user',
  category: 'admin',
  arguments: ['text'],
  examples: ['add-user alice'],
  summary: 'Add a user',
  usage: 'add-user <username> [options]',
  options: {
    principal: text('--principal', 'The Kerberos principal for this user'),
    disable: flag('--disable', 'Prohibit logins by this user'),
  },
  async run({ args, options, session, print, login, usageError }) {
    const [username, ...others] = args;
    if (username === undefined) return usageError('You must specify the username of the user to add');
    if (others.length > 0) return usageError('This command only accepts one argument (username)');
    const status = options.disable ? USER_STATUS.BLOCKED : USER_STATUS.NORMAL;
    await login();
    const id = await session.createUser(
      username,
      named({ status, krb_principal: options.principal ?? null }),
    );
    print(`Added user ${username} (${id})`);
  },
});

const grantPermission = command({
  name: 'grant-permission',
  category: 'admin',
  arguments: ['permission', 'user...'],
  examples: ['grant-permission tag alice'],
  summary: 'Grant a permission to a user',
  usage: 'grant-permission [options] <permission> <user> [<user> ...]',
  options: {
    new: flag('--new', 'Create this permission if the permission does not exist'),
    description: text('--description', 'Add description about new permission'),
  },
  async run({ args, options, session, login, usageError }) {
    const [permission, ...names] = args;
    if (permission === undefined || names.length === 0)
      return usageError('Please specify a permission and at least one user');
    await login();
    const users: UserInfo[] = [];
    for (const name of names)
      users.push((await session.getUser(name)) ?? usageError(`No such user: ${name}`));
    if (options.description && !options.new)
      return usageError('Option new must be specified with option description.');
    const create = options.new ? { create: true } : {};
    const description = options.new && options.description ? { description: options.description } : {};
    for (const user of users)
      await session.grantPermission(user.name, permission, named({ ...create, ...description }));
  },
});

export const users = [addUser, grantPermission];
