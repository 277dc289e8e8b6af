import { named } from '@koji/core/wire';
import type { UserInfo } from '@koji/core/api';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { valueOfArgument } from '../literals.js';
import { flag, text, texts } from '../options.js';

/** A principal as Koji sends it: text that looks like a number is sent as a number. */
const principalOf = (given: string): string | null => valueOfArgument(given) as string | null;

function oneUser({ args, usageError }: Run, verb: string): string {
  const [name] = args;
  if (name === undefined) return usageError(`You must specify the username of the user to ${verb}`);
  if (args.length > 1) return usageError('This command only accepts one argument (username)');
  return name;
}

async function userOf({ session, usageError }: Run, name: string): Promise<UserInfo> {
  return (await session.getUser(name)) ?? usageError(`No such user: ${name}`);
}

const enableUser = command({
  name: 'enable-user',
  category: 'admin',
  arguments: ['user'],
  examples: ['enable-user alice'],
  summary: 'Enable logins by a user',
  usage: 'enable-user <username>',
  options: {},
  async run(run) {
    const name = oneUser(run, 'enable');
    await run.login();
    await run.session.enableUser(name);
  },
});

const disableUser = command({
  name: 'disable-user',
  category: 'admin',
  arguments: ['user'],
  examples: ['disable-user alice'],
  summary: 'Disable logins by a user',
  usage: 'disable-user <username>',
  options: {},
  async run(run) {
    const name = oneUser(run, 'disable');
    await run.login();
    await run.session.disableUser(name);
  },
});

const editUser = command({
  name: 'edit-user',
  category: 'admin',
  arguments: ['user'],
  examples: ['edit-user --rename=alice.smith alice'],
  summary: 'Alter user information',
  usage: 'edit-user <username> [options]',
  options: {
    rename: text('--rename', 'Rename the user'),
    edit_krb: texts('--edit-krb', 'Change kerberos principal of the user', { metavar: 'OLD=NEW' }),
    add_krb: texts('--add-krb', 'Add kerberos principal of the user', { metavar: 'KRB' }),
    remove_krb: texts('--remove-krb', 'Remove kerberos principal of the user', { metavar: 'KRB' }),
  },
  async run(run) {
    const { options, session, login, fail } = run;
    const name = oneUser(run, 'edit');
    await login();
    const renamed = options.edit_krb.map((given) => {
      const equals = given.indexOf('=');
      if (equals === -1) return fail(`--edit-krb '${given}': must be OLD=NEW`);
      return {
        old: principalOf(given.slice(0, equals)),
        new: principalOf(given.slice(equals + 1)),
      };
    });
    const added = options.add_krb.map((principal) => ({ old: null, new: principalOf(principal) }));
    const removed = options.remove_krb.map((principal) => ({ old: principalOf(principal), new: null }));
    await session.editUser(name, options.rename ?? null, [...renamed, ...added, ...removed]);
  },
});

const revokePermission = command({
  name: 'revoke-permission',
  category: 'admin',
  arguments: ['permission', 'user...'],
  examples: ['revoke-permission tag alice'],
  summary: 'Revoke a permission from a user',
  usage: 'revoke-permission <permission> <user> [<user> ...]',
  options: {},
  async run(run) {
    const { args, session, login, usageError } = run;
    const [permission, ...names] = args;
    if (permission === undefined || names.length === 0)
      return usageError('Please specify a permission and at least one user');
    await login();
    const users: UserInfo[] = [];
    for (const name of names) users.push(await userOf(run, name));
    for (const { name } of users) await session.revokePermission(name, permission);
  },
});

const editPermission = command({
  name: 'edit-permission',
  category: 'admin',
  arguments: ['permission', 'text'],
  examples: ['edit-permission tag "May edit tags"'],
  summary: 'Edit a permission description',
  usage: 'edit-permission <permission> <description>',
  options: {},
  async run({ args, session, login, usageError }) {
    const [permission, description] = args;
    if (permission === undefined || description === undefined)
      return usageError('Please specify a permission and a description');
    await login();
    await session.editPermission(permission, description);
  },
});

const grantCgAccess = command({
  name: 'grant-cg-access',
  category: 'admin',
  arguments: ['user', 'content-generator'],
  examples: ['grant-cg-access alice osbs'],
  summary: 'Add a user to a content generator',
  usage: 'grant-cg-access <user> <content generator>',
  options: {
    new: flag('--new', 'Create a new content generator'),
  },
  async run(run) {
    const { args, options, session, login, usageError } = run;
    const [user, cg] = args;
    if (user === undefined || cg === undefined || args.length !== 2)
      return usageError('Please specify a user and content generator');
    await login();
    const { name } = await userOf(run, user);
    await session.grantCGAccess(name, cg, named(options.new ? { create: true } : {}));
  },
});

const revokeCgAccess = command({
  name: 'revoke-cg-access',
  category: 'admin',
  arguments: ['user', 'content-generator'],
  examples: ['revoke-cg-access alice osbs'],
  summary: 'Remove a user from a content generator',
  usage: 'revoke-cg-access <user> <content generator>',
  options: {},
  async run(run) {
    const { args, session, login, usageError } = run;
    const [user, cg] = args;
    if (user === undefined || cg === undefined || args.length !== 2)
      return usageError('Please specify a user and content generator');
    await login();
    const { name } = await userOf(run, user);
    await session.revokeCGAccess(name, cg);
  },
});

export const userEditing = [
  enableUser,
  disableUser,
  editUser,
  revokePermission,
  editPermission,
  grantCgAccess,
  revokeCgAccess,
];
