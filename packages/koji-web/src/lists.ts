import { named } from '@koji/core/wire';
import type { QueryOpts, TaggedBuild, TaskInfo, UserInfo } from '@koji/core/api';
import type { Calls } from './calls.js';
import { pageLength } from './parts/table.js';
import type { Listed } from './parts/table.js';

/** Range of a list. */
export interface Part {
  readonly start: number;
  readonly order?: string;
  readonly length?: number;
}

/** Reads a part of a list that the hub sorts and cuts, and its length. */
export async function listPart<T>(
  { start, order, length = pageLength }: Part,
  list: (queryOpts: QueryOpts) => Promise<unknown>,
): Promise<Listed<T>> {
  const [total, rows] = await Promise.all([
    list({ countOnly: true }),
    list({ offset: start, limit: length, ...(order === undefined ? {} : { order }) }),
  ]);
  return { rows: rows as T[], total: Number(total), start, length };
}

/** Reads a part of the builds of a tag, and how many there are, as the hub's method listTagged has them. */
export async function taggedPart(
  calls: Calls,
  tagId: number,
  filter: Readonly<Record<string, unknown>>,
  { start, order, length = pageLength }: Part,
): Promise<Listed<TaggedBuild>> {
  const filterOpts = { offset: start, limit: length, ...(order === undefined ? {} : { order }) };
  const options = named({ ...filter, filterOpts });
  const [total, rows] = await calls.countAndFilterResults('listTagged', tagId, options);
  return { rows: (rows ?? []) as TaggedBuild[], total, start, length };
}

/** Returns a part of a whole list, sorted by a column. */
export function partOf<T>(all: readonly T[], { start, order, length = pageLength }: Part): Listed<T> {
  const rows = order === undefined ? all : sorted(all, order);
  return { rows: rows.slice(start, start + length), total: all.length, start, length };
}

function sorted<T>(all: readonly T[], order: string): T[] {
  const isReverse = order.startsWith('-');
  const column = isReverse ? order.slice(1) : order;
  const key = (row: T): unknown => (row as Readonly<Record<string, unknown>>)[column] ?? null;
  const rows = [...all].sort((a, b) => compare(key(a), key(b)));
  return isReverse ? rows.reverse() : rows;
}

function compare(a: unknown, b: unknown): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return Number(a) - Number(b);
}

/** Returns a task with its request; null if there is none. */
export function findTask(calls: Calls, id: number): Promise<TaskInfo | null> {
  return calls.getTaskInfo(id, true);
}

/** Returns tasks by their ids, in one call; ids without a task are left out. */
export async function findTasks(calls: Calls, ids: readonly number[]): Promise<Map<number, TaskInfo>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const found = await calls.getTaskInfo(wanted, true);
  return new Map(found.flatMap((task) => (task ? [[task.id, task] as const] : [])));
}

/** Returns a user without groups; null if there is none. */
export function findUser(calls: Calls, user: string | number): Promise<UserInfo | null> {
  return calls.getUser(user, named({ krb_princs: false }));
}

/** Returns null where the hub has no answer. */
export function orNull<T>(answer: Promise<T>): Promise<T | null> {
  return answer.catch((error: unknown) => {
    if (error instanceof Error && 'faultCode' in error) return null;
    throw error;
  });
}
