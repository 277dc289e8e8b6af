import type { BaseTaskHandler } from '@koji/plugin-sdk';

/** Tags a build in a subtask with the label `tag`, and waits for it. */
export async function tagInSubtask(task: BaseTaskHandler, tag: number, build: number): Promise<void> {
  const place = { label: 'tag', arch: 'noarch' };
  await task.wait(await task.subtask<string>('tagBuild', [tag, build, false, null, true], place));
}
