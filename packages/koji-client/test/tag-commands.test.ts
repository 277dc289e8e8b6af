import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientSession } from '../src/index.js';
import { useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;

const { koji, failed } = useHub(async (opened) => {
  ({ hub, admin } = opened);
  await admin.createTag('base');
  await admin.createTag('f44', 'base', 'x86_64');
  await admin.createTag('extras');
  await admin.createTag('f44-build', 'f44');
  const parent_id = await admin.getTagID('extras', true);
  await admin.setInheritanceData('f44', [
    { parent_id, priority: 5, maxdepth: 1, intransitive: false, noconfig: true, pkg_filter: '' },
  ]);
  await admin.packageListAdd('f44', 'pkgc', 'kojiadmin');
});

test('inheritance is drawn as a tree in both directions', async () => {
  const drawn = (text: string): string => text.replace(/\(\d+\)/g, '(ID)');
  expect(drawn(await koji('list-tag-inheritance', 'f44-build'))).toBe(
    '     f44-build (ID)\n' + '....  └─f44 (ID)\n' + '....     ├─base (ID)\n' + 'M..N     └─extras (ID)\n',
  );
  expect(drawn(await koji('list-tag-inheritance', '--reverse', 'base'))).toBe(
    '     base (ID)\n....  └─f44 (ID)\n....     └─f44-build (ID)\n',
  );
  expect(await failed('list-tag-inheritance', '--jump=x', 'f44')).toEqual([
    2,
    '--jump option has been removed in 1.26\n',
  ]);
});

test('groups go from a comps file into a tag and out again', async () => {
  const file = join(hub.folder, 'comps.xml');
  await writeFile(
    file,
    '<comps><group><id>build</id><name>Build</name><description>d &amp; e</description><uservisible>true</uservisible>' +
      '<packagelist><packagereq>bash</packagereq><packagereq type="conditional" requires="gtk">emacs</packagereq>' +
      '</packagelist></group></comps>',
  );
  expect(await koji('import-comps', file, 'f44')).toBe(
    'Group: build (Build)\n' +
      "  Package: bash: {'basearchonly': False, 'type': 'mandatory'}\n" +
      "  Package: emacs: {'basearchonly': False, 'requires': 'gtk', 'type': 'conditional'}\n",
  );
  expect(await failed('import-comps', file, 'nosuch')).toEqual([1, 'No such tag: nosuch\n']);
  const comps = await koji('show-groups', '--comps', 'f44-build');
  expect(comps).toContain('<description>d &amp; e</description>');
  expect(comps).toContain('<packagereq type="conditional" requires="gtk">emacs</packagereq>');
  expect(await koji('show-groups', '--spec', 'f44')).toContain(
    '#Group: build\nRequires: bash\nRequires: emacs\n',
  );
  expect(await koji('show-groups', 'f44')).toMatch(/^\[\{'biarchonly': False,\n {2}'blocked': False,\n/);
  expect(await failed('show-groups', '--spec', '--show-blocked', 'f44')).toEqual([
    2,
    "--show-blocked doesn't make sense for comps/spec output\n",
  ]);
});

test('a tag is cloned, and again onto the clone unless that is locked', async () => {
  await koji('clone-tag', '--config', '--pkgs', 'f44', 'f45');
  expect(await admin.getTag('f45')).toMatchObject({ arches: 'x86_64' });
  await admin.packageListAdd('f44', 'zsh', 'kojiadmin');
  await koji('clone-tag', '--pkgs', '--groups', 'f44', 'f45');
  expect((await admin.listPackages('f45')).map((entry) => entry.package_name).sort()).toEqual([
    'pkgc',
    'zsh',
  ]);
  expect(await admin.getTagGroups('f45')).toMatchObject([{ name: 'build' }]);
  await admin.call('editTag2', ['f45'], { locked: true });
  expect((await failed('clone-tag', '--pkgs', 'f44', 'f45'))[0]).toBe(2);
  await koji('clone-tag', '--pkgs', '--force', 'f44', 'f45');
  expect(await failed('clone-tag', '--builds', 'f44', 'f46')).toEqual([
    2,
    "--builds can't be used without also specifying --pkgs\n",
  ]);
  expect(await failed('clone-tag', 'nosuch', 'f46')).toEqual([2, 'No such src-tag: nosuch\n']);
});

test('history tells what came, went and changed, by which user', async () => {
  await admin.createTag('past', null, 'x86_64');
  await admin.call('editTag2', ['past'], { arches: 'x86_64 s390x' });
  await admin.packageListAdd('past', 'pkgc', 'kojiadmin');
  await admin.packageListRemove('past', 'pkgc', true);
  const told = (text: string): string[] =>
    text
      .replace(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}/gm, 'TIME')
      .replace(/eid \d+/g, 'eid N')
      .split('\n');
  expect(told(await koji('list-history', '--tag=past'))).toEqual([
    'TIME new tag: past by kojiadmin',
    'TIME tag configuration for past altered by kojiadmin [still active]',
    '    arches: x86_64 -> x86_64 s390x',
    'TIME package owner kojiadmin set for pkgc in past by kojiadmin [still active]',
    'TIME package list entry created: pkgc in past by kojiadmin',
    'TIME package list entry revoked: pkgc in past by kojiadmin',
    '',
  ]);
  const verbose = told(await koji('list-history', '--tag=past', '-v', '--show=tag_packages', '--utc'));
  expect(verbose.slice(0, 3)).toEqual([
    'TIME (eid N) package list entry created: pkgc in past by kojiadmin',
    '    blocked: False',
    '    extra_arches: None',
  ]);
  expect(await koji('list-history', '--tag=past', '--before=2001-01-01')).toBe('');
  expect(await failed('list-history')).toEqual([2, 'Please specify an option to limit the query\n']);
  expect(await failed('list-history', '--host=nosuch')).toEqual([1, 'No such host: nosuch\n']);
});

test('permissions are listed, of all and of one user', async () => {
  await admin.createUser('alice');
  await admin.grantPermission('alice', 'tag');
  const list = await koji('list-permissions');
  expect(list).toMatch(/^Permission name +Description +\n-+\nadmin +Full administrator access/);
  expect(await koji('list-permissions', '--user=alice')).toBe(
    `Permission name   \n${'-'.repeat(18)}\ntag               \n`,
  );
  expect(await koji('list-permissions', '--mine', '--quiet')).toMatch(/^admin *\n$/);
  expect(await failed('list-permissions', '--user=nosuch')).toEqual([1, 'No such user: nosuch\n']);
});

const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms/', import.meta.url));

test('signed copies are listed, and pruned unless their build is, or was lately, the latest of a tag', async () => {
  await koji('import', '--create-build', join(rpms, 'nomd5-six-1.0-1.noarch.rpm'));
  await admin.packageListAdd('f44', 'nomd5', 'kojiadmin');
  const [rpm] = await admin.listRPMs((await admin.getBuild('nomd5-1.0-1'))?.id ?? 0);
  const [signature] = await admin.queryRPMSigs(rpm?.id ?? 0);
  const sigkey = signature?.sigkey ?? '';
  expect(sigkey).not.toBe('');
  const copy = join(
    hub.kojiDir,
    `packages/nomd5/1.0/1/data/signed/${sigkey}/noarch/nomd5-six-1.0-1.noarch.rpm`,
  );
  await mkdir(dirname(copy), { recursive: true });
  await writeFile(copy, 'signed');
  const old = new Date(Date.now() - 10 * 86_400_000);
  await utimes(copy, old, old);
  expect(await koji('list-signed', '--build=nomd5-1.0-1')).toBe(`${copy}\n`);
  expect(await koji('list-signed', '--rpm=nomd5-six-1.0-1.noarch', '--key=nosuch')).toBe('');
  expect((await failed('list-signed'))[0]).toBe(2);
  await admin.tagBuildBypass('f44', 'nomd5-1.0-1');
  expect(await koji('list-signed', '--tag=f44')).toBe(`${copy}\n`);
  const nothing = '--- Grand Totals ---\nFiles: 0\nBytes: 0\n';
  expect(await koji('prune-signed-copies', '--test')).toBe(nothing);
  await admin.untagBuild('f44', 'nomd5-1.0-1');
  expect(await koji('prune-signed-copies', '--test')).toBe(nothing);
  const removed = '--- Grand Totals ---\nFiles: 1\nBytes: 6\n';
  const folders = [dirname(copy), dirname(dirname(copy))];
  expect(await koji('prune-signed-copies', '--test', '--days=-1')).toBe(
    `Would have unlinked: ${copy}\n${folders.map((folder) => `Would have removed dir: ${folder}\n`).join('')}${removed}`,
  );
  expect(await koji('prune-signed-copies', '--ignore-tag=f4*', '--verbose')).toBe(
    'Getting builds...\n...got 1 builds\n' +
      `Unlinking: ${copy}\n` +
      folders.map((folder) => `Removing dir: ${folder}\n`).join('') +
      `Build: nomd5-1.0-1, Removed 1 signed copies (6 bytes). Total: 1/6\n${removed}`,
  );
  expect(existsSync(folders[1] ?? '')).toBe(false);
  expect(await failed('prune-signed-copies', '--build=nosuch-1-1')).toEqual([
    2,
    'No such build: nosuch-1-1\n',
  ]);
});
