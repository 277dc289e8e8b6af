// Compiled by `types.test.ts`: what must not compile is marked.
import { context, exported } from '@koji/plugin-sdk';
import type { BuildrootInfo, RepoInfo, TagInfo, TagListItem, TaskInfo } from '@koji/core/api';

export const calls = exported(async (info: string) => {
  const found: TagInfo | null = await context.call('getTag', [info]);
  const tag: TagInfo = await context.call('getTag', [info], { strict: true });
  // @ts-expect-error -- without strict it may be null
  const maybe: TagInfo = await context.call('getTag', [info]);
  // @ts-expect-error -- the hub has no such method
  await context.call('getTagg', [info]);
  // @ts-expect-error -- an argument is missing
  await context.call('getTag');
  // @ts-expect-error -- an argument is missing
  await context.call('getTag', []);
  // @ts-expect-error -- it takes fewer
  await context.call('getTag', ['f44', null, true, false, 5, 6, 7]);
  // @ts-expect-error -- an event is a number
  await context.call('getTag', ['f44'], { event: 'now' });
  // @ts-expect-error -- it has no such argument
  await context.call('getTag', ['f44'], { strikt: true });
  // @ts-expect-error -- it has no such argument
  await context.call('getTag', ['f44'], { strict: true, evnt: 1 });
  // @ts-expect-error -- the answer is a tag
  const wrong: BuildrootInfo = await context.call('getTag', [info], { strict: true });
  return [found, tag, maybe, wrong];
});

export const answers = exported(async () => {
  const users = await context.call('listUsers');
  const name: string | undefined = users[0]?.name;
  const tags: TagListItem[] = await context.call('listTags');
  const howMany: number = await context.call('listTags', [], { queryOpts: { countOnly: true } });
  const one: TaskInfo = await context.call('getTaskInfo', [1], { strict: true });
  const list: (TaskInfo | null)[] = await context.call('getTaskInfo', [[1, 2]]);
  const id: number = await context.callUnchecked('createTag', ['f44'], { parent: 'f43', extra: { a: 1 } });
  const files: string[] = await context.call('listTaskOutput', [1]);
  await context.call('distRepo', ['f44', ['key']], { latest: true, anything: 1 });
  // @ts-expect-error -- an order is text
  await context.call('listTags', [], { queryOpts: { order: 1 } });
  await context.assertPolicy('tag', { tag: 'f44', operation: 'tag', more: 1 });
  // @ts-expect-error -- an operation is text
  await context.assertPolicy('tag', { operation: 1 });
  return [name, tags, howMany, one, list, id, files];
});

export const tasks = exported(async () => {
  const repo = await context.makeTask('waitrepo', ['f44-build']);
  const result: RepoInfo = await context.call('getTaskResult', [repo]);
  await context.makeTask('buildArch', ['work/a.src.rpm', 'f44-build', 'x86_64', true, { repo_id: 1 }]);
  // @ts-expect-error -- it has other arguments
  await context.makeTask('buildArch', [1, 2, 3]);
  // @ts-expect-error -- nobody handles such a task
  await context.makeTask('buildArhc', []);
  return result;
});
