import { BuildError } from '@koji/core';
import { checkSpec, chooseSpec } from '../src/tasks/spec-file.js';

const choose = (names: string[], specs: string[] = []): string =>
  chooseSpec({ folder: '/checkout/bash', names, specs });

describe('the spec file of a checkout', () => {
  test.each([
    ['is the only one', ['a.spec', 'a.patch'], [], '/checkout/bash/a.spec'],
    ['is in SPECS when there is none above', ['README'], ['b.spec'], '/checkout/bash/SPECS/b.spec'],
    ['is the one above when SPECS has others', ['a.spec', 'SPECS'], ['b.spec'], '/checkout/bash/a.spec'],
    ['is the one named as the folder', ['a.spec', 'bash.spec'], [], '/checkout/bash/bash.spec'],
    ['may be the one in SPECS named so', [], ['a.spec', 'bash.spec'], '/checkout/bash/SPECS/bash.spec'],
  ])('%s', (_, names, specs, expected) => {
    expect(choose(names, specs)).toBe(expected);
  });

  test('must be there and clear', () => {
    expect(() => choose(['README', '.hidden.spec'])).toThrow(new BuildError('No spec file found'));
    expect(() => choose(['a.spec', 'b.spec'])).toThrow(
      'Multiple spec files found but none is matching SCM checkout dir name: ' +
        "['/checkout/bash/a.spec', '/checkout/bash/b.spec']",
    );
  });

  test('leaves to the builder what the builder sets', () => {
    expect(() => checkSpec('Vendor: Me\nName: a\n')).toThrow('Vendor is not allowed to be set in spec file');
    expect(() => checkSpec('%define packager Me\n')).toThrow(
      'packager is not allowed to be defined in spec file',
    );
    expect(() => checkSpec('Name: a\nVersion: 1\n')).not.toThrow();
  });
});
