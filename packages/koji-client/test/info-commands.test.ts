import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientSession } from '../src/index.js';
import { loadBuiltInCommands } from '../src/cli/commands/index.js';
import { useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms/', import.meta.url));
let hub: RealHub;
let admin: ClientSession;

const { koji } = useHub(async (opened) => {
  ({ hub, admin } = opened);
  await admin.call('createTag', ['f44'], { arches: 'x86_64', extra: { a: 1 } });
  await admin.call('createTag', ['f44-build'], { parent: 'f44', arches: 'x86_64' });
  await admin.call('createBuildTarget', ['f44', 'f44-build', 'f44']);
});

test('groups and external repos are added to tags, listed and shown with the tag', async () => {
  await koji('add-group', 'f44', 'build');
  await koji('add-group-pkg', 'f44', 'build', 'gcc', 'bash');
  expect(await koji('list-groups', 'f44-build')).toBe(
    'build  [f44]\n  bash: None, mandatory  [f44]\n  gcc: None, mandatory  [f44]\n',
  );
  expect(await koji('add-external-repo', 'ext', 'http://example.com/$arch/', '-t', 'f44-build::7')).toBe(
    'Created external repo 1\nAdded external repo ext to tag f44-build (priority 7)\n',
  );
  expect(await koji('list-external-repos', '--tag=f44-build', '--quiet')).toBe(
    `7   ${'ext'.padEnd(25)} ${'koji'.padEnd(10)} http://example.com/$arch/\n`,
  );
  const info = await koji('taginfo', 'f44-build');
  expect(info).toContain('Groups: build\n');
  expect(info).toContain('  a : 1                        [f44]\n');
  expect(info).toMatch(/Inheritance:\n {2}0 {4}\.\.\.\. f44 \[\d+\]\n$/);
  expect(await koji('list-tags', '--show-id', '*build')).toMatch(/^f44-build \[\d+\]\n$/);
  expect(await hub.koji('remove-external-repo', 'ext')).toMatchObject({
    code: 1,
    stderr: 'Error: external repo ext used by tag(s): f44-build\nUse --force to remove anyway\n',
  });
});

test('rpms and users are shown, builds without a tag found', async () => {
  await koji('import', join(rpms, 'pkgc-1.2-3.src.rpm'));
  const info = await koji('rpminfo', 'pkgc-1.2-3.src');
  expect(info).toMatch(/^RPM: pkgc-1\.2-3\.src \[\d+\]\nBuild: pkgc-1\.2-3 \[\d+\]\nRPM Path: /);
  expect(info).toMatch(/\nLicense: .+\nBuild ID: \d+\nNo buildroot data available\n$/);
  expect(await koji('list-untagged')).toBe('pkgc-1.2-3\n');
  expect(await koji('search', 'build', 'pkg*')).toBe('pkgc-1.2-3\n');
  const user = await koji('userinfo', 'kojiadmin');
  expect(user).toMatch(/^User name: kojiadmin\nUser ID: \d+\n/);
  expect(user).toMatch(/\nNumber of tasks: 0\nNumber of builds: 1\n\n$/);
  expect(await koji('list-users')).toBe('kojiadmin\n');
});

/** Arguments with which each command that reads finds something in this hub. */
const reading: Readonly<Record<string, readonly string[]>> = {
  buildinfo: ['pkgc-1.2-3'],
  'create-token': ['robot'],
  'diff-builds': ['pkgc-1.2-3', 'nomd5-1.0-1'],
  'diff-tags': ['f44', 'f44-build', '--no-inherit'],
  hostinfo: ['builder1'],
  'latest-build': ['f44', '--all'],
  'list-api': [],
  'list-buildroot': ['1'],
  'list-builds': ['--package=pkgc'],
  'list-channels': [],
  'list-external-repos': ['--used', '--name=ext'],
  'list-groups': ['f44'],
  'list-history': ['--tag=f44'],
  'list-hosts': [],
  'list-notifications': ['--mine'],
  'list-permissions': ['--mine'],
  'list-pkgs': ['--tag=f44'],
  'list-signed': ['--build=pkgc-1.2-3'],
  'list-tag-inheritance': ['f44-build'],
  'list-tagged': ['f44'],
  'list-tags': ['f44*'],
  'list-targets': [],
  'list-tasks': [],
  'list-tokens': [],
  'list-untagged': ['--show-references'],
  'list-users': [],
  'list-volumes': [],
  repoinfo: ['1'],
  rpminfo: ['pkgc-1.2-3.src', '--buildroots'],
  'scheduler-info': [],
  'scheduler-logs': [],
  search: ['build', 'pkg*'],
  'show-groups': ['f44'],
  taginfo: ['f44-build'],
  taskinfo: ['1'],
  userinfo: ['kojiadmin'],
  version: [],
  whoami: [],
  why: ['pkgc-1.2-3', '--tag=f44'],
};

test('every command that reads tells what it found as JSON, with the fields that it declares', async () => {
  await admin.call('addHost', ['builder1', ['x86_64']]);
  await admin.call('makeTask', ['sleep', [1]]);
  await admin.call('createNotification', [(await admin.getLoggedInUser())?.id, null, null, false]);
  await admin.call('packageListAdd', ['f44', 'pkgc', 'kojiadmin']);
  await koji('import', ...['src', 'noarch'].map((arch) => join(rpms, `nomd5-1.0-1.${arch}.rpm`)));
  // The doctor's findings depend on the machine: see its own test.
  const tellers = (await loadBuiltInCommands()).filter(({ name, data }) => data && name !== 'doctor');
  expect(tellers.map(({ name }) => name).sort()).toEqual(Object.keys(reading).sort());
  for (const { name, data } of tellers) {
    const { code, stdout } = await hub.koji(name, ...(reading[name] ?? []), '--json');
    expect([name, code]).toEqual([name, 0]);
    const told: unknown = JSON.parse(stdout);
    const rows = (data?.one ? [told] : told) as Record<string, unknown>[];
    expect(Array.isArray(rows)).toBe(true);
    // Nothing was built or signed in this hub.
    if (['latest-build', 'list-tagged', 'list-signed', 'repoinfo', 'scheduler-info'].includes(name)) continue;
    const always = Object.entries(data?.adds ?? {}).filter(([, text]) => !text.startsWith('with '));
    if (name === 'rpminfo')
      always.splice(0, always.length, ['build', ''], ['buildroot', ''], ['buildroots', '']);
    if (name !== 'scheduler-logs') expect([name, rows.length]).not.toEqual([name, 0]);
    for (const row of rows)
      expect([name, Object.keys(row)]).toEqual([
        name,
        expect.arrayContaining(always.map(([field]) => field)),
      ]);
  }
});

test('fields are chosen by name, and lines written by a template', async () => {
  expect(JSON.parse(await koji('list-tags', '--json=name,locked', 'f44*'))).toEqual([
    { name: 'f44', locked: false },
    { name: 'f44-build', locked: false },
  ]);
  expect(JSON.parse(await koji('taginfo', '--json=name,extra.a,extra.none', 'f44'))).toEqual([
    { name: 'f44', 'extra.a': 1, 'extra.none': null },
  ]);
  expect(await koji('list-tags', '--format', '%-10{name}|%5{locked}|100%%\\t%{perm}.', 'f44*')).toBe(
    'f44       |false|100%\t.\nf44-build |false|100%\t.\n',
  );
  expect(await koji('hostinfo', '--format', '%{name} %{buildroots}', 'builder1')).toBe('builder1 \n');
  expect(await hub.koji('buildinfo', '--json=nvr', 'pkgc-1.2-3', 'none-1-1')).toMatchObject({
    code: 1,
    stdout: '[\n  {\n    "nvr": "pkgc-1.2-3"\n  }\n]\n',
    stderr: 'No such build: none-1-1\n\n',
  });
  expect((await hub.koji('list-pkgs', '--json', '--tag=f44-build', '--noinherit')).stdout).toBe('[]\n');
  for (const [args, message] of [
    [['--json=nmae'], "option --json: no field 'nmae' (there are: arches, id, locked,"],
    [['--format=%{nmae}'], "option --format: no field 'nmae'"],
    [['--format=%name'], 'option --format: a % that does not start %{field}'],
    [['--json=a,'], "option --json: an empty name in 'a,'"],
    [['--json', '--format=x'], '--json and --format exclude each other'],
    [['--form=x'], 'no such option: --form'],
  ] as const) {
    const { code, stdout, stderr } = await hub.koji('list-tags', ...args);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
  }
  expect(await koji('list-tags', '--help')).not.toContain('--json');
});
