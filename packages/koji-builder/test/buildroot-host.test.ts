import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TestHub } from '@koji/plugin-sdk/testing';
import { kojidOptions, readOptions } from '@koji/core/config';
import { BuildRoot, needsOf, requireBackend, usableBackend } from '../src/buildroot/index.js';
import { readNotes } from '../src/buildroot/notes.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-host-'));
// The account that builds must get there.
chmodSync(folder, 0o755);
const rootsdir = path.join(folder, 'roots');
const options = { buildroot_backend: 'host', rootsdir } as const;
const defaults = readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' });
let hub: TestHub;
let repoId: number;
let act: (root: BuildRoot) => unknown = () => null;

class InRoot extends BaseTaskHandler {
  static override readonly Methods = ['inRoot'];
  async handler(): Promise<unknown> {
    const root = await BuildRoot.create(this, { tag: 'f44-build', arch: 'x86_64', repoId });
    try {
      return await act(root);
    } finally {
      await root.expire();
    }
  }
}

beforeAll(async () => {
  hub = await startTestHub();
  await hub.admin.createTag('f44-build', null, 'x86_64');
  await hub.admin.call('editTag2', ['f44-build'], { extra: { 'rpm.macro.dist': '.f44' } });
  const builder = await hub.builder();
  [repoId] = (await builder.call('host.repoInit', ['f44-build'])) as [number];
  await builder.call('host.repoDone', [repoId, {}]);
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (what: typeof act): Promise<TaskRecord> => {
  act = what;
  return runTask(InRoot, [], { hub, options });
};

/** Makes a source package that asks for what no host has. */
function sourcePackage(): string {
  const spec = path.join(folder, 'hello.spec');
  writeFileSync(
    spec,
    `Name: hello
Version: 1.0
Release: 1%{?dist}
Summary: For a test
License: MIT
BuildArch: noarch
BuildRequires: nowhere-to-be-found
%description
For a test.
%install
mkdir -p %{buildroot}/usr/share
id -u > %{buildroot}/usr/share/hello
%files
/usr/share/hello
`,
  );
  execFileSync(
    'rpmbuild',
    ['-bs', '--nodeps', '--define', `_topdir ${folder}`, '--define', `_srcrpmdir ${folder}`, spec],
    { stdio: 'pipe' },
  );
  return path.join(folder, 'hello-1.0-1.src.rpm');
}

test('the host builds without BuildRequires, as nobody, and warns of it', async () => {
  const srpm = sourcePackage();
  const done = await run(async (root) => {
    await root.init();
    expect(root.warning).toMatch(/^built with the programs of the builder itself/);
    expect(await root.packages()).toEqual([]);
    const status = await root.build(srpm, { arch: 'noarch' });
    expect(status.success ? '' : root.describe(status)).toBe('');
    const rpm = path.join(folder, 'built.rpm');
    await root.copyResult('hello-1.0-1.f44.noarch.rpm', rpm);
    return execFileSync('sh', ['-c', `rpm2cpio ${rpm} | cpio -i --to-stdout --quiet`], { encoding: 'utf8' });
  });
  expect(done.result).toBe(`${process.getuid?.() === 0 ? 61_000 : process.getuid?.()}\n`);
  expect(String(done.uploads.get('build.log'))).toMatch(/^WARNING: built with the programs of the builder/);
  expect(done.log.join('\n')).toContain('WARN built with the programs of the builder itself');
});

test('a source package that only kojid may read is rebuilt, whatever the umask of kojid is', async () => {
  const srpm = sourcePackage();
  chmodSync(srpm, 0o600);
  const before = process.umask(0o077);
  try {
    const done = await run(async (root) => {
      await root.init();
      const status = await root.rebuildSrpm(srpm);
      expect(status.success ? '' : root.describe(status)).toBe('');
      return root.results();
    });
    expect(done.result).toEqual(expect.arrayContaining(['hello-1.0-1.f44.src.rpm']));
  } finally {
    process.umask(before);
  }
});

test('the host runs nothing as root and installs nothing', async () => {
  await run(async (root) => {
    await root.init();
    await expect(root.run(['true'])).rejects.toThrow('the back end host runs nothing as root');
    await expect(root.install(['bash'])).rejects.toThrow('the back end host installs no packages');
    expect((await root.run(['true'], { as: 'builder' })).success).toBe(true);
  });
});

test('a note says of each buildroot what it is before anything else is made', async () => {
  await run(async (root) => {
    const notes = await readNotes({ ...defaults, ...options });
    expect(notes.find(({ id }) => id === root.id)).toMatchObject({
      ...{ name: root.name, backend: 'host', folder: path.dirname(root.rootDir), base: null },
    });
    expect(readdirSync(rootsdir)).not.toContain(root.name);
  });
});

test('buildroots of a kojid without notes are found once, by the configurations of mock', async () => {
  const configs = path.join(folder, 'configs');
  mkdirSync(configs);
  writeFileSync(path.join(configs, 'a.cfg'), '# Koji buildroot id: 7\n# Koji buildroot name: f44-7-1\n');
  writeFileSync(path.join(configs, 'b.cfg'), '# somebody else’s\n');
  const places = {
    ...defaults,
    rootsdir: path.join(folder, 'fresh'),
    mockconfigdir: configs,
    mockdir: '/roots',
  };
  const found = await readNotes(places);
  expect(found).toMatchObject([{ id: 7, backend: 'mock', folder: '/roots/f44-7-1', task: null }]);
  writeFileSync(path.join(configs, 'c.cfg'), '# Koji buildroot id: 8\n# Koji buildroot name: f44-8-1\n');
  expect(await readNotes(places)).toEqual(found);
});

test('a builder without a back end refuses the task, saying what is missing and what to do', async () => {
  class Needy extends InRoot {
    override async checkHost(): Promise<void> {
      await requireBackend(this);
    }
  }
  const missing = { ...options, buildroot_backend: 'mock', mockpath: '/nowhere/mock' };
  const refused = runTask(Needy, [], { hub, options: missing });
  await expect(refused).rejects.toBeInstanceOf(RefuseTask);
  await expect(refused).rejects.toThrow('could not run /nowhere/mock: no such program');
  const path_ = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    expect((await usableBackend({ ...defaults, mockpath: '/nowhere/mock' })).problem).toMatch(
      /^no back end for buildroots works here\. mock: .*; sandbox: the program bwrap: not found in PATH\. Install the package bubblewrap/,
    );
    const needs = await needsOf('host', { ...defaults, ...options });
    expect(needs.filter(({ problem }) => problem !== null).map(({ what }) => what)).toContain(
      'the program rpmbuild',
    );
  } finally {
    process.env.PATH = path_;
  }
});
