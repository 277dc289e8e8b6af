/** Reports that count things by what they belong to. */
import type { FC } from 'hono/jsx';
import type { OwnCount, TaskListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { Bar } from '../charts/bars.js';
import type { Calls } from '../calls.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import type { AnyPage, Request, View } from '../page.js';
import { Table } from '../parts/table.js';
import type { Listed } from '../parts/table.js';
import { link } from '../routes.js';
import type { RouteName } from '../routes.js';
import { DaysFilter, mostRows, since } from './report-days.js';

/** Something with a number. */
interface Counted {
  readonly name: string;
  readonly href: string;
  readonly count: number;
}

type CountReport =
  'packagesbyuser' | 'buildsbyuser' | 'tasksbyuser' | 'rpmsbyhost' | 'tasksbyhost' | 'buildsbytarget';

interface Declared<N extends RouteName> {
  readonly title: string;
  /** What is counted, which is also the name of the column to sort by. */
  readonly counted: string;
  readonly count: (request: Request<N>) => Promise<readonly Counted[]>;
}

interface Data {
  readonly list: Listed<Counted & Readonly<Record<string, unknown>>>;
  /** The largest number. */
  readonly most: number;
}

/** Declares a report that counts. */
function countReport<N extends CountReport>(name: N, { title, counted, count }: Declared<N>): AnyPage {
  return page<N, Data>(name, {
    async load(request) {
      const { start, order } = request.params as { readonly start: number; readonly order: string };
      const rows = (await count(request)).map((row) => ({ ...row, [counted]: row.count }));
      return {
        list: partOf(rows, { start, order }),
        most: rows.reduce((most, row) => Math.max(most, row.count), 0),
      };
    },
    title: () => title,
    show: ({ list, most }, view) => (
      <>
        <h1>{title}</h1>
        {'days' in view.params ? <DaysFilter view={view} days={Number(view.params.days)} /> : null}
        <CountTable view={view} list={list} counted={counted} most={most} />
      </>
    ),
  });
}

const CountTable: FC<{ view: View; list: Data['list']; counted: string; most: number }> = (props) => {
  const { view, list, counted, most } = props;
  return (
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
        { title: 'Share', wide: true, cell: ({ count }) => <Bar value={count} of={most} /> },
        { title: counted, order: counted, numeric: true, cell: ({ count }) => count },
      ]}
      empty="Nothing happened in this time. Choose more days."
    />
  );
};

/** Counts rows by who or what they belong to. */
function countBy<T>(
  rows: readonly T[],
  ownerOf: (row: T) => Omit<OwnCount, 'count'> | null,
): readonly OwnCount[] {
  const counts = new Map<number, { id: number; name: string; count: number }>();
  for (const row of rows) {
    const owner = ownerOf(row);
    if (owner === null) continue;
    const known = counts.get(owner.id);
    if (known) known.count++;
    else counts.set(owner.id, { ...owner, count: 1 });
  }
  return [...counts.values()];
}

const linked = (counts: readonly OwnCount[], hrefOf: (id: number) => string): Counted[] =>
  counts.map(({ id, name, count }) => ({ name, count, href: hrefOf(id) }));

const tasksSince = (calls: Calls, after: number): Promise<readonly TaskListItem[]> =>
  calls.listTasks({ createdAfter: after }, { limit: mostRows });

/** Builds by owner. */
export const buildsbyuser = countReport('buildsbyuser', {
  title: 'Builds by user',
  counted: 'builds',
  async count({ calls, params, now }) {
    const builds = await calls.listBuilds(
      named({ createdAfter: since(now, params.days), queryOpts: { limit: mostRows } }),
    );
    const counts = countBy(builds, ({ owner_id: id, owner_name: name }) => ({ id, name }));
    return linked(counts, (userID) => link('builds', { userID }));
  },
});

/** Tasks by owner. */
export const tasksbyuser = countReport('tasksbyuser', {
  title: 'Tasks by user',
  counted: 'tasks',
  async count({ calls, params, now }) {
    const tasks = await tasksSince(calls, since(now, params.days));
    const counts = countBy(tasks, ({ owner: id, owner_name: name }) => ({ id, name }));
    return linked(counts, (owner) => link('tasks', { owner, state: 'all' }));
  },
});

/** Tasks by builder. */
export const tasksbyhost = countReport('tasksbyhost', {
  title: 'Tasks by host',
  counted: 'tasks',
  async count({ calls, params, now }) {
    const [hosts, tasks] = await Promise.all([
      calls.listHosts(named(params.hostArch === '' ? {} : { arches: params.hostArch })),
      tasksSince(calls, since(now, params.days)),
    ]);
    const names = new Map(hosts.map(({ id, name }) => [id, name]));
    const counts = countBy(tasks, ({ host_id: id }) => {
      const name = id === null ? undefined : names.get(id);
      return id === null || name === undefined ? null : { id, name };
    });
    return linked(counts, (hostID) => link('tasks', { hostID, state: 'all' }));
  },
});

/** Build tasks by target. */
export const buildsbytarget = countReport('buildsbytarget', {
  title: 'Builds by target',
  counted: 'builds',
  async count({ calls, params, now }) {
    const filter = { method: 'build', completeAfter: since(now, params.days), decode: true };
    const counts = new Map<string, number>();
    for (const { request } of await calls.listTasks(filter, { limit: mostRows })) {
      const target: unknown = Array.isArray(request) ? request[1] : null;
      if (typeof target === 'string') counts.set(target, (counts.get(target) ?? 0) + 1);
    }
    return [...counts].map(([name, count]) => ({ name, count, href: link('buildtargetinfo', { name }) }));
  },
});

/** Hubs that lack a method of ours are asked once for each of some things, as Koji's own page does. */
async function countsOrEach(
  counts: Promise<readonly OwnCount[]>,
  each: () => Promise<readonly OwnCount[]>,
): Promise<readonly OwnCount[]> {
  try {
    return await counts;
  } catch (error) {
    if (error instanceof Error && /Invalid method/.test(error.message)) return each();
    throw error;
  }
}

/** Users or hosts that are asked for one by one. */
const mostAsked = 300;

async function countEach(
  things: readonly Omit<OwnCount, 'count'>[],
  count: (id: number) => Promise<number>,
): Promise<readonly OwnCount[]> {
  const counts: OwnCount[] = [];
  for (const { id, name } of things.slice(0, mostAsked)) counts.push({ id, name, count: await count(id) });
  return counts.filter((one) => one.count > 0);
}

/** Packages by owner. */
export const packagesbyuser = countReport('packagesbyuser', {
  title: 'Packages by user',
  counted: 'packages',
  async count({ calls }) {
    const counts = await countsOrEach(calls.countPackagesByOwner(), async () =>
      countEach(await calls.listUsers(), (userID) =>
        calls.listPackages(named({ userID, with_dups: true, queryOpts: { countOnly: true } })),
      ),
    );
    return linked(counts, (userID) => link('packages', { userID }));
  },
});

/** RPMs by the builder that made them. */
export const rpmsbyhost = countReport('rpmsbyhost', {
  title: 'RPMs by host',
  counted: 'rpms',
  async count({ calls, params }) {
    const { hostArch, rpmArch } = params;
    const hosts = await calls.listHosts(named(hostArch === '' ? {} : { arches: hostArch }));
    const arches = rpmArch === 'ix86' ? ['i386', 'i486', 'i586', 'i686'] : rpmArch === '' ? null : [rpmArch];
    const counts = await countsOrEach(calls.countRPMsByHost(arches), () =>
      countEach(hosts, (hostID) => calls.listRPMs(named({ hostID, arches, queryOpts: { countOnly: true } }))),
    );
    const shown = new Set(hosts.map(({ id }) => id));
    return linked(
      counts.filter(({ id }) => shown.has(id)),
      (hostID) => link('hostinfo', { hostID }),
    );
  },
});
