import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApplianceError } from '@koji/core';
import type { ArchiveInfo, BuildInfo, TargetInfo } from '@koji/core/api';
import { fakeMock } from '@koji/builder/testing';
import type { FakeMock } from '@koji/builder/testing';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { DudBuildTask, DudCreateImageTask } from '../src/builder.js';
import * as hubPart from '../src/hub.js';
import { TagBuildTask } from '../../koji-builder/src/tasks/tag.js';
import { runFamily } from '../../koji-builder/test/support/family.js';
import type { FamilyRecord } from '../../koji-builder/test/support/family.js';
import { gitSite } from '../../koji-builder/test/support/git.js';
import type { GitSite } from '../../koji-builder/test/support/git.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';

const folder = mkdtempSync(path.join(tmpdir(), 'dud-'));
let hub: TestHub;
let site: GitSite;
let repoId: number;
let rpm: string;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { dud: hubPart } });
  const { admin } = hub;
  await admin.createTag('images-build', null, 'x86_64');
  await admin.createTag('images');
  await admin.call('createBuildTarget', ['images', 'images-build', 'images']);
  await admin.call('packageListAdd', ['images', 'drivers', 'kojiadmin']);
  const files = buildRpm(folder, 'inner', { install: 'true', files: '' });
  rpm = files[1] ?? '';
  await hub.addBuild('inner-1.0-1', { files, tags: ['images-build'] });
  const builder = await hub.builder();
  [repoId] = (await builder.call('host.repoInit', ['images-build'])) as [number];
  await builder.call('host.repoDone', [repoId, {}]);
  site = await gitSite();
  site.commit('extra', { 'README.txt': 'read me', 'sub/more.txt': 'more' });
});
afterAll(async () => {
  await site.stop();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
/** A mock whose roots have the programs that make disks: the iso is a list of what would be on it. */
async function mockWith(programs: Readonly<Record<string, string>> = {}): Promise<FakeMock> {
  const place = path.join(folder, `mock-${(count += 1)}`);
  mkdirSync(path.join(place, 'programs'), { recursive: true });
  const all = {
    dnf: `for last; do :; done\n[ "$last" = missing ] && exit 1\ncp ${rpm} .`,
    createrepo: 'for last; do :; done\necho repo > "$last/repodata/repomd.xml"',
    xorrisofs:
      'while [ $# -gt 0 ]; do [ "$1" = -o ] && iso="$2"; shift; done\n(cd dd && find . -type f -not -path "*/.git/*" | sort; cat rhdd3) > "$iso"',
    ...programs,
  };
  for (const [name, text] of Object.entries(all))
    writeFileSync(path.join(place, 'programs', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return fakeMock(place);
}

interface Asked {
  readonly version?: string;
  readonly packages?: readonly string[];
  readonly named?: Record<string, unknown>;
  readonly mock?: FakeMock;
}

async function build({
  version = '1.0',
  packages = ['inner'],
  named = {},
  mock,
}: Asked): Promise<FamilyRecord & { id: number }> {
  const args = ['drivers', version, ['x86_64'], 'images', packages];
  const id = (await hub.admin.call('dudBuild', args, named)) as number;
  const { options } = mock ?? (await mockWith());
  const handlers = [DudBuildTask, DudCreateImageTask, TagBuildTask];
  return { id, ...(await runFamily(hub, id, handlers, { options: { ...options, allowed_scms: '*:*:no' } })) };
}

test('a disk is built, imported and tagged, and the hub knows which rpms are on it', async () => {
  const mock = await mockWith();
  const { id, parent, children } = await build({ mock });
  expect(parent.result).toBe(`image build results in: ${hub.topdir}/packages/drivers/1.0/1/images`);
  const made = (await hub.admin.call('getBuild', ['drivers-1.0-1'])) as BuildInfo;
  expect(made).toMatchObject({ state: 1, task_id: id });
  const iso = 'dd-drivers-1.0-1.x86_64.iso';
  const [archive, ...more] = (await hub.admin.call('listArchives', [made.id], {
    type: 'image',
  })) as ArchiveInfo[];
  expect([archive?.filename, more]).toEqual([iso, []]);
  expect(await hub.admin.call('listRPMs', [], { imageID: archive?.id })).toMatchObject([
    { nvr: 'inner-1.0-1' },
  ]);
  expect(await hub.admin.call('listTagged', ['images'])).toMatchObject([{ nvr: 'drivers-1.0-1' }]);
  const image = children.get('x86_64');
  expect(image?.result).toEqual({
    ...{
      arch: 'x86_64',
      task_id: image?.id,
      name: 'drivers',
      version: '1.0',
      release: '1',
      logs: [],
      files: [iso],
    },
    rpmlist: [expect.objectContaining({ name: 'inner', version: '1.0', release: '1' })],
  });
  expect(String(image?.uploads.get(iso))).toBe(
    './rhdd3\n./rpms/x86_64/inner-1.0-1.noarch.rpm\n./rpms/x86_64/repodata/repomd.xml\nDriver Update Disk version 3',
  );
  const [first, , ...calls] = await mock.calls();
  expect(first?.config).toContain('install @dud-build');
  expect(first?.config).toContain("'/dev'");
  const inRoot = ['--cwd', '/chroot_tmpdir', '--chroot', '--'];
  expect(calls.map(({ args }) => args)).toEqual([
    [...inRoot, 'dnf', 'download', 'inner'],
    [...inRoot, 'mkdir', '-p', './dd/rpms/x86_64/repodata/', '-p', './dd/src/'],
    [...inRoot, 'sh', '-c', "printf 'Driver Update Disk version 3' > ./dd/rhdd3"],
    [...inRoot, 'sh', '-c', 'cp ./*.rpm "$1"', 'sh', './dd/rpms/x86_64/'],
    [...inRoot, 'createrepo', '-q', '--workers=1', './dd/rpms/x86_64/'],
    [
      ...[...inRoot, 'xorrisofs', '-quiet', '-lR', '-V', 'OEMDRV', '-input-charset', 'utf8'],
      ...['-o', iso, './dd', '-v'],
    ],
  ]);
});

test('a scratch disk has what its packages need, and the content of a repository', async () => {
  const mock = await mockWith();
  const scmurl = `git+http://${site.host}/extra.git#main`;
  const { parent, children } = await build({
    version: '2',
    named: { scratch: true, alldeps: true, scmurl },
    mock,
  });
  const image = children.get('x86_64');
  expect(parent.result).toBe(`Scratch image build results in: ${hub.paths.task(image?.id ?? 0)}`);
  expect(image?.result).toMatchObject({ rpmlist: [] });
  expect(await hub.admin.call('getBuild', ['drivers-2-1'])).toBeNull();
  const iso = 'dd-drivers-2-1.x86_64.iso';
  expect(existsSync(path.join(hub.topdir, `scratch/kojiadmin/task_${image?.id}/${iso}`))).toBe(true);
  expect(String(image?.uploads.get(iso))).toMatch(/^\.\/extra\/README\.txt\n\.\/extra\/sub\/more\.txt\n/);
  expect(image?.uploads.has('checkout-x86_64.log')).toBe(true);
  const commands = (await mock.calls()).map(({ args }) => args.slice(4).join(' '));
  expect(commands).toContain('dnf download --resolve --alldeps inner');
  expect(commands).toContain('cp -aR -- extra ./dd/');
});

test.each([
  ['missing', {}, "DUD build failed while getting the involved rpm 'missing': mock exited with status 1"],
  [
    'inner',
    { createrepo: 'exit 3' },
    'DUD build failed while creating ISO repodata: mock exited with status 3',
  ],
  ['inner', { xorrisofs: 'exit 5' }, 'DUD build failed while xorrisofs: mock exited with status 5'],
  ['inner', { dnf: ':' }, 'DUD build failed while copying RPMs into dir struct'],
])('a disk of %s with %j fails, and so does its build', async (name, programs, message) => {
  const version = `9.${(count += 1)}`;
  const mock = await mockWith(programs);
  await expect(build({ version, packages: [name], mock })).rejects.toThrow(message);
  expect(await hub.admin.call('getBuild', [`drivers-${version}-1`])).toMatchObject({ state: 3 });
});

test('a tag without a repo is waited for', async () => {
  await hub.admin.createTag('young-build', null, 'x86_64');
  await hub.admin.call('createBuildTarget', ['young', 'young-build', 'images']);
  /** Makes the repo that somebody waits for. */
  class Waitrepo extends BaseTaskHandler {
    static override readonly Methods = ['waitrepo'];
    async handler(tag: number, newer_than: unknown, nvrs: unknown): Promise<unknown> {
      expect([newer_than, nvrs]).toEqual([null, null]);
      const [id] = (await this.session.call('host.repoInit', [tag])) as [number];
      await this.session.call('host.repoDone', [id, {}]);
      return this.session.repoInfo(id);
    }
  }
  const args = ['drivers', '3', null, 'young', ['inner']];
  const id = (await hub.admin.call('dudBuild', args, { scratch: true })) as number;
  const { options } = await mockWith();
  const { children } = await runFamily(hub, id, [DudBuildTask, DudCreateImageTask, Waitrepo], { options });
  expect([...children.keys()]).toEqual(['waitrepo', 'x86_64']);
});

test('versions with a hyphen, and names that are options or paths, are refused', async () => {
  const hyphen = build({ version: '1-0' });
  await expect(hyphen).rejects.toBeInstanceOf(ApplianceError);
  await expect(hyphen).rejects.toThrow('The Version may not have a hyphen');
  await expect(build({ version: '8', packages: ['inner', '-c/tmp/other.conf'] })).rejects.toThrow(
    "'-c/tmp/other.conf' in the list of packages is no name of one: names begin with a letter or digit",
  );
  expect(await hub.admin.call('getBuild', ['drivers-8-1'])).toBeNull();
  const target = (await hub.admin.call('getBuildTarget', ['images'])) as TargetInfo;
  const place = ['1', 'x86_64', target, target.build_tag, { id: repoId }, ['inner'], { scratch: true }];
  const { options } = await mockWith();
  await expect(runTask(DudCreateImageTask, ['../x', '1', ...place], { hub, options })).rejects.toThrow(
    "a disk can't be called 'dd-../x-1-1.x86_64.iso'",
  );
});
