import { GenericError, TASK_STATES } from '@koji/core';
import type { RepoInfo } from '@koji/core/api';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { WaitrepoTask } from '../src/tasks/waitrepo.js';

let hub: TestHub;
beforeAll(async () => {
  hub = await startTestHub({ tags: ['f44'] });
  for (const nvr of ['bash-5.2-1', 'tool-1-1'])
    await hub.addBuild(nvr, { tags: nvr === 'tool-1-1' ? [] : ['f44'] });
});
afterAll(() => hub.stop());

let count = 0;
async function newTag(): Promise<string> {
  const name = `build-${(count += 1)}`;
  await hub.admin.createTag(name, 'f44', 'x86_64');
  return name;
}

async function newRepo(tag: string): Promise<number> {
  const builder = await hub.builder();
  const [id] = await builder.host.repoInit(tag);
  await builder.host.repoDone(id, {});
  return id;
}

const wait = async (...args: unknown[]): Promise<RepoInfo> =>
  (await runTask(WaitrepoTask, args, { hub })).result as RepoInfo;
const requests = async (tag: string): Promise<{ id: number; active: boolean }[]> => {
  const { id } = (await hub.admin.call('getTag', [tag])) as { id: number };
  return (await hub.admin.call('repo.queryQueue', [[['tag_id', id]], ['id', 'active']])) as {
    id: number;
    active: boolean;
  }[];
};
async function requested(tag: string): Promise<number> {
  for (;;) {
    const found = (await requests(tag)).find(({ active }) => active);
    if (found) return found.id;
  }
}
const lastChange = async (tag: string) => (await hub.admin.call('tagLastChangeEvent', [tag])) as number;

test('a repo that there is already is the answer', async () => {
  const tag = await newTag();
  const id = await newRepo(tag);
  expect(await wait(tag)).toMatchObject({ id, tag_name: tag });
  expect(await wait(tag, null, ['bash-5.2-1'])).toMatchObject({ id });
  expect(await wait(tag, 'now')).toMatchObject({ id });
  expect(await wait(tag, 1_000_000)).toMatchObject({ id });
});

test('without one it asks for one and waits', async () => {
  const tag = await newTag();
  const waiting = wait(tag);
  await requested(tag);
  const id = await newRepo(tag);
  expect(await waiting).toMatchObject({ id });
});

test.each<[string, unknown]>([
  ['hears of the repo that it asked for', null],
  [
    'asks again later where the hub has no way to tell',
    () => Promise.reject(new GenericError('Invalid method: repo.waitForRequest')),
  ],
])('it %s', async (_, waitForRequest) => {
  const request = { id: 5, active: true, task_id: 7, task_state: TASK_STATES.FREE };
  const answers = [
    { repo: null, request },
    { repo: { id: 3, create_event: 2 }, request: { ...request, active: false } },
  ];
  const { result, calls } = await runTask(WaitrepoTask, ['f44'], {
    calls: {
      getTag: { id: 1, name: 'f44' },
      'repo.request': { repo: null, request },
      'repo.checkRequest': () => answers.shift(),
      'repo.waitForRequest': waitForRequest,
    },
  });
  expect(result).toMatchObject({ id: 3 });
  expect(calls.filter(({ method }) => method === 'repo.waitForRequest')).toMatchObject([{ args: [5] }]);
});

test('an older repo is not enough when a newer event is asked for', async () => {
  const tag = await newTag();
  const old = await newRepo(tag);
  await hub.admin.call('editTag2', [tag], { extra: { changed: true } });
  const waiting = wait(tag, null, null, await lastChange(tag));
  await requested(tag);
  const id = await newRepo(tag);
  expect(await waiting).toMatchObject({ id });
  expect(id).toBeGreaterThan(old);
  expect(await wait(tag, null, null, 'last')).toMatchObject({ id });
});

test('builds that are tagged later must be in it', async () => {
  const tag = await newTag();
  await newRepo(tag);
  const waiting = wait(tag, null, ['tool-1-1']);
  await hub.admin.call('packageListAdd', ['f44', 'tool', 'kojiadmin']);
  await hub.admin.call('tagBuildBypass', ['f44', 'tool-1-1']);
  await requested(tag);
  const id = await newRepo(tag);
  expect(await waiting).toMatchObject({ id });
});

test.each<[string, unknown[], string]>([
  ['both conditions', ['f44', 'now', null, 5], 'newer_than and min_event args conflict'],
  ['no time', ['f44', 'yesterday'], 'Invalid value for newer_than: yesterday'],
  ['a tag that is none', ['nowhere'], 'nowhere'],
  ['a build that is none', ['f44', null, ['bash']], 'invalid format: bash'],
])('it refuses %s', async (_, args, message) => {
  await expect(wait(...args)).rejects.toThrow(message);
});
