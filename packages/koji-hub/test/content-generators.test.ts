import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { faultToWire } from '@koji/core';
import type { ArchiveInfo, BuildInfo } from '@koji/core/api';
import { id as tableOf, sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const disk = Buffer.from('a disk');
const log = Buffer.from('a log');
const sum = (content: Buffer, kind: string): string => createHash(kind).update(content).digest('hex');

interface Reservation {
  readonly build_id: number;
  readonly token: string;
}

/** Metadata of a build of one image and one log. */
function metadataOf(release: string, build: object = {}) {
  return {
    metadata_version: 0,
    build: {
      name: 'img',
      version: '1',
      release,
      source: null,
      start_time: 1580000000,
      end_time: '1580000600.5',
      extra: { typeinfo: { image: {} } },
      ...build,
    },
    buildroots: [
      {
        id: 1,
        host: { os: 'fedora-40', arch: 'x86_64' },
        content_generator: { name: 'gen', version: '2' },
        container: { type: 'docker', arch: 'x86_64' },
        tools: [{ name: 'make', version: '4' }],
        components: [
          { type: 'rpm', name: 'x', version: '1', release: '1', arch: 'noarch', sigmd5: '00' },
        ] as Record<string, unknown>[],
      },
    ],
    output: [
      {
        buildroot_id: 1,
        filename: 'disk.qcow2',
        filesize: disk.length,
        checksum_type: 'sha256',
        checksum: sum(disk, 'sha256'),
        type: 'qcow2',
        extra: { image: { arch: 'x86_64' } },
        components: [] as Record<string, unknown>[],
      },
      {
        buildroot_id: 1,
        filename: 'build.log',
        filesize: log.length,
        checksum_type: 'md5',
        checksum: sum(log, 'md5'),
        type: 'log',
        subdir: 'x86_64',
      },
    ],
  };
}

describe.each(databases)('content generators on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let maker: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    maker = await asking(hub, 'maker');
    await admin('grantCGAccess', ['maker', 'gen', true]);
    await admin('grantCGAccess', ['kojiadmin', 'other', true]);
  });
  afterAll(() => hub.stop());

  const work = (name: string): string => path.join(hub.kojiDir, 'work/cg', name);
  const upload = async (): Promise<void> => {
    await rm(work(''), { recursive: true, force: true });
    await mkdir(work(''), { recursive: true });
    await writeFile(work('disk.qcow2'), disk);
    await writeFile(work('build.log'), log);
  };
  const folder = (release: string): string => path.join(hub.kojiDir, 'packages/img/1', release);

  it('import a build with its files, buildroot and metadata, and log what they used that is not known', async () => {
    await upload();
    const metadata = metadataOf('1');
    const build = await maker<BuildInfo>('CGImport', [metadata, 'cg']);
    expect(build).toMatchObject({
      nvr: 'img-1-1',
      state: 1,
      cg_name: 'gen',
      owner_name: 'maker',
      start_ts: 1580000000,
      completion_ts: 1580000600.5,
      extra: { typeinfo: { image: {} } },
    });
    expect(await admin('getBuildType', [build.id])).toEqual({ image: { build_id: build.id } });
    const [archive] = await admin<ArchiveInfo[]>('listArchives', [build.id]);
    expect(await admin('getArchive', [archive?.id])).toMatchObject({ arch: 'x86_64', rootid: false });
    expect(await admin('getBuildroot', [archive?.buildroot_id])).toMatchObject({
      br_type: 1,
      cg_version: '2',
      host_os: 'fedora-40',
    });
    expect(await readlink(work('disk.qcow2'))).toBe('../../packages/img/1/1/images/disk.qcow2');
    expect(JSON.parse(await readFile(path.join(folder('1'), 'metadata.json'), 'utf8'))).toEqual(metadata);
    expect(await readFile(path.join(folder('1'), 'data/logs/x86_64/build.log'))).toEqual(log);
    expect(await readFile(path.join(folder('1'), 'data/logs/cg_import.log'), 'utf8')).toMatch(
      /^IGNORING unmatched rpm component: \{.*'name': 'x'.*\nCG import was SUCCESSFUL\.\n$/,
    );
  });

  it('know an rpm without an MD5 by the SHA-256 of its header, also when they say nothing about either', async () => {
    const folder = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms');
    await mkdir(work(''), { recursive: true });
    for (const arch of ['src', 'noarch']) {
      await cp(path.join(folder, `nomd5-1.0-1.${arch}.rpm`), work(`nomd5-1.0-1.${arch}.rpm`));
      await admin('importRPM', ['cg', `nomd5-1.0-1.${arch}.rpm`]);
    }
    const rpm = await admin<{ id: number; payloadhash: string }>('getRPM', ['nomd5-1.0-1.noarch']);
    const component = { type: 'rpm', name: 'nomd5', version: '1.0', release: '1', arch: 'noarch' };
    const said: [object, boolean][] = [
      [{ sigmd5: rpm.payloadhash }, true],
      [{ sigmd5: null }, true],
      [{ sigmd5: '' }, true],
      [{}, true],
      [{ sigmd5: '0'.repeat(64) }, false],
    ];
    for (const [i, [about, fits]] of said.entries()) {
      const metadata = metadataOf(`nomd5.${i}`);
      for (const buildroot of metadata.buildroots) buildroot.components = [{ ...component, ...about }];
      await upload();
      const build = await maker<BuildInfo>('CGImport', [metadata, 'cg']);
      const [archive] = await admin<ArchiveInfo[]>('listArchives', [build.id]);
      const listed = await admin<{ rpm_id: number }[]>('getBuildrootListing', [archive?.buildroot_id]);
      expect(listed.map(({ rpm_id }) => rpm_id)).toEqual([rpm.id]);
      const log = path.join(hub.kojiDir, `packages/img/1/nomd5.${i}/data/logs/cg_import.log`);
      const lines = await readFile(log, 'utf8').catch(() => '');
      expect(lines.includes('md5 mismatch')).toBe(!fits);
      await admin('deleteBuild', [build.id]);
    }
  });

  it('note the components of an archive', async () => {
    const [archive] = await admin<ArchiveInfo[]>('listArchives', []);
    const metadata = metadataOf('2');
    const component = { type: 'kojifile', archive_id: archive?.id, nvr: 'img-1-1', filename: 'disk.qcow2' };
    metadata.output[0]?.components?.push(component);
    await upload();
    const build = await maker<BuildInfo>('CGImport', [metadata, 'cg']);
    const [made] = await admin<ArchiveInfo[]>('listArchives', [build.id]);
    const parts = await admin<ArchiveInfo[]>('listArchives', [], { imageID: made?.id });
    expect(parts.map((part) => part.id)).toEqual([archive?.id]);
    await expect(
      faultOf(
        maker('CGImport', [
          {
            ...metadataOf('3'),
            buildroots: [{ ...metadata.buildroots[0], components: [{ ...component, nvr: 'img-1-9' }] }],
          },
          'cg',
        ]),
      ),
    ).resolves.toEqual([1000, expect.stringMatching(/^Component field nvr does not match for archive_id=/)]);
  });

  it('complete a build that they have reserved, with its token only', async () => {
    const { build_id: id, token } = (await maker<unknown>('CGInitBuild', [
      'gen',
      { name: 'img', version: '1', release: '4' },
    ])) as Reservation;
    const metadata = metadataOf('4', { build_id: id });
    await upload();
    await expect(faultOf(maker('CGImport', [metadata, 'cg']))).resolves.toEqual([
      1000,
      `Token doesn't match build ID ${id}`,
    ]);
    const build = await maker<BuildInfo>('CGImport', [metadata, 'cg', token]);
    expect(build).toMatchObject({ id, state: 1, nvr: 'img-1-4' });
    expect(build.completion_ts).not.toBe(1580000600.5);
    await expect(faultOf(maker('CGRefundBuild', ['gen', id, token]))).resolves.toEqual([
      1000,
      `Build ID ${id} is not in BUILDING state`,
    ]);
  });

  it('give a reserved build back, so that its name is free', async () => {
    const data = { name: 'img', version: '1', release: '5' };
    const { build_id: id, token } = (await maker('CGInitBuild', ['gen', data])) as unknown as Reservation;
    await expect(faultOf(maker('CGInitBuild', ['gen', data]))).resolves.toEqual([
      1000,
      'Build is already reserved',
    ]);
    await maker('CGRefundBuild', ['gen', id, token, 4]);
    expect(await admin('getBuild', [id])).toMatchObject({ state: 4 });
    expect(await maker('CGInitBuild', ['gen', data])).toMatchObject({ build_id: id });
  });

  it('serve only those who may act for them', async () => {
    const data = { name: 'img', version: '1', release: '6' };
    const nobody = await asking(hub, null);
    const required = [1002, 'Content generator access required (gen)'];
    await expect(faultOf(nobody('CGInitBuild', ['gen', data]))).resolves.toEqual([1002, 'Not logged-in']);
    await expect(faultOf(admin('CGInitBuild', ['gen', data]))).resolves.toEqual(required);
    await expect(faultOf(admin('CGImport', [metadataOf('6'), 'cg']))).resolves.toEqual(required);
  });

  it.each(['../img', '.', 'a/b'])('refuse %j where it would become a path', async (part) => {
    await upload();
    for (const build of [{ version: part }, { release: part }])
      await expect(faultOf(maker('CGImport', [metadataOf('7', build), 'cg']))).resolves.toEqual([
        1000,
        expect.stringMatching(/^Invalid (version|release) for build/),
      ]);
    const moved = metadataOf('7');
    const outputs = moved.output.map((output) => ({ ...output, filename: '../../../../../etc/passwd' }));
    await expect(faultOf(maker('CGImport', [{ ...moved, output: outputs }, 'cg']))).resolves.toEqual([
      1000,
      expect.stringMatching(/^Invalid path/),
    ]);
  });

  it('leave everything as it was after metadata of any wrong shape, with a fault of Koji’s', async () => {
    const tables = [
      'build',
      'package',
      'buildroot',
      'archiveinfo',
      'build_types',
      'build_reservations',
      'events',
    ];
    const counts = () =>
      hub.database.read(async (db) => {
        const found: unknown[] = [];
        for (const table of tables)
          found.push(await db.get(sql`SELECT count(*) AS n FROM ${tableOf(table)}`));
        return found;
      });
    let release = 100;
    await fc.assert(
      fc.asyncProperty(mutation, async (change) => {
        release += 1;
        await upload();
        const metadata = structuredClone(metadataOf(String(release)));
        applyMutation(metadata, change);
        const before = await counts();
        const text = JSON.stringify(metadata);
        // Some characters are none of XML's, but JSON can say them.
        const given = change.asText || text.includes('\\u') ? text : metadata;
        const fault = await maker('CGImport', [given, 'cg']).then(() => null, faultToWire);
        if (fault === null) return;
        // The text contains the problem and its place.
        if (fault.faultCode < 1000) throw new Error(fault.faultString);
        expect(await counts()).toEqual(before);
        expect((await lstat(work('disk.qcow2'))).isFile()).toBe(true);
        expect(await lstat(folder(String(release))).catch(() => null)).toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});

/** One place of the metadata gets another value, or goes. */
interface Mutation {
  readonly place: number;
  readonly value: unknown;
  readonly asText: boolean;
}

const missing = '(missing)';
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    missing,
    null,
    true,
    -1,
    2 ** 31,
    1e15,
    2.5,
    '',
    '0',
    '..',
    '/',
    'x'.repeat(300),
    'nul\u0000',
    'nosuch',
    [],
    {},
    [[]],
    [{}],
    [null],
    { name: 'other' },
    [{ type: 'rpm' }],
    [{ type: 'file', filename: 5 }],
    [{ type: 'kojifile', archive_id: 1 }],
    { typeinfo: null },
    { typeinfo: { image: null } },
    { typeinfo: { rpm: 5 } },
    { maven: { group_id: 5 } },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.nat({ max: 10_000 }),
  value: odd,
  asText: fc.boolean(),
});

function applyMutation(metadata: object, { place, value }: Mutation): void {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      collect((node as Record<string, unknown>)[key]);
    }
  };
  collect(metadata);
  const [node, key] = places[place % places.length] ?? [{}, ''];
  if (value === missing && Array.isArray(node)) node.splice(Number(key), 1);
  else if (value === missing) Reflect.deleteProperty(node, key);
  else node[key] = value;
}
