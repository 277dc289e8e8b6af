import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fakeMock } from '@koji/builder/testing';
import type { FakeMock } from '@koji/builder/testing';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { runCommand, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { TagBuildTask } from '../../../packages/koji-builder/src/tasks/tag.js';
import { runFamily } from '../../../packages/koji-builder/test/support/family.js';
import type { FamilyRecord } from '../../../packages/koji-builder/test/support/family.js';
import { ImageBuilderBuildArchTask, ImageBuilderBuildTask } from '../src/builder.js';
import { handle_image_builder_build } from '../src/cli.js';
import * as hubPart from '../src/hub.js';

/** Replaces image-builder: an image that contains its arguments. */
const imageBuilder = `#!/bin/sh
all="$*"
while [ $# -gt 1 ]; do
  case "$1" in --output-dir) dir="$2" ;; --output-name) name="$2" ;; --distro) test "$2" = broken && exit 1 ;; esac
  shift
done
mkdir -p "$dir" && echo "$all" > "$dir/$name.raw.xz"
`;
const folder = mkdtempSync(path.join(tmpdir(), 'image-builder-'));
let hub: TestHub;
let repo: number;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { image_builder: hubPart } });
  const { admin } = hub;
  await admin.createTag('images-build', null, 'x86_64 aarch64');
  await admin.createTag('images');
  await admin.createBuildTarget('images', 'images-build', 'images');
  await admin.packageListAdd('images', 'Fedora-Minimal', 'kojiadmin');
  const { host } = await hub.builder();
  [repo] = await host.repoInit('images-build');
  await host.repoDone(repo, {});
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true });
});

let count = 0;
async function mockOf(): Promise<FakeMock> {
  const place = path.join(folder, `mock-${(count += 1)}`);
  mkdirSync(path.join(place, 'programs'), { recursive: true });
  writeFileSync(path.join(place, 'programs/image-builder'), imageBuilder, { mode: 0o755 });
  writeFileSync(path.join(place, 'programs/podman'), '#!/bin/sh\ntrue\n', { mode: 0o755 });
  return fakeMock(place);
}

/** Runs a task with all below it, as builders would. */
async function run(id: number, mock: FakeMock): Promise<FamilyRecord> {
  const handlers = [ImageBuilderBuildTask, ImageBuilderBuildArchTask, TagBuildTask];
  return runFamily(hub, id, handlers, { options: { ...mock.options, topurl: 'http://hub/kojifiles' } });
}

/** Commands in the buildroot, after it was made. */
const programsOf = async (mock: FakeMock): Promise<string[]> =>
  (await mock.calls())
    .map(({ args }) => args.join(' ').replace(/^.*--chroot -- /, ''))
    .filter((one) => /^(image-builder|podman|unshare)/.test(one));

test('an image is built for each arch, imported and tagged', async () => {
  const mock = await mockOf();
  const id = await hub.admin.imageBuilderBuild('images', ['x86_64'], ['minimal-raw'], 'Fedora-Minimal', '44');
  const { parent, children } = await run(id, mock);
  expect(parent.result).toBe(`image build results in: ${hub.topdir}/packages/Fedora-Minimal/44/1/images`);
  const file = 'Fedora-Minimal-44-1.x86_64.raw.xz';
  const image = children.get('x86_64');
  expect(image?.result).toEqual({
    ...{ task_id: image?.id, name: 'Fedora-Minimal', version: '44', release: '1', arch: 'x86_64' },
    ...{ files: [file], logs: [], rpmlist: [] },
  });
  expect(await hub.admin.listTagged('images')).toMatchObject([{ nvr: 'Fedora-Minimal-44-1' }]);
  const build = await hub.admin.getBuild('Fedora-Minimal-44-1', true);
  const archives = await hub.admin.listArchives(build.id, null, null, null, 'image');
  expect(archives).toMatchObject([{ filename: file }]);
  expect(await programsOf(mock)).toEqual([
    'image-builder -v build --use-librepo=false --with-sbom --with-manifest ' +
      `--force-repo http://hub/kojifiles/repos/images-build/${repo}/x86_64 ` +
      '--output-dir /builddir/output --output-name Fedora-Minimal-44-1.x86_64 minimal-raw',
  ]);
  expect((await mock.calls())[0]?.config).toContain('install @image-builder-build');
});

test('image-builder gets what the caller asked for, in a root that is a mount point where the chroot is old', async () => {
  await hub.admin.editTag2('images-build', named({ extra: { 'mock.new_chroot': 0 } }));
  const mock = await mockOf();
  const id = await hub.admin.imageBuilderBuild('images', ['x86_64'], ['iot-commit'], 'Fedora-Minimal', '44', {
    ...{
      scratch: true,
      release: '7',
      distro: 'fedora-44',
      seed: 5,
      preview: false,
      blueprint: { name: 'mine' },
    },
    repos: ['http://a/$arch/', 'http://b/$basearch/'],
    ostree: { url: 'http://o/', ref: 'fedora/$arch/iot', parent: 'fedora/p' },
    bootc: { ref: 'quay.example/bootc', 'default-fs': 'ext4' },
  });
  const { parent, children } = await run(id, mock);
  expect(parent.result).toContain('Scratch image build results in: ');
  const [pulled, built] = await programsOf(mock);
  expect(pulled).toBe('podman pull quay.example/bootc');
  expect(built).toMatch(/^unshare --mount --propagation private sh -c root=.* sh image-builder -v build /);
  expect(built?.replace(/^.*--with-manifest /, '')).toBe(
    '--force-repo http://a/x86_64/ --force-repo http://b/x86_64/ --blueprint /chroot_tmpdir/blueprint.json --distro fedora-44 ' +
      '--ostree-url http://o/ --ostree-ref fedora/x86_64/iot --ostree-parent fedora/p --bootc-ref quay.example/bootc ' +
      '--bootc-default-fs ext4 --seed 5 --preview false --output-dir /builddir/output ' +
      '--output-name Fedora-Minimal-44-7.x86_64 iot-commit',
  );
  expect((await mock.calls())[0]?.config).toContain("'/dev'");
  expect(children.get('x86_64')?.result).toMatchObject({ release: '7' });
});

test('an image that fails fails the build', async () => {
  const id = await hub.admin.imageBuilderBuild('images', ['x86_64'], ['x'], 'Fedora-Minimal', '45', {
    distro: 'broken',
  });
  await expect(run(id, await mockOf())).rejects.toThrow('`image-builder` failed');
  expect(await hub.admin.getBuild('Fedora-Minimal-45-1')).toMatchObject({ state: 3 });
});

test('the method is for holders of image, and says which argument is wrong', async () => {
  const ask = (session: TestHub['admin'], ...args: unknown[]): Promise<unknown> =>
    session.call('imageBuilderBuild', args);
  const alice = await hub.login('alice');
  await expect(ask(alice, 'images', [], ['x'], 'a', '1')).rejects.toThrow('image permission required');
  const bob = await hub.login('bob', 'image');
  await expect(ask(bob, 'images', [], ['x', 'y'], 'a', '1')).rejects.toThrow(/types/);
  await expect(ask(bob, 'images', [], ['x'], 'a', '1', { nosuch: 1 })).rejects.toThrow(/nosuch/);
  await expect(ask(bob, 'images', [], ['x'], 'a', '1', {}, -1)).rejects.toThrow('only admins may create');
  await expect(ask(bob, 'nosuch', [], ['x'], 'a', '1')).rejects.toThrow('No such build target');
});

/** Stands for the builders, which the command waits for. */
class Done extends BaseTaskHandler {
  static override readonly Methods = ['imageBuilderBuild'];

  handler(...args: unknown[]): unknown[] {
    return args;
  }
}

test('the command makes the task with what it was given, and waits for it', async () => {
  const blueprint = path.join(folder, 'blueprint.json');
  writeFileSync(blueprint, '{"name": "mine"}');
  const flags = {
    arches: ['x86_64'],
    repos: [],
    failable_arches: ['aarch64'],
    scratch: true,
    preview: false,
    blueprint,
    ostree_ref: 'fedora/iot',
    bootc_default_fs: 'ext4',
  } as const;
  const args = ['images', 'Fedora-Minimal', '44', 'iot-commit'];
  const done = await runCommand(handle_image_builder_build, args, { hub, flags, tasks: [Done] });
  expect(done).toEqual({ code: 0, printed: [expect.stringMatching(/^Created task: \d+$/)], warned: [] });
  const id = Number(done.printed[0]?.split(' ').at(-1));
  const { request } = await hub.admin.getTaskInfo(id, true, true);
  expect(request).toEqual([
    ...['images', ['x86_64'], ['iot-commit'], 'Fedora-Minimal', '44'],
    {
      ...{ scratch: true, preview: false, failable_arches: ['aarch64'], blueprint: { name: 'mine' } },
      ...{ ostree: { ref: 'fedora/iot' }, bootc: { 'default-fs': 'ext4' } },
    },
  ]);
  expect(await runCommand(handle_image_builder_build, ['images'], { hub })).toMatchObject({ code: 2 });
});
