import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskInfo } from '@koji/core/api';
import { runTaskOf } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TaskTestOptions, TestHub } from '@koji/plugin-sdk/testing';

type Handler = Parameters<typeof runTaskOf>[2];

/** Outcome of a task and its subtasks. */
export interface FamilyRecord {
  readonly parent: TaskRecord;
  /** Records of subtasks that ended well, by label. */
  readonly children: ReadonlyMap<string, TaskRecord>;
}

/** Runs a task of a hub, and its subtasks while it waits for them, as several builders would. */
export async function runFamily(
  hub: TestHub,
  id: number,
  handlers: readonly Handler[],
  options: Pick<TaskTestOptions, 'config' | 'options' | 'plugins'>,
): Promise<FamilyRecord> {
  const handlerOf = (method: string): Handler => {
    const found = handlers.find(({ Methods }) => Methods.includes(method));
    if (!found) throw new Error(`no handler for ${method}`);
    return found;
  };
  const { method } = (await hub.admin.call('getTaskInfo', [id])) as TaskInfo;
  const over = new AbortController();
  const parent = runTaskOf(hub, id, handlerOf(method), options).finally(() => over.abort());
  // It may fail while something else is waited for; it is awaited at the end.
  parent.catch(() => null);
  const children = new Map<string, TaskRecord>();
  const running: Promise<unknown>[] = [];
  const faults: unknown[] = [];
  const failed = async (task: number, error: unknown): Promise<void> => {
    faults.push(error);
    // One that could not even begin is still open at the hub, and waited for.
    await hub.admin.call('cancelTask', [task]).catch(() => null);
  };
  const seen = new Set<number>();
  while (!over.signal.aborted) {
    const open = (await hub.admin.call('listTasks', [{ parent: id, state: [0, 4] }])) as TaskInfo[];
    for (const task of open.filter((one) => !seen.has(one.id))) {
      seen.add(task.id);
      const run = runTaskOf(hub, task.id, handlerOf(task.method), options);
      const ended = run.then((record) => children.set(task.label ?? task.method, record));
      running.push(ended.catch((error: unknown) => failed(task.id, error)));
    }
    await sleep(50, undefined, { signal: over.signal }).catch(() => null);
  }
  await Promise.all(running);
  try {
    return { parent: await parent, children };
  } catch (error) {
    // So that a test that fails tells why a subtask did.
    throw Object.assign(error as Error, { cause: new AggregateError(faults, 'faults of subtasks') });
  }
}
