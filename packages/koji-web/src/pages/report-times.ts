/** Builds counted by day and measured here, for hubs that lack our own methods. */
import type { BuildListItem, BuildTimes, DayCount, TaskListItem, TimesBy } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { numberOf } from '../parts/values.js';
import { day, mostRows } from './report-days.js';

/** Counts the builds that ended after a time by day and state. */
export async function buildsByDay(calls: Calls, after: number): Promise<DayCount[]> {
  const counts = new Map<string, DayCount>();
  for (const { state, completion_ts: end } of await endedBuilds(calls, after)) {
    const number = Math.floor((numberOf(end) ?? 0) / day);
    const count = (counts.get(`${number} ${state}`)?.count ?? 0) + 1;
    counts.set(`${number} ${state}`, { day: number, state, count });
  }
  return [...counts.values()];
}

function endedBuilds(calls: Calls, after: number): Promise<readonly BuildListItem[]> {
  const queryOpts = { order: '-build_id', limit: mostRows };
  return calls.listBuilds(named({ completeAfter: after, taskID: -1, queryOpts }));
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

function timesOf(all: readonly Took[]): BuildTimes[] {
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
      id,
      name: group[0]?.name ?? '',
      count: group.length,
      queue50: percentile(queue, 0.5),
      queue95: percentile(queue, 0.95),
      run50: percentile(run, 0.5),
      run95: percentile(run, 0.95),
    };
  });
}

/** Measures how long the builds that ended after a time waited and ran. */
export async function measureBuilds(calls: Calls, by: TimesBy, after: number): Promise<BuildTimes[]> {
  const tasks = await calls.listTasks(
    { method: by === 'host' ? 'buildArch' : 'build', completeAfter: after },
    { order: '-id', limit: mostRows },
  );
  if (by === 'user')
    return timesOf(tasks.flatMap((task) => tookOf(task, { id: task.owner, name: task.owner_name })));
  if (by === 'host') {
    const hosts = new Map((await calls.listHosts()).map(({ id, name }) => [id, name]));
    return timesOf(
      tasks.flatMap((task) => {
        const id = task.host_id ?? 0;
        return tookOf(task, { id, name: hosts.get(id) ?? String(id) });
      }),
    );
  }
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const builds = await endedBuilds(calls, after);
  return timesOf(
    builds.flatMap(({ task_id: taskId, package_id: id, package_name: name }) => {
      const task = byId.get(taskId ?? 0);
      return task ? tookOf(task, { id, name }) : [];
    }),
  );
}

/** How long a task waited and ran; nothing for one that never started. */
function tookOf(task: TaskListItem, owner: { readonly id: number; readonly name: string }): Took[] {
  const [created, started, ended] = [task.create_ts, task.start_ts, task.completion_ts].map(numberOf);
  if (created == null || started == null || ended == null) return [];
  return [{ ...owner, queue: Math.max(started - created, 0), run: Math.max(ended - started, 0) }];
}
