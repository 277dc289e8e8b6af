import type { BuildInfo, BuildListItem } from '@koji/core/api';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('builds on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
  });
  afterAll(() => hub.stop());

  it('are found by id, NVR and struct, and took no time when they are made complete', async () => {
    const id = await admin<number>('createEmptyBuild', ['bash', '5.2', '1', 3]);
    const build = await admin<BuildInfo>('getBuild', [id]);
    expect(build).toMatchObject({
      id,
      nvr: 'bash-5.2-1',
      epoch: 3,
      state: 1,
      draft: false,
      extra: null,
      cg_name: null,
    });
    expect(build.start_time).toBe(build.completion_time);
    expect(build.completion_ts).toBe(build.start_ts);
    expect(await admin('getBuild', ['bash-5.2-1'])).toEqual(build);
    expect(await admin('getBuild', [{ name: 'bash', version: '5.2', release: '1' }])).toEqual(build);
    expect(await admin('findBuildID', ['bash-5.2-1'])).toBe(id);
    expect(await admin('getBuild', ['bash-5.2-9'])).toBeNull();
    await expect(faultOf(admin('getBuild', ['bash-5.2-9', true]))).resolves.toEqual([
      1000,
      "No such build: 'bash-5.2-9'",
    ]);
    await expect(faultOf(admin('getBuild', ['bash']))).resolves.toEqual([1000, 'invalid format: bash']);
  });

  it('exist once, except drafts, whose release has their id', async () => {
    await admin('createEmptyBuild', ['zsh', '5', '1', null]);
    const [code, text] = await faultOf(admin('createEmptyBuild', ['zsh', '5', '1', null]));
    expect([code, text.split(':')[0]]).toEqual([
      1000,
      expect.stringMatching(/^Build already exists \(id=\d+, state=COMPLETE\)$/),
    ]);
    const draft = await admin<number>('createEmptyBuild', ['zsh', '5', '2', null], { draft: true });
    expect(await admin('getBuild', [draft])).toMatchObject({ release: `2,draft_${draft}`, draft: true });
    expect(await admin('createEmptyBuild', ['zsh', '5', '2', null])).toBeGreaterThan(draft);
  });

  it('are listed by package, pattern, time and draft', async () => {
    const nvrs = async (named: object): Promise<string[]> =>
      (await admin<BuildListItem[]>('listBuilds', [], { queryOpts: { order: 'nvr' }, ...named })).map(
        ({ nvr }) => nvr,
      );
    expect(await nvrs({ packageID: 'bash' })).toEqual(['bash-5.2-1']);
    expect(await nvrs({ pattern: 'zsh-5-?' })).toEqual(['zsh-5-1', 'zsh-5-2']);
    expect(await nvrs({ prefix: 'ZS', draft: true })).toHaveLength(1);
    expect(await nvrs({ prefix: 'z*' })).toEqual([]);
    expect(await nvrs({ prefix: 'B%S' })).toEqual(['bash-5.2-1']);
    expect(await nvrs({ createdBefore: '2001-01-01' })).toEqual([]);
    expect(await nvrs({ packageID: 'bash', completeAfter: 1000000000.5 })).toEqual(['bash-5.2-1']);
    expect(await nvrs({ packageID: 'nothing' })).toEqual([]);
    expect(await admin('listBuilds', [], { queryOpts: { countOnly: true } })).toBe(4);
  });

  it('can be canceled by owner and admin only, and not once they are complete', async () => {
    const stranger = await asking(hub, 'stranger');
    await expect(faultOf(stranger('cancelBuild', ['bash-5.2-1']))).resolves.toEqual([
      1004,
      'Cannot cancel build, not owner',
    ]);
    expect(await admin('cancelBuild', ['bash-5.2-1'])).toBe(false);
    expect(await admin('cancelBuild', ['nothing-1-1'])).toBe(false);
  });

  it('have types, of which new ones can be added', async () => {
    await admin('addBType', ['operator']);
    expect(await admin('listBTypes', [{ name: 'operator' }])).toEqual([
      { id: expect.any(Number) as number, name: 'operator' },
    ]);
    await expect(faultOf(admin('addBType', ['operator']))).resolves.toEqual([1000, 'btype already exists']);
    expect(await admin('getBuildType', ['bash-5.2-1'])).toEqual({});
    expect(await admin('getMavenBuild', ['bash-5.2-1'])).toBeNull();
    expect(await admin('listArchives', [], { buildID: 1, type: 'maven' })).toEqual([]);
  });
});
