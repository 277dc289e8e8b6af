import type { ChannelInfo, HostInfo, TaskListItem } from '@koji/core/api';
import { BR_STATES, TASK_STATES } from '@koji/core';
import { named } from '@koji/core/wire';
import { hostActions } from '../actions/links.js';
import { Gauge } from '../charts/bars.js';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import { BuildrootStateChip } from '../parts/states.js';
import { Empty, Facts, Filters, Section, Table } from '../parts/table.js';
import type { Column } from '../parts/table.js';
import { TaskRows, withoutResult } from '../parts/task-rows.js';
import { HostLink } from '../parts/things.js';
import { Ago, Time, YesNo, numberOf } from '../parts/values.js';
import { link } from '../routes.js';
import { rootName } from './tasks.js';

const hostColumns = (now: number): readonly Column<HostInfo>[] => [
  { title: 'Name', order: 'name', cell: ({ id, name }) => <HostLink id={id} name={name} /> },
  { title: 'Arches', order: 'arches', wide: true, cell: ({ arches }) => <bdi>{arches}</bdi> },
  { title: 'Enabled', order: 'enabled', cell: ({ enabled }) => <YesNo value={enabled} /> },
  { title: 'Ready', order: 'ready', cell: ({ ready }) => <YesNo value={ready} /> },
  {
    title: 'Load',
    order: 'task_load',
    cell: (host) => (
      <Gauge value={numberOf(host.task_load) ?? 0} of={numberOf(host.capacity) ?? 0} label="" />
    ),
  },
  {
    title: 'Last update',
    order: 'last_update',
    wide: true,
    cell: ({ update_ts: at }) => <Ago at={at} now={now} />,
  },
];

/** Builders with their load and channels. */
export const hosts = page('hosts', {
  async load({ calls, params }) {
    const channels = await calls.listChannels();
    const channel = channels.find(({ name }) => name === params.channel);
    const all = await calls.listHosts(
      named({
        ...(params.state === 'all' ? {} : { enabled: params.state === 'enabled' }),
        ...(params.ready === 'all' ? {} : { ready: params.ready === 'yes' }),
        ...(channel ? { channelID: channel.id } : {}),
        ...(params.arch === 'all' || params.arch === '' ? {} : { arches: params.arch }),
      }),
    );
    const sorted = all.map((host) => ({ ...host, last_update: host.update_ts }));
    return {
      hosts: partOf(sorted, params),
      channels: channels.map(({ id, name, enabled }) => ({ id, name, enabled })),
      arches: await calls.getAllArches(),
    };
  },
  title: () => 'Hosts',
  show: ({ hosts: list, channels, arches }, view) => {
    const { params, now } = view;
    return (
      <>
        <h1>Hosts</h1>
        <Filters
          view={view}
          filters={[
            {
              name: 'state',
              label: 'State',
              value: params.state,
              options: ['enabled', 'disabled', 'all'].map((one) => [one, one] as const),
            },
            {
              name: 'ready',
              label: 'Ready',
              value: params.ready,
              options: ['all', 'yes', 'no'].map((one) => [one, one] as const),
            },
            {
              name: 'channel',
              label: 'Channel',
              value: params.channel,
              options: ['all', ...channels.map(({ name }) => name)].map((one) => [one, one] as const),
            },
            {
              name: 'arch',
              label: 'Arch',
              value: params.arch,
              options: ['all', ...arches].map((one) => [one, one] as const),
            },
          ]}
        />
        <Table
          view={view}
          list={list}
          things="hosts"
          columns={hostColumns(now)}
          empty={
            <>
              No host fits. <code>koji add-host NAME ARCH</code> adds one, then <code>kojid</code> runs on it.
            </>
          }
        />
        <Section title="Channels">
          <ul class="plain">
            {channels.map(({ id, name, enabled }) => (
              <li>
                <a href={link('channelinfo', { channelID: id })}>
                  <bdi>{name}</bdi>
                </a>
                {enabled ? '' : ' (disabled)'}
              </li>
            ))}
          </ul>
        </Section>
      </>
    );
  },
});

/** Tasks in a list of what runs or waits. */
const shownTasks = 10;

/** Reads tasks that run or wait, those first that wait longest or were made last. */
async function tasksOf(
  calls: Calls,
  filter: { readonly state: readonly number[]; readonly host_id?: number; readonly channel_id?: number },
): Promise<TaskListItem[]> {
  const order = filter.state.includes(TASK_STATES.FREE) ? 'id' : '-id';
  const tasks = await calls.listTasks({ ...filter, decode: true }, { order, limit: shownTasks });
  return tasks.map(withoutResult);
}

/** A builder: its settings, tasks and buildroots. */
export const hostinfo = page('hostinfo', {
  async load({ calls, params: { hostID, userID } }) {
    const wanted = hostID ?? userID ?? '';
    const host = found(
      hostID !== null
        ? await calls.getHost(hostID)
        : userID !== null
          ? (await calls.listHosts(named({ userID })))[0]
          : null,
      'host',
      wanted,
    );
    const states = [BR_STATES.INIT, BR_STATES.WAITING, BR_STATES.BUILDING];
    const [channels, running, buildroots] = await Promise.all([
      calls.listChannels(host.id),
      tasksOf(calls, { host_id: host.id, state: [TASK_STATES.OPEN] }),
      calls.listBuildroots(
        named({ hostID: host.id, state: states, queryOpts: { order: '-id', limit: 100 } }),
      ),
    ]);
    return { host, channels, running, buildroots };
  },
  title: ({ host }) => host.name,
  actions: ({ host }, login) => hostActions(host, login),
  live: () => 'queue',
  show: ({ host, channels, running, buildroots }, { now }) => (
    <>
      <header class="thing">
        <p class="kind">Host {host.id}</p>
        <h1>
          <bdi>{host.name}</bdi>
        </h1>
        {host.enabled ? null : <span class="state off">disabled</span>}
      </header>
      <Facts
        facts={[
          { name: 'Arches', value: <bdi>{host.arches}</bdi> },
          {
            name: 'Load',
            value: (
              <a href={link('tasks', { hostID: host.id })}>
                <Gauge value={numberOf(host.task_load) ?? 0} of={numberOf(host.capacity) ?? 0} label="" />
              </a>
            ),
          },
          { name: 'Ready', value: <YesNo value={host.ready} /> },
          { name: 'Last update', value: <Time at={host.update_ts} now={now} /> },
          { name: 'Description', value: <bdi>{host.description}</bdi>, show: Boolean(host.description) },
          { name: 'Comment', value: <bdi>{host.comment}</bdi>, show: Boolean(host.comment) },
          { name: 'Channels', value: channels.map((one) => <ChannelName channel={one} />) },
        ]}
      />
      <Section
        title="Running"
        note={<a href={link('tasks', { hostID: host.id, state: 'all' })}>all tasks</a>}
      >
        <TaskRows label="running tasks" tasks={running} now={now} empty="Nothing runs here just now." />
      </Section>
      <Section title="Buildroots in use" note={buildroots.length}>
        {buildroots.length === 0 ? (
          <Empty>None just now: a buildroot is here while a task uses it.</Empty>
        ) : (
          <ul class="plain">
            {buildroots.map((root) => (
              <li>
                <a href={link('buildrootinfo', { buildrootID: root.id })}>{rootName(root)}</a>{' '}
                <BuildrootStateChip state={root.state ?? 0} />
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  ),
});

const ChannelName = ({ channel: { id, name } }: { channel: ChannelInfo }) => (
  <>
    <a href={link('channelinfo', { channelID: id })}>
      <bdi>{name}</bdi>
    </a>{' '}
  </>
);

/** A channel with its builders and queue. */
export const channelinfo = page('channelinfo', {
  async load({ calls, params: { channelID } }) {
    const channel = found(await calls.getChannel(channelID), 'channel', channelID);
    const waits = [TASK_STATES.FREE, TASK_STATES.ASSIGNED];
    const runs = [TASK_STATES.OPEN];
    const count = (state: readonly number[]): Promise<number> =>
      calls.listTasks({ channel_id: channel.id, state }, { countOnly: true });
    const [open, free, running, waiting, members] = await Promise.all([
      count(runs),
      count(waits),
      tasksOf(calls, { channel_id: channel.id, state: runs }),
      tasksOf(calls, { channel_id: channel.id, state: waits }),
      calls.listHosts(named({ channelID: channel.id })),
    ]);
    const hosts = partOf(members, { start: 0, length: 500 });
    return { channel, active: open + free, counts: { open, free }, running, waiting, hosts };
  },
  title: ({ channel }) => channel.name,
  live: () => 'queue',
  show: ({ channel, active, counts, running, waiting, hosts: list }, view) => (
    <>
      <header class="thing">
        <p class="kind">Channel {channel.id}</p>
        <h1>
          <bdi>{channel.name}</bdi>
        </h1>
        {channel.enabled ? null : <span class="state off">disabled</span>}
      </header>
      <Facts
        facts={[
          { name: 'Active tasks', value: <a href={link('tasks', { channelID: channel.id })}>{active}</a> },
          {
            name: 'Description',
            value: <bdi>{channel.description}</bdi>,
            show: Boolean(channel.description),
          },
          { name: 'Comment', value: <bdi>{channel.comment}</bdi>, show: Boolean(channel.comment) },
        ]}
      />
      <div class="columns">
        <Section title="Running" note={counts.open}>
          <TaskRows label="running tasks" tasks={running} now={view.now} empty="Nothing runs just now." />
        </Section>
        <Section title="Waiting" note={counts.free}>
          <TaskRows
            label="waiting tasks"
            tasks={waiting}
            now={view.now}
            empty="Nothing waits: its builders take new tasks at once."
          />
        </Section>
      </div>
      <Section title="Hosts">
        <Table
          view={view}
          list={list}
          things="hosts"
          columns={hostColumns(view.now).map(({ title, cell, wide = false }) => ({ title, cell, wide }))}
          empty="No host is in it, so its tasks wait."
        />
      </Section>
    </>
  ),
});
