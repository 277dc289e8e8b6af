import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TagInfo } from '@koji/core/api';
import { asking } from '../../koji-hub/test/support/asking.js';
import type { Asking } from '../../koji-hub/test/support/asking.js';
import { databases } from '../../koji-hub/test/support/databases.js';
import { faultOf, startTestHub } from '../../koji-hub/test/support/test-hub.js';
import type { TestHub } from '../../koji-hub/test/support/test-hub.js';

const packages = fileURLToPath(new URL('../..', import.meta.url));
const settings = '[sidetag]\nremove_empty = on\nallowed_suffixes = perl, python\n';
const policies = {
  sidetag: 'tag locked-* :: deny not there\ncompare number_of_tags < 3 :: allow\nall :: deny too many',
  package_list: 'is_sidetag_owner :: allow\nhas_perm admin :: allow\nall :: deny',
};

interface NewTag {
  id: number;
  name: string;
}

describe.each(databases)('side tags on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let alice: Asking;
  let bob: Asking;
  const remaining = async (id: number): Promise<TagInfo | null> => admin<TagInfo | null>('getTag', [id]);

  beforeAll(async () => {
    hub = await startTestHub(
      kind,
      { Plugins: 'koji-plugin-sidetag', PluginPath: packages },
      {
        policies,
        prepare: async (folder) => {
          await mkdir(path.join(folder, 'plugins'));
          await writeFile(path.join(folder, 'plugins/sidetag.conf'), settings);
        },
      },
    );
    admin = await asking(hub, 'kojiadmin');
    alice = await asking(hub, 'alice');
    bob = await asking(hub, 'bob');
    await admin('createTag', ['f44-build'], { arches: 'x86_64' });
    await admin('createTag', ['open-build'], {
      extra: { sidetag_debuginfo_allowed: true, sidetag_rpm_macros_allowed: 'dist my_*' },
    });
  });
  afterAll(() => hub.stop());

  it('are made by users that the policy allows, with a target and a number in the name that is their id', async () => {
    const tag = await bob<NewTag>('createSideTag', ['f44-build'], { suffix: 'perl', debuginfo: true });
    expect(tag).toEqual({
      id: tag.id,
      name: `f44-build-side-${tag.id}-perl`,
      task_id: null,
      request: null,
    });
    expect(await remaining(tag.id)).toMatchObject({
      arches: 'x86_64',
      extra: { sidetag: true, sidetag_user: 'bob', with_debuginfo: true },
    });
    expect(await bob('getInheritanceData', [tag.id])).toMatchObject([{ name: 'f44-build' }]);
    expect(await bob('getBuildTarget', [tag.name])).toMatchObject({ build_tag: tag.id, dest_tag: tag.id });
    await expect(faultOf(bob('createSideTag', ['f44-build'], { suffix: 'ruby' }))).resolves.toEqual([
      1000,
      'ruby suffix is not allowed for sidetag',
    ]);
    await bob('createSideTag', ['f44-build']);
    await bob('createSideTag', ['f44-build']);
    await expect(faultOf(bob('createSideTag', ['f44-build']))).resolves.toEqual([
      1004,
      'policy violation (sidetag): too many',
    ]);
    expect(await admin('listSideTags', ['f44-build', 'bob', { countOnly: true }])).toBe(3);
  });

  it('are changed by their owner as far as the base tag allows, and by nobody else', async () => {
    const { id } = await alice<NewTag>('createSideTag', ['open-build']);
    await alice('editSideTag', [id], { debuginfo: true, rpm_macros: { dist: '.x', my_flag: 1 } });
    await alice('editSideTag', [id], { remove_rpm_macros: ['my_flag'] });
    const { extra } = (await remaining(id)) as TagInfo;
    expect(extra).toMatchObject({ with_debuginfo: true, 'rpm.macro.dist': '.x' });
    expect(extra).not.toHaveProperty(['rpm.macro.my_flag']);
    for (const [who, change, fault] of [
      [alice, { rpm_macros: { gcc: 1 } }, [1000, 'RPM macro gcc editing is not allowed via parent tag']],
      [alice, { extra: { sidetag_user_id: 1 } }, [1000, expect.stringContaining('sidetag_admin')]],
      [bob, { debuginfo: false }, [1004, 'This is not your sidetag']],
    ] as const)
      await expect(faultOf(who('editSideTag', [id], change))).resolves.toEqual(fault);
    await expect(faultOf(bob('removeSideTag', [id]))).resolves.toEqual([1004, 'This is not your sidetag']);
    await expect(faultOf(admin('removeSideTag', ['open-build']))).resolves.toEqual([
      1000,
      'Not a sidetag: open-build',
    ]);
    await alice('removeSideTag', [id]);
    expect(await remaining(id)).toBeNull();
  });

  it('go with their last build, as the configuration says, unless their target is another', async () => {
    await admin('packageListAdd', ['f44-build', 'bash', 'alice']);
    const build = await admin<number>('createEmptyBuild', ['bash', '5', '1', null]);
    for (const renamed of [false, true]) {
      const { id, name } = await alice<NewTag>('createSideTag', ['f44-build']);
      if (renamed) await admin('editBuildTarget', [name, 'elsewhere', id, id]);
      await admin('tagBuildBypass', [id, build]);
      await admin('untagBuildBypass', [id, build]);
      expect((await remaining(id)) === null).toBe(!renamed);
    }
  });

  it('are what policies can tell, and whose they are', async () => {
    const { id } = await alice<NewTag>('createSideTag', ['f44-build']);
    await alice('packageListAdd', [id, 'zsh', 'alice']);
    expect((await faultOf(bob('packageListAdd', [id, 'fish', 'bob'])))[0]).toBe(1004);
    expect((await faultOf(alice('packageListAdd', ['f44-build', 'fish', 'alice'])))[0]).toBe(1004);
  });
});
