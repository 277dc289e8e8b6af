import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, readdir, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ArchiveInfo } from '@koji/core/api';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const app = { group_id: 'org.example', artifact_id: 'app', version: '1.0' };
const pom = (version: string): string => `<?xml version="1.0"?>
<!DOCTYPE project [<!ENTITY x "y">]>
<project><!-- <version>9</version> --><parent><groupId>org.example</groupId><version>7</version></parent>
<artifactId>app</artifactId><version><![CDATA[${version}]]></version><name>&x;</name>
<dependencies><dependency><version>3</version></dependency></dependencies></project>`;

/** A tar archive of one file, with a name too long for its header. */
function tarOf(name: string, content: string): Buffer {
  const member = (kind: string, title: string, body: string): Buffer => {
    const header = Buffer.alloc(512);
    header.write(title, 0);
    for (const [value, at] of [
      [0o640, 100],
      [body.length, 124],
      [1580000000, 136],
    ] as const)
      header.write(value.toString(8), at);
    header.write(' '.repeat(8) + kind, 148);
    header.write('builder', 265);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8)}\0`, 148);
    const blocks = Buffer.alloc(Math.ceil(body.length / 512) * 512);
    blocks.write(body);
    return Buffer.concat([header, blocks]);
  };
  return Buffer.concat([
    member('L', '././@LongLink', `${name}\0`),
    member('0', 'short', content),
    Buffer.alloc(1024),
  ]);
}

describe.each(databases)('archives on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes', EnableMaven: 'yes', EnableWin: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    await admin('createEmptyBuild', ['app', '1.0', '1', null]);
    await admin('createMavenBuild', ['app-1.0-1', app]);
    await admin('createEmptyBuild', ['tool', '1', '1', null]);
    await admin('createWinBuild', ['tool-1-1', { platform: 'x64' }]);
    await admin('createEmptyBuild', ['disk', '1', '1', null]);
    await admin('createImageBuild', ['disk-1-1']);
    await mkdir(path.join(hub.kojiDir, 'work/ar'), { recursive: true });
  });
  afterAll(() => hub.stop());

  const put = (name: string, content: string | Buffer): Promise<void> =>
    writeFile(path.join(hub.kojiDir, 'work/ar', name), content);
  const add = (name: string, build: string, type: string, info: object): Promise<unknown> =>
    admin('importArchive', [`ar/${name}`, build, type, info]);

  it('of Maven go into a repository with checksums beside them, a POM only where it belongs', async () => {
    await put('app-1.0.pom', pom('1.0'));
    await expect(
      faultOf(add('app-1.0.pom', 'app-1.0-1', 'maven', { ...app, version: '2' })),
    ).resolves.toEqual([
      1005,
      'Maven info from .pom file (org.example-app-1.0) does not match user-supplied typeInfo (org.example-app-2)',
    ]);
    await add('app-1.0.pom', 'app-1.0-1', 'maven', app);
    const folder = path.join(hub.kojiDir, 'packages/app/1.0/1/maven/org/example/app/1.0');
    expect((await readdir(folder)).sort()).toEqual(['app-1.0.pom', 'app-1.0.pom.md5', 'app-1.0.pom.sha1']);
    expect(await readFile(path.join(folder, 'app-1.0.pom.sha1'), 'utf8')).toBe(
      createHash('sha1').update(pom('1.0')).digest('hex'),
    );
    const [archive] = await admin<ArchiveInfo[]>('listArchives', [], { type: 'maven' });
    expect(archive).toMatchObject({ ...app, filename: 'app-1.0.pom', checksum_type: 2, type_name: 'pom' });
    await expect(faultOf(admin('listArchiveFiles', [archive?.id], { strict: true }))).resolves.toEqual([
      1000,
      'Unsupported archive type: pom',
    ]);
  });

  it('tell what is in them', async () => {
    const name = `deep/${'n'.repeat(120)}.txt`;
    await put('notes.tar.gz', gzipSync(tarOf(name, 'text')));
    await add('notes.tar.gz', 'disk-1-1', 'image', { arch: 'noarch' });
    const [archive] = await admin<ArchiveInfo[]>('listArchives', [], { type: 'image' });
    expect(await admin('listArchiveFiles', [archive?.id])).toEqual([
      { archive_id: archive?.id, name, size: 4, mtime: 1580000000, mode: 0o640, user: 'builder', group: '' },
    ]);
    expect(await admin('getArchiveFile', [archive?.id, name])).toMatchObject({ size: 4 });
    expect(await admin('getArchiveFile', [archive?.id, 'nosuch'])).toBeNull();
    await put('broken.zip', 'no zip at all');
    await add('broken.zip', 'tool-1-1', 'win', { relpath: '/a/b/', platforms: ['x64'], flags: null });
    const [broken] = await admin<ArchiveInfo[]>('listArchives', [], { type: 'win' });
    expect(await admin('getWinArchive', [broken?.id])).toMatchObject({ relpath: 'a/b', flags: null });
    await expect(faultOf(admin('listArchiveFiles', [broken?.id]))).resolves.toEqual([
      1000,
      'not a zip archive: no directory',
    ]);
  });

  it('that are refused leave no row and no file, no matter who chose their path', async () => {
    await put('x.zip', 'x');
    const outside = { relpath: '../../../..', platforms: ['x64'], flags: [] };
    await expect(faultOf(add('x.zip', 'tool-1-1', 'win', outside))).resolves.toEqual([
      1000,
      'Invalid path: ../../../..',
    ]);
    await expect(faultOf(add('../../koji.db', 'tool-1-1', 'win', outside))).resolves.toEqual([
      1000,
      expect.stringMatching(/^No such file: /),
    ]);
    await expect(faultOf(add('x.zip', 'app-1.0-1', 'image', { arch: 'x86_64' }))).resolves.toEqual([
      1020,
      'Build does not have type image',
    ]);
    expect(await admin('listArchives', [], { filename: 'x.zip' })).toEqual([]);
    expect((await lstat(path.join(hub.kojiDir, 'work/ar/x.zip'))).isFile()).toBe(true);
    const alice = await asking(hub, 'alice');
    await expect(faultOf(alice('importArchive', ['ar/x.zip', 'tool-1-1', 'win', {}]))).resolves.toEqual([
      1004,
      'win-import permission required (logged in as alice)',
    ]);
  });

  it('come from builders, too, by the path that they see', async () => {
    const builder = await hub.builder('b1', ['x86_64']);
    const task = await admin<number>('makeTask', ['build', ['git://example.com/tool#1', null]]);
    await admin('assignTask', [task, builder.hostId], { force: true });
    await builder('host.openTask', [task]);
    const begun = { name: 'tool', version: '7', release: '1', epoch: null, task_id: task };
    const build = await admin('getBuild', [await builder('host.initBuild', [begun])]);
    await admin('createWinBuild', ['tool-7-1', { platform: 'x' }]);
    const file = path.join(hub.kojiDir, 'work/tasks', String(task), String(task), 'y.zip');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'y');
    const info = { relpath: '', platforms: ['x64'], flags: ['fre'] };
    await builder('host.importArchive', [file, build, 'win', info]);
    expect(await readlink(file)).toBe('../../../../packages/tool/7/1/win/y.zip');
    await expect(faultOf(builder('host.importArchive', [file, build, 'image', {}]))).resolves.toEqual([
      1000,
      'unsupported archive type: image',
    ]);
  });

  it('packed by xz are read as well', async () => {
    await put('site.tar', tarOf('site', 'text'));
    await promisify(execFile)('xz', [path.join(hub.kojiDir, 'work/ar/site.tar')]);
    await add('site.tar.xz', 'disk-1-1', 'image', { arch: 'noarch' });
    const [archive] = await admin<ArchiveInfo[]>('listArchives', [], { filename: 'site.tar.xz' });
    expect(await admin('listArchiveFiles', [archive?.id], { queryOpts: { countOnly: true } })).toBe(1);
  });
});
