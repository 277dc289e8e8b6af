import path from 'node:path';
import { callback } from '@koji/plugin-sdk';
import { startTestHub, type TestHub } from '@koji/plugin-sdk/testing';
import type { BuildInfo, RpmInfo, TagInfo, UserInfo } from '@koji/core/api';
import type { CallbackPayloads } from '../src/callbacks.js';
import { messageEvents, eventMessage } from '../src/messages.js';
import type { MessageEvent, EventMessage, MessageOptions } from '../src/messages.js';

const sent: EventMessage[] = [];
const skipped: string[] = [];
let options: MessageOptions = {};

const recorder = {
  record: callback(...messageEvents)(async (event, payload) => {
    const message = await eventMessage(event, payload, options);
    if (message) sent.push(message);
    else skipped.push(event);
  }),
};

const bodyOf = (message: EventMessage | undefined): unknown => JSON.parse(message?.body ?? 'null');

describe('messages of a hub', () => {
  let hub: TestHub;

  beforeAll(async () => {
    hub = await startTestHub({ plugins: { recorder }, tags: ['f44', 'f44-build'] });
  });
  afterAll(() => hub.stop());
  beforeEach(() => {
    sent.length = 0;
    skipped.length = 0;
    options = {};
  });

  const addresses = (): string[] => sent.map(({ address }) => address);
  const fire = async <E extends MessageEvent>(
    event: E,
    payload: CallbackPayloads[E],
  ): Promise<EventMessage | undefined> => {
    await hub.fire(event, payload);
    return sent.at(-1);
  };

  test('of a package list have its action in the address', async () => {
    await hub.admin.call('packageListAdd', ['f44', 'bash', 'kojiadmin']);
    await hub.admin.call('packageListBlock', ['f44', 'bash']);
    await hub.admin.call('packageListUnblock', ['f44', 'bash']);
    await hub.admin.call('packageListRemove', ['f44', 'bash']);
    expect(addresses()).toEqual(['package.add', 'package.block', 'package.unblock', 'package.remove']);
    expect(sent[0]?.properties).toEqual({
      type: 'PackageListChange',
      tag: 'f44',
      package: 'bash',
      action: 'add',
      user: 'kojiadmin',
    });
    expect(bodyOf(sent[0])).toMatchObject({
      action: 'add',
      tag: { name: 'f44' },
      package: { name: 'bash' },
      user: { name: 'kojiadmin' },
      block: false,
    });
  });

  test('of a build have its state, its types and its times as text', async () => {
    const build = await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
    await hub.admin.call('untagBuildBypass', ['f44', 'bash-5.2-1']);
    expect(addresses()).toEqual(['build.complete', 'package.add', 'build.tag', 'build.untag']);
    const nvr = { name: 'bash', version: '5.2', release: '1' };
    expect(sent[0]?.properties).toEqual({
      type: 'BuildStateChange',
      ...nvr,
      attribute: 'state',
      old: null,
      new: 'COMPLETE',
    });
    expect(bodyOf(sent[0])).toMatchObject({
      attribute: 'state',
      old: null,
      new: 1,
      info: { id: build.id, completion_time: expect.stringMatching(/^\d{4}-\d\d-\d\d /) as string },
      btypes: {},
    });
    expect(sent[2]?.properties).toEqual({ type: 'Tag', tag: 'f44', ...nvr, user: 'kojiadmin' });
    expect(sent[3]?.properties).toEqual({ type: 'Untag', tag: 'f44', ...nvr, user: 'kojiadmin' });
    expect(bodyOf(sent[3])).toMatchObject({ tag: { name: 'f44' }, build: { id: build.id }, strict: true });
    sent.length = 0;
    await hub.admin.call('setBuildTimestamp', [build.id, 1_000_000]);
    expect([addresses(), skipped]).toEqual([[], ['postBuildStateChange']]);
  });

  test('of an import have its type, and no message is about a header without a signature', async () => {
    const file = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms/pkgc-1.2-3.src.rpm');
    await hub.addBuild('pkgc-1.2-3', { files: [file] });
    expect(addresses()).toEqual(expect.arrayContaining(['import.rpm']));
    expect(addresses()).not.toContain('sign.rpm');
    expect(skipped).toContain('postRPMSign');
    const imported = sent.find(({ address }) => address === 'import.rpm');
    expect(imported?.properties).toEqual({
      type: 'Import',
      importType: 'rpm',
      name: 'pkgc',
      version: '1.2',
      release: '3',
    });
    expect(bodyOf(imported)).toMatchObject({ type: 'rpm', rpm: { name: 'pkgc', arch: 'src' } });
    const build = (await hub.admin.call('getBuild', ['pkgc-1.2-3'])) as BuildInfo;
    const change = { attribute: 'state', old: 0, new: 3, info: build } as const;
    const failed = await fire('postBuildStateChange', change);
    expect(failed).toMatchObject({ address: 'build.failed', properties: { old: 'BUILDING', new: 'FAILED' } });
    expect(bodyOf(failed)).toMatchObject({ info: { name: 'pkgc' }, btypes: { rpm: null } });

    const rpm = { name: 'pkgc-devel', version: '1.2', release: '3', arch: 'noarch' } as RpmInfo;
    const signed = await fire('postRPMSign', { sigkey: 'abcd', sighash: '00', build, rpm });
    expect(signed).toMatchObject({
      address: 'sign.rpm',
      properties: {
        type: 'RPMSign',
        sigkey: 'abcd',
        name: 'pkgc',
        version: '1.2',
        release: '3',
        rpm_name: 'pkgc-devel',
        rpm_version: '1.2',
        rpm_release: '3',
        rpm_arch: 'noarch',
      },
    });
    const image = await fire('postImport', { type: 'image', image: {}, build, fullpath: '/x' });
    expect(image).toMatchObject({ address: 'import.image', properties: { importType: 'image' } });
  });

  test('of a task have its state, and what else changes makes none', async () => {
    const id = (await hub.admin.call('makeTask', ['sleep', [1]])) as number;
    await hub.admin.call('setTaskPriority', [id, 3]);
    await hub.admin.call('cancelTask', [id]);
    expect(addresses()).toEqual(['task.free', 'task.canceled']);
    const properties = { type: 'TaskStateChange', id, parent: null, method: 'sleep', attribute: 'state' };
    expect(sent.map((message) => message.properties)).toEqual([
      { ...properties, old: null, new: 'FREE' },
      { ...properties, old: 'FREE', new: 'CANCELED' },
    ]);
    expect(bodyOf(sent[1])).toMatchObject({ old: 'FREE', new: 'CANCELED', info: { id, request: [1] } });
    expect(skipped).toContain('postTaskStateChange');
  });

  test('of a repo have its task, if there is one', async () => {
    const builder = await hub.builder();
    const task = (await hub.admin.call('makeTask', ['newRepo', ['f44-build']])) as number;
    await builder.call('host.openTask', [task]);
    sent.length = 0;
    const [id] = (await builder.call('host.repoInit', ['f44-build'], { task_id: task })) as [number];
    await builder.call('host.repoDone', [id, {}]);
    expect(addresses()).toEqual(['repo.init', 'repo.done']);
    const common = { tag: 'f44-build', repo_id: id, task_id: task };
    expect(sent.map(({ properties }) => properties)).toEqual([
      { type: 'RepoInit', ...common },
      { type: 'RepoDone', ...common, expire: false },
    ]);
    expect(bodyOf(sent[0])).toMatchObject({ tag: { name: 'f44-build' }, repo_id: id, task_id: task });
    expect(bodyOf(sent[1])).toMatchObject({ repo: { id }, data: {}, expire: false, task_id: null });
    const tag = (await hub.admin.call('getTag', ['f44'])) as TagInfo;
    const dist = {
      dist: true,
      event: 1,
      repo_id: 7,
      keys: [],
      arches: [],
      task_opts: {},
      repodir: '/r',
    } as const;
    const without = { with_src: false, with_debuginfo: false, with_separate_src: false } as const;
    const made = await fire('postRepoInit', { tag, ...dist, ...without });
    expect(made?.properties).toEqual({ type: 'RepoInit', tag: 'f44', repo_id: 7, task_id: null });
    expect(bodyOf(made)).toMatchObject({ dist: true, task_id: null });
  });

  test('of a promotion have both releases', async () => {
    const build = await hub.addBuild('zsh-5-1');
    const user = (await hub.admin.call('getUser', ['kojiadmin'])) as UserInfo;
    const message = await fire('postBuildPromote', {
      build,
      draft_release: '1,draft_3',
      target_release: '1',
      user,
    });
    expect(message?.address).toBe('build.promote');
    expect(message?.properties).toEqual({
      type: 'BuildPromote',
      build_id: build.id,
      name: 'zsh',
      version: '5',
      release: '1',
      draft_release: '1,draft_3',
      target_release: '1',
      user: 'kojiadmin',
    });
  });

  test('have no long extra data of a build, and are made only where they are wanted', async () => {
    const build = (await hub.admin.call('getBuild', ['bash-5.2-1'])) as BuildInfo;
    const tag = (await hub.admin.call('getTag', ['f44'])) as TagInfo;
    const payload = { tag, build: { ...build, extra: { a: 'é' } }, user: null, force: false };
    // {"a": "\u00e9"} has 15 characters.
    options = { extraLimit: 15 };
    expect(bodyOf(await fire('postTag', payload))).toMatchObject({
      build: { extra: { a: 'é' } },
      user: null,
    });
    options = { extraLimit: -14 };
    const short = await fire('postTag', payload);
    expect(bodyOf(short)).not.toHaveProperty('build.extra');
    expect(short?.properties).toMatchObject({ user: null });
    expect(payload.build.extra).toEqual({ a: 'é' });
    options = { extraLimit: 14 };
    const info = { ...build, extra: { image: { a: 'long enough' } } };
    const state = await fire('postBuildStateChange', { attribute: 'state', old: 0, new: 1, info });
    expect(state?.properties).toMatchObject({ old: 'BUILDING', new: 'COMPLETE' });
    expect(bodyOf(state)).not.toHaveProperty('info.extra');
    options = { wants: (address) => address !== 'build.tag' };
    sent.length = 0;
    await hub.fire('postTag', payload);
    await hub.fire('postUntag', { ...payload, strict: true });
    expect(addresses()).toEqual(['build.untag']);
  });
});
