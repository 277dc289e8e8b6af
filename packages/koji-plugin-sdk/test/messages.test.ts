import { callback } from '@koji/plugin-sdk';
import type { CallbackPayloads } from '@koji/plugin-sdk';
import { eventMessage, messageEvents } from '@koji/plugin-sdk/messages';
import type { EventMessage, MessageEvent } from '@koji/plugin-sdk/messages';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import type { BuildInfo, TagInfo, UserInfo } from '@koji/core/api';

let hub: TestHub;
let build: BuildInfo;
let tag: TagInfo;
let user: UserInfo;
let made: (EventMessage | null)[];

const recorder = {
  record: callback(...messageEvents)(async (event, payload) => {
    made.push(await eventMessage(event, payload, { extraLimit: 60 }));
  }),
};

beforeAll(async () => {
  made = [];
  hub = await startTestHub({ plugins: { recorder }, tags: ['f44'] });
  build = await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  tag = (await hub.admin.getTag('f44')) as TagInfo;
  user = (await hub.admin.getUser('kojiadmin')) as UserInfo;
});
afterAll(() => hub.stop());
beforeEach(() => {
  made = [];
});

/** The message about an event with this payload; only the fields that matter are given. */
async function about<E extends MessageEvent>(event: E, payload: object): Promise<EventMessage | null> {
  await hub.fire(event, payload as CallbackPayloads[E]);
  return made[0] ?? null;
}

const nvr = { name: 'bash', version: '5.2', release: '1' };

test.each<[MessageEvent, () => object, string, object]>([
  [
    'postPackageListChange',
    () => ({ action: 'block', tag, package: { id: 1, name: 'bash' }, user }),
    'package.block',
    { type: 'PackageListChange', tag: 'f44', package: 'bash', action: 'block', user: 'kojiadmin' },
  ],
  [
    'postTaskStateChange',
    () => ({ attribute: 'state', old: 'FREE', new: 'OPEN', info: { id: 7, parent: null, method: 'build' } }),
    'task.open',
    {
      type: 'TaskStateChange',
      id: 7,
      parent: null,
      method: 'build',
      attribute: 'state',
      old: 'FREE',
      new: 'OPEN',
    },
  ],
  [
    'postBuildStateChange',
    () => ({ attribute: 'state', old: 0, new: 1, info: build }),
    'build.complete',
    { type: 'BuildStateChange', ...nvr, attribute: 'state', old: 'BUILDING', new: 'COMPLETE' },
  ],
  [
    'postBuildStateChange',
    () => ({ attribute: 'state', old: null, new: 0, info: build }),
    'build.building',
    { type: 'BuildStateChange', ...nvr, attribute: 'state', old: null, new: 'BUILDING' },
  ],
  [
    'postImport',
    () => ({ type: 'archive', build, archive: {}, build_type: 'maven', filepath: null, fileinfo: null }),
    'import.archive',
    { type: 'Import', importType: 'archive', ...nvr },
  ],
  [
    'postRPMSign',
    () => ({ sigkey: '15f712be', sighash: 'a', build, rpm: { ...nvr, arch: 'x86_64' } }),
    'sign.rpm',
    {
      type: 'RPMSign',
      sigkey: '15f712be',
      ...nvr,
      rpm_name: 'bash',
      rpm_version: '5.2',
      rpm_release: '1',
      rpm_arch: 'x86_64',
    },
  ],
  [
    'postTag',
    () => ({ tag, build, user, force: false }),
    'build.tag',
    { type: 'Tag', tag: 'f44', ...nvr, user: 'kojiadmin' },
  ],
  [
    'postUntag',
    () => ({ tag, build, user: null, force: false, strict: true }),
    'build.untag',
    { type: 'Untag', tag: 'f44', ...nvr, user: null },
  ],
  [
    'postRepoInit',
    () => ({ tag, event: null, repo_id: 5, task_id: null, opts: {} }),
    'repo.init',
    { type: 'RepoInit', tag: 'f44', repo_id: 5, task_id: null },
  ],
  [
    'postRepoDone',
    () => ({ repo: { id: 5, tag_name: 'f44', task_id: 9 }, data: {}, expire: false }),
    'repo.done',
    { type: 'RepoDone', tag: 'f44', repo_id: 5, task_id: 9, expire: false },
  ],
  [
    'postBuildPromote',
    () => ({ build, draft_release: '1,draft_4', target_release: '1', user }),
    'build.promote',
    {
      type: 'BuildPromote',
      build_id: 1,
      ...nvr,
      draft_release: '1,draft_4',
      target_release: '1',
      user: 'kojiadmin',
    },
  ],
])('%s has the address and properties of Koji', async (event, payload, address, properties) => {
  const given = payload();
  const message = await about(event, given);
  expect(message).toMatchObject({ address, properties });
  expect(Object.keys(message?.properties ?? {}).sort()).toEqual(Object.keys(properties).sort());
  expect(Object.keys(JSON.parse(message?.body ?? '') as object)).toEqual(
    expect.arrayContaining(Object.keys(given)),
  );
});

test('the body about a build has its types', async () => {
  const message = await about('postBuildStateChange', { attribute: 'state', old: 0, new: 1, info: build });
  expect(JSON.parse(message?.body ?? '')).toMatchObject({ btypes: [], info: { nvr: 'bash-5.2-1' } });
});

test('there is none about other changes of tasks and builds, nor about headers without a signature', async () => {
  const task = { attribute: 'weight', old: 1, new: 2, info: { id: 1 } };
  expect(await about('postTaskStateChange', task)).toBeNull();
  expect(await about('postBuildStateChange', { ...task, info: build })).toBeNull();
  expect(await about('postRPMSign', { sigkey: '', sighash: 'a', build, rpm: nvr })).toBeNull();
});

test('extra of a build is left out when it is too long', async () => {
  const short = { ...build, extra: { a: 1 } };
  const long = { ...build, extra: { a: 'x'.repeat(60) } };
  const bodyOf = async (given: object): Promise<{ build: object }> => {
    made = [];
    const message = await about('postTag', { tag, build: given, user, force: false });
    return JSON.parse(message?.body ?? '') as { build: object };
  };
  expect((await bodyOf(short)).build).toMatchObject({ extra: { a: 1 } });
  expect((await bodyOf(long)).build).not.toHaveProperty('extra');
});

test('times in a body are text as Koji writes it', async () => {
  const message = await about('postTag', {
    tag,
    build: { ...build, completion_time: new Date(0) },
    user,
    force: true,
  });
  expect(message?.body).toContain('"completion_time": "1970-01-01 00:00:00.000000+00:00"');
});
