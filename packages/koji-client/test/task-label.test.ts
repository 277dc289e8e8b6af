import { buildLabel, taskLabel } from '../src/text/index.js';

describe('labels', () => {
  const build = { name: 'pkg', version: '1', release: '2', epoch: 3 };

  test('of builds have the epoch on request, where there is one', () => {
    expect(buildLabel(build)).toBe('pkg-1-2');
    expect(buildLabel(build, true)).toBe('3:pkg-1-2');
    expect(buildLabel({ ...build, epoch: 0 }, true)).toBe('0:pkg-1-2');
    expect(buildLabel({ ...build, epoch: null }, true)).toBe('pkg-1-2');
    expect(buildLabel({ name: 'pkg', version: '1', release: '2' }, true)).toBe('pkg-1-2');
    expect(buildLabel({ ...build, package_name: 'other' })).toBe('other-1-2');
    expect(buildLabel({ ...build, package_name: '' })).toBe('pkg-1-2');
    expect(buildLabel({})).toBe('None-None-None');
  });

  test.each<[unknown, string]>([
    [null, 'malformed task'],
    [undefined, 'malformed task'],
    [{ method: 'build', arch: 'noarch' }, 'malformed task'],
    [{ method: 'build', arch: 'noarch', request: null }, 'malformed task'],
    [{ method: 'sleep', arch: 'noarch', request: null }, 'sleep (noarch)'],
    [{ method: 'ofaplugin', arch: 'x86_64', request: [1, 2] }, 'ofaplugin (x86_64)'],
    [{ method: 'sleep', arch: 'noarch', request: [1, 2, 3] }, 'sleep (noarch, unknown args)'],
    [{ method: 'build', arch: 'noarch', request: ['a/b.src.rpm', null] }, 'build (None, b.src.rpm)'],
    [{ method: 'constructor', arch: 'noarch', request: [] }, 'constructor (noarch)'],
    [
      { method: 'dudBuild', arch: 'noarch', request: ['n', '1', ['x86_64'], 't', ['p'], {}, 1] },
      'dudBuild (noarch, unknown args)',
    ],
  ])('of %j', (task, label) => {
    expect(taskLabel(task as never)).toBe(label);
  });
});
