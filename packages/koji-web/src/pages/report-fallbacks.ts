/** How hubs that lack our own methods for reports are asked, a real Koji above all: rows are read and counted here. */
import type { OwnCount, TargetCount, TaskListItem, TaskSpan } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { numberOf } from '../parts/values.js';
import { TASK_STATES } from '@koji/core';
import { mostRows } from './report-days.js';

/** Returns an answer of one of our own methods, or of what else a hub without it can be asked. */
export async function orOf<T>(answer: Promise<T>, otherwise: () => Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && /Invalid method/.test(error.message)) return otherwise();
    throw error;
  }
}

/** Users or hosts that are asked for one by one. */
const mostAsked = 300;

/** Counts what belongs to each of some things, as Koji's own page does. */
export async function countEach(
  things: readonly Omit<OwnCount, 'count'>[],
  count: (id: number) => Promise<number>,
): Promise<OwnCount[]> {
  const counts: OwnCount[] = [];
  for (const { id, name } of things.slice(0, mostAsked)) counts.push({ id, name, count: await count(id) });
  return counts.filter((one) => one.count > 0);
}

/** Counts rows by who or what they belong to. */
function countBy<T>(rows: readonly T[], ownerOf: (row: T) => Omit<OwnCount, 'count'> | null): OwnCount[] {
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

/** Counts the builds created after a time by their owner. */
export async function buildsByOwner(calls: Calls, after: number): Promise<OwnCount[]> {
  const builds = await calls.listBuilds(named({ createdAfter: after, queryOpts: { limit: mostRows } }));
  return countBy(builds, ({ owner_id: id, owner_name: name }) => ({ id, name }));
}

const tasksSince = (calls: Calls, after: number): Promise<readonly TaskListItem[]> =>
  calls.listTasks({ createdAfter: after }, { limit: mostRows });

/** Counts the tasks created after a time by their owner. */
export async function tasksByOwner(calls: Calls, after: number): Promise<OwnCount[]> {
  return countBy(await tasksSince(calls, after), ({ owner: id, owner_name: name }) => ({ id, name }));
}

/** Counts the tasks created after a time by their host, of those hosts that have a name here. */
export async function tasksByHost(
  calls: Calls,
  after: number,
  names: ReadonlyMap<number, string>,
): Promise<OwnCount[]> {
  return countBy(await tasksSince(calls, after), ({ host_id: id }) => {
    const name = id === null ? undefined : names.get(id);
    return id === null || name === undefined ? null : { id, name };
  });
}

/** Counts the build tasks that ended after a time by their target. */
export async function buildsByTarget(calls: Calls, after: number): Promise<TargetCount[]> {
  const filter = { method: 'build', completeAfter: after, decode: true };
  const counts = new Map<string, number>();
  for (const { request } of await calls.listTasks(filter, { limit: mostRows })) {
    const target: unknown = Array.isArray(request) ? request[1] : null;
    if (typeof target === 'string') counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => ({ name, count }));
}

/** Reads when tasks waited and hosts worked on them, of those still running or finished after a time. */
export async function taskSpans(calls: Calls, after: number): Promise<TaskSpan[]> {
  const opts = { order: '-id', limit: mostRows };
  const active = [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED];
  const [ended, open] = await Promise.all([
    calls.listTasks({ completeAfter: after }, opts),
    calls.listTasks({ state: active }, opts),
  ]);
  return [...ended, ...open].map((task) => ({
    channel_id: task.channel_id,
    host_id: task.host_id,
    created: numberOf(task.create_ts) ?? 0,
    start: numberOf(task.start_ts) ?? null,
    end: numberOf(task.completion_ts) ?? null,
    weight: numberOf(task.weight) ?? 1,
  }));
}
