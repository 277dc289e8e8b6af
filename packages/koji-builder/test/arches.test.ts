import fc from 'fast-check';
import { BuildError, canonArch } from '@koji/core';
import {
  archesInRepo,
  canonArches,
  planBuildArches,
  planNoarchRoot,
  planNoarchTask,
  type ArchPlan,
  type SourceArches,
} from '../src/tasks/arches.js';

const nothing: SourceArches = { buildArchs: [], exclusiveArch: [], excludeArch: [] };
const plan = (
  about: Partial<SourceArches>,
  more: Partial<ArchPlan> & { arches?: string | null } = {},
): string[] => {
  const { arches = 'x86_64 i686 aarch64', extraArches = null, override = null } = more;
  const tag = { id: 3, name: 'f44-build', arches };
  return planBuildArches({ tag, extraArches, source: { ...nothing, ...about }, override });
};

describe('the arches of a build', () => {
  test.each([
    ['are those of the tag', {}, {}, ['x86_64', 'i686', 'aarch64']],
    [
      'have those of the package besides, if the tag can build them',
      {},
      { extraArches: 'i586 ppc' },
      ['x86_64', 'i686', 'aarch64', 'i586'],
    ],
    ['are what BuildArch says', { buildArchs: ['noarch'] }, {}, ['noarch']],
    ['are only those of ExclusiveArch', { exclusiveArch: ['aarch64', 's390x'] }, {}, ['aarch64']],
    ['are without those of ExcludeArch', { excludeArch: ['i686'] }, {}, ['x86_64', 'aarch64']],
    [
      'have noarch if ExclusiveArch has it',
      { exclusiveArch: ['x86_64', 'noarch'] },
      {},
      ['x86_64', 'noarch'],
    ],
    [
      'have no noarch that ExcludeArch has',
      { exclusiveArch: ['x86_64', 'noarch'], excludeArch: ['noarch'] },
      {},
      ['x86_64'],
    ],
    [
      'are those that a scratch build asks for',
      { buildArchs: ['noarch'] },
      { override: 'x86_64 ppc' },
      ['x86_64'],
    ],
    ['are each there once', { buildArchs: ['noarch'], exclusiveArch: ['noarch'] }, {}, ['noarch']],
  ] as const)('%s', (_, source, more, expected) => {
    expect(plan(source, more)).toEqual(expected);
  });

  test('must be some', () => {
    expect(() => plan({}, { arches: '' })).toThrow(new BuildError('No arches for tag f44-build [3]'));
    expect(() => plan({ exclusiveArch: ['s390x'] })).toThrow(new BuildError('No matching arches were found'));
    expect(() => plan({}, { override: 'ppc' })).toThrow('No matching arches were found');
  });

  test('never are others than the tag can build, nor twice the same', () => {
    const arch = fc.constantFrom('x86_64', 'i686', 'i386', 'aarch64', 'ppc64le', 'noarch', 'athlon');
    const list = fc.array<string>(arch, { maxLength: 4 });
    fc.assert(
      fc.property(list, list, list, list, (tag, buildArchs, exclusiveArch, excludeArch) => {
        let arches: string[] = [];
        try {
          arches = plan({ buildArchs, exclusiveArch, excludeArch }, { arches: tag.join(' ') });
        } catch (error) {
          expect(error).toBeInstanceOf(BuildError);
          return;
        }
        expect(arches.length).toBeGreaterThan(0);
        expect(new Set(arches).size).toBe(arches.length);
        for (const one of arches) {
          if (one !== 'noarch') expect(tag.map(canonArch)).toContain(canonArch(one));
          expect(excludeArch).not.toContain(one);
          if (exclusiveArch.length > 0)
            expect(exclusiveArch.includes(one) || buildArchs.includes('noarch')).toBe(true);
        }
      }),
    );
  });
});

describe('a noarch task', () => {
  const choices = (about: Partial<SourceArches>, noarchArches: string | null = null): string[] | null =>
    planNoarchTask({ tagArches: 'x86_64 i686', noarchArches, source: { ...nothing, ...about } });

  test('may run anywhere unless an arch of the tag is left out', () => {
    expect(planNoarchTask({ tagArches: 'x86_64', noarchArches: null, source: null })).toBeNull();
    expect(choices({})).toBeNull();
    expect(choices({ excludeArch: ['s390x'] })).toBeNull();
    expect(choices({ exclusiveArch: ['x86_64', 'i586'] })).toBeNull();
    expect(choices({ excludeArch: ['i686'] })).toEqual(['x86_64']);
    expect(choices({ exclusiveArch: ['i386', 'noarch'] })).toEqual(['i386']);
    expect(choices({}, 'x86_64 aarch64')).toEqual(['x86_64']);
  });

  test('that can run nowhere fails with what left it nowhere', () => {
    expect(() => choices({ exclusiveArch: ['aarch64'] }, 'x86_64')).toThrow(
      "No valid arches were found. tag ['x86_64', 'i386'], extra 'x86_64',exclusive ['aarch64'], exclude []",
    );
  });

  test('has a buildroot of an arch that host and tag have in common', () => {
    const host = { name: 'b1', arches: 'x86_64 i386' };
    expect(planNoarchRoot(host, { name: 't', arches: 'i686 aarch64' })).toEqual(['i386']);
    const missing = { ...host, arches: null };
    expect(() => planNoarchRoot(missing, host)).toThrow('No arch list for this host: b1');
    expect(() => planNoarchRoot(host, { name: 't', arches: null })).toThrow('No arch list for tag: t');
    expect(() => planNoarchRoot(host, { name: 't', arches: 's390x aarch64' })).toThrow(
      'host b1 (i386, x86_64) does not support any arches of tag t (aarch64, s390x)',
    );
  });
});

test('a repo of an arch has the packages of its variants and noarch', () => {
  expect(archesInRepo('x86_64')).toEqual(['amd64', 'ia32e', 'x86_64', 'noarch']);
  expect(archesInRepo('riscv64')).toEqual(['riscv64', 'noarch']);
  expect(archesInRepo('src')).toEqual(['src']);
  expect(canonArches('i686 i586 x86_64')).toEqual(['i386', 'x86_64']);
});
