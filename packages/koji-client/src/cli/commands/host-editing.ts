import { parseArches } from '@koji/core';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import type { Command, Run } from '../command.js';
import { decimal, text } from '../options.js';
import { givenOptions } from '../build-target.js';

/** Looks up hosts in one request; returns the names that do not exist. */
async function missingHosts({ args, session }: Run): Promise<string[]> {
  const calls = session.multicall({ strict: true });
  const found = args.map((name) => calls.getHost(name));
  await calls.run();
  return args.filter((_, i) => !found[i]?.result);
}

const editHost = command({
  name: 'edit-host',
  category: 'admin',
  arguments: ['host...'],
  examples: ['edit-host --capacity=4 builder1.example'],
  summary: 'Edit a host',
  usage: 'edit-host <hostname> [<hostname> ...] [options]',
  options: {
    arches: text('--arches', 'Space or comma-separated list of supported architectures'),
    capacity: decimal('--capacity', 'Capacity of this host'),
    description: text('--description', 'Description of this host', { metavar: 'DESC' }),
    comment: text('--comment', 'A brief comment about this host'),
  },
  async run(run) {
    const { args, options, session, print, warn, login, usageError, fail } = run;
    if (args.length === 0) return usageError('Please specify a hostname');
    await login();
    const changes = {
      ...givenOptions(options, ['capacity', 'description', 'comment']),
      ...(options.arches === undefined ? {} : { arches: parseArches(options.arches) }),
    };
    const missing = await missingHosts(run);
    for (const name of missing) warn(`No such host: ${name}`);
    if (missing.length > 0) fail('No changes made, please correct the command line');
    const calls = session.multicall({ strict: true });
    const edited = args.map((name) => calls.editHost(name, named(changes)));
    await calls.run();
    args.forEach((name, i) => print(edited[i]?.result ? `Edited ${name}` : `No changes made to ${name}`));
  },
});

async function switchHosts(run: Run, verb: 'enable' | 'disable', comment: string | undefined): Promise<void> {
  const { args, session, print, login, usageError, fail } = run;
  if (args.length === 0) return usageError('At least one host must be specified');
  await login();
  const missing = await missingHosts(run);
  for (const name of missing) print(`No such host: ${name}`);
  if (missing.length > 0) fail('No changes made. Please correct the command line.');
  const calls = session.multicall({ strict: true });
  for (const name of args) {
    calls[`${verb}Host`](name);
    if (comment !== undefined) calls.editHost(name, named({ comment }));
  }
  await calls.run();
}

/** Declares a command that enables or disables hosts. */
const switchCommand = (verb: 'enable' | 'disable'): Command =>
  command({
    name: `${verb}-host`,
    category: 'admin',
    arguments: ['host...'],
    examples: [`${verb}-host builder1.example`],
    summary: `Mark one or more hosts as ${verb}d`,
    usage: `${verb}-host [options] <hostname> [<hostname> ...]`,
    options: {
      comment: text('--comment', `Comment indicating why the host(s) are being ${verb}d`),
    },
    run: (run) => switchHosts(run, verb, run.options.comment),
  });

export const hostEditing = [editHost, switchCommand('enable'), switchCommand('disable')];
