/** Reports that count things by what they belong to. */
import type { FC } from 'hono/jsx';
import type { OwnCount } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { Bar } from '../charts/bars.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import type { AnyPage, Request, View } from '../page.js';
import { Table } from '../parts/table.js';
import type { Listed } from '../parts/table.js';
import { link } from '../routes.js';
import type { RouteName } from '../routes.js';
import {
  buildsByOwner,
  buildsByTarget,
  countEach,
  orOf,
  tasksByHost,
  tasksByOwner,
} from './report-fallbacks.js';
import { DaysFilter, since } from './report-days.js';

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
  /** Name of the counter, which is also the column to sort by. */
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

const linked = (counts: readonly OwnCount[], hrefOf: (id: number) => string): Counted[] =>
  counts.map(({ id, name, count }) => ({ name, count, href: hrefOf(id) }));

/** Builds by owner. */
export const buildsbyuser = countReport('buildsbyuser', {
  title: 'Builds by user',
  counted: 'builds',
  async count({ calls, params, now }) {
    const after = since(now, params.days);
    const counts = await orOf(calls.countBuildsByOwner(after), () => buildsByOwner(calls, after));
    return linked(counts, (userID) => link('builds', { userID }));
  },
});

/** Tasks by owner. */
export const tasksbyuser = countReport('tasksbyuser', {
  title: 'Tasks by user',
  counted: 'tasks',
  async count({ calls, params, now }) {
    const after = since(now, params.days);
    const counts = await orOf(calls.countTasksByOwner(after), () => tasksByOwner(calls, after));
    return linked(counts, (owner) => link('tasks', { owner, state: 'all' }));
  },
});

/** Tasks by builder. */
export const tasksbyhost = countReport('tasksbyhost', {
  title: 'Tasks by host',
  counted: 'tasks',
  async count({ calls, params: { hostArch, days }, now }) {
    const after = since(now, days);
    const hosts = await calls.listHosts(named(hostArch === '' ? {} : { arches: hostArch }));
    const names = new Map(hosts.map(({ id, name }) => [id, name]));
    const counts = await orOf(calls.countTasksByHost(after), () => tasksByHost(calls, after, names));
    return linked(
      counts.filter(({ id }) => names.has(id)),
      (hostID) => link('tasks', { hostID, state: 'all' }),
    );
  },
});

/** Build tasks by target. */
export const buildsbytarget = countReport('buildsbytarget', {
  title: 'Builds by target',
  counted: 'builds',
  async count({ calls, params, now }) {
    const after = since(now, params.days);
    const counts = await orOf(calls.countBuildsByTarget(after), () => buildsByTarget(calls, after));
    return counts.map(({ name, count }) => ({ name, count, href: link('buildtargetinfo', { name }) }));
  },
});

/** Packages by owner. */
export const packagesbyuser = countReport('packagesbyuser', {
  title: 'Packages by user',
  counted: 'packages',
  async count({ calls }) {
    const counts = await orOf(calls.countPackagesByOwner(), async () =>
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
    const counts = await orOf(calls.countRPMsByHost(arches), () =>
      countEach(hosts, (hostID) => calls.listRPMs(named({ hostID, arches, queryOpts: { countOnly: true } }))),
    );
    const shown = new Set(hosts.map(({ id }) => id));
    return linked(
      counts.filter(({ id }) => shown.has(id)),
      (hostID) => link('hostinfo', { hostID }),
    );
  },
});
