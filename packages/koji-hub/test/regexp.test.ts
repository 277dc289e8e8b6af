import fc from 'fast-check';
import { LinearRegExp, PatternError } from '../src/db/regexp.js';

const letter = fc.constantFrom('a', 'b', 'C', '-', '.', '[a-c]', '[^b]', '\\w', '\\d', '\\.', '^', '$');
const { pattern } = fc.letrec<{ pattern: string; branch: string; piece: string }>((tie) => ({
  pattern: fc.array(tie('branch'), { minLength: 1, maxLength: 3 }).map((branches) => branches.join('|')),
  branch: fc.array(tie('piece'), { maxLength: 4 }).map((pieces) => pieces.join('')),
  piece: fc.oneof(
    { maxDepth: 2 },
    letter,
    fc
      .tuple(fc.constantFrom('a', 'b', '[bc]', '.'), fc.constantFrom('*', '+', '?', '{2}', '{1,}', '{0,2}'))
      .map(([atom, often]) => atom + often),
    tie('pattern').map((inner) => `(${inner})*`),
    tie('pattern').map((inner) => `(?:${inner})`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'C', '-', '1'), maxLength: 8 });

describe('a regular expression in linear time', () => {
  it('matches what a backtracking one matches', () => {
    fc.assert(
      fc.property(pattern, text, (source, given) => {
        expect(new LinearRegExp(source).test(given)).toBe(new RegExp(source, 'su').test(given));
        expect(new LinearRegExp(source, { ignoreCase: true }).test(given)).toBe(
          new RegExp(source, 'isu').test(given),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['[[:alpha:]_]+[[:digit:]]', 'x_1', true],
    ['[]a]b', ']b', true],
    ['[a-]x', '-x', true],
    ['a{x', 'a{x', true],
    ['\\mbash\\M', 'the bash-5', true],
    ['\\mbash\\M', 'abash', false],
    ['\\u00e9', 'caf\u00e9', true],
    ['', 'anything', true],
  ])('reads %s as PostgreSQL does', (source, given, fits) => {
    expect(new LinearRegExp(source).test(given)).toBe(fits);
  });

  it.each(['libc++', '(bash', 'bash)', '*a', '^*', '[a', '[b-a]', '[[:what:]]', 'a{2,1}', '\\', '\\q'])(
    'refuses %s',
    (source) => {
      expect(() => new LinearRegExp(source)).toThrow(PatternError);
    },
  );

  it('refuses what would take more than linear time or much room', () => {
    for (const source of ['(a)\\1', 'a(?=b)', 'a(?!b)', '((a{200}){200})', 'a'.repeat(1001)])
      expect(() => new LinearRegExp(source)).toThrow(PatternError);
  });

  it('takes no longer for a pattern that would keep another one busy for years', () => {
    const started = performance.now();
    expect(new LinearRegExp('^(a+)+$').test(`${'a'.repeat(5000)}b`)).toBe(false);
    expect(new LinearRegExp('(.*a){20}').test('b'.repeat(2000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
