import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GenericError } from '@koji/core';
import type { ArchiveInfo, BuildInfo, TargetInfo, TaskInfo } from '@koji/core/api';
import { fakeMock } from '@koji/builder/testing';
import type { FakeMock, FakeMockOptions } from '@koji/builder/testing';
import { callback } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { KiwiBuildTask, KiwiCreateImageTask } from '../src/builder.js';
import * as hubPart from '../src/hub.js';
import { TagBuildTask } from '../../koji-builder/src/tasks/tag.js';
import { runFamily } from '../../koji-builder/test/support/family.js';
import type { FamilyRecord } from '../../koji-builder/test/support/family.js';
import { gitSite } from '../../koji-builder/test/support/git.js';
import type { Files, GitSite } from '../../koji-builder/test/support/git.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';

const folder = mkdtempSync(path.join(tmpdir(), 'kiwi-'));
let hub: TestHub;
let site: GitSite;
let repoId: number;

const description = (
  more = '',
  preferences = '<version>1.2.3</version>',
) => `<?xml version="1.0" encoding="utf-8"?>
<!-- an image -->
<image schemaversion="7.5" name="Server" displayName="A &amp; B">
  <preferences>
    ${preferences}
    <type image="oem"/>
  </preferences>
  <repository type="rpm-md"><source path="http://elsewhere/"/></repository>${more}
  <packages type="image"><package name="bash"/></packages>
</image>
`;

/** Replaces kiwi: creates an image, a bundle of it, logs, and the list of its rpms. */
const kiwi = (rpm: string) => `#!/bin/bash
echo "kiwi-ng $*" >> "$FAKE_ROOT/../kiwi-calls"
all="$*"
while [ $# -gt 0 ]; do
  case "$1" in
    --logfile) log="$2" ;; --target-dir) target="$2" ;; --bundle-dir) bundle="$2" ;; --id) id="$2" ;;
    --description) description="$2" ;; --kiwi-file) file="$2" ;;
  esac
  shift
done
echo "kiwi: $all" > "$log"
case "$all" in
  *"system build"*)
    grep -q 'fails="yes"' "$description/$file" && exit 1
    mkdir -p "$target" "$FAKE_ROOT/var/cache/kiwi/dnf/repo"
    cp ${rpm} "$FAKE_ROOT/var/cache/kiwi/dnf/repo/"
    echo image > "$target/server.qcow2" ;;
  *) mkdir -p "$bundle"; for f in "$target"/*; do cp "$f" "$bundle/Server.\${HOSTTYPE}-$id.qcow2"; done ;;
esac
`;

let rpm: string;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { kiwi: hubPart } });
  const { admin } = hub;
  await admin.createTag('images-build', null, 'x86_64 aarch64');
  await admin.createTag('images');
  await admin.call('createBuildTarget', ['images', 'images-build', 'images']);
  const files = buildRpm(folder, 'inner', { install: 'true', files: '' });
  rpm = files[1] ?? '';
  await hub.addBuild('inner-1.0-1', { files, tags: ['images-build'] });
  for (const name of ['Server', 'Server-Disk'])
    await admin.call('packageListAdd', ['images', name, 'kojiadmin']);
  const builder = await hub.builder();
  [repoId] = (await builder.call('host.repoInit', ['images-build'])) as [number];
  await builder.call('host.repoDone', [repoId, {}]);
  site = await gitSite();
});
afterAll(async () => {
  await site.stop();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
async function mockWith(options: FakeMockOptions = {}): Promise<FakeMock> {
  const place = path.join(folder, `mock-${(count += 1)}`);
  mkdirSync(path.join(place, 'programs'), { recursive: true });
  // As where mock's folder is on another disk.
  mkdirSync(path.join(place, 'disk'));
  symlinkSync('disk', path.join(place, 'roots'));
  writeFileSync(path.join(place, 'programs/kiwi-ng'), kiwi(rpm), { mode: 0o755 });
  const make = '#!/bin/sh\ntest "$1" = prep && cp template.kiwi server.kiwi\n';
  writeFileSync(path.join(place, 'programs/make'), make, { mode: 0o755 });
  return fakeMock(place, options);
}

interface Asked {
  readonly files?: Files;
  readonly descPath?: string;
  readonly module?: string;
  readonly arches?: readonly string[];
  readonly named?: Record<string, unknown>;
  readonly mock?: FakeMock;
  readonly options?: Record<string, unknown>;
  readonly plugins?: Record<string, object>;
}

interface Built extends FamilyRecord {
  readonly id: number;
  readonly url: string;
}

async function build({
  files = { 'server.kiwi': description() },
  descPath = 'server.kiwi',
  module = '',
  arches = ['x86_64'],
  named = {},
  mock,
  options = {},
  plugins = {},
}: Asked): Promise<Built> {
  const repository = `images-${(count += 1)}`;
  site.commit(repository, files);
  const url = `git+http://${site.host}/${repository}.git?${module}#main`;
  const id = (await hub.admin.call('kiwiBuild', ['images', arches, url, descPath], named)) as number;
  const settings = { ...(mock ?? (await mockWith())).options, allowed_scms: '*:*:no', ...options };
  const handlers = [KiwiBuildTask, KiwiCreateImageTask, TagBuildTask];
  return { id, url, ...(await runFamily(hub, id, handlers, { options: settings, plugins })) };
}

const lastTask = async (method: string): Promise<TaskInfo> =>
  (
    (await hub.admin.call('listTasks', [
      { method, state: [2, 5] },
      { order: '-id', limit: 1 },
    ])) as TaskInfo[]
  )[0]!;
const textsOf = (text: string, expression: RegExp): string[] =>
  [...text.matchAll(expression)].map(([, found = '']) => found);

describe('kiwiBuild', () => {
  test('builds, imports and tags an image, and the hub knows what it was made of', async () => {
    const mock = await mockWith();
    const { id, parent, children } = await build({ mock });
    const nvr = 'Server-1.2.3-1';
    expect(parent.result).toBe(`image build results in: ${hub.topdir}/packages/Server/1.2.3/1/images`);
    const made = (await hub.admin.call('getBuild', [nvr])) as BuildInfo;
    expect(made).toMatchObject({ state: 1, task_id: id });
    const archives = (await hub.admin.call('listArchives', [made.id], { type: 'image' })) as ArchiveInfo[];
    expect(archives.map(({ filename }) => filename)).toEqual(['Server.x86_64-1.qcow2']);
    expect(await hub.admin.call('listRPMs', [], { imageID: archives[0]?.id })).toMatchObject([
      { nvr: 'inner-1.0-1' },
    ]);
    expect(await hub.admin.call('listTagged', ['images'])).toMatchObject([{ nvr }]);
    const logs = (await hub.admin.call('getBuildLogs', [nvr])) as { path: string }[];
    expect(logs.map((log) => path.basename(log.path))).toEqual(
      expect.arrayContaining([
        'checkout-x86_64.log',
        'image-root.x86_64.log',
        'kiwi-result-bundle.x86_64.log',
      ]),
    );
    expect([...parent.uploads.keys()]).toEqual(['checkout.log']);
    const image = children.get('x86_64');
    expect(image?.result).toEqual({
      ...{
        arch: 'x86_64',
        task_id: image?.id,
        logs: ['server.x86_64.kiwi'],
        files: ['Server.x86_64-1.qcow2'],
      },
      ...{ name: 'Server', version: '1.2.3', release: '1' },
      rpmlist: [expect.objectContaining({ name: 'inner', version: '1.0', release: '1', arch: 'noarch' })],
    });
    expect(String(image?.uploads.get('Server.x86_64-1.qcow2'))).toBe('image\n');
    expect(String(image?.uploads.get('image-root.x86_64.log'))).toContain('system build');
    const [first, ...calls] = await mock.calls();
    expect(first?.config).toContain('install @kiwi-build');
    expect(first?.config).not.toContain("'/dev'");
    expect(calls.slice(1).map(({ args }) => args)).toEqual([
      [
        ...[
          '--cwd',
          '/chroot_tmpdir',
          '--chroot',
          '--',
          'kiwi-ng',
          '--kiwi-file',
          'server.x86_64.kiwi',
          '--debug',
        ],
        ...['--logfile', '/chroot_tmpdir/image-root.x86_64.log', 'system', 'build'],
        ...[
          '--description',
          expect.stringMatching(/^images-\d+$/) as string,
          '--target-dir',
          '/builddir/result/image',
        ],
      ],
      [
        ...['--cwd', '/chroot_tmpdir', '--chroot', '--', 'kiwi-ng', '--debug'],
        ...['--logfile', '/chroot_tmpdir/kiwi-result-bundle.x86_64.log', 'result', 'bundle'],
        ...['--target-dir', '/builddir/result/image', '--bundle-dir', '/builddir/result/bundle', '--id', '1'],
      ],
    ]);
  });

  test('gives kiwi what the task was given', async () => {
    const mock = await mockWith();
    const { children } = await build({
      mock,
      files: { 'deep/er/images/server.kiwi': description() },
      module: 'deep',
      descPath: 'er/images/server.kiwi',
      named: {
        profile: 'Disk',
        version: '9',
        release: '7',
        repos: ['http://b/', 'http://a/', 'http://a/'],
        repo_releasever: '44',
        type: 'oem',
        type_attr: ['a=1', 'b=2'],
        result_bundle_name_format: '%N-%v',
        use_buildroot_repo: true,
      },
      options: { topurl: 'http://hub/kojifiles' },
    });
    const image = children.get('x86_64');
    expect(image?.result).toMatchObject({ name: 'Server-Disk', version: '9', release: '7' });
    const written = String(image?.uploads.get('server.x86_64.kiwi'));
    expect(textsOf(written, /<source path="([^"]*)"\/>/g)).toEqual([
      'http://a/',
      'http://b/',
      `http://hub/kojifiles/repos/images-build/${repoId}/x86_64`,
    ]);
    expect(written).toContain('<!-- an image -->');
    expect(written).toContain('name="Server-Disk" displayName="A &amp; B"');
    expect(written).toContain('<version>9</version>');
    expect(written).toContain('<release-version>44</release-version>');
    const [system, bundle] = (await mock.calls()).slice(-2).map(({ args }) => args.slice(5).join(' '));
    expect(system).toMatch(
      /^--profile Disk --type oem --kiwi-file server\.x86_64\.kiwi .*--description images-\d+\/deep\/er\/images /,
    );
    expect(system).toMatch(/ --set-type-attr a=1 --set-type-attr b=2$/);
    expect(bundle).toMatch(/ --id 7 --bundle-format %N-%v$/);
  });

  test('a scratch build goes where scratch builds are, and is neither imported nor tagged', async () => {
    const { parent, children } = await build({ named: { scratch: true, version: '77' } });
    const image = children.get('x86_64');
    expect(parent.result).toBe(`Scratch image build results in: ${hub.paths.task(image?.id ?? 0)}`);
    expect(image?.result).toMatchObject({ rpmlist: [] });
    expect(await hub.admin.call('getBuild', ['Server-77-1'])).toBeNull();
    const moved = path.join(hub.topdir, `scratch/kojiadmin/task_${image?.id}/Server.x86_64-1.qcow2`);
    expect(existsSync(moved)).toBe(true);
  });

  test('a profile of the description is in the name, and the last version counts', async () => {
    const profiles =
      '<profiles><profile name="Live"/><profile name="Disk" image="true"/></profiles><preferences><version>5</version></preferences>';
    const { children } = await build({
      files: { 'server.kiwi': description(profiles) },
      named: { scratch: true },
    });
    expect(children.get('x86_64')?.result).toMatchObject({ name: 'Server-Disk', version: '5' });
  });

  test('an old chroot gets the devices of the builder', async () => {
    await hub.admin.call('editTag2', ['images-build'], { extra: { 'mock.new_chroot': false } });
    const mock = await mockWith();
    await build({ named: { scratch: true }, mock });
    await hub.admin.call('editTag2', ['images-build'], { remove_extra: ['mock.new_chroot'] });
    expect((await mock.calls())[0]?.config).toContain("'/dev'");
  });

  test('an arch that may fail does, when another works', async () => {
    const failing = { type: 'x', scratch: true, optional_arches: ['aarch64'] };
    const mock = await mockWith();
    const broken = path.join(mock.options.mockpath, '../programs/kiwi-ng');
    writeFileSync(broken, kiwi(rpm).replace('#!/bin/bash', '#!/bin/bash\n[[ "$*" = *aarch64* ]] && exit 1'), {
      mode: 0o755,
    });
    const { parent, children } = await build({ arches: ['x86_64', 'aarch64'], named: failing, mock });
    expect([...children.keys()]).toEqual(['x86_64']);
    expect(parent.result).toMatch(/^Scratch image build results in: .*, .*/);
    const all = build({ arches: ['aarch64'], named: failing, mock });
    await expect(all).rejects.toThrow('all subtasks failed');
  });

  test('an image that fails fails its build', async () => {
    const files = { 'server.kiwi': description('<x fails="yes"/>') };
    await expect(build({ files, named: { version: '66' } })).rejects.toThrow('Kiwi failed');
    expect(await hub.admin.call('getBuild', ['Server-66-1'])).toMatchObject({ state: 3 });
    const { id } = await lastTask('createKiwiImage');
    expect(await hub.admin.call('listTaskOutput', [id])).toContain('image-root.x86_64.log');
    const buildroots = (await hub.admin.call('listBuildroots', [], { taskID: id })) as { state: number }[];
    expect(buildroots.map(({ state }) => state)).toEqual([3]);
  });

  test('make prep may make the description of each arch', async () => {
    const template = description().replace('"Server"', '"Other"');
    const files = { 'sub/server.kiwi': description(), 'sub/template.kiwi': template };
    const mock = await mockWith();
    const { children } = await build({
      files,
      descPath: 'sub/server.kiwi',
      named: { make_prep: true, scratch: true },
      mock,
    });
    expect((await mock.calls()).map(({ args }) => args)).toContainEqual([
      ...[
        '--cwd',
        expect.stringMatching(/^\/chroot_tmpdir\/images-\d+\/sub$/) as string,
        '--chroot',
        '--',
        'make',
        'prep',
      ],
    ]);
    expect(children.size).toBe(1);
    const noTemplate = { 'server.kiwi': description() };
    await expect(build({ files: noTemplate, named: { make_prep: true, scratch: true } })).rejects.toThrow(
      'Preparation step failed',
    );
  });

  test.each<[string, Asked, string]>([
    ['an arch that the tag lacks', { arches: ['s390x'] }, 'Invalid arch for build tag: s390x'],
    [
      'a package that is not listed',
      { files: { 'server.kiwi': description().replace('"Server"', '"Client"') } },
      'package (image) Client not in list for tag images',
    ],
    [
      'an SCM that is not allowed',
      { options: { allowed_scms: '!*:*' } },
      'is not in the list of allowed SCMs',
    ],
    ['no file', { descPath: 'none.kiwi' }, 'none.kiwi is not in the checkout'],
    ['a path out of the checkout', { descPath: '../../../../../../etc/passwd' }, 'leads out of the checkout'],
    [
      'no XML',
      { files: { 'server.kiwi': '<image>' } },
      "Kiwi description server.kiwi can't be parsed as XML.",
    ],
    [
      'an entity',
      {
        files: {
          'server.kiwi': `<!DOCTYPE image [<!ENTITY a SYSTEM "file:///etc/passwd">]><image>&a;</image>`,
        },
      },
      "Kiwi description server.kiwi can't be parsed as XML.",
    ],
    [
      'another XML',
      { files: { 'server.kiwi': '<a/>' } },
      "Kiwi description server.kiwi doesn't contain <image> tag.",
    ],
    [
      'no version',
      { files: { 'server.kiwi': description('', '') } },
      "Description file doesn't contain preferences/version",
    ],
  ])('%s is refused, before there is a build', async (_, asked, message) => {
    await expect(build(asked)).rejects.toThrow(message);
    expect((await lastTask('kiwiBuild')).state).toBe(5);
  });

  test('plugins are asked about the checkouts of the task and of its subtasks', async () => {
    const events: string[] = [];
    const note = callback(
      'preSCMCheckout',
      'postSCMCheckout',
    )((event, { taskinfo, scratch }) => {
      events.push(`${event} ${taskinfo.method} ${scratch}`);
    });
    await build({ named: { scratch: true }, plugins: { note: { note } } });
    expect(events).toEqual(
      ['kiwiBuild', 'createKiwiImage'].flatMap((method) => [
        `preSCMCheckout ${method} true`,
        `postSCMCheckout ${method} true`,
      ]),
    );
  });
});

describe('the includes of a description', () => {
  const including = (...from: string[]) =>
    description(from.map((one) => `<include from="${one}"/>`).join(''));
  const scratch = { scratch: true };

  /** The subtask alone. */
  const create = async (files: Files) => {
    const repository = `images-${(count += 1)}`;
    site.commit(repository, files);
    const target = (await hub.admin.call('getBuildTarget', ['images'])) as TargetInfo;
    const url = `git+http://${site.host}/${repository}.git#main`;
    const place = ['x86_64', target, target.build_tag, { id: repoId }, url, 'server.kiwi', scratch];
    const { options } = await mockWith();
    const settings = { hub, options: { ...options, allowed_scms: '*:*:no' } };
    return runTask(KiwiCreateImageTask, ['Server', '1', '1', ...place], settings);
  };

  test('are put into it, without their repos', async () => {
    const part = (name: string) =>
      `<image><packages type="${name}"/><repository><source path="http://${name}"/></repository></image>`;
    const files = {
      'a/server.kiwi': including('this://part.xml', 'this://../b/other.xml', 'this://linked.xml'),
      'a/part.xml': part('one'),
      'b/other.xml': part('two'),
      'a/linked.xml': '-> ../b/third.xml',
      'b/third.xml': part('three'),
    };
    const { children } = await build({
      files,
      descPath: 'a/server.kiwi',
      named: { ...scratch, repos: ['http://ours/'] },
    });
    const written = String(children.get('x86_64')?.uploads.get('server.x86_64.kiwi'));
    expect(textsOf(written, /<packages type="(\w+)"/g)).toEqual(['image', 'one', 'two', 'three']);
    expect(textsOf(written, /<source path="([^"]*)"/g)[0]).toBe(
      `file://${hub.topdir}/repos/images-build/${repoId}/x86_64`,
    );
    expect(written).not.toMatch(/include|http:\/\/(one|two|three|elsewhere)/);
  });

  test.each([
    ['this://../../../../../../../../etc/passwd', 'leads out of the checkout'],
    ['this:///../../../../../../../../etc/hostname', 'leads out of the checkout'],
    ['this://out.xml', 'out.xml leads out of the checkout'],
    ['this://dir/passwd', 'leads out of the checkout'],
    ['this://none.xml', 'none.xml is not in the checkout'],
    ['this://.', 'leads out of the checkout'],
    ['this://sub', 'sub is no file'],
    ['file:///etc/passwd', 'Unhandled include protocol in include path: file:///etc/passwd.'],
    ['https://elsewhere/x', 'Unhandled include protocol in include path: https://elsewhere/x.'],
    ['this://nested.xml', "can't include others"],
    ['this://bad.xml', "Kiwi description bad.xml can't be parsed as XML."],
    ['this://odd.xml', "Kiwi description odd.xml doesn't contain <image> tag."],
  ])('%s is refused', async (from, message) => {
    const files = {
      'server.kiwi': including(from),
      'out.xml': '-> /etc/passwd',
      dir: '-> /etc',
      'sub/x': '',
      'nested.xml': '<image><include from="file:///etc/passwd"/></image>',
      'bad.xml': '<image',
      'odd.xml': '<part/>',
    };
    const failed = create(files);
    await expect(failed).rejects.toBeInstanceOf(GenericError);
    await expect(failed).rejects.toThrow(message);
  });

  test('are those of the checkout also when a program has put a link in its place', async () => {
    const elsewhere = path.join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(path.join(elsewhere, 'server.kiwi'), description());
    const mock = await mockWith();
    const make = `#!/bin/sh\nhere="$PWD"; rm -rf "$here"; ln -s ${elsewhere} "$here"\n`;
    writeFileSync(path.join(mock.options.mockpath, '../programs/make'), make, { mode: 0o755 });
    const files = { 'server.kiwi': description() };
    await expect(build({ files, named: { ...scratch, make_prep: true }, mock })).rejects.toThrow(
      'server.kiwi leads out of the checkout',
    );
    expect(readdirSync(elsewhere)).toEqual(['server.kiwi']);
  });

  test('that are not directly in the image are refused, and a link where the new file goes is replaced', async () => {
    const nested = { 'server.kiwi': description('<packages><include from="this://a"/></packages>') };
    await expect(create(nested)).rejects.toThrow('can only include directly below <image>');
    const victim = path.join(folder, 'victim');
    writeFileSync(victim, 'whole');
    const files = { 'server.kiwi': description(), 'server.x86_64.kiwi': `-> ${victim}` };
    const { children } = await build({ files, named: scratch });
    expect(String(children.get('x86_64')?.uploads.get('server.x86_64.kiwi'))).toContain('<image');
    expect(readFileSync(victim, 'utf8')).toBe('whole');
  });
});

test('a build without rpms to show for it fails', async () => {
  const mock = await mockWith();
  const place = path.join(mock.options.mockpath, '../programs/kiwi-ng');
  writeFileSync(place, kiwi(rpm).replace(/^ *cp .*dnf.*$/m, ''), { mode: 0o755 });
  await expect(build({ mock, named: { version: '55' } })).rejects.toThrow('No repos found in yum cache!');
  await expect(
    build({ mock: await mockWith({ fail: { init: 30 } }), named: { version: '56' } }),
  ).rejects.toThrow('could not init mock buildroot');
});
