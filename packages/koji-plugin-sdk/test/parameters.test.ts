import fc from 'fast-check';
import { parametersOf } from '../src/host/parameters.js';

/* eslint-disable @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- functions are made from text, so that no compiler touches them */

/** The parameters in short: `a`, `a=1`, `...a`, `{a,b=1,...}={}`, `?` for what has no name. */
function short(source: string): string | null {
  const fn = new Function(`return (${source})`)() as (...args: never[]) => unknown;
  return shortOf(fn);
}

function shortOf(fn: (...args: never[]) => unknown): string | null {
  const named = ({ name, fallback }: { name: string; fallback: string | null }): string =>
    fallback === null ? name : `${name}=${fallback}`;
  const parameters = parametersOf(fn);
  if (parameters === null) return null;
  return parameters
    .map((parameter) => {
      if (parameter.kind === 'name') return named(parameter);
      if (parameter.kind === 'rest') return `...${parameter.name}`;
      if (parameter.kind === 'unnamed') return '?';
      const names = [...parameter.names.map(named), ...(parameter.others ? ['...'] : [])];
      return `{${names.join(',')}}${parameter.fallback === null ? '' : `=${parameter.fallback}`}`;
    })
    .join(' ');
}

describe('the names of parameters are read from', () => {
  test.each([
    ['a function', 'function f(a, b) {}', 'a b'],
    ['a function without parameters', 'function f() {}', ''],
    ['a function without a name', 'function (a) {}', 'a'],
    ['an async function', 'async function f(a, b = null) {}', 'a b=null'],
    ['a generator', 'function* f(a) {}', 'a'],
    ['an arrow', '(a, b) => a', 'a b'],
    ['an arrow with one bare parameter', 'a => a', 'a'],
    ['an async arrow with one bare parameter', 'async a => a', 'a'],
    ['an arrow whose parameter is called async', 'async => async', 'async'],
    ['an async arrow', 'async (a, ...b) => a', 'a ...b'],
    ['an arrow that answers an arrow', '(a) => (b) => a', 'a'],
    ['a method', '({ m(a, b) {} }).m', 'a b'],
    ['an async method', '({ async m(a) {} }).m', 'a'],
    ['a generator method', '({ *m(a) {} }).m', 'a'],
    ['a static method', '(class { static m(a, b = 1) {} }).m', 'a b=1'],
    ['a method with a computed name', "({ ['a(b,c'](d) {} })['a(b,c']", 'd'],
    ['a method with a quoted name', "({ 'x(y'(d) {} })['x(y']", 'd'],
    ['a method called async', '({ async(a) {} }).async', 'a'],
    ['minified code', 'function(t,e=null,{n:r=1}={}){return t}', 't e=null {n=1}={}'],
    ['a parameter over several lines', 'function f(\n  a,\n  b,\n) {}', 'a b'],
    ['names with $ and letters of other scripts', '($, _a, žluť) => 1', '$ _a žluť'],
  ])('%s', (_, source, expected) => {
    expect(short(source)).toBe(expected);
  });
});

describe('a default may hold', () => {
  test.each([
    ['brackets in a string', `(a = ')', b = "(") => 1`, `a=')' b="("`],
    ['an escaped quote', String.raw`(a = 'it\'s, ok', b) => 1`, String.raw`a='it\'s, ok' b`],
    ['a template with code', '(a = `x${[1, `)`].length},`, b) => 1', 'a=`x${[1, `)`].length},` b'],
    ['a regular expression', '(a = /[)/,]\\)/g, b) => 1', 'a=/[)/,]\\)/g b'],
    ['a division', '(a = 4 / 2, b = 1 / 3) => 1', 'a=4 / 2 b=1 / 3'],
    ['a division after a bracket', '(a = (4) / 2, b = [8][0] / 3) => 1', 'a=(4) / 2 b=[8][0] / 3'],
    ['an object and a list', '(a = { x: [1, 2] }, b = [3, 4]) => 1', 'a={ x: [1, 2] } b=[3, 4]'],
    ['a function', '(a = (x, y) => x, b = function (z) {}) => 1', 'a=(x, y) => x b=function (z) {}'],
    ['a comparison', '(a = 1 == 2, b = 3) => 1', 'a=1 == 2 b=3'],
    ['a comment', '(a = 1 /* , b */, c // , d\n) => 1', 'a=1 c'],
    ['a comment alone', '(/* a, */ b, /* ) */ c) => 1', 'b c'],
  ])('%s', (_, source, expected) => {
    expect(short(source)).toBe(expected);
  });
});

describe('a destructured parameter', () => {
  test.each([
    ['gives its keys', '({ a, b }) => 1', '{a,b}'],
    ['gives its defaults', '(x, { a = 1, b } = {}) => 1', 'x {a=1,b}={}'],
    ['gives keys, not local names', '({ a: local, b: other = 2 }) => 1', '{a,b=2}'],
    ['gives quoted keys', `({ 'a': x, "b": y }) => 1`, '{a,b}'],
    ['may take the others', '({ a, ...others }) => 1', '{a,...}'],
    ['may be nested', '({ a: { b }, c: [d] = [] }) => 1', '{a,c=[]}'],
    ['has no name when it is a list', '([a, b], c) => 1', '? c'],
    ['has no name when a key is computed', "({ ['a']: b }) => 1", '?'],
  ])('%s', (_, source, expected) => {
    expect(short(source)).toBe(expected);
  });
});

test('nothing is read from bound and native functions and classes', () => {
  expect(shortOf(((a: never) => a).bind(null))).toBeNull();
  expect(shortOf(Math.max)).toBeNull();
  expect(
    shortOf(
      class Thing {
        name = 1;
      } as never,
    ),
  ).toBeNull();
});

test('any mixture of parameters is read as it was written', () => {
  const name = fc.constantFrom('a', 'b1', '$', '_x', 'async', 'of', 'get', 'é');
  const text = fc.string().map((s) => JSON.stringify(s).replaceAll('\u2028', ' ').replaceAll('\u2029', ' '));
  const value = fc.oneof(
    text,
    text.map((t) => `[${t}, {x: ${t}}]`),
    text.map((t) => `((p, q) => ${t})`),
    fc.constantFrom('/[/)]/', '1 / 2', '`${")"}`', 'null', 'new Map()', 'a => (a, 1)', '{}'),
  );
  const filler = fc.constantFrom('', ' ', '/* ,) */', '\n', '// ({\n');
  const parameter = fc.record({ fallback: fc.option(value), before: filler, behind: filler });
  const shapes = fc.constantFrom(
    (list: string) => `function f(${list}) { return ")"; }`,
    (list: string) => `async (${list}) => 1`,
    (list: string) => `({ async *m(${list}) {} }).m`,
    (list: string) => `(class { static m(${list}) {} }).m`,
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 5 }),
      fc.array(parameter, { minLength: 5, maxLength: 5 }),
      shapes,
      (names, details, shape) => {
        const list = names
          .map((n, i) => {
            const { before = '', fallback = null, behind = '' } = details[i] ?? {};
            return `${before}${n}${behind}${fallback === null ? '' : ` = ${fallback}`}`;
          })
          .join(',');
        const fn = new Function(`return (${shape(list)})`)() as () => unknown;
        const expected = names.map((n, i) => ({
          kind: 'name',
          name: n,
          fallback: details[i]?.fallback ?? null,
        }));
        expect(parametersOf(fn)).toEqual(expected);
      },
    ),
    { numRuns: 500 },
  );
});
