import { named } from '@koji/core/wire';
import { Gauge } from '../charts/bars.js';
import { page } from '../page.js';
import { numberOf } from '../parts/values.js';
import { link, routes } from '../routes.js';

/** The titles of the reports, by the name of their page. */
const titles: Readonly<Record<string, string>> = {
  packagesbyuser: 'Packages by user',
  buildsbyuser: 'Builds by user',
  tasksbyuser: 'Tasks by user',
  rpmsbyhost: 'RPMs by host',
  tasksbyhost: 'Tasks by host',
  buildsbystatus: 'Builds by status',
  buildsbytarget: 'Builds by target',
  buildsbyday: 'Builds a day',
  buildtimes: 'Queue and build times',
  hostuse: 'Utilisation of hosts',
  clusterhealth: 'Cluster health',
};

/** The reports. */
export const reports = page('reports', {
  load: async () => ({
    reports: Object.entries(routes)
      .filter(([name, { menu }]) => menu === 'Reports' && name !== 'reports')
      .map(([name, { doc }]) => ({ name, title: titles[name] ?? name, doc })),
  }),
  title: () => 'Reports',
  show: ({ reports: all }) => (
    <>
      <h1>Reports</h1>
      <ul class="cards">
        {all.map(({ name, title, doc }) => (
          <li>
            <a href={name}>
              <b>{title}</b>
              <span>{doc}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  ),
});

/** Load and capacity of the channels. */
export const clusterhealth = page('clusterhealth', {
  async load({ calls, params: { arch } }) {
    const channels = await calls.listChannels(named({ enabled: true }));
    const rows = [];
    for (const { id, name } of channels) {
      const all = await calls.listHosts(named({ channelID: id, enabled: true }));
      const hosts =
        arch === 'all' ? all : all.filter((host) => (host.arches ?? '').split(' ').includes(arch));
      const ready = hosts.filter((host) => host.ready);
      const sum = (key: 'task_load' | 'capacity'): number =>
        ready.reduce((n, host) => n + (numberOf(host[key]) ?? 0), 0);
      rows.push({
        id,
        name,
        enabled: hosts.length,
        ready: ready.length,
        load: sum('task_load'),
        capacity: sum('capacity'),
      });
    }
    return { channels: rows };
  },
  title: () => 'Cluster health',
  show: ({ channels }) => (
    <>
      <h1>Cluster health</h1>
      <ul class="figures">
        {channels.map((one) => (
          <li>
            <a href={link('channelinfo', { channelID: one.id })}>
              <strong>
                <bdi>{one.name}</bdi>
              </strong>
              <Gauge value={one.load} of={one.capacity} label="load of capacity" />
              <Gauge value={one.ready} of={one.enabled} label="builders ready" />
            </a>
          </li>
        ))}
      </ul>
    </>
  ),
});
