import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  RPMTAG,
  RpmError,
  RpmHeader,
  checkRpmDigests,
  compareEVR,
  compareVersions,
  isListTag,
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

/** Output of rpm(8) itself, which the suite's runner installs. */
function rpm(...args: string[]): string {
  const { stdout, error } = spawnSync('rpm', args, { encoding: 'utf8' });
  if (error) throw new Error(`rpm(8), which these tests compare with, does not run: install the package rpm`);
  return stdout;
}

/** Every name that the installed rpm knows for a tag. */
const tags = rpm('--querytags').trim().split(/\s+/) as RpmTagName[];

test('every name that rpm knows for a tag is known here', () => {
  expect(tags.length).toBeGreaterThan(200);
  expect(tags.filter((name) => !Object.hasOwn(RPMTAG, name))).toEqual([]);
});

// Newer releases of rpm know these too; those that rpm keeps to itself are in nobody's table.
const newer =
  /^(SHA3_256HEADER|OPENPGP|(PRE|POST)UNTRANS(PROG|FLAGS)?|SYSUSERS|PAYLOAD.*|RPMFORMAT|FILEMIME.*|MIMEDICT|PACKAGEDIGEST.*|SOURCENEVR)$/;

test('no name is known here that rpm does not have', () => {
  const known = new Set<string>(tags);
  expect(Object.keys(RPMTAG).filter((name) => !known.has(name) && !newer.test(name))).toEqual([]);
});

// Tags that rpm derives from the machine that it runs on.
const ofMachine = new Set(['VERBOSE', 'FSCONTEXTS', 'RECONTEXTS', 'FILECONTEXTS']);
const mark = '\u0001';

test.each(names)('every tag of %s reads as rpm reads it', async (name) => {
  const file = path.join(folder, name);
  const header = await RpmHeader.read(file);
  const wanted = tags.filter((tag) => !ofMachine.has(tag));
  const formats = wanted.map((tag) => (isListTag(RPMTAG[tag]) ? `[<%{${tag}}>]${mark}` : `%{${tag}}${mark}`));
  const answer = rpm('-qp', '--nosignature', '--nodigest', '--qf', formats.join(''), file);
  const theirs = answer.split(mark).map((text) => text || '(none)');
  const own = wanted.map((tag) => {
    const value = header.get(tag);
    if (value === null || (Array.isArray(value) && value.length === 0)) return '(none)';
    if (Buffer.isBuffer(value)) return value.toString('hex');
    return Array.isArray(value) ? value.map((item) => `<${String(item)}>`).join('') : String(value);
  });
  expect(wanted.map((tag, i) => [tag, own[i]])).toEqual(wanted.map((tag, i) => [tag, theirs[i]]));
});

test.each(names)(
  'the tags in %s go by the names that the Python bindings of rpm, and so Koji, give them',
  async (name) => {
    const file = path.join(folder, name);
    const header = await RpmHeader.read(file);
    // The bindings go through the sorted names, and the last one of a number stays.
    const named = new Map(tags.map((tag): [number, RpmTagName] => [RPMTAG[tag], tag]));
    const numbers = rpm('-qp', '--nosignature', '--nodigest', '--qf', '[%{*:tagnum} ]', file);
    const theirs = new Set(numbers.trim().split(' ').map(Number));
    expect(new Set(header.tagNames().filter((tag) => !newer.test(tag) || tags.includes(tag)))).toEqual(
      new Set([...theirs].flatMap((number) => named.get(number) ?? [])),
    );
  },
);

test.each(names)('the digests of %s hold, and one changed byte of the payload breaks them', async (name) => {
  const file = path.join(folder, name);
  const header = await RpmHeader.read(file);
  const checks = await checkRpmDigests(file);
  expect(checks.length).toBeGreaterThan(2);
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  const bytes = readFileSync(file);
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
  const damaged = path.join(scratch, 'damaged.rpm');
  writeFileSync(damaged, bytes);
  const wrong = (await checkRpmDigests(damaged)).filter((check) => !check.ok).map((check) => check.tag);
  expect(wrong).toContain(header.info().sigmd5 === null ? 'PAYLOADDIGEST' : 'SIGMD5');
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
    sha256: header.get('SHA256HEADER'),
  });
});

test('a package without an MD5 is known by the SHA-256 of its header, whether that is stated or not', async () => {
  const file = path.join(folder, 'nomd5-1.0-1.noarch.rpm');
  const header = await RpmHeader.read(file);
  const sha256 = rpm('-qp', '--qf', '%{SHA256HEADER}', file);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(header.info()).toMatchObject({ sigmd5: null, payloadhash: sha256 });
  expect(readSignatureHeader(header.signature.bytes)).toEqual({ sigkey: '', sigmd5: null, sha256 });
  const bytes = readFileSync(file);
  const silent = path.join(scratch, 'silent.rpm');
  // The tag's number in the index of the signature header becomes another one's.
  const at = bytes.indexOf(Buffer.from('0000011100000006', 'hex'));
  bytes.writeUInt32BE(999, at);
  writeFileSync(silent, bytes);
  const quiet = await RpmHeader.read(silent);
  expect(quiet.get('SHA256HEADER')).toBeNull();
  expect(quiet.info()).toMatchObject({ sigmd5: null, payloadhash: sha256 });
});

test('a package with an MD5 is known by it', async () => {
  const info = (await RpmHeader.read(path.join(folder, 'header-signed.rpm'))).info();
  expect(info.payloadhash).toBe(info.sigmd5);
});

test('the signature of rpm 6, which is text in a list, names its key', async () => {
  const header = await RpmHeader.read(path.join(folder, 'nomd5-six-1.0-1.noarch.rpm'));
  expect(listSignatures(header)).toEqual([
    {
      tag: 'OPENPGP',
      sigkey: '29054def',
      keyId: '82cf148129054def',
      publicKeyAlgorithm: 'EdDSA',
      hashAlgorithm: 'SHA512',
    },
  ]);
  expect(readSignatureHeader(header.signature.bytes)).toMatchObject({ sigkey: '29054def', sigmd5: null });
});

test('a signature packet of version 6 names its key by the start of the fingerprint', () => {
  const fingerprint = Buffer.from('0123456789abcdef'.repeat(4), 'hex');
  const issuer = Buffer.concat([Buffer.from([34, 33, 6]), fingerprint]);
  const lengthOf = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return length;
  };
  const none = Buffer.alloc(0);
  const body = Buffer.concat([Buffer.from([6, 0, 27, 10]), lengthOf(issuer), issuer, lengthOf(none)]);
  expect(readSignaturePacket(Buffer.concat([Buffer.from([0xc2, body.length]), body]))).toEqual({
    sigkey: '89abcdef',
    keyId: '0123456789abcdef',
    publicKeyAlgorithm: 'Ed25519',
    hashAlgorithm: 'SHA512',
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
    for (const tag of new Set([...header.tagNames(), ...tags])) header.get(tag);
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

test('a header that is longer than the block that is read first is read whole', async () => {
  const original = path.join(folder, 'pkgc-1.2-3.x86_64.rpm');
  const { main, payloadOffset, ...header } = await RpmHeader.read(original);
  const more = Buffer.alloc(40_000);
  const bytes = readFileSync(original);
  const stored = payloadOffset - main.bytes.length + 12;
  bytes.writeUInt32BE(bytes.readUInt32BE(stored) + more.length, stored);
  const file = path.join(scratch, 'larger.rpm');
  writeFileSync(file, Buffer.concat([bytes.subarray(0, payloadOffset), more, bytes.subarray(payloadOffset)]));
  const read = await RpmHeader.read(file);
  expect(read.payloadOffset).toBe(payloadOffset + more.length);
  expect(read.main.bytes.subarray(16, main.bytes.length)).toEqual(main.bytes.subarray(16));
  expect(read.signature.bytes).toEqual(header.signature.bytes);
  expect(read.get('NAME')).toBe('pkgc');
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
