import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  RpmError,
  RpmHeader,
  checkRpmDigests,
  compareEVR,
  compareVersions,
  listSignatures,
  readSignatureHeader,
  readSignaturePacket,
} from '../src/rpm/index.js';
import type { RpmTagName } from '../src/rpm/index.js';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'fixtures', 'rpms');
const names = readdirSync(folder);
const files = names.map((name) => path.join(folder, name));
const scratch = mkdtempSync(path.join(tmpdir(), 'koji-rpm-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What rpm(8) itself says; the suite's runner installs it. */
function rpm(...args: string[]): string {
  const { stdout, error } = spawnSync('rpm', args, { encoding: 'utf8' });
  if (error) throw new Error(`rpm(8), which these tests compare with, does not run: install the package rpm`);
  return stdout;
}

const scalars: RpmTagName[] = [
  'NAME',
  'VERSION',
  'RELEASE',
  'ARCH',
  'BUILDTIME',
  'SIZE',
  'SUMMARY',
  'LICENSE',
  'BUILDHOST',
  'NVR',
  'EVR',
  'NEVR',
  'NVRA',
  'NEVRA',
  'EPOCHNUM',
  'ARCHSUFFIX',
  'LONGSIZE',
  'SIGSIZE',
  'SHA1HEADER',
  'RSAHEADER',
];
const lists: RpmTagName[] = [
  'REQUIRENAME',
  'PROVIDENAME',
  'PROVIDEVERSION',
  'BASENAMES',
  'FILESIZES',
  'FILEDIGESTS',
  'CHANGELOGTEXT',
  'FILENAMES',
  'FILECLASS',
  'LONGFILESIZES',
  'REQUIRENEVRS',
  'PROVIDENEVRS',
  'RECOMMENDNEVRS',
  'SUPPLEMENTNAME',
];

test.each(names)('%s reads as rpm reads it', async (name) => {
  const file = path.join(folder, name);
  const header = await RpmHeader.read(file);
  const ask = (format: string): string => rpm('-qp', '--nosignature', '--nodigest', '--qf', format, file);
  for (const tag of scalars) {
    const value = header.get(tag) ?? '(none)';
    const own = Buffer.isBuffer(value) ? value.toString('hex') : String(value);
    expect([tag, own]).toEqual([tag, ask(`%{${tag}}`)]);
  }
  for (const tag of lists) {
    const value = header.get(tag);
    const own = Array.isArray(value) ? value.map((item) => `<${String(item)}>`).join('') : '(none)';
    const theirs = ask(`[<%{${tag}}>]`) || '(none)';
    expect([tag, own]).toEqual([tag, theirs]);
  }
  expect(header.info().sigmd5).toBe(ask('%{SIGMD5}'));
});

test.each(names)('the digests of %s hold, and one changed byte of the payload breaks them', async (name) => {
  const file = path.join(folder, name);
  const checks = await checkRpmDigests(file);
  expect(checks.length).toBeGreaterThan(2);
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  const bytes = readFileSync(file);
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
  const damaged = path.join(scratch, 'damaged.rpm');
  writeFileSync(damaged, bytes);
  const wrong = (await checkRpmDigests(damaged)).filter((check) => !check.ok).map((check) => check.tag);
  expect(wrong).toContain('SIGMD5');
});

test('the key of a signature is found, also in a signature header alone', async () => {
  const header = await RpmHeader.read(path.join(folder, 'header-signed.rpm'));
  expect(listSignatures(header)).toEqual([
    {
      tag: 'RSAHEADER',
      sigkey: '15f712be',
      keyId: 'c690653515f712be',
      publicKeyAlgorithm: 'RSA',
      hashAlgorithm: 'SHA1',
    },
  ]);
  expect(readSignatureHeader(header.signature.bytes)).toEqual({
    sigkey: '15f712be',
    sigmd5: header.info().sigmd5,
  });
});

test('a package without a signature has none and an empty key', async () => {
  const header = await RpmHeader.read(path.join(folder, 'pkgc-1.2-3.x86_64.rpm'));
  expect(listSignatures(header)).toEqual([]);
  expect(readSignatureHeader(header.signature.bytes).sigkey).toBe('');
});

test('source packages are told from binary ones, and those that lack a source are marked', async () => {
  const info = async (name: string) => (await RpmHeader.read(path.join(folder, name))).info();
  expect(await info('pkgc-1.2-3.src.rpm')).toMatchObject({
    arch: 'src',
    sourcepackage: true,
    nosource: false,
    sourcerpm: null,
  });
  expect(await info('test-nosrc-1-1.fc24.nosrc.rpm')).toMatchObject({ arch: 'src', nosource: true });
  expect(await info('pkgc-1.2-3.x86_64.rpm')).toMatchObject({
    arch: 'x86_64',
    sourcepackage: false,
    sourcerpm: 'pkgc-1.2-3.src.rpm',
  });
});

/** Reads everything that a file has; whatever it holds, the answer is values or an RpmError. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const file = path.join(scratch, 'hostile.rpm');
  writeFileSync(file, bytes);
  try {
    const header = await RpmHeader.read(file);
    for (const tag of new Set([...header.tagNames(), ...scalars, ...lists])) header.get(tag);
    header.info();
    listSignatures(header);
  } catch (error) {
    if (!(error instanceof RpmError)) throw error;
  }
}

test('a damaged or hostile package gives values or an RpmError, never anything else', async () => {
  const originals = files.map((file) => readFileSync(file));
  const damage = fc.array(
    fc.tuple(fc.nat(7000), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255))),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(originals.length - 1),
      damage,
      fc.option(fc.nat(7000)),
      async (which, changes, cut) => {
        const bytes = Buffer.from(originals[which] ?? []);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await readAll(cut === null ? bytes : bytes.subarray(0, cut));
      },
    ),
    { numRuns: 1500 },
  );
});

test('a header that announces more than the file holds is refused before anything is allocated', async () => {
  const bytes = readFileSync(path.join(folder, 'pkgc-1.2-3.x86_64.rpm'));
  bytes.writeUInt32BE(0x0fffffff, 96 + 12);
  const file = path.join(scratch, 'long.rpm');
  writeFileSync(file, bytes);
  await expect(RpmHeader.read(file)).rejects.toThrow(/the file ends at/);
});

test('any bytes as a signature packet give a packet or an RpmError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        readSignaturePacket(Buffer.from(bytes));
      } catch (error) {
        if (!(error instanceof RpmError)) throw error;
      }
    }),
    { numRuns: 5000 },
  );
});

const piece = fc.constantFrom(
  '0',
  '1',
  '9',
  '10',
  '01',
  'a',
  'b',
  'rc',
  '.',
  '_',
  '~',
  '^',
  '~rc1',
  '^git',
  '+',
);
const version = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));

test('versions compare as rpm compares them', () => {
  const pairs = fc.sample(fc.tuple(version, version), { numRuns: 400, seed: 7 });
  const calls = pairs.map(([a, b]) => `print(rpm.vercmp('${a}', '${b}'), ' ')`).join(' ');
  const theirs = rpm('--eval', `%{lua: ${calls}}`).trim().split(/\s+/).map(Number);
  const different = pairs.filter(([a, b], i) => compareVersions(a, b) !== theirs[i]);
  expect(different).toEqual([]);
});

test('comparing is antisymmetric, and equal to itself', () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
      expect(compareVersions(a, a)).toBe(0);
    }),
  );
});

test('what is older than an older one is older', () => {
  fc.assert(
    fc.property(fc.array(version, { minLength: 3, maxLength: 8 }), (versions) => {
      const sorted = versions.toSorted(compareVersions);
      for (let i = 0; i < sorted.length; i++)
        for (let j = i + 1; j < sorted.length; j++)
          expect(compareVersions(sorted[i]!, sorted[j]!)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 2000 },
  );
});

test('the epoch decides before the version, the version before the release', () => {
  expect(compareEVR({ epoch: 1, version: '1', release: '1' }, { version: '2', release: '1' })).toBe(1);
  expect(compareEVR({ version: '1', release: '2' }, { version: '2', release: '1' })).toBe(-1);
  expect(
    compareEVR({ epoch: null, version: '1', release: '2' }, { epoch: '0', version: '1', release: '10' }),
  ).toBe(-1);
});
