/** How busy builders were over time. */
import { TASK_STATES } from '@koji/core';
import type { HostInfo, TaskListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { Columns } from '../charts/columns.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import { Table } from '../parts/table.js';
import { HostLink } from '../parts/things.js';
import { numberOf, timeText } from '../parts/values.js';
import { DaysFilter, day, mostRows } from './report-days.js';

/** Columns of a chart. */
const slots = 48;
/** Days that the report looks back at most: more tasks than that are not read. */
const mostDays = 31;

interface HostUse {
  readonly id: number;
  readonly name: string;
  /** The share of the capacity that tasks had, in each slot. */
  readonly slots: readonly number[];
  /** The share over the whole time. */
  readonly use: number;
}

/** The share of a host's capacity that its tasks had, from the weights that they have now. */
function useOf(
  { id, name, capacity }: HostInfo,
  tasks: readonly TaskListItem[],
  { from, to }: { readonly from: number; readonly to: number },
): HostUse {
  const length = (to - from) / slots;
  const load = Array<number>(slots).fill(0);
  for (const task of tasks) {
    const start = Math.max(numberOf(task.start_ts) ?? to, from);
    const end = Math.min(numberOf(task.completion_ts) ?? to, to);
    const weight = numberOf(task.weight) ?? 1;
    for (let slot = Math.floor((start - from) / length); slot < slots && from + slot * length < end; slot++) {
      const overlap = Math.min(end, from + (slot + 1) * length) - Math.max(start, from + slot * length);
      load[slot] = (load[slot] ?? 0) + (weight * Math.max(overlap, 0)) / length;
    }
  }
  const all = Math.max(numberOf(capacity) ?? 0, 0.1);
  const shares = load.map((one) => Math.min(one / all, 1));
  return { id, name, slots: shares, use: shares.reduce((sum, one) => sum + one, 0) / slots };
}

/** How much of each builder's capacity was used. */
export const hostuse = page('hostuse', {
  async load({ calls, params, now }) {
    const days = Math.min(Math.max(params.days, 1), mostDays);
    const span = { from: now - days * day, to: now };
    const [hosts, ended, running] = await Promise.all([
      calls.listHosts(named({ enabled: true })),
      calls.listTasks({ completeAfter: span.from }, { order: '-id', limit: mostRows }),
      calls.listTasks({ state: [TASK_STATES.OPEN] }, { order: '-id', limit: mostRows }),
    ]);
    const byHost = new Map<number, TaskListItem[]>();
    for (const task of [...ended, ...running]) {
      const own = byHost.get(task.host_id ?? 0);
      if (own) own.push(task);
      else byHost.set(task.host_id ?? 0, [task]);
    }
    const all = hosts.map((host) => useOf(host, byHost.get(host.id) ?? [], span));
    return { ...span, hosts: partOf(all, params) };
  },
  title: () => 'Utilisation of hosts',
  show: ({ hosts, from, to }, view) => (
    <>
      <h1>Utilisation of hosts</h1>
      <DaysFilter view={view} days={view.params.days} />
      <Table
        view={view}
        list={hosts}
        things="hosts"
        columns={[
          { title: 'Host', order: 'name', cell: ({ id, name }) => <HostLink id={id} name={name} /> },
          {
            title: `${timeText(from)} to ${timeText(to)} UTC`,
            cell: (one) => (
              <Columns
                label={`Utilisation of ${one.name}: ${percent(one.use)} on average`}
                tones={['plain']}
                of={1}
                columns={one.slots.map((share, i) => ({
                  label: `${timeText(from + ((to - from) / slots) * i)}: ${percent(share)}`,
                  parts: [share],
                }))}
              />
            ),
          },
          { title: 'Average', order: 'use', numeric: true, cell: ({ use }) => percent(use) },
        ]}
        empty="No host is enabled."
      />
      <p class="note">The share of a host's capacity that the weights of its tasks took.</p>
    </>
  ),
});

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
