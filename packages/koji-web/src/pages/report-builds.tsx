/** Reports about how builds end, and how long they take. */
import { BUILD_STATES } from '@koji/core';
import type { BuildTimes, TimesBy } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { Bar } from '../charts/bars.js';
import { Columns } from '../charts/columns.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import type { Request } from '../page.js';
import { Filters, Rows, Section, Table } from '../parts/table.js';
import type { Column, Listed } from '../parts/table.js';
import { durationText, timeText } from '../parts/values.js';
import { link } from '../routes.js';
import { DaysFilter, day, daysField, since } from './report-days.js';
import { orOf } from './report-fallbacks.js';
import { buildsByDay, measureBuilds } from './report-times.js';

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
        <DaysFilter view={view} days={days} all />
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

/** Days that a chart has columns for. */
const mostDays = 366;

/** Builds that ended on each day, and how. */
export const buildsbyday = page('buildsbyday', {
  async load({ calls, params, now }) {
    const days = Math.min(Math.max(params.days, 1), mostDays);
    const first = Math.floor(now / day) * day - (days - 1) * day;
    const found = await orOf(calls.countBuildsByDay(first), () => buildsByDay(calls, first));
    const counts = Array.from({ length: days }, (_, i) => ({
      at: first + i * day,
      succeeded: 0,
      failed: 0,
      canceled: 0,
    }));
    for (const { day: number, state, count } of found) {
      const one = counts[number - first / day];
      if (!one) continue;
      if (state === BUILD_STATES.FAILED) one.failed += count;
      else if (state === BUILD_STATES.CANCELED) one.canceled += count;
      else one.succeeded += count;
    }
    return { days: counts };
  },
  title: () => 'Builds a day',
  show: ({ days }, view) => {
    const total = days.reduce((sum, one) => sum + one.succeeded + one.failed + one.canceled, 0);
    return (
      <>
        <h1>Builds a day</h1>
        <DaysFilter view={view} days={view.params.days} />
        <Section title={`${total} builds in ${days.length} days`}>
          <Columns
            label="Builds a day, succeeded, failed and canceled; the table below has the figures"
            tones={['good', 'bad', 'off']}
            columns={days.map((one) => ({
              label: dayText(one),
              parts: [one.succeeded, one.failed, one.canceled],
            }))}
          />
        </Section>
        <Rows
          label="builds a day"
          rows={[...days].reverse()}
          columns={[
            { title: 'Day', cell: ({ at }) => timeText(at).slice(0, 10) },
            { title: 'Succeeded', numeric: true, cell: (one) => one.succeeded },
            { title: 'Failed', numeric: true, cell: (one) => one.failed },
            { title: 'Canceled', numeric: true, cell: (one) => one.canceled },
          ]}
        />
      </>
    );
  },
});

interface OneDay {
  /** Midnight in UTC, in epoch seconds. */
  readonly at: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
}

function dayText({ at, succeeded, failed, canceled }: OneDay): string {
  return `${timeText(at).slice(0, 10)}: ${succeeded} succeeded, ${failed} failed, ${canceled} canceled`;
}

/** How long the builds of one thing took, with its page. */
interface Times extends BuildTimes {
  readonly href: string;
}

/** How long builds waited and ran, by package, user or builder. */
export const buildtimes = page('buildtimes', {
  async load(request): Promise<{ times: Listed<Times> }> {
    const { start, order } = request.params;
    return { times: partOf(await readTimes(request), { start, order }) };
  },
  title: (_, { by }) => `Queue and build times by ${by}`,
  show: ({ times }, view) => (
    <>
      <h1>Queue and build times by {view.params.by}</h1>
      <Filters
        view={view}
        filters={[
          {
            name: 'by',
            label: 'By',
            value: view.params.by,
            options: ['package', 'user', 'host'].map((one) => [one, one] as const),
          },
          daysField(view.params.days),
        ]}
      />
      <Table
        view={view}
        list={times}
        things={`${view.params.by}s`}
        columns={timeColumns}
        empty="No build ended in this time. Choose more days."
      />
      <p class="note">
        The median is the time that half of them took at most; 95 % took at most the longer one.
        {view.params.by === 'host' ? ' A host is measured by its buildArch tasks.' : ''}
      </p>
    </>
  ),
});

const timeColumn = (title: string, order: 'queue50' | 'queue95' | 'run50' | 'run95'): Column<Times> => ({
  title,
  order,
  numeric: true,
  wide: order.endsWith('50'),
  cell: (row) => durationText(row[order]),
});

const timeColumns: readonly Column<Times>[] = [
  {
    title: 'Name',
    order: 'name',
    cell: ({ name, href }) => (
      <a href={href}>
        <bdi>{name}</bdi>
      </a>
    ),
  },
  { title: 'Builds', order: 'count', numeric: true, cell: ({ count }) => count },
  timeColumn('Queue, median', 'queue50'),
  timeColumn('Queue, 95 %', 'queue95'),
  timeColumn('Ran, median', 'run50'),
  timeColumn('Ran, 95 %', 'run95'),
];

/** Leads from a package, user or host to its page. */
const pageOf: Readonly<Record<TimesBy, (id: number) => string>> = {
  package: (packageID) => link('packageinfo', { packageID }),
  user: (userID) => link('userinfo', { userID }),
  host: (hostID) => link('hostinfo', { hostID }),
};

async function readTimes({ calls, params: { by, days }, now }: Request<'buildtimes'>): Promise<Times[]> {
  const after = since(now, days);
  const times = await orOf(calls.measureBuilds(by, after), () => measureBuilds(calls, by, after));
  return times.map((one) => ({ ...one, href: pageOf[by](one.id) }));
}
