import fc from 'fast-check';
import { inRange } from '../src/host/version-range.js';

test.each([
  ['1.2.3', '1.2.3', true],
  ['1.2.4', '1.2.3', false],
  ['1.2.3', '=1.2.3', true],
  ['1.9.0', '^1.2.3', true],
  ['2.0.0', '^1.2.3', false],
  ['0.1.9', '^0.1.0', true],
  ['0.2.0', '^0.1.0', false],
  ['0.0.4', '^0.0.3', false],
  ['0.0.3', '^0.0', true],
  ['0.9.0', '^0', true],
  ['1.2.9', '~1.2.3', true],
  ['1.3.0', '~1.2.3', false],
  ['1.9.9', '~1', true],
  ['1.2.7', '1.2', true],
  ['1.3.0', '1.2.x', false],
  ['1.9.0', '1.x', true],
  ['9.9.9', '*', true],
  ['9.9.9', '', true],
  ['1.5.0', '>=1 <2', true],
  ['2.0.0', '>= 1 < 2', false],
  ['1.2.0', '>1.1', true],
  ['1.1.5', '>1.1', false],
  ['1.1.5', '<=1.1', true],
  ['3.0.0', '^1 || ^3', true],
  ['2.0.0', '^1 || ^3', false],
  ['1.2.3-beta.1', '^1.2.3', true],
  ['1.0.0', 'latest', null],
  ['1.0.0', '^1 || newest', null],
  ['1.0.0', '1.2.3.4', null],
  ['one', '*', null],
])('%s in %s: %s', (version, range, expected) => {
  expect(inRange(version, range)).toBe(expected);
});

test('a caret range holds the version itself and nothing below it or of another major version', () => {
  const part = fc.nat(20);
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 20 }), part, part),
      fc.tuple(part, part, part),
      ([a, b, c], [x, y, z]) => {
        const order = x - a || y - b || z - c;
        expect(inRange(`${x}.${y}.${z}`, `^${a}.${b}.${c}`)).toBe(x === a && order >= 0);
        expect(inRange(`${x}.${y}.${z}`, `<${a}.${b}.${c}`)).toBe(order < 0);
      },
    ),
  );
});
