import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientSession } from '../src/index.js';
import { useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

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
  const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms/', import.meta.url));
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
