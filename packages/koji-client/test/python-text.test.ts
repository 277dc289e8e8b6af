import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Double } from '@koji/core/wire';
import type { LiteralError } from '../src/cli/literals.js';
import { jsonLiteral, pythonLiteral, valueOfArgument } from '../src/cli/literals.js';
import { pprint, pythonFloat, pythonJson, pythonRepr } from '@koji/core/text';
import { wrapText } from '../src/cli/text-wrap.js';

const fixture = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')) as T;

/** Values as JSON, with what Python prints of them. */
const values =
  fixture<{ json: string; repr: string; pprint: string; indented: string }[]>('python-values.json');

test('values are printed as Python prints them', () => {
  for (const { json, ...printed } of values) {
    const value = jsonLiteral(json);
    expect({ repr: pythonRepr(value), pprint: pprint(value), indented: pythonJson(value) }).toEqual(printed);
  }
});

test('texts are broken into lines where Python breaks them', () => {
  for (const { text, width, lines } of fixture<{ text: string; width: number; lines: string[] }[]>(
    'wrapped.json',
  ))
    expect(wrapText(text, width)).toEqual(lines);
});

test.each([
  [0.1, '0.1'],
  [2, '2.0'],
  [1e15, '1000000000000000.0'],
  [1e16, '1e+16'],
  [1.5e-5, '1.5e-05'],
  [0.0001, '0.0001'],
  [-0, '-0.0'],
  [1e-300, '1e-300'],
  [Infinity, 'inf'],
  [NaN, 'nan'],
])('the float %p is written %s', (value, text) => {
  expect(pythonFloat(value)).toBe(text);
});

test('what is printed of a float reads back as the same float', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) =>
      Object.is(Number(pythonFloat(value).replace('inf', 'Infinity')), value),
    ),
  );
});

test('what repr prints of a value is read as that value again', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => new Double(value)),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree')), fc.dictionary(fc.string(), tie('tree'))),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const text = pythonRepr(value);
      expect(pythonRepr(pythonLiteral(text))).toBe(text);
      expect(pythonRepr(jsonLiteral(pythonJson(value)))).toBe(text);
    }),
  );
});

test.each<[string, unknown]>([
  ['5', 5],
  [' -7 ', -7],
  ['1_000', 1000],
  ['9007199254740993', 9007199254740993n],
  ['5.2', 5.2],
  ['2.0', new Double(2)],
  ['1e3', new Double(1000)],
  ['inf', new Double(Infinity)],
  ['None', null],
  ['True', true],
  ['False', false],
  ['true', 'true'],
  ['5.2.1', '5.2.1'],
  ['0x10', '0x10'],
  ['', ''],
])('the argument %p means %p', (text, value) => {
  expect(valueOfArgument(text)).toEqual(value);
});

test.each<[string, unknown]>([
  ["['a', {'b': (1, -2.5)}, None]", ['a', { b: [1, -2.5] }, null]],
  ["'it''s' \"!\"", 'its!'],
  ["r'\\n' '\\x41\\u00e9\\101\\n'", '\\nAéA\n'],
  ["'''two\nlines'''", 'two\nlines'],
  ['(1)', 1],
  ['(1,)', [1]],
  ['1, 2', [1, 2]],
  ['0x1f', 31],
])('the Python literal %s is read', (text, value) => {
  expect(pythonLiteral(text)).toEqual(value);
});

test.each([
  ['bare', 'expression'],
  ['a-b.c(1)[2]', 'expression'],
  ['bash-5.2', 'expression'],
  ['1 == 2', 'expression'],
  ['f44-build and', 'syntax'],
  ['5.2.1', 'syntax'],
  ['[1,', 'syntax'],
  ["'open", 'syntax'],
  ['', 'syntax'],
  ['1 2', 'syntax'],
])('%p is no literal: %s', (text, kind) => {
  expect(() => pythonLiteral(text)).toThrow(
    expect.objectContaining({ name: 'LiteralError', kind }) as LiteralError,
  );
});
