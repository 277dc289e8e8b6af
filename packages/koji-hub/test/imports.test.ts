import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, readFile, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { ImportedRpm, RpmListItem, RpmSignature } from '@koji/core/api';
import { RpmHeader } from '@koji/core/rpm';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const rpms = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms');
const source = 'pkgc-1.2-3.src.rpm';
const binary = 'pkgc-1.2-3.x86_64.rpm';

describe.each(databases)('imports on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
  });
  afterAll(() => hub.stop());

  const upload = async (directory: string, file: string, name = file): Promise<void> => {
    await mkdir(path.join(hub.kojiDir, 'work', directory), { recursive: true });
    await cp(path.join(rpms, file), path.join(hub.kojiDir, 'work', directory, name));
  };
  const build = (): string => path.join(hub.kojiDir, 'packages/pkgc/1.2/3');

  it('of a binary rpm need its build', async () => {
    await upload('a', binary);
    await expect(faultOf(admin('importRPM', ['a', binary]))).resolves.toEqual([1000, 'No such build']);
    expect((await lstat(path.join(hub.kojiDir, 'work/a', binary))).isFile()).toBe(true);
  });

  it('of a source rpm make the build, keep the signature header and leave a link behind', async () => {
    await upload('a', source);
    const rpm = await admin<ImportedRpm>('importRPM', ['a', source]);
    expect(rpm).toMatchObject({
      name: 'pkgc',
      version: '1.2',
      release: '3',
      epoch: null,
      arch: 'src',
      sourcepackage: 1,
      sourcerpm: null,
      size: 8005,
      payloadhash: 'c6ebf009ddcc9b41d3ec9b3ea058d7db',
      draft: false,
      brootid: null,
      build: { nvr: 'pkgc-1.2-3', state: 1 },
    });
    expect(await readlink(path.join(hub.kojiDir, 'work/a', source))).toBe(
      `../../packages/pkgc/1.2/3/src/${source}`,
    );
    expect(
      (await readdir(build(), { recursive: true })).filter((name) => /\.(rpm|sig)$/.test(name)).sort(),
    ).toEqual([`data/sigcache/src/${source}.sig`, `src/${source}`]);
    expect(await admin('getBuildType', ['pkgc-1.2-3'])).toEqual({ rpm: null });
    const [signature] = await admin<RpmSignature[]>('queryRPMSigs', ['pkgc-1.2-3.src']);
    expect(signature).toMatchObject({ rpm_id: rpm.id, sigkey: '' });
  });

  it('of the binary rpm find the build then, and mark the tags it is in', async () => {
    await admin('createTag', ['dest']);
    await admin('tagBuildBypass', ['dest', 'pkgc-1.2-3']);
    const { id: tag } = await admin<{ id: number }>('getTag', ['dest']);
    const { id: event } = await admin<{ id: number }>('getLastEvent');
    await admin('importRPM', ['a', binary]);
    expect(await admin('tagChangedSinceEvent', [event, [tag]])).toBe(true);
    const listed = await admin<RpmListItem[]>('listBuildRPMs', ['pkgc-1.2-3']);
    expect(listed.map((rpm) => rpm.arch).sort()).toEqual(['src', 'x86_64']);
    expect(
      await admin('getRPMHeaders', ['pkgc-1.2-3.x86_64'], {
        headers: ['Name', 'sourcerpm', 'epoch', 'filenames'],
      }),
    ).toEqual({
      Name: 'pkgc',
      sourcerpm: source,
      epoch: null,
      filenames: ['/etc/pkgc.conf', '/usr/lib/pkgc', '/usr/lib/pkgc/plugin.txt'],
    });
  });

  it('are refused a second time, and change nothing', async () => {
    await upload('again', binary);
    await expect(faultOf(admin('importRPM', ['again', binary]))).resolves.toEqual([
      1000,
      'rpm already exists: pkgc-1.2-3.x86_64',
    ]);
    expect((await lstat(path.join(hub.kojiDir, 'work/again', binary))).isFile()).toBe(true);
    expect((await lstat(path.join(build(), 'x86_64', binary))).isFile()).toBe(true);
  });

  it('are refused under a name that is not the header’s, outside the work area, or when they are not rpms', async () => {
    await upload('a', source, 'renamed.src.rpm');
    await expect(faultOf(admin('importRPM', ['a', 'renamed.src.rpm']))).resolves.toEqual([
      1000,
      `bad filename: renamed.src.rpm (expected ${source})`,
    ]);
    const work = path.join(hub.kojiDir, 'work');
    await expect(faultOf(admin('importRPM', ['../packages', source]))).resolves.toEqual([
      1000,
      `No such file: ${work}/../packages/${source}`,
    ]);
  });

  it('leave a signature of another key beside the first, once', async () => {
    const signer = await asking(hub, 'signer');
    await admin('grantPermission', ['signer', 'sign']);
    const [unsigned] = await admin<RpmSignature[]>('queryRPMSigs', ['pkgc-1.2-3.x86_64']);
    expect(unsigned?.sigkey).toBe('');
    const header = Buffer.from('not a header').toString('base64');
    const [code, text] = await faultOf(signer('addRPMSig', ['pkgc-1.2-3.x86_64', header]));
    expect([code, text]).toEqual([1000, "Invalid rpm header: bad magic: b'not'"]);
    await expect(faultOf(admin('addRPMSig', [987654, header]))).resolves.toEqual([
      1000,
      "No such rpm: {'id': 987654}",
    ]);
  });

  it('have signed copies with checksums, and signatures that can be forgotten', async () => {
    const nvra = 'pkgc-1.2-3.x86_64';
    const { id } = await admin<{ id: number }>('getRPM', [nvra]);
    expect(await admin('getRPMChecksums', [id, ['sha1']], { cacheonly: true })).toEqual({
      '': { sha1: null },
    });
    await admin('writeSignedRPM', [nvra, '']);
    const copy = path.join(build(), 'data/signed/x86_64', binary);
    // With its own signature it is what it was.
    expect(await readFile(copy)).toEqual(await readFile(path.join(rpms, binary)));
    const md5 = createHash('md5')
      .update(await readFile(copy))
      .digest('hex');
    expect(await admin('getRPMChecksums', [id])).toMatchObject({ '': { md5 } });
    const builder = await hub.builder('b1', ['x86_64']);
    await builder('host.writeSignedRPM', [nvra, '', true]);
    await expect(faultOf(admin('writeSignedRPM', [nvra, 'ABCD']))).resolves.toEqual([
      1000,
      `No cached signature for package ${nvra}, key abcd`,
    ]);
    await admin('deleteRPMSig', [nvra], { all_sigs: true });
    expect(await admin('queryRPMSigs', [id])).toEqual([]);
    expect(await lstat(copy).catch(() => null)).toBeNull();
    const [kept] = await readdir(path.join(build(), 'data/sigcache/x86_64'));
    expect(kept).toMatch(/\.sig\.[0-9a-f]{32}\.save$/);
  });

  it('of rpms without an MD5 know them by the SHA-256 of their headers, with their signatures', async () => {
    const files = ['nomd5-1.0-1.src.rpm', 'nomd5-1.0-1.noarch.rpm', 'nomd5-six-1.0-1.noarch.rpm'];
    const imported: Record<string, ImportedRpm> = {};
    for (const file of files) {
      await upload('nomd5', file);
      imported[file] = await admin<ImportedRpm>('importRPM', ['nomd5', file]);
    }
    const [source = '', plain = '', signed = ''] = files;
    const sha256 = (file: string): string => imported[file]?.payloadhash ?? '';
    for (const file of files) {
      const header = await RpmHeader.read(path.join(rpms, file));
      expect(sha256(file)).toBe(createHash('sha256').update(header.main.bytes).digest('hex'));
      expect(await admin('getRPM', [imported[file]?.id])).toMatchObject({ payloadhash: sha256(file) });
    }
    const keysOf = async (file: string): Promise<string[]> =>
      (await admin<RpmSignature[]>('queryRPMSigs', [imported[file]?.id])).map(({ sigkey }) => sigkey).sort();
    expect([await keysOf(source), await keysOf(plain), await keysOf(signed)]).toEqual([
      [''],
      [''],
      ['29054def'],
    ]);

    // A signature for the other package: what it signs is named by the digest alone.
    const six = (await RpmHeader.read(path.join(rpms, signed))).signature.bytes;
    const forPlain = Buffer.from(six);
    forPlain.write(sha256(plain), six.indexOf(sha256(signed)));
    await expect(
      faultOf(admin('addRPMSig', ['nomd5-1.0-1.noarch', six.toString('base64')])),
    ).resolves.toEqual([1000, `wrong sha256 for nomd5-1.0-1.noarch: ${sha256(signed)}`]);
    await admin('addRPMSig', ['nomd5-1.0-1.noarch', forPlain.toString('base64')]);
    expect(await keysOf(plain)).toEqual(['', '29054def']);
    await expect(
      faultOf(admin('addRPMSig', ['nomd5-1.0-1.noarch', forPlain.toString('base64')])),
    ).resolves.toEqual([1000, 'Signature already exists for package nomd5-1.0-1.noarch, key 29054def']);
    await admin('writeSignedRPM', ['nomd5-1.0-1.noarch', '29054def']);
    const copy = path.join(
      hub.kojiDir,
      'packages/nomd5/1.0/1/data/signed/29054def/noarch/nomd5-1.0-1.noarch.rpm',
    );
    expect((await RpmHeader.read(copy)).info().payloadhash).toBe(sha256(plain));
  });

  it('refuse a signature header without any digest, whatever rpm it is for', async () => {
    const six = (await RpmHeader.read(path.join(rpms, 'nomd5-six-1.0-1.noarch.rpm'))).signature.bytes;
    const silent = Buffer.from(six);
    silent.writeUInt32BE(999, silent.indexOf(Buffer.from('0000011100000006', 'hex')));
    for (const nvra of ['nomd5-1.0-1.noarch', 'pkgc-1.2-3.x86_64'])
      await expect(faultOf(admin('addRPMSig', [nvra, silent.toString('base64')]))).resolves.toEqual([
        1000,
        `wrong md5 for ${nvra}: the header has no digest`,
      ]);
  });

  it('answer all headers by the names that Koji lists, and any by every name that rpm knows', async () => {
    const file = 'pkgc-1.2-3.x86_64.rpm';
    const all = await admin('getRPMHeaders', ['pkgc-1.2-3.x86_64']);
    const header = await RpmHeader.read(path.join(rpms, file));
    expect(Object.keys(all).sort()).toEqual([...header.tagNames()].sort());
    expect(all).toMatchObject({
      NAME: 'pkgc',
      REQUIRES: header.get('REQUIRENAME'),
      PROVIDES: ['config(pkgc)', 'pkgc', 'pkgc(x86-64)'],
      SIGMD5: header.get('SIGMD5'),
      FILEMD5S: header.get('FILEDIGESTS'),
    });
    expect(all).not.toHaveProperty('REQUIRENAME');
    expect(all).not.toHaveProperty('HEADERIMMUTABLE');
    const headers = ['requires', 'FileMD5s', 'filedigests', 'RECOMMENDS', 'pkgid', 'hdrid', 'N', 'nevra'];
    expect(await admin('getRPMHeaders', ['pkgc-1.2-3.x86_64'], { headers })).toEqual({
      requires: header.get('REQUIRENAME'),
      FileMD5s: header.get('FILEDIGESTS'),
      filedigests: header.get('FILEDIGESTS'),
      RECOMMENDS: [],
      pkgid: header.get('SIGMD5'),
      hdrid: header.get('SHA1HEADER'),
      N: 'pkgc',
      nevra: 'pkgc-1.2-3.x86_64',
    });
    await expect(
      faultOf(admin('getRPMHeaders', ['pkgc-1.2-3.x86_64'], { headers: ['buildroot'] })),
    ).resolves.toEqual([1000, 'No such rpm header field: BUILDROOT']);
  });

  it('tell what they need and hold', async () => {
    const file = await admin('getRPMFile', ['pkgc-1.2-3.x86_64', '/etc/pkgc.conf']);
    expect(file).toMatchObject({ digest_algo: 'sha256', size: 4, user: 'root', mode: 0o100644 });
    const provided = await admin('getRPMDeps', ['pkgc-1.2-3.x86_64', 1, { asList: true }]);
    expect(provided).toContainEqual(['pkgc', '1.2-3', 8, 1]);
    expect(await admin('getRPMDeps', [987654])).toEqual([]);
  });
});
