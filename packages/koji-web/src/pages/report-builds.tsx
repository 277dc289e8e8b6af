/** Reports about how builds end, and how long they take. */
import { BUILD_STATES } from '@koji/core';
import type { BuildListItem, TaskListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { Bar } from '../charts/bars.js';
import { Columns } from '../charts/columns.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import type { Request } from '../page.js';
import { Filters, Rows, Section, Table } from '../parts/table.js';
import type { Column, Listed } from '../parts/table.js';
import { durationText, numberOf, timeText } from '../parts/values.js';
import { link } from '../routes.js';
import { DaysFilter, day, daysField, mostRows, since } from './report-days.js';

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

interface DayCount {
  /** Midnight in UTC, in epoch seconds. */
  readonly at: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
}

/** Days that a chart has columns for. */
const mostDays = 366;

/** Builds that ended on each day, and how. */
export const buildsbyday = page('buildsbyday', {
  async load({ calls, params, now }) {
    const days = Math.min(Math.max(params.days, 1), mostDays);
    const first = Math.floor(now / day) * day - (days - 1) * day;
    const builds = await endedBuilds(calls, first);
    const counts = Array.from({ length: days }, (_, i) => ({
      at: first + i * day,
      succeeded: 0,
      failed: 0,
      canceled: 0,
    }));
    for (const { state, completion_ts: end } of builds) {
      const one = counts[Math.floor(((numberOf(end) ?? 0) - first) / day)];
      if (!one) continue;
      if (state === BUILD_STATES.FAILED) one.failed++;
      else if (state === BUILD_STATES.CANCELED) one.canceled++;
      else one.succeeded++;
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

function dayText({ at, succeeded, failed, canceled }: DayCount): string {
  return `${timeText(at).slice(0, 10)}: ${succeeded} succeeded, ${failed} failed, ${canceled} canceled`;
}

function endedBuilds(calls: Calls, after: number): Promise<readonly BuildListItem[]> {
  const queryOpts = { order: '-build_id', limit: mostRows };
  return calls.listBuilds(named({ completeAfter: after, taskID: -1, queryOpts }));
}

/** How long things of one package, user or host took, in seconds. */
interface Times {
  readonly name: string;
  readonly href: string;
  readonly count: number;
  readonly queue50: number;
  readonly queue95: number;
  readonly run50: number;
  readonly run95: number;
}

/** One thing that waited and ran. */
interface Took {
  readonly id: number;
  readonly name: string;
  readonly queue: number;
  readonly run: number;
}

/** The value below which a share of the values is. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}

function timesOf(all: readonly Took[], hrefOf: (id: number) => string): Times[] {
  const groups = new Map<number, Took[]>();
  for (const one of all) {
    const group = groups.get(one.id);
    if (group) group.push(one);
    else groups.set(one.id, [one]);
  }
  return [...groups].map(([id, group]) => {
    const queue = group.map((one) => one.queue).sort((a, b) => a - b);
    const run = group.map((one) => one.run).sort((a, b) => a - b);
    return {
      name: group[0]?.name ?? '',
      href: hrefOf(id),
      count: group.length,
      queue50: percentile(queue, 0.5),
      queue95: percentile(queue, 0.95),
      run50: percentile(run, 0.5),
      run95: percentile(run, 0.95),
    };
  });
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

async function readTimes({ calls, params, now }: Request<'buildtimes'>): Promise<Times[]> {
  const after = since(now, params.days);
  const tasks = await calls.listTasks(
    { method: params.by === 'host' ? 'buildArch' : 'build', completeAfter: after },
    { order: '-id', limit: mostRows },
  );
  if (params.by === 'user')
    return timesOf(
      tasks.flatMap((task) => tookOf(task, { id: task.owner, name: task.owner_name })),
      (userID) => link('userinfo', { userID }),
    );
  if (params.by === 'host') {
    const hosts = new Map((await calls.listHosts()).map(({ id, name }) => [id, name]));
    return timesOf(
      tasks.flatMap((task) => {
        const id = task.host_id ?? 0;
        return tookOf(task, { id, name: hosts.get(id) ?? String(id) });
      }),
      (hostID) => link('hostinfo', { hostID }),
    );
  }
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const builds = await endedBuilds(calls, after);
  return timesOf(
    builds.flatMap(({ task_id: taskId, package_id: id, package_name: name }) => {
      const task = byId.get(taskId ?? 0);
      return task ? tookOf(task, { id, name }) : [];
    }),
    (packageID) => link('packageinfo', { packageID }),
  );
}

/** How long a task waited and ran; nothing for one that never started. */
function tookOf(task: TaskListItem, owner: { readonly id: number; readonly name: string }): Took[] {
  const [created, started, ended] = [task.create_ts, task.start_ts, task.completion_ts].map(numberOf);
  if (created == null || started == null || ended == null) return [];
  return [{ ...owner, queue: Math.max(started - created, 0), run: Math.max(ended - started, 0) }];
}
