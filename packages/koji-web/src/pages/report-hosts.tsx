/** How busy builders were over time. */
import type { HostInfo, TaskSpan } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { Columns } from '../charts/columns.js';
import { Sparkline } from '../charts/sparkline.js';
import { partOf } from '../lists.js';
import { page } from '../page.js';
import { Section, Table } from '../parts/table.js';
import { HostLink } from '../parts/things.js';
import { numberOf, timeText } from '../parts/values.js';
import { DaysFilter, day } from './report-days.js';
import { orOf, taskSpans } from './report-fallbacks.js';

/** Columns of a chart. */
const slots = 48;
/** Days that the report looks back at most: more tasks than that are not read. */
const mostDays = 31;

/** The time that a report is about, in epoch seconds. */
interface Span {
  readonly from: number;
  readonly to: number;
}

interface HostUse {
  readonly capacity: number;
  readonly id: number;
  readonly name: string;
  /** The share of the capacity that tasks had, in each slot. */
  readonly slots: readonly number[];
  /** The share over the whole time. */
  readonly use: number;
}

/** The share of a host's capacity that its tasks had, from the weights that they have now. */
function useOf({ id, name, capacity }: HostInfo, tasks: readonly TaskSpan[], { from, to }: Span): HostUse {
  const length = (to - from) / slots;
  const load = Array<number>(slots).fill(0);
  for (const task of tasks) {
    const start = Math.max(task.start ?? to, from);
    const end = Math.min(task.end ?? to, to);
    for (let slot = Math.floor((start - from) / length); slot < slots && from + slot * length < end; slot++) {
      const overlap = Math.min(end, from + (slot + 1) * length) - Math.max(start, from + slot * length);
      load[slot] = (load[slot] ?? 0) + (task.weight * Math.max(overlap, 0)) / length;
    }
  }
  const all = Math.max(numberOf(capacity) ?? 0, 0.1);
  const shares = load.map((one) => Math.min(one / all, 1));
  return { id, name, capacity: all, slots: shares, use: shares.reduce((sum, one) => sum + one, 0) / slots };
}

/** Returns how many tasks waited in the middle of each slot. */
function queueOf(tasks: readonly TaskSpan[], { from, to }: Span): number[] {
  const length = (to - from) / slots;
  const waiting = Array<number>(slots).fill(0);
  for (const { created, start, end } of tasks) {
    const first = Math.max(Math.ceil((created - from) / length - 0.5), 0);
    const until = start ?? end ?? to;
    for (let slot = first; slot < slots && from + (slot + 0.5) * length < until; slot++)
      waiting[slot] = (waiting[slot] ?? 0) + 1;
  }
  return waiting;
}

/** How much of each builder's capacity was used, and how many tasks waited. */
export const hostuse = page('hostuse', {
  async load({ calls, params, now }) {
    const days = Math.min(Math.max(params.days, 1), mostDays);
    const span = { from: now - days * day, to: now };
    const [hosts, tasks] = await Promise.all([
      calls.listHosts(named({ enabled: true })),
      orOf(calls.listTaskSpans(span.from), () => taskSpans(calls, span.from)),
    ]);
    const byHost = new Map<number | null, TaskSpan[]>();
    for (const task of tasks) {
      const own = byHost.get(task.host_id);
      if (own) own.push(task);
      else byHost.set(task.host_id, [task]);
    }
    const all = hosts.map((host) => useOf(host, byHost.get(host.id) ?? [], span));
    return { ...span, queue: queueOf(tasks, span), total: totalOf(all), hosts: partOf(all, params) };
  },
  title: () => 'Utilisation of hosts',
  show: ({ hosts, queue, total, from, to }, view) => {
    const at = (slot: number): string => timeText(from + ((to - from) / slots) * slot);
    return (
      <>
        <h1>Utilisation of hosts</h1>
        <DaysFilter view={view} days={view.params.days} />
        <div class="columns">
          <Section title="Tasks that waited" note={`at most ${Math.max(...queue)}`}>
            <Columns
              label={`Tasks that waited from ${timeText(from)} to ${timeText(to)} UTC`}
              tones={['waiting']}
              columns={queue.map((count, i) => ({ label: `${at(i)}: ${count} waited`, parts: [count] }))}
            />
          </Section>
          <Section title="Capacity in use" note={`${percent(averageOf(total))} on average`}>
            <Columns
              label={`Capacity of all hosts in use from ${timeText(from)} to ${timeText(to)} UTC`}
              tones={['plain']}
              of={1}
              columns={total.map((share, i) => ({ label: `${at(i)}: ${percent(share)}`, parts: [share] }))}
            />
          </Section>
        </div>
        <Table
          view={view}
          list={hosts}
          things="hosts"
          columns={[
            { title: 'Host', order: 'name', cell: ({ id, name }) => <HostLink id={id} name={name} /> },
            {
              title: `${timeText(from)} to ${timeText(to)} UTC`,
              cell: (one) => (
                <Sparkline
                  label={`Utilisation of ${one.name}: ${percent(one.use)} on average`}
                  shares={one.slots}
                />
              ),
            },
            { title: 'Average', order: 'use', numeric: true, cell: ({ use }) => percent(use) },
          ]}
          empty={
            <>
              No host is enabled. <code>koji enable-host NAME</code> enables one.
            </>
          }
        />
        <p class="note">The share of a host's capacity that the weights of its tasks took.</p>
      </>
    );
  },
});

const averageOf = (shares: readonly number[]): number =>
  shares.reduce((sum, one) => sum + one, 0) / Math.max(shares.length, 1);

/** Returns the share of the capacity of all hosts that was used in each slot. */
function totalOf(hosts: readonly HostUse[]): number[] {
  const capacity = hosts.reduce((sum, host) => sum + host.capacity, 0);
  return Array.from({ length: slots }, (_, slot) => {
    const used = hosts.reduce((sum, host) => sum + (host.slots[slot] ?? 0) * host.capacity, 0);
    return capacity > 0 ? used / capacity : 0;
  });
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
