import { writeFileSync } from 'node:fs';
import { messageOf } from '@koji/core';
import type { TokenInfo } from '@koji/core/api';
import { longTime } from '@koji/core/text';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { printHeader } from '../listing.js';
import { flag, int, text, texts } from '../options.js';

const day = 86_400;

const createToken = command({
  name: 'create-token',
  category: 'misc',
  extra: true,
  arguments: ['name'],
  examples: ['create-token nightly --read-only', 'create-token ci --method=build --days=30 --output=token'],
  summary: 'Make a token with which programs log in',
  usage: `create-token [options] <name>

Prints the token, which is shown only once. Give it to the program in a file that only its user can read,
named by token_file in its profile, or with authtype = token in the variable KOJI_TOKEN.`,
  data: { of: 'createToken', one: true },
  options: {
    days: int('--days', 'Days until the token expires (90 by default)'),
    read_only: flag('--read-only', 'For methods only that change nothing'),
    methods: texts(
      '--method',
      'A method that it is for, besides those that read; may be given several times',
      {
        metavar: 'METHOD',
      },
    ),
    permissions: texts('--permission', 'A permission of the user that it has; may be given several times', {
      metavar: 'PERMISSION',
    }),
    no_permissions: flag('--no-permissions', 'Without any permission of the user'),
    user: text('--user', 'Owner of the token (for admins)'),
    output: text('--output', 'Write the token to a new file, which only its owner can read', {
      metavar: 'FILE',
    }),
  },
  async run({ args, options, session, global, print, data, login, usageError, fail }) {
    const [name, ...others] = args;
    if (name === undefined || others.length > 0) return usageError('Please specify one name for the token');
    const { days, methods, permissions, no_permissions: none, output } = options;
    if (days !== undefined && days < 1) return usageError('--days must be at least 1');
    if (none && permissions.length > 0)
      return usageError('--permission and --no-permissions exclude each other');
    await login();
    const made = await session.createToken(
      name,
      named({
        lifetime: days === undefined ? null : days * day,
        read_only: options.read_only ?? false,
        methods: methods.length > 0 ? methods : null,
        permissions: none || permissions.length > 0 ? permissions : null,
        user: options.user ?? null,
      }),
    );
    if (output !== undefined)
      try {
        writeFileSync(output, `${made.token}\n`, { mode: 0o600, flag: 'wx' });
      } catch (error) {
        await session.revokeToken(made.id);
        return fail(`The token was revoked, as it can't be written: ${messageOf(error)}`);
      }
    data(output === undefined ? made : { ...made, token: null });
    if (global.quiet && output !== undefined) return undefined;
    if (!global.quiet)
      print(
        `Token ${made.id} (${made.name}) of ${made.user_name}, until ${longTime(Number(made.expire_ts))}. ` +
          (output === undefined ? 'It is not shown again:' : `It is in ${output}.`),
      );
    if (output === undefined) print(made.token);
    return undefined;
  },
});

const listTokens = command({
  name: 'list-tokens',
  category: 'info',
  extra: true,
  examples: ['list-tokens', 'list-tokens --everybody --ended'],
  summary: 'List the tokens of programs',
  usage: 'list-tokens [options]',
  data: { of: 'listTokens' },
  options: {
    user: text('--user', 'The tokens of another user (for admins)'),
    everybody: flag('--everybody', 'The tokens of all users (for admins)'),
    ended: flag('--ended', 'Also tokens that were revoked or have expired'),
    quiet: flag('--quiet', 'Do not print header information'),
  },
  async run({ args, options, session, print, data, login, usageError }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    const { user, everybody = false, ended = false } = options;
    if (user !== undefined && everybody) return usageError('--user and --everybody exclude each other');
    await login();
    const tokens = await session.listTokens(named({ user: user ?? null, everybody, ended }));
    data(tokens);
    const rows = tokens.map((token) => [
      String(token.id),
      token.user_name,
      token.name,
      stateOf(token),
      shortTime(token.last_use_ts) || 'never',
      limitsOf(token),
    ]);
    const titles = ['ID', 'User', 'Name', 'State', 'Last use', 'For'];
    const widths = titles.map((title, i) =>
      Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
    );
    const line = (cells: readonly string[]): string =>
      cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd();
    if (!options.quiet) printHeader(print, line(titles));
    for (const row of rows) print(line(row));
    return undefined;
  },
});

function shortTime(seconds: TokenInfo['last_use_ts']): string {
  return seconds === null
    ? ''
    : new Date(Number(seconds) * 1000).toISOString().slice(0, 16).replace('T', ' ');
}

function stateOf(token: TokenInfo): string {
  if (token.revoke_ts !== null) return `revoked ${shortTime(token.revoke_ts)}`;
  const hasExpired = Number(token.expire_ts) * 1000 <= Date.now();
  return `${hasExpired ? 'expired' : 'until'} ${shortTime(token.expire_ts)}`;
}

function limitsOf({ read_only: readOnly, methods, permissions }: TokenInfo): string {
  const limits = [
    ...(readOnly ? ['reading'] : []),
    ...(methods ? [`methods ${methods.join(', ') || 'none'}`] : []),
    ...(permissions ? [`permissions ${permissions.join(', ') || 'none'}`] : []),
  ];
  return limits.join('; ') || 'everything';
}

const revokeToken = command({
  name: 'revoke-token',
  category: 'misc',
  extra: true,
  arguments: ['name...'],
  examples: ['revoke-token nightly', 'revoke-token 17'],
  summary: 'End tokens, by their names or ids',
  usage: 'revoke-token [options] <name|id> [<name|id> ...]',
  options: { user: text('--user', 'Owner of the tokens (for admins)') },
  async run(run) {
    const { args, options, session, global, print, login, usageError } = run;
    if (args.length === 0) return usageError('Please specify at least one token');
    await login();
    const byName = args.some((arg) => !/^\d+$/.test(arg));
    const tokens = byName ? await session.listTokens(named({ user: options.user ?? null })) : [];
    for (const id of args.map((arg) => idOf(run, tokens, arg))) {
      await session.revokeToken(id);
      if (!global.quiet) print(`Revoked token ${id}`);
    }
    return undefined;
  },
});

function idOf({ fail }: Pick<Run, 'fail'>, tokens: readonly TokenInfo[], given: string): number {
  if (/^\d+$/.test(given)) return Number(given);
  return tokens.find(({ name }) => name === given)?.id ?? fail(`No such token: ${given}`);
}

export const tokenCommands = [createToken, listTokens, revokeToken];
