import type { FC } from 'hono/jsx';
import { BUILD_STATES } from '@koji/core';
import { named } from '@koji/core/wire';
import type { TaskListItem } from '@koji/core/api';
import { Bar, Gauge } from '../charts/bars.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import type { View } from '../page.js';
import { Filters, Section, Table } from '../parts/table.js';
import type { Listed } from '../parts/table.js';
import { numberOf } from '../parts/values.js';
import { link, routes } from '../routes.js';

const day = 86_400;
/** Most rows that a report counts: those of a month at a large site. */
const mostRows = 50_000;

/** Something with a number. */
interface Counted {
  readonly name: string;
  readonly href: string;
}

/** Counts rows by a key. */
function countBy<T>(rows: readonly T[], keyOf: (row: T) => string | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

interface CountsProps {
  readonly title: string;
  readonly view: View;
  readonly list: Listed<Counted & Readonly<Record<string, unknown>>>;
  readonly counted: string;
  readonly most: number;
  readonly days?: number;
}

const Counts: FC<CountsProps> = ({ title, view, list, counted, most, days }) => (
  <>
    <h1>{title}</h1>
    {days === undefined ? null : (
      <Filters
        view={view}
        filters={[
          {
            name: 'days',
            label: 'Days',
            value: String(days),
            options: [...new Set([1, 7, 30, 90, 365, days])]
              .sort((a, b) => a - b)
              .map((one) => [String(one), String(one)] as const),
          },
        ]}
      />
    )}
    <Table
      view={view}
      list={list}
      things="rows"
      columns={[
        {
          title: 'Name',
          order: 'name',
          cell: ({ name, href }) => (
            <a href={href}>
              <bdi>{name}</bdi>
            </a>
          ),
        },
        { title: 'Share', wide: true, cell: (row) => <Bar value={Number(row[counted])} of={most} /> },
        { title: counted, order: counted, numeric: true, cell: (row) => Number(row[counted]) },
      ]}
      empty="Nothing happened in this time. Choose more days."
    />
  </>
);

/** Rows of counts for a page, with the largest of them. */
function countsPart(
  counts: ReadonlyMap<string, number>,
  {
    counted,
    start,
    order,
    hrefOf,
  }: { counted: string; start: number; order: string; hrefOf: (name: string) => string },
) {
  const rows = [...counts].map(([name, count]) => ({ name, href: hrefOf(name), [counted]: count }));
  return { list: partOf(rows, { start, order }), most: Math.max(0, ...counts.values()) };
}

const since = (now: number, days: number): number => (days < 0 ? 0 : now - days * day);

const tasksSince = (after: number) => ({ createdAfter: after });

/** The reports. */
export const reports = page('reports', {
  load: async () => ({
    reports: Object.entries(routes)
      .filter(([name, { menu }]) => menu === 'Reports' && name !== 'reports')
      .map(([name, { doc }]) => ({ name, doc })),
  }),
  title: () => 'Reports',
  show: ({ reports: all }) => (
    <>
      <h1>Reports</h1>
      <ul class="plain">
        {all.map(({ name, doc }) => (
          <li>
            <a href={name}>{doc}</a>
          </li>
        ))}
      </ul>
    </>
  ),
});

/** Builds by owner. */
export const buildsbyuser = page('buildsbyuser', {
  async load({ calls, params, now }) {
    const builds = await calls.listBuilds(
      named({ createdAfter: since(now, params.days), queryOpts: { limit: mostRows } }),
    );
    const counts = countBy(builds, (build) => build.owner_name);
    return countsPart(counts, {
      ...params,
      counted: 'builds',
      hrefOf: (name) => link('builds', { userID: name }),
    });
  },
  title: () => 'Builds by user',
  show: ({ list, most }, view) => (
    <Counts
      title="Builds by user"
      view={view}
      list={list}
      counted="builds"
      most={most}
      days={view.params.days}
    />
  ),
});

/** Tasks by owner. */
export const tasksbyuser = page('tasksbyuser', {
  async load({ calls, params, now }) {
    const tasks = await calls.listTasks(tasksSince(since(now, params.days)), { limit: mostRows });
    const counts = countBy(tasks, (task) => task.owner_name);
    return countsPart(counts, {
      ...params,
      counted: 'tasks',
      hrefOf: (name) => link('tasks', { owner: name, state: 'all' }),
    });
  },
  title: () => 'Tasks by user',
  show: ({ list, most }, view) => (
    <Counts
      title="Tasks by user"
      view={view}
      list={list}
      counted="tasks"
      most={most}
      days={view.params.days}
    />
  ),
});

/** Tasks by builder. */
export const tasksbyhost = page('tasksbyhost', {
  async load({ calls, params, now }) {
    const arches = params.hostArch === '' ? {} : { arches: params.hostArch };
    const [hosts, tasks] = await Promise.all([
      calls.listHosts(named(arches)),
      calls.listTasks(tasksSince(since(now, params.days)), { limit: mostRows }),
    ]);
    const names = new Map(hosts.map(({ id, name }) => [id, name]));
    const counts = countBy(tasks, (task) => names.get(task.host_id ?? 0) ?? null);
    return countsPart(counts, {
      ...params,
      counted: 'tasks',
      hrefOf: (name) => link('tasks', { hostID: name, state: 'all' }),
    });
  },
  title: () => 'Tasks by host',
  show: ({ list, most }, view) => (
    <Counts
      title="Tasks by host"
      view={view}
      list={list}
      counted="tasks"
      most={most}
      days={view.params.days}
    />
  ),
});

/** Build tasks by target. */
export const buildsbytarget = page('buildsbytarget', {
  async load({ calls, params, now }) {
    const filter = { method: 'build', completeAfter: since(now, params.days), decode: true };
    const tasks: TaskListItem[] = await calls.listTasks(filter, { limit: mostRows });
    const counts = countBy(tasks, ({ request }) => {
      const target: unknown = Array.isArray(request) ? request[1] : null;
      return typeof target === 'string' ? target : null;
    });
    return countsPart(counts, {
      ...params,
      counted: 'builds',
      hrefOf: (name) => link('buildtargetinfo', { name }),
    });
  },
  title: () => 'Builds by target',
  show: ({ list, most }, view) => (
    <Counts
      title="Builds by target"
      view={view}
      list={list}
      counted="builds"
      most={most}
      days={view.params.days}
    />
  ),
});

/** Packages by owner: a call counts for each user, as in Koji, since no method counts for all. */
export const packagesbyuser = page('packagesbyuser', {
  async load({ calls, params }) {
    const users = (await calls.listUsers()).slice(0, 500);
    const counts = new Map<string, number>();
    for (const { id, name } of users) {
      const count = await calls.listPackages(
        named({ userID: id, with_dups: true, queryOpts: { countOnly: true } }),
      );
      if (count > 0) counts.set(name, count);
    }
    return countsPart(counts, {
      ...params,
      counted: 'packages',
      hrefOf: (name) => link('packages', { userID: name }),
    });
  },
  title: () => 'Packages by user',
  show: ({ list, most }, view) => (
    <Counts title="Packages by user" view={view} list={list} counted="packages" most={most} />
  ),
});

/** RPMs by the builder that made them. */
export const rpmsbyhost = page('rpmsbyhost', {
  async load({ calls, params }) {
    const hosts = await calls.listHosts(named(params.hostArch === '' ? {} : { arches: params.hostArch }));
    const arches = params.rpmArch === 'ix86' ? ['i386', 'i486', 'i586', 'i686'] : [params.rpmArch];
    const counts = new Map<string, number>();
    for (const { id, name } of hosts) {
      const filter = { hostID: id, ...(params.rpmArch === '' ? {} : { arches }) };
      counts.set(name, await calls.listRPMs(named({ ...filter, queryOpts: { countOnly: true } })));
    }
    return countsPart(counts, {
      ...params,
      counted: 'rpms',
      hrefOf: (name) => link('hostinfo', { hostID: name }),
    });
  },
  title: () => 'RPMs by host',
  show: ({ list, most }, view) => (
    <Counts title="RPMs by host" view={view} list={list} counted="rpms" most={most} />
  ),
});

/** Builds by how they ended. */
export const buildsbystatus = page('buildsbystatus', {
  async load({ calls, params: { days }, now }) {
    const count = (state: number): Promise<number> =>
      calls.listBuilds(
        named({
          state,
          taskID: -1,
          ...(days < 0 ? {} : { completeAfter: since(now, days) }),
          queryOpts: { countOnly: true },
        }),
      );
    const [succeeded, failed, canceled] = await Promise.all([
      count(BUILD_STATES.COMPLETE),
      count(BUILD_STATES.FAILED),
      count(BUILD_STATES.CANCELED),
    ]);
    return { succeeded, failed, canceled };
  },
  title: () => 'Builds by status',
  show: ({ succeeded, failed, canceled }, view) => {
    const total = succeeded + failed + canceled;
    const { days } = view.params;
    return (
      <>
        <h1>Builds by status</h1>
        <Filters
          view={view}
          filters={[
            {
              name: 'days',
              label: 'Days',
              value: String(days),
              options: [...[...new Set([1, 7, 30, 365, days])].sort((a, b) => a - b)].map(
                (one) => [String(one), one < 0 ? 'all' : String(one)] as const,
              ),
            },
          ]}
        />
        <Section title={`${total} builds`}>
          <ul class="plain chart">
            {(
              [
                ['succeeded', succeeded, 'good', BUILD_STATES.COMPLETE],
                ['failed', failed, 'bad', BUILD_STATES.FAILED],
                ['canceled', canceled, 'off', BUILD_STATES.CANCELED],
              ] as const
            ).map(([name, count, tone, state]) => (
              <li>
                <a href={link('builds', { state })}>
                  <b>{count}</b> {name}
                </a>
                <Bar value={count} of={total} tone={tone} />
              </li>
            ))}
          </ul>
        </Section>
      </>
    );
  },
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

/** The hub's methods. */
export const api = page('api', {
  async load({ calls, params }) {
    const [methods, version] = await Promise.all([calls._listapi(), calls.getKojiVersion()]);
    const all = methods
      .map(({ name, doc, argdesc }) => ({ name, doc, argdesc }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      version,
      methods: params.method === '' ? all : all.filter(({ name }) => name === params.method),
    };
  },
  title: () => 'API',
  show: ({ version, methods }, { params }) => (
    <>
      <h1>API</h1>
      <p>
        The hub speaks XML-RPC at <code>/kojihub</code>, version {version}. From a shell:{' '}
        <code>koji call getTag f44</code>.
      </p>
      {params.method === '' ? null : (
        <p>
          <a href={link('api')}>All methods</a>
        </p>
      )}
      <dl class="facts methods">
        {methods.map(({ name, doc, argdesc }) => (
          <div>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              <code>{argdesc}</code>
              {params.method === '' ? null : <p>{doc}</p>}
              {params.method === '' ? (
                <>
                  {' '}
                  <a href={link('api', { method: name })}>documentation</a>
                </>
              ) : null}
            </dd>
          </div>
        ))}
      </dl>
    </>
  ),
});
