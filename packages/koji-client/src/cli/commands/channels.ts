import { GenericError, byText } from '@koji/core';
import type { HostInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import type { Command, Run } from '../command.js';
import { flag, text } from '../options.js';
import { givenOptions } from '../build-target.js';
import { enabledOptions, printHeader, shortened } from '../listing.js';

/** The message about a hub that lacks a method. */
const tooOld = (method: string, version: string): string =>
  `${method} is available on hub from Koji 1.26 version, your version is ${version}`;

const addChannel = command({
  name: 'add-channel',
  category: 'admin',
  arguments: ['text'],
  examples: ['add-channel --description="Hosts with much memory" bigmem'],
  summary: 'Add a channel',
  usage: 'add-channel [options] <channel_name>',
  options: {
    description: text('--description', 'Description of channel'),
  },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Please specify one channel name');
    await login();
    try {
      const id = await session.addChannel(name, named({ description: options.description ?? null }));
      print(`${name} added: id ${id}`);
    } catch (error) {
      if (!(error instanceof GenericError)) throw error;
      if (error.message.includes(`channel ${name} already exists`)) fail(`channel ${name} already exists`);
      if (error.message.includes('Invalid method:')) fail(tooOld('addChannel', await session.hubVersion()));
      fail(error.message);
    }
  },
});

const editChannel = command({
  name: 'edit-channel',
  category: 'admin',
  arguments: ['channel'],
  examples: ['edit-channel --name=largemem bigmem'],
  summary: 'Edit a channel',
  usage: 'edit-channel [options] <old-name>',
  options: {
    name: text('--name', 'New channel name'),
    description: text('--description', 'Description of channel'),
    comment: text('--comment', 'Comment of channel'),
  },
  async run({ args, options, session, warn, login, usageError, fail }) {
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Incorrect number of arguments');
    await login();
    if (!(await session.getChannel(name))) fail(`No such channel: ${name}`);
    const changed = await session
      .editChannel(name, named(givenOptions(options, ['name', 'description', 'comment'])))
      .catch(async (error: unknown) => {
        if (!(error instanceof GenericError)) throw error;
        if (error.message.includes('Invalid method:'))
          fail(tooOld('editChannel', await session.hubVersion()));
        warn(error.message);
        return false;
      });
    if (!changed) fail('No changes made, please correct the command line');
  },
});

/** Checks that channels exist, then enables or disables each. */
async function switchChannels(
  run: Run,
  verb: 'enable' | 'disable',
  comment: string | undefined,
): Promise<void> {
  const { args, session, print, login, usageError, fail } = run;
  if (args.length === 0) return usageError('At least one channel must be specified');
  await login();
  const calls = session.multicall();
  const found = args.map((name) => calls.getChannel(name, false));
  await calls.run();
  const missing = args.filter((_, i) => !found[i]?.result);
  for (const name of missing) print(`No such channel: ${name}`);
  if (missing.length > 0) fail('No changes made. Please correct the command line.');
  for (const name of args) calls[`${verb}Channel`](name, comment ?? null);
  await calls.run();
}

/** Declares a command that enables or disables channels. */
const switchCommand = (verb: 'enable' | 'disable'): Command =>
  command({
    name: `${verb}-channel`,
    category: 'admin',
    arguments: ['channel...'],
    examples: [`${verb}-channel bigmem`],
    summary: `Mark one or more channels as ${verb}d`,
    usage: `${verb}-channel [options] <channelname> [<channelname> ...]`,
    options: {
      comment: text('--comment', `Comment indicating why the channel(s) are being ${verb}d`),
    },
    run: (run) => switchChannels(run, verb, run.options.comment),
  });

const addHostToChannel = command({
  name: 'add-host-to-channel',
  category: 'admin',
  arguments: ['host', 'channel'],
  examples: ['add-host-to-channel builder1.example bigmem'],
  summary: 'Add a host to a channel',
  usage: 'add-host-to-channel [options] <hostname> <channel>',
  options: {
    list: flag('--list'),
    new: flag('--new', 'Create channel if needed'),
    force: flag('--force', 'force added, if possible'),
  },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [host = '', channel = ''] = args;
    if (!options.list && args.length !== 2) return usageError('Please specify a hostname and a channel');
    await login();
    if (options.list) {
      for (const { name } of await session.listChannels()) print(name);
      return;
    }
    if (!options.new && !(await session.getChannel(channel))) fail(`No such channel: ${channel}`);
    if (!(await session.getHost(host))) fail(`No such host: ${host}`);
    await session.addHostToChannel(
      host,
      channel,
      named({ ...(options.new ? { create: true } : {}), ...(options.force ? { force: true } : {}) }),
    );
  },
});

const removeHostFromChannel = command({
  name: 'remove-host-from-channel',
  category: 'admin',
  arguments: ['host', 'channel'],
  examples: ['remove-host-from-channel builder1.example bigmem'],
  summary: 'Remove a host from a channel',
  usage: 'remove-host-from-channel [options] <hostname> <channel>',
  options: {},
  async run({ args, session, login, usageError, fail }) {
    const [host, channel] = args;
    if (host === undefined || channel === undefined || args.length !== 2)
      return usageError('Please specify a hostname and a channel');
    await login();
    const { id } = (await session.getHost(host)) ?? fail(`No such host: ${host}`);
    const channels = await session.listChannels(id);
    if (!channels.some(({ name }) => name === channel))
      fail(`Host ${host} is not a member of channel ${channel}`);
    await session.removeHostFromChannel(host, channel);
  },
});

const listChannels = command({
  name: 'list-channels',
  category: 'info',
  examples: ['list-channels'],
  summary: 'Print channels listing',
  usage: 'list-channels [options]',
  anonymous: true,
  data: {
    of: 'listChannels',
    adds: { hosts: 'its hosts, as returned by listHosts' },
  },
  options: {
    simple: flag('--simple', 'Print just list of channels without additional info'),
    quiet: flag('--quiet', 'Do not print header information'),
    comment: flag('--comment', 'Show comments'),
    description: flag('--description', 'Show descriptions'),
    enabled: enabledOptions('channels'),
    arch: text('--arch', 'Limit to channels with specific arch'),
  },
  async run({ options, global, session, print, data, connect }) {
    await connect();
    const { enabled, arch, simple } = options;
    const channels = [...(await session.listChannels(named(enabled === undefined ? {} : { enabled })))];
    channels.sort(byText(({ name }) => name));
    const calls = session.multicall({ strict: true });
    const hosts = channels.map(({ id }) =>
      calls.listHosts(named({ channelID: id, ...(arch === undefined ? {} : { arches: arch }) })),
    );
    if (channels.length > 0) await calls.run();
    data(channels.map((channel, i) => ({ ...channel, hosts: hosts[i]?.result ?? [] })));
    const names = channels.map(({ name, enabled: on }) => (on ? name : `${name} [disabled]`));
    const width = names.length > 0 ? Math.max(...names.map((name) => name.length)) : 8;
    const shown = (['description', 'comment'] as const).filter((field) => options[field]);
    if (!(options.quiet ?? global.quiet)) {
      const more = shown
        .map((field) => (field === 'comment' ? 'Comment' : 'Description').padEnd(53))
        .join('');
      const titles = `${'Channel'.padEnd(width)}Enabled  Ready Disbld   Load    Cap   Perc    ${more}`;
      printHeader(print, simple ? 'Channel' : titles);
    }
    channels.forEach((channel, i) => {
      const name = names[i] ?? '';
      const texts = shown.map((field) => `   ${shortened(channel[field]).padEnd(50)}`).join('');
      print(simple ? name : `${name.padEnd(width)} ${loadOf(hosts[i]?.result ?? [])}${texts}`);
    });
  },
});

/** Returns how many of some hosts are enabled, ready and disabled, with their load and capacity. */
function loadOf(hosts: readonly HostInfo[]): string {
  const sum = (valueOf: (host: HostInfo) => number): number =>
    hosts.reduce((all, host) => all + valueOf(host), 0);
  const enabled = sum((host) => (host.enabled ? 1 : 0));
  const load = sum((host) => Number(host.task_load));
  const capacity = sum((host) => Number(host.capacity));
  const counts = [enabled, sum((host) => (host.ready ? 1 : 0)), hosts.length - enabled, load, capacity];
  const share = capacity === 0 ? 0 : (load / capacity) * 100;
  return `${[...counts, share].map((count) => String(Math.trunc(count)).padStart(6)).join(' ')}%`;
}

export const channels = [
  addChannel,
  editChannel,
  switchCommand('enable'),
  switchCommand('disable'),
  addHostToChannel,
  removeHostFromChannel,
  listChannels,
];
