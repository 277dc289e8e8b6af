import type { BuildInfo, EventInfo, TaggedBuild } from '@koji/core/api';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('tagging on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let bob: Asking;

  const tagged = async (tag: string, named = {}): Promise<string[]> =>
    (await admin<TaggedBuild[]>('listTagged', [tag], named)).map((build) => build.nvr);

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    bob = await asking(hub, 'bob');
    await admin('createTag', ['base']);
    await admin('createTag', ['dev'], { parent: 'base' });
    await admin('packageListAdd', ['base', 'bash', 'bob']);
    for (const release of ['1', '2', '3']) await admin('createEmptyBuild', ['bash', '5', release, null]);
    await admin('createEmptyBuild', ['zsh', '5', '9', null]);
  });
  afterAll(() => hub.stop());

  it('lists the latest tagging first, the own tag before inherited ones, and answers the past', async () => {
    await admin('tagBuildBypass', ['base', 'bash-5-2']);
    await admin('tagBuildBypass', ['base', 'bash-5-1']);
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('tagBuildBypass', ['dev', 'bash-5-3']);
    expect(await tagged('dev', { inherit: true })).toEqual(['bash-5-3', 'bash-5-1', 'bash-5-2']);
    expect(await tagged('dev', { inherit: true, latest: 2 })).toEqual(['bash-5-3', 'bash-5-1']);
    expect(await tagged('dev', { inherit: true, latest: true, event })).toEqual(['bash-5-1']);
    const latest = await admin<TaggedBuild[]>('getLatestBuilds', ['dev']);
    expect(latest.map((build) => [build.tag_name, build.nvr])).toEqual([['dev', 'bash-5-3']]);
  });

  it('leaves out builds of packages that the tag does not list', async () => {
    await admin('tagBuildBypass', ['dev', 'zsh-5-9']);
    expect(await tagged('dev')).not.toContain('zsh-5-9');
    await admin('packageListAdd', ['dev', 'zsh', 'bob']);
    expect(await tagged('dev')).toContain('zsh-5-9');
  });

  it('refuses a retag without force and names the tag', async () => {
    await expect(faultOf(admin('tagBuildBypass', ['base', 'bash-5-2']))).resolves.toEqual([
      1003,
      'build bash-5-2 already tagged (base)',
    ]);
    await admin('tagBuildBypass', ['base', 'bash-5-2'], { force: true });
    expect((await tagged('base'))[0]).toBe('bash-5-2');
  });

  it('starts a task for anybody, once package, lock and permission were looked at', async () => {
    await admin('createTag', ['locked'], { locked: true });
    await admin('createTag', ['signed'], { perm: 'sign' });
    await expect(faultOf(bob('tagBuild', ['locked', 'bash-5-1']))).resolves.toEqual([1004, 'tag is locked']);
    await expect(faultOf(bob('tagBuild', ['signed', 'bash-5-1']))).resolves.toEqual([
      1004,
      'tag requires sign permission',
    ]);
    await expect(faultOf(bob('tagBuild', ['base', 'zsh-5-9']))).resolves.toEqual([
      1003,
      'Package zsh not in list for base',
    ]);
    const task = await bob<number>('tagBuild', ['base', 'bash-5-3']);
    expect(await bob('getTaskInfo', [task])).toMatchObject({ method: 'tagBuild', priority: 10 });
  });

  it('is done by the builder for the owner of the task', async () => {
    const task = await bob<number>('tagBuild', ['base', 'bash-5-3']);
    const builder = await hub.builder('tagger.example.com', ['x86_64']);
    await expect(faultOf(builder('host.tagBuild', [task, 'base', 'bash-5-3']))).resolves.toEqual([
      1004,
      `host ${builder.hostId} does not own task ${task}`,
    ]);
    await builder('host.openTask', [task]);
    await builder('host.tagBuild', [task, 'base', 'bash-5-3']);
    expect(await tagged('base')).toContain('bash-5-3');
  });

  it('ends with an untagging, of which the strict one wants the build to be there', async () => {
    await bob('untagBuild', ['base', 'bash-5-1']);
    expect(await tagged('base')).not.toContain('bash-5-1');
    await expect(faultOf(bob('untagBuild', ['base', 'bash-5-1']))).resolves.toEqual([
      1003,
      'build bash-5-1 not in tag base',
    ]);
    await expect(bob('untagBuild', ['base', 'bash-5-1', false])).resolves.toBeNull();
  });

  it('tells whether tags changed since an event', async () => {
    const { id: event } = await admin<EventInfo>('getLastEvent');
    const { id: tag } = await admin<BuildInfo>('getTag', ['base']);
    expect(await admin('tagChangedSinceEvent', [event, [tag]])).toBe(false);
    await admin('editTag2', ['base'], { arches: 'x86_64' });
    expect(await admin('tagChangedSinceEvent', [event, [tag]])).toBe(true);
  });
});
