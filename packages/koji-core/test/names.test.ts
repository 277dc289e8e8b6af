import fc from 'fast-check';
import { GenericError } from '../src/faults.js';
import { canonArch, parseArches } from '../src/arch.js';
import { BUILD_STATES, TASK_STATES, draftRelease, nameOf, valueOf } from '../src/enums.js';
import { initialRows } from '../src/initial-rows.js';
import { checkNVR, checkNVRA, isDebuginfo, parseNVR, parseNVRA } from '../src/nvr.js';

const word = fc.stringMatching(/^[a-z0-9_.+~^]+$/);
const name = fc.stringMatching(/^[a-z0-9_.+-]+$/);

test('any name, version and release that are joined by dashes are found again', () => {
  fc.assert(
    fc.property(name, word, word, (name, version, release) => {
      expect(parseNVR(`${name}-${version}-${release}`)).toEqual({ name, version, release, epoch: '' });
      expect(parseNVR(`3:${name}-${version}-${release}`)).toEqual({ name, version, release, epoch: '3' });
    }),
  );
});

test('an rpm is split with and without .rpm, its repository is the text after the @', () => {
  fc.assert(
    fc.property(name, word, word, fc.stringMatching(/^[a-z0-9_]+$/), (name, version, release, arch) => {
      const parts = { name, version, release, arch, epoch: '', src: arch === 'src' };
      expect(parseNVRA(`${name}-${version}-${release}.${arch}.rpm`)).toEqual(parts);
      if (arch !== 'rpm')
        expect(parseNVRA(`${name}-${version}-${release}.${arch}@ext@1`)).toEqual({
          ...parts,
          location: 'ext@1',
        });
    }),
  );
  expect(parseNVRA('a-1-1.src').src).toBe(true);
  expect(parseNVRA('a-1-1.noarch@')).not.toHaveProperty('location');
});

test.each(['', '-', 'a', 'a-1', 'a-1-', 'a--1', '--1', '-1', 'a-1-1-'])('%j is no build', (text) => {
  expect(() => parseNVR(text)).toThrow(new GenericError(`invalid format: ${text}`));
});

test.each([
  ['a-1-1', 'a-1-1'],
  ['a-1-1.', 'a-1-1.'],
  ['a-1.x86_64.rpm', 'a-1'],
])('%j is no rpm', (text, named) => {
  expect(() => parseNVRA(text)).toThrow(new GenericError(`invalid format: ${named}`));
});

test('any text is split or refused as GenericError', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '-', '.', ':', '@', '1', ' ') }), (text) => {
      for (const parse of [parseNVR, parseNVRA]) {
        try {
          expect(typeof parse(text).name).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(GenericError);
        }
      }
    }),
  );
});

test('dashes in version and release and dots in an architecture are refused', () => {
  expect(() => checkNVR({ version: '1-1', release: '1' })).toThrow('not allowed in version field');
  expect(() => checkNVR({ version: '1', release: '1-1' })).toThrow('not allowed in release field');
  expect(() => checkNVRA({ version: '1', release: '1', arch: 'a.b' })).toThrow('not allowed in arch field');
  expect(() => checkNVRA({ version: '1', release: '1', arch: 'noarch' })).not.toThrow();
});

test.each([
  ['koji-debuginfo', true],
  ['koji-debugsource', true],
  ['koji-debuginfo-common', true],
  ['koji-debugsource-common', false],
  ['debuginfo', false],
])('%s holds debugging information: %s', (name, expected) => expect(isDebuginfo(name)).toBe(expected));

test.each(
  Object.entries({
    i386: 'i386',
    i486: 'i386',
    i686: 'i386',
    athlon: 'i386',
    geode: 'geode',
    amd64: 'amd64',
    ia32e: 'x86_64',
    x86_64: 'x86_64',
    ppc: 'ppc',
    ppc64: 'ppc64',
    ppc64le: 'ppc64le',
    ppc64p7: 'ppc64',
    ppc64iseries: 'ppc64',
    sparc: 'sparc',
    sparcv9v: 'sparc',
    sparc64v: 'sparc64',
    alphaev67: 'alpha',
    arm64: 'arm',
    armv5tel: 'arm',
    armv6hl: 'armhfp',
    armv7hnl: 'armhfp',
    armv7l: 'arm',
    aarch64: 'aarch64',
    riscv64: 'riscv64',
    src: 'src',
  }),
)('the architecture %s is kept as %s', (arch, expected) => expect(canonArch(arch)).toBe(expected));

test('architectures are taken as list, with spaces and, unless strict, with commas', () => {
  expect(parseArches('x86_64,ppc64le  s390x ')).toBe('x86_64 ppc64le s390x');
  expect(parseArches(['x86_64', 'ppc64le'])).toBe('x86_64 ppc64le');
  expect(parseArches('')).toBe('');
  for (const wrong of ['x86_64;rm', 'a/b', ['../x']])
    expect(() => parseArches(wrong)).toThrow(new GenericError('Architecture can be only [a-zA-Z0-9_-]'));
  expect(() => parseArches('a,b', { strict: true })).toThrow(GenericError);
});

test('states are found by name and by value, and nothing else is', () => {
  expect(nameOf(TASK_STATES, 2)).toBe('CLOSED');
  expect(nameOf(TASK_STATES, 9)).toBeNull();
  expect(nameOf(TASK_STATES, '2')).toBeNull();
  expect(valueOf(BUILD_STATES, 'DELETED')).toBe(2);
  expect(valueOf(BUILD_STATES, 'deleted')).toBeNull();
  expect(valueOf(BUILD_STATES, 'toString')).toBeNull();
});

test('the release of a draft build carries its id', () => {
  expect(draftRelease('1.fc44', 12)).toBe('1.fc44,draft_12');
});

test('no initial row has the id or name of another', () => {
  for (const rows of [
    initialRows.permissions,
    initialRows.channels,
    initialRows.btype,
    initialRows.archivetypes,
  ]) {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  }
  const extensions = initialRows.archivetypes.flatMap((row) => row.extensions.split(' '));
  expect(new Set(extensions).size).toBe(extensions.length);
});
