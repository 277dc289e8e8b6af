import { GenericError } from '@koji/core';
import type { TaskId } from '@koji/core/api';
import type { BaseTaskHandler } from '@koji/plugin-sdk';

/** Tags a build in a subtask with the label `tag`, and waits for it. */
export async function tagInSubtask(task: BaseTaskHandler, tag: number, build: number): Promise<void> {
  const place = { label: 'tag', arch: 'noarch' };
  await task.wait(await task.subtask('tagBuild', [tag, build, false, null, true], place));
}

/** Waits for a subtask and returns its result. */
export async function resultOf<R>(task: BaseTaskHandler, subtask: TaskId<R>): Promise<R> {
  const results = await task.wait(subtask);
  const result = results.get(subtask);
  if (result === undefined) throw new GenericError(`subtask ${subtask} has no result`);
  return result;
}
