import { byText, sortTexts } from '@koji/core';
import type { ChannelInfo, HostInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { longTime, pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { enabledOptions, printHeader, shortened } from '../listing.js';
import { flag, noFlag, text, texts } from '../options.js';

/** Returns text about a host's last check-in. Hubs before 1.26 do not return it with the host. */
async function lastUpdate({ session }: Run, host: HostInfo, never: string): Promise<string> {
  const { update_ts: known } = host as Partial<HostInfo>;
  const seconds = known === undefined ? await session.getLastHostUpdate(host.id, true) : known;
  return seconds === null ? never : longTime(Number(seconds));
}

const hostinfo = command({
  name: 'hostinfo',
  category: 'info',
  arguments: ['host...'],
  examples: ['hostinfo builder1.example'],
  summary: 'Print basic information about a host',
  usage: 'hostinfo [options] <hostname> [<hostname> ...]',
  anonymous: true,
  data: {
    of: 'getHost',
    adds: {
      channels: 'its channels, as returned by listChannels',
      buildroots: 'its buildroots that are made or used, as returned by listBuildroots',
    },
  },
  options: {},
  async run(run) {
    const { args, session, warn, connect, usageError } = run;
    if (args.length === 0) return usageError('Please specify a host');
    await connect();
    let code = 0;
    for (const arg of args) {
      const host = await session.getHost(/^\d+$/.test(arg) ? Number(arg) : arg);
      if (host) {
        await printHost(run, host);
      } else {
        warn(`No such host: ${arg}\n`);
        code = 1;
      }
    }
    return code;
  },
});

async function printHost(run: Run, host: HostInfo): Promise<void> {
  const { session, print, data } = run;
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  print(`Name: ${host.name}`);
  print(`ID: ${host.id}`);
  print(`Arches: ${pythonStr(host.arches)}`);
  print(`Capacity: ${pythonStr(host.capacity)}`);
  print(`Task Load: ${Number(host.task_load).toFixed(2)}`);
  printLines(run, 'Description:', host.description);
  printLines(run, 'Comment:', host.comment);
  print(`Enabled: ${yesNo(host.enabled)}`);
  print(`Ready: ${yesNo(host.ready)}`);
  print(`Last Update: ${await lastUpdate(run, host, 'never')}`);
  const channels = await session.listChannels(host.id);
  print(`Channels: ${channels.map(({ name }) => name).join(' ')}`);
  data({ ...host, channels, buildroots: await printBuildroots(run, host) });
}

/** Prints a text that may have several lines, each aligned with the first. */
function printLines({ print }: Run, title: string, value: string | null): void {
  const [first, ...others] = value ? value.replace(/\n$/, '').split('\n') : [];
  print(first === undefined ? title : `${title} ${first}`);
  for (const line of others) print(' '.repeat(title.length + 1) + line);
}

const activeStates = ['INIT', 'WAITING', 'BUILDING'] as const;

/** Prints the buildroots of a host that are being created or used, and returns them. */
async function printBuildroots({ session, print }: Run, host: HostInfo): Promise<readonly object[]> {
  const row = (name: string, state: string, time: string): void =>
    print(`${name.padEnd(50)} ${state.padEnd(10)} ${time.padEnd(20)}`);
  const calls = session.multicall({ strict: true });
  const found = activeStates.map((_, state) => calls.listBuildroots(named({ hostID: host.id, state })));
  await calls.run();
  const shown = activeStates.flatMap((state, i) =>
    (found[i]?.result ?? []).map((buildroot) => ({ buildroot, state })),
  );
  const buildroots = shown.map(({ buildroot }) => buildroot);
  print('Active Buildroots:');
  if (buildroots.length === 0) {
    print('None');
    return buildroots;
  }
  row('NAME', 'STATE', 'CREATION TIME');
  for (const { buildroot, state } of shown) {
    const { id, tag_name: tag, repo_id: repo, create_event_time: time } = buildroot;
    row(`${pythonStr(tag)}-${id}-${pythonStr(repo)}`, state, (time ?? '').replace(/\..*$/, ''));
  }
  return buildroots;
}

const listHosts = command({
  name: 'list-hosts',
  category: 'info',
  examples: ['list-hosts --enabled --arch=x86_64'],
  summary: 'Print the host listing',
  usage: 'list-hosts [options]',
  anonymous: true,
  data: {
    of: 'listHosts',
    adds: { channels: 'with --show-channels, its channels as returned by listChannels' },
  },
  options: {
    arch: texts('--arch', 'Specify an architecture'),
    channel: text('--channel', 'Specify a channel'),
    ready: [flag('--ready', 'Limit to ready hosts'), noFlag('--not-ready', 'Limit to not ready hosts')],
    enabled: enabledOptions('hosts'),
    quiet: flag('--quiet', 'Do not print header information'),
    show_channels: flag('--show-channels', "Show host's channels"),
    comment: flag('--comment', 'Show comments'),
    description: flag('--description', 'Show descriptions'),
  },
  async run(run) {
    const { options, global, session, print, warn, data, connect, usageError } = run;
    await connect();
    const { arch, channel, ready, enabled } = options;
    const channelID = channel
      ? ((await session.getChannel(channel))?.id ?? usageError(`No such channel: ${channel}`))
      : null;
    const found = await session.listHosts(
      named({
        arches: arch.length > 0 ? [...arch] : null,
        channelID,
        ready: ready ?? null,
        enabled: enabled ?? null,
      }),
    );
    if (found.length === 0) {
      data([]);
      warn('No hosts found.');
      return;
    }
    const hosts = [...found].sort(byText(({ name }) => name));
    const channels = options.show_channels ? await channelsOf(run, hosts) : null;
    data(hosts.map((host, i) => (channels ? { ...host, channels: channels[i] ?? [] } : host)));
    const width = Math.max(...hosts.map(({ name }) => name.length));
    const shown = (['description', 'comment'] as const).filter((field) => options[field]);
    if (!(options.quiet ?? global.quiet)) {
      const more = shown.map((field) => (field === 'comment' ? 'Comment' : 'Description').padEnd(51));
      printHeader(
        print,
        `${'Hostname'.padEnd(width)} Enb Rdy Load/Cap  Arches           ${'Last Update'.padEnd(36)}` +
          `${more.join('')}${channels ? 'Channels' : ''}`,
      );
    }
    for (const [i, host] of hosts.entries()) {
      const cells = [
        host.name.padEnd(width),
        host.enabled ? 'Y  ' : 'N  ',
        host.ready ? 'Y  ' : 'N  ',
        loadOf(host),
        (host.arches ?? '').split(/\s+/).filter(Boolean).join(',').padEnd(16),
        (await lastUpdate(run, host, '-')).padEnd(35),
        ...shown.map((field) => shortened(host[field]).padEnd(50)),
        ...(channels ? [channelNames(channels[i] ?? [])] : []),
      ];
      print(cells.join(' '));
    }
  },
});

const loadOf = ({ task_load: load, capacity }: HostInfo): string =>
  `${Number(load).toFixed(1).padStart(4)}/${Number(capacity).toFixed(1).padEnd(4)}`;

/** Returns the channels of each host. */
async function channelsOf({ session }: Run, hosts: readonly HostInfo[]): Promise<(readonly ChannelInfo[])[]> {
  const calls = session.multicall({ strict: true });
  const found = hosts.map(({ id }) => calls.listChannels(id));
  await calls.run();
  return found.map(({ result }) => result);
}

/** Returns the names of channels as one text, with a star before disabled ones. */
function channelNames(channels: readonly ChannelInfo[]): string {
  return sortTexts(channels.map(({ name, enabled }) => (enabled ? name : `*${name}`))).join(',');
}

export const hostInfo = [hostinfo, listHosts];
