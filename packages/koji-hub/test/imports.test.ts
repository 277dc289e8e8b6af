import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, readFile, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { ImportedRpm, RpmListItem, RpmSignature } from '@koji/core/api';
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

  it('are refused under a name that is not the header’s, outside the work area, or when they are no rpm', async () => {
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
    expect([code, text]).toEqual([1000, expect.stringMatching(/^not a signature header/)]);
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

  it('tell what they need and hold', async () => {
    const file = await admin('getRPMFile', ['pkgc-1.2-3.x86_64', '/etc/pkgc.conf']);
    expect(file).toMatchObject({ digest_algo: 'sha256', size: 4, user: 'root', mode: 0o100644 });
    const provided = await admin('getRPMDeps', ['pkgc-1.2-3.x86_64', 1, { asList: true }]);
    expect(provided).toContainEqual(['pkgc', '1.2-3', 8, 1]);
    expect(await admin('getRPMDeps', [987654])).toEqual([]);
  });
});
