import type { FC } from 'hono/jsx';
import { BUILD_STATES, TASK_STATES } from '@koji/core';
import type { BuildListItem, HostInfo, TaskListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { Mine, loadMine } from '../login/mine.js';
import type { MyThings } from '../login/mine.js';
import { page } from '../page.js';
import { BuildStateChip } from '../parts/states.js';
import { Empty, Rows, Section } from '../parts/table.js';
import { TaskRows, withoutResult } from '../parts/task-rows.js';
import { BuildLink, UserLink } from '../parts/things.js';
import { Ago, numberOf } from '../parts/values.js';
import { link } from '../routes.js';
import { Gauge } from '../charts/bars.js';

const day = 86_400;
const shown = 10;

interface Overview {
  /** Of the visitor who is logged in. */
  readonly mine: MyThings | null;
  readonly running: readonly TaskListItem[];
  readonly waiting: readonly TaskListItem[];
  readonly builds: readonly BuildListItem[];
  readonly counts: {
    readonly open: number;
    readonly free: number;
    readonly complete: number;
    readonly failed: number;
  };
  readonly builders: {
    readonly enabled: number;
    readonly ready: number;
    readonly load: number;
    readonly capacity: number;
  };
}

/** Work in progress. */
export const home = page('index', {
  async load({ calls, site, login, now }): Promise<Overview> {
    const hidden = site.hiddenUsers.length > 0 ? { not_owner: site.hiddenUsers } : {};
    const tasks = (state: readonly number[]): Promise<TaskListItem[]> =>
      calls.listTasks(
        { state, parent: null, decode: true, ...hidden },
        { order: state.includes(TASK_STATES.FREE) ? 'id' : '-id', limit: shown },
      );
    const mine = login === null ? null : await loadMine(calls, login);
    const [running, waiting, builds, hosts, open, free, complete, failed] = await Promise.all([
      tasks([TASK_STATES.OPEN]),
      tasks([TASK_STATES.FREE, TASK_STATES.ASSIGNED]),
      calls.listBuilds(named({ queryOpts: { order: '-build_id', limit: shown } })),
      calls.listHosts(named({ enabled: true })),
      countTasks(calls, [TASK_STATES.OPEN]),
      countTasks(calls, [TASK_STATES.FREE, TASK_STATES.ASSIGNED]),
      countBuilds(calls, BUILD_STATES.COMPLETE, now - day),
      countBuilds(calls, BUILD_STATES.FAILED, now - day),
    ]);
    return {
      mine,
      running: running.map(withoutResult),
      waiting: waiting.map(withoutResult),
      builds,
      counts: { open, free, complete, failed },
      builders: atAGlance(hosts),
    };
  },
  title: () => 'Overview',
  live: () => 'queue',
  show: (data, { site, now }) => (
    <>
      <h1>{site.greeting}</h1>
      <Figures data={data} />
      {data.mine ? <Mine mine={data.mine} now={now} /> : null}
      <div class="columns">
        <div>
          <Section title="Running" note={<a href={link('tasks', { state: 'open' })}>all</a>}>
            <TaskRows label="running tasks" tasks={data.running} now={now} empty="Nothing runs just now." />
          </Section>
          <Section title="Waiting" note={<a href={link('tasks', { state: 'free' })}>all</a>}>
            <TaskRows
              label="waiting tasks"
              tasks={data.waiting}
              now={now}
              empty="Nothing waits: builders take new tasks at once."
            />
          </Section>
        </div>
        <Section title="Newest builds" note={<a href={link('builds')}>all</a>}>
          <Builds builds={data.builds} now={now} />
        </Section>
      </div>
    </>
  ),
});

function countTasks(calls: Calls, state: readonly number[]): Promise<number> {
  return calls.listTasks({ state }, { countOnly: true });
}

function countBuilds(calls: Calls, state: number, completeAfter: number): Promise<number> {
  return calls.listBuilds(named({ state, completeAfter, queryOpts: { countOnly: true } }));
}

function atAGlance(hosts: readonly HostInfo[]): Overview['builders'] {
  const ready = hosts.filter((host) => host.ready);
  const sum = (values: readonly (number | null)[]): number =>
    values.reduce<number>((a, b) => a + (b ?? 0), 0);
  return {
    enabled: hosts.length,
    ready: ready.length,
    load: sum(ready.map((host) => numberOf(host.task_load))),
    capacity: sum(ready.map((host) => numberOf(host.capacity))),
  };
}

const Figures: FC<{ data: Overview }> = ({ data: { counts, builders } }) => (
  <ul class="figures">
    <li>
      <a href={link('tasks', { state: 'open' })}>
        <b>{counts.open}</b> tasks run
      </a>
    </li>
    <li>
      <a href={link('tasks', { state: 'free' })}>
        <b>{counts.free}</b> tasks wait
      </a>
    </li>
    <li>
      <a href={link('buildsbystatus', { days: 1 })}>
        <b>{counts.complete}</b> builds done and <b class={counts.failed > 0 ? 'bad' : ''}>{counts.failed}</b>{' '}
        failed in 24 h
      </a>
    </li>
    <li>
      <a href={link('hosts')}>
        <b>
          {builders.ready} of {builders.enabled}
        </b>{' '}
        builders ready
      </a>
    </li>
    <li>
      <a href={link('clusterhealth')}>
        <Gauge value={builders.load} of={builders.capacity} label="load of capacity" />
      </a>
    </li>
  </ul>
);

const Builds: FC<{ builds: readonly BuildListItem[]; now: number }> = ({ builds, now }) =>
  builds.length === 0 ? (
    <Empty>
      No builds yet. The first one is made by <code>koji build TARGET SOURCE</code>; the{' '}
      <a href={link('buildtargets')}>targets</a> say where from and where to.
    </Empty>
  ) : (
    <Rows
      label="builds"
      rows={builds}
      columns={[
        { title: 'Build', cell: ({ build_id: id, nvr }) => <BuildLink id={id} nvr={nvr} /> },
        {
          title: 'By',
          wide: true,
          cell: ({ owner_id: id, owner_name: name }) => <UserLink id={id} name={name} />,
        },
        {
          title: 'Finished',
          cell: ({ completion_ts: at }) => <Ago at={at} now={now} />,
        },
        { title: 'State', cell: ({ state }) => <BuildStateChip state={state} /> },
      ]}
    />
  );
