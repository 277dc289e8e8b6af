import type { EventInfo, ExternalRepo, TagExternalRepo } from '@koji/core/api';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('external repos on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
    await admin('createTag', ['base']);
    await admin('createTag', ['leaf'], { parent: 'base' });
  });
  afterAll(() => hub.stop());

  it('keep the history of their urls, and their ids beyond their deletion', async () => {
    const made = await admin<ExternalRepo>('createExternalRepo', ['epel', 'http://x/epel/$arch']);
    expect(made.url).toBe('http://x/epel/$arch/');
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('editExternalRepo', ['epel'], { name: 'epel9', url: 'http://y/' });
    expect(await admin('getExternalRepo', [made.id])).toEqual({
      id: made.id,
      name: 'epel9',
      url: 'http://y/',
    });
    expect(await admin('getExternalRepo', [made.id], { event })).toMatchObject({ url: made.url });
    await admin('deleteExternalRepo', ['epel9']);
    expect(await admin('getExternalRepo', ['epel9'])).toBeNull();
    expect(await admin('createExternalRepo', ['epel9', 'http://z/'])).toMatchObject({ id: made.id });
  });

  it('are used in the order of inheritance and priority, each where it comes first', async () => {
    for (const name of ['one', 'two', 'three']) await admin('createExternalRepo', [name, `http://${name}/`]);
    await admin('addExternalRepoToTag', ['base', 'one', 1]);
    await admin('addExternalRepoToTag', ['base', 'two', 2], { merge_mode: 'bare' });
    await admin('addExternalRepoToTag', ['leaf', 'two', '20'], { arches: 'x86_64,aarch64' });
    await admin('addExternalRepoToTag', ['leaf', 'three', 5]);
    const list = await admin<TagExternalRepo[]>('getExternalRepoList', ['leaf']);
    expect(list.map((use) => [use.external_repo_name, use.tag_name, use.priority, use.merge_mode])).toEqual([
      ['three', 'leaf', 5, 'koji'],
      ['two', 'leaf', 20, 'koji'],
      ['one', 'base', 1, 'koji'],
    ]);
    expect(list[1]?.arches).toBe('x86_64 aarch64');
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('deleteExternalRepo', ['two']);
    expect(await admin('getTagExternalRepos', ['base'])).toHaveLength(1);
    expect(await admin('getTagExternalRepos', ['base'], { event })).toHaveLength(2);
  });

  it('are changed where something changes, and one priority is for one', async () => {
    await admin('createTag', ['edited']);
    for (const name of ['a', 'b']) await admin('createExternalRepo', [name, `http://${name}/`]);
    await admin('addExternalRepoToTag', ['edited', 'a', 1]);
    await admin('addExternalRepoToTag', ['edited', 'b', 2]);
    expect(await admin('editTagExternalRepo', ['edited', 'a'], { priority: 1 })).toBe(false);
    expect(await admin('editTagExternalRepo', ['edited', 'a'], { arches: 'i686' })).toBe(true);
    await expect(faultOf(admin('editTagExternalRepo', ['edited', 'a'], { priority: 2 }))).resolves.toEqual([
      1000,
      'tag edited already associated with an external repo at priority 2',
    ]);
    expect(await admin('getTagExternalRepos', ['edited', 'a'])).toMatchObject([
      { priority: 1, arches: 'i686' },
    ]);
  });

  it('have data of their own, which holders of the permission repo replace', async () => {
    await admin('createExternalRepo', ['tracked', 'http://t/']);
    expect(await admin('repo.getExternalRepoData', ['tracked'])).toBeNull();
    await admin('repo.setExternalRepoData', ['tracked', { max_ts: 1.5, repos: {} }]);
    await admin('repo.setExternalRepoData', ['tracked', [['k', [1, 2.5]]]]);
    expect(await admin('repo.getExternalRepoData', ['tracked'])).toEqual({ k: [1, 2.5] });
    expect((await faultOf(admin('repo.setExternalRepoData', ['tracked', 'junk'])))[0]).toBe(1019);
  });

  it('are made by admins and used by holders of the permission tag', async () => {
    const alice = await asking(hub, 'alice');
    for (const [method, args, perm] of [
      ['createExternalRepo', ['x', 'http://x/'], 'admin'],
      ['deleteExternalRepo', ['one'], 'admin'],
      ['addExternalRepoToTag', ['leaf', 'one', 9], 'tag'],
      ['repo.setExternalRepoData', ['one', {}], 'repo'],
    ] as const)
      await expect(faultOf(alice(method, args))).resolves.toEqual([
        1004,
        `${perm} permission required (logged in as alice)`,
      ]);
  });
});
