import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { ConfigError } from '../src/errors.js';
import { double } from '../src/wire/index.js';
import { PolicySet, globToRegExp, libraryTests, matchField, testsByName } from '../src/policy/index.js';
import type { PolicyData } from '../src/policy/index.js';

const tests = testsByName<string>(libraryTests, [
  matchField('tag', 'tag'),
  { name: 'user', run: (args, _data, { context }) => args.includes(context) },
  { name: 'only_tags', policies: ['tag'], run: () => true },
]);

const policies = (rules: Record<string, string>): PolicySet<string> =>
  new PolicySet(Object.entries(rules), tests);
const decide = async (text: string, data: PolicyData, user = 'bob'): Promise<string | null> =>
  (await policies({ tag: text }).apply('tag', data, user))?.action ?? null;

test('the first rule whose tests all hold decides', async () => {
  const rules = 'tag f*-build && user bob :: deny not bob\ntag f*-build :: allow\nall :: deny';
  expect(await decide(rules, { tag: 'f44-build' })).toBe('deny not bob');
  expect(await decide(rules, { tag: 'f44-build' }, 'alice')).toBe('allow');
  expect(await decide(rules, { tag: 'rawhide' })).toBe('deny');
  expect(await decide('tag x :: allow', { tag: 'y' })).toBeNull();
});

test('with !! the action is taken when the tests do not all hold', async () => {
  const rules = 'user alice && tag ok !! deny\nall :: allow';
  expect(await decide(rules, { tag: 'ok' }, 'alice')).toBe('allow');
  expect(await decide(rules, { tag: 'ok' }, 'bob')).toBe('deny');
});

test('nested rules decide for their block, and if none does, the rules after it are tried', async () => {
  const rules =
    'tag f* :: {\n  user alice :: allow\n  tag f4? :: {\n    user bob :: deny\n  }\n}\nall :: fallback # why';
  expect(await decide(rules, { tag: 'f44' }, 'alice')).toBe('allow');
  expect(await decide(rules, { tag: 'f44' }, 'bob')).toBe('deny');
  expect(await decide(rules, { tag: 'f9' }, 'bob')).toBe('fallback');
});

test('a decision names the rules on the way to it', async () => {
  const rules = policies({ tag: '# first\ntag f* :: {\n user bob :: deny no\n}' });
  expect(await rules.apply('tag', { tag: 'f44' }, 'bob')).toEqual({
    action: 'deny no',
    rule: 'tag f* :: ... user bob :: deny no',
    line: 3,
  });
});

test.each([
  ['bool field', { field: [] }, false],
  ['bool field', { field: 1 }, true],
  ['has field', { field: null }, true],
  ['has field', {}, false],
  ['match field a* b*', { field: 'banana' }, true],
  ['match field a* b*', { field: null }, false],
  ['match_all field a*', { field: ['ab', 'ac'] }, true],
  ['match_all field a*', { field: [] }, false],
  ['match_any field a*', { field: ['b', 'ac'] }, true],
  ['match_any field a*', { field: 'ac' }, false],
  ['compare field >= 2.5', { field: 3 }, true],
  ['compare field != 2', { field: 2 }, false],
  ['compare field < 2', {}, false],
  ['compare field != 2', { field: null }, true],
  ['compare field = 0', { field: '' }, false],
  ['compare field = 0', { field: [] }, false],
  ['compare field = 0', { field: null }, false],
  ['compare field = 5', { field: '5' }, false],
  ['compare field != 5', { field: '5' }, true],
  ['compare field < 5', { field: '4' }, false],
  ['compare field >= 0', { field: [1] }, false],
  ['compare field >= 0', { field: {} }, false],
  ['compare field = 1', { field: true }, true],
  ['compare field = 0', { field: false }, true],
  ['compare field = 1', { field: double(1) }, true],
  ['compare field > 1', { field: double(1.5) }, true],
  ['compare field = 9007199254740993', { field: 9007199254740993n }, true],
  ['compare field = 9007199254740993', { field: 9007199254740992n }, false],
  ['compare field = 1_000', { field: 1000 }, true],
  ['compare field < inf', { field: 1000 }, true],
  ['compare field = nan', { field: NaN }, false],
  ['compare field != nan', { field: NaN }, true],
  ['bool field', { field: NaN }, true],
  ['bool field', { field: [] }, false],
  ['bool field', { field: {} }, false],
  ['bool field', { field: double(0) }, false],
  ['match_any field 1.0', { field: [double(1)] }, true],
  ['match_any field 1e+16', { field: [double(1e16)] }, true],
  ["match_any field ['a']", { field: [['a']] }, false],
  ['match field ?', { field: '😀' }, true],
  ['match field [😀-😂]', { field: '😁' }, true],
  ['match field [!😀]', { field: '😀' }, false],
  ['match field a+b.c$', { field: 'a+b.c$' }, true],
  ['compare field = 1e3', { field: 1000 }, true],
  ['target f*', { target: 'f44' }, true],
  ['has toString', {}, false],
  ['bool constructor', {}, false],
  ['match toString *', {}, false],
  ['match field Tru?', { field: true }, true],
  ['match_any field null *', { field: [null] }, false],
  ['match_all field *', { field: ['a', null] }, false],
])('%s for %j is %s', async (rule, data, expected) => {
  expect(await decide(`${rule} :: yes\nall :: no`, data)).toBe(expected ? 'yes' : 'no');
});

test('a policy may ask another one, and one that asks itself is a fault', async () => {
  const set = policies({
    trusted: 'user alice :: yes',
    tag: 'policy trusted :: allow\nall :: deny',
    a: 'policy b :: yes',
    b: 'policy a :: yes',
  });
  expect((await set.apply('tag', {}, 'alice'))?.action).toBe('allow');
  expect((await set.apply('tag', {}, 'bob'))?.action).toBe('deny');
  await expect(set.apply('a', {}, 'bob')).rejects.toThrow('policy loop: a -> b -> a');
  await expect(set.apply('missing', {}, 'bob')).rejects.toThrow('no such policy: missing');
});

test('every problem of every policy is reported together, with policy and line', () => {
  const bad = {
    tag: 'all :: allow\nnosuch x :: deny',
    build: 'all allow',
    vm: 'all :: {',
    volume: '}',
    channel: 'only_tags :: x',
    cg: 'compare a ! 1 :: x',
  };
  const said = (): unknown => policies(bad);
  expect(said).toThrow(ConfigError);
  for (const part of [
    "policy tag line 2: missing test handler: 'nosuch'",
    "policy build line 1: 'all allow' has neither '::' nor '!!'",
    "policy vm: a '{' is not closed",
    "policy volume line 1: '}' closes nothing",
    "policy channel line 1: the test 'only_tags' is for the policies tag only",
    "policy cg line 1: 'compare a ! 1': Invalid comparison in test.",
  ])
    expect(said).toThrow(part);
});

test('any text is rules or a ConfigError', () => {
  const word = fc.constantFrom('all', 'tag', 'x', '::', '!!', '&&', '{', '}', '#', '\n', ' ', '*', '[');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      try {
        policies({ tag: words.join(' ') });
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
  );
});

test("patterns match as Python's fnmatchcase", () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '-',
    '*',
    '?',
    '[',
    ']',
    '!',
    '.',
    '\\',
    '^',
    '[ab]',
    '[!a]',
    '[a-c]',
  );
  const text = fc.array(piece, { maxLength: 9 }).map((parts) => parts.join(''));
  const pairs = fc.sample(fc.tuple(text, text), { numRuns: 4000, seed: 3 });
  const script =
    'import fnmatch,json,sys\nprint(json.dumps([fnmatch.fnmatchcase(t,p) for t,p in json.load(sys.stdin)]))';
  const theirs = JSON.parse(
    execFileSync('python3', ['-W', 'ignore', '-c', script], {
      input: JSON.stringify(pairs),
      encoding: 'utf8',
    }),
  ) as boolean[];
  expect(pairs.filter(([t, p], i) => globToRegExp(p).test(t) !== theirs[i])).toEqual([]);
});

test('a pattern of many stars fails quickly', () => {
  const text = 'a'.repeat(5000);
  expect(globToRegExp('*'.repeat(200) + 'b').test(text)).toBe(false);
  expect(globToRegExp('*a'.repeat(50) + '*b').test(text)).toBe(false);
  expect(globToRegExp('*a?'.repeat(50) + '*a').test(text)).toBe(true);
});

test('a pattern of many openings of classes that never end is read in one pass', () => {
  const pattern = '['.repeat(1_000_000);
  const start = performance.now();
  expect(globToRegExp(`]${pattern}`).source.length).toBeGreaterThan(pattern.length);
  // Quadratic work takes minutes.
  expect(performance.now() - start).toBeLessThan(5000);
});
