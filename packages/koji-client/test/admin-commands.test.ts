import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientSession } from '../src/index.js';
import { errorOf, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;

const { koji } = useHub((opened) => {
  ({ hub, admin } = opened);
});

test('tags are edited, locked and given parents, targets made of them', async () => {
  await koji('add-tag', 'f44');
  await koji('add-tag', 'f44-build');
  await koji('edit-tag', 'f44-build', '--arches=x86_64', '-x', 'a={"b": [1]}', '-x', 'n=2', '--lock');
  expect(await admin.getTag('f44-build')).toMatchObject({
    arches: 'x86_64',
    locked: true,
    extra: { a: { b: [1] }, n: 2 },
  });
  expect(await koji('unlock-tag', '--glob', 'f44*')).toBe('Tag f44: not locked\n');
  expect(await koji('lock-tag', '--test', 'f44')).toBe(
    'Would have set permission requirement admin for tag f44\n',
  );
  await koji('add-tag-inheritance', 'f44-build', 'f44', '--priority=5', '--maxdepth=2');
  await koji('edit-tag-inheritance', 'f44-build', 'f44', '--priority=7', '--maxdepth=none', '--noconfig');
  expect(await admin.call('getInheritanceData', ['f44-build'])).toMatchObject([
    { priority: 7, maxdepth: null, noconfig: true },
  ]);
  expect(await hub.koji('add-tag-inheritance', 'f44-build', 'f44')).toMatchObject({ code: 1 });
  await koji('add-target', 'f44', 'f44-build');
  expect(await koji('list-targets')).toBe(
    `${'Name'.padEnd(30)} ${'Buildroot'.padEnd(30)} ${'Destination'.padEnd(30)}\n${'-'.repeat(93)}\n` +
      `${'f44'.padEnd(30)} ${'f44-build'.padEnd(30)} ${'f44'.padEnd(30)}\n`,
  );
  await koji('edit-target', 'f44', '--rename=f44-candidate');
  expect(errorOf(await hub.koji('list-targets', '--name=f44'))).toEqual([2, 'No such build target: f44\n']);
  await koji('remove-target', 'f44-candidate');
  await koji('remove-tag-inheritance', 'f44-build', 'f44');
  expect(await hub.koji('remove-tag-inheritance', 'f44-build')).toMatchObject({
    code: 1,
    stderr: 'No inheritance link found to remove.  Please check your arguments\n',
  });
});

test('packages get owners and arches, are blocked and removed', async () => {
  await koji('add-user', 'alice');
  await koji('add-pkg', '--owner=kojiadmin', 'f44', 'bash', 'zsh');
  await koji('set-pkg-owner', 'alice', 'f44', 'bash');
  await koji('set-pkg-arches', 'i686,x86_64', 'f44', 'bash');
  await koji('block-pkg', 'f44', 'zsh');
  expect(await koji('list-pkgs', '--tag=f44', '--show-blocked', '--quiet')).toBe(
    `${'bash'.padEnd(23)} ${'f44'.padEnd(23)} ${'i686 x86_64'.padEnd(16)} ${'alice'.padEnd(15)}\n` +
      `${'zsh'.padEnd(23)} ${'f44'.padEnd(23)} ${''.padEnd(16)} ${'kojiadmin'.padEnd(15)} [BLOCKED]\n`,
  );
  expect(await koji('set-pkg-owner-global', '--test', '--old-user=alice', 'kojiadmin')).toBe(
    'Would have changed owner for bash in tag f44: alice -> kojiadmin\n',
  );
  await koji('unblock-pkg', 'f44', 'zsh');
  await koji('remove-pkg', 'f44', 'zsh');
  expect(await hub.koji('remove-pkg', 'f44', 'zsh')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Package zsh is not in tag f44\n',
  });
});

test('hosts and channels are switched, users edited', async () => {
  await koji('add-host', 'b1.example.com', 'x86_64');
  expect(await koji('add-channel', 'images', '--description=d')).toMatch(/^images added: id \d+\n$/);
  await koji('add-host-to-channel', 'b1.example.com', 'images');
  expect(await koji('edit-host', 'b1.example.com', '--capacity=3.5', '--arches=i686')).toBe(
    'Edited b1.example.com\n',
  );
  await koji('disable-host', 'b1.example.com', '--comment=broken');
  expect(await admin.getHost('b1.example.com')).toMatchObject({
    capacity: 3.5,
    arches: 'i686',
    enabled: false,
    comment: 'broken',
  });
  await koji('disable-channel', 'images', '--comment=moving');
  expect(await admin.call('getChannel', ['images'])).toMatchObject({ enabled: false, comment: 'moving' });
  expect(await hub.koji('enable-host', 'b1.example.com', 'nosuch')).toEqual({
    code: 1,
    stdout: 'No such host: nosuch\n',
    stderr: 'No changes made. Please correct the command line.\n',
  });
  await koji('remove-host-from-channel', 'b1.example.com', 'images');
  await koji('edit-user', 'alice', '--rename=anna', '--add-krb=anna@EXAMPLE.COM');
  await koji('grant-permission', '--new', 'sign', 'anna');
  await koji('revoke-permission', 'sign', 'anna');
  await koji('disable-user', 'anna');
  expect(await admin.getUser('anna')).toMatchObject({ status: 1, krb_principals: ['anna@EXAMPLE.COM'] });
});

const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms/', import.meta.url));

test('signatures are imported, builds listed and downloaded, wrong files refused', async () => {
  const source = join(rpms, 'pkgc-1.2-3.src.rpm');
  await koji('import', source);
  expect(await koji('import-sig', source)).toBe(`Skipping unsigned package: ${source}\n`);
  expect(errorOf(await hub.koji('import-sig', 'nosuch.rpm'))).toEqual([2, 'No such file: nosuch.rpm\n']);
  expect(await koji('list-builds', '--package=pkgc', '--quiet')).toBe(
    `${'pkgc-1.2-3'.padEnd(55)}  ${'kojiadmin'.padEnd(16)}  COMPLETE\n`,
  );
  await admin.call('packageListAdd', ['f44', 'pkgc', 'kojiadmin']);
  await admin.tagBuildBypass('f44', 'pkgc-1.2-3');
  expect(await koji('latest-build', '--quiet', 'f44', 'pkgc')).toBe(
    `${'pkgc-1.2-3'.padEnd(40)}  ${'f44'.padEnd(20)}  kojiadmin\n`,
  );
  expect(await koji('download-build', '--noprogress', 'pkgc-1.2-3')).toBe(
    'Downloading [1/1]: pkgc-1.2-3.src.rpm\n',
  );
  expect(await koji('download-build', '--noprogress', '--latestfrom=f44', 'pkgc')).toBe(
    'Downloading [1/1]: pkgc-1.2-3.src.rpm\nFile pkgc-1.2-3.src.rpm already downloaded, skipping\n',
  );
  await writeFile(join(hub.folder, 'pkgc-1.2-3.src.rpm'), 'not the start of it');
  const ran = await hub.koji('download-build', '--quiet', 'pkgc-1.2-3');
  expect([ran.code, ran.stderr.split('\n').at(-2)]).toEqual([
    1,
    'Downloaded rpm pkgc-1.2-3.src.rpm is not valid rpm file, deleting',
  ]);
});
