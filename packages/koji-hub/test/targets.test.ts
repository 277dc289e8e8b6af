import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('build targets on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let somebody: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
    somebody = await asking(hub, 'somebody');
    for (const tag of ['f44', 'f44-build', 'f45']) await admin('createTag', [tag]);
  });
  afterAll(() => hub.stop());

  test('are made, changed and deleted, and each state stays known at its event', async () => {
    await admin('createBuildTarget', ['f44', 'f44-build', 'f44']);
    const made = await admin<Record<string, number>>('getBuildTarget', ['f44']);
    expect(made).toMatchObject({ name: 'f44', build_tag_name: 'f44-build', dest_tag_name: 'f44' });
    const { id: before } = await admin<{ id: number }>('getLastEvent');
    await admin('editBuildTarget', ['f44', 'f44-next', 'f45', 'f45']);
    const found = await somebody('getBuildTargets', [], { buildTagID: 'f45' });
    expect(found).toMatchObject([{ id: made['id'], name: 'f44-next', build_tag_name: 'f45' }]);
    expect(await somebody('getBuildTargets', [], { destTagID: 'f44' })).toEqual([]);
    expect(await somebody('getBuildTarget', [made['id']], { event: before })).toMatchObject({
      build_tag_name: 'f44-build',
    });
    await admin('deleteBuildTarget', ['f44-next']);
    expect(await somebody('getBuildTarget', ['f44-next'])).toBeNull();
    expect(await somebody('getBuildTargets')).toEqual([]);
    expect(await somebody('getBuildTargets', [], { event: before })).toHaveLength(1);
  });

  test('need tags that are there, a name of their own and a permission', async () => {
    await admin('createBuildTarget', ['taken', 'f44-build', 'f44']);
    expect(await faultOf(admin('createBuildTarget', ['taken', 'f44', 'f44']))).toEqual([
      1000,
      "A build target with the name 'taken' already exists",
    ]);
    expect(await faultOf(admin('createBuildTarget', ['new', 'nope', 'f44']))).toEqual([
      1000,
      "build tag 'nope' does not exist",
    ]);
    expect(await faultOf(admin('createBuildTarget', ['new', 'f44', 'nope']))).toEqual([
      1000,
      "destination tag 'nope' does not exist",
    ]);
    expect((await faultOf(somebody('createBuildTarget', ['new', 'f44', 'f44'])))[0]).toBe(1004);
    expect((await faultOf(somebody('deleteBuildTarget', ['taken'])))[0]).toBe(1004);
  });
});
