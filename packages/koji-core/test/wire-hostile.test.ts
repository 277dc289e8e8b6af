import { WireError, decodeCall } from '../src/wire/index.js';

const megabytes = (text: string, count = 20) => text.repeat(Math.ceil((count * 1_000_000) / text.length));
const inValue = (inner: string) =>
  `<methodCall><methodName>echo</methodName><params><param><value>${inner}</value></param></params></methodCall>`;
const inString = (inner: string) => inValue(`<string>${inner}</string>`);

const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join('');

/** Bodies made to cost time or memory, and what becomes of them: the error's kind, or the params. */
const bodies: [
  name: string,
  body: () => string,
  outcome: 'malformed' | 'unsupported' | ((params: unknown[]) => boolean),
][] = [
  ['a billion laughs', () => `<!DOCTYPE x [<!ENTITY a0 "ha">${laughs}]>${inValue('&a9;')}`, 'malformed'],
  [
    'a quadratic entity',
    () => `<!DOCTYPE x [<!ENTITY a "${'a'.repeat(100_000)}">]>${inValue('&a;'.repeat(100_000))}`,
    'malformed',
  ],
  ['an internal entity', () => `<!DOCTYPE x [<!ENTITY e 'boom'>]>${inValue('&e;')}`, 'malformed'],
  [
    'an external entity',
    () => `<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>${inValue('&e;')}`,
    'malformed',
  ],
  [
    'an entity from an external document type',
    () => `<!DOCTYPE x SYSTEM 'file:///etc/passwd'>${inValue('&e;')}`,
    'malformed',
  ],
  ['100,000 nested arrays', () => inValue('<array><data><value>'.repeat(100_000)), 'unsupported'],
  ['nested values without end', () => megabytes('<value>'), 'unsupported'],
  ['nested unknown elements', () => megabytes('<a>'), 'unsupported'],
  ['a tower of texts', () => megabytes('<string>'), 'unsupported'],
  [
    'an attribute of 20 MB',
    () => `<methodCall a="${megabytes('x')}"><methodName>a</methodName></methodCall>`,
    (p) => p.length === 0,
  ],
  ['an attribute without end', () => `<methodCall a="${megabytes('x')}`, 'malformed'],
  [
    'a million attributes',
    () => `<methodCall ${Array.from({ length: 1_000_000 }, (_, i) => `a${i}=""`).join(' ')}/>`,
    'unsupported',
  ],
  ['a name of 20 MB', () => `<${megabytes('a')}>`, 'unsupported'],
  ['20 MB of <!', () => megabytes('<!'), 'malformed'],
  ['20 MB of <! in a string', () => inString(megabytes('<!')), 'malformed'],
  ['20 MB of <?', () => megabytes('<?'), 'malformed'],
  ['20 MB of unfinished comments', () => megabytes('<!--'), 'malformed'],
  ['20 MB of comments', () => inString(megabytes('<!-- -->')), (p) => p[0] === ''],
  ['20 MB of comments before the root', () => megabytes('<!-- -->') + inString(''), (p) => p[0] === ''],
  ['20 MB of CDATA', () => inString(megabytes('<![CDATA[x]]>')), (p) => String(p[0]).startsWith('xxx')],
  ['20 MB of &', () => inString(megabytes('&')), 'malformed'],
  ['20 MB of &amp;', () => inString(megabytes('&amp;')), (p) => p[0] === '&'.repeat(4_000_000)],
  [
    '20 MB of character references',
    () => inString(megabytes('&#65;')),
    (p) => String(p[0]).length === 4_000_000,
  ],
  ['20 MB of ]]', () => inString(megabytes(']]')), (p) => String(p[0]).length === 20_000_000],
  ['20 MB of <', () => megabytes('<'), 'malformed'],
  ['20 MB of spaces in an end tag', () => `<params></params${megabytes(' ')}`, 'malformed'],
  ['20 MB of spaces in a declaration', () => `<?xml version='1.0'${megabytes(' ')}x`, 'malformed'],
  ['20 MB of spaces in a number', () => inValue(`<int>1${megabytes(' ')}x</int>`), 'malformed'],
  ['20 MB of digits', () => inValue(`<int>${megabytes('1')}</int>`), 'malformed'],
  ['20 MB of digits that are no double', () => inValue(`<double>${megabytes('1')}x</double>`), 'malformed'],
  ['20 MB of underscores in a double', () => inValue(`<double>${megabytes('1_')}x</double>`), 'malformed'],
  ['20 MB of padding', () => inValue(`<base64>A${megabytes('=')}</base64>`), 'malformed'],
  ['20 MB of broken padding', () => inValue(`<base64>${megabytes('AAAA=')}A</base64>`), 'malformed'],
  ['one string of 20 MB', () => inString(megabytes('x')), (p) => String(p[0]).length === 20_000_000],
  [
    '20 MB of integers',
    () => inValue(`<array><data>${megabytes('<value><int>7</int></value>')}</data></array>`),
    (p) => (p[0] as unknown[]).length > 700_000,
  ],
  [
    '20 MB of empty values',
    () => inValue(`<array><data>${megabytes('<value/>')}</data></array>`),
    (p) => (p[0] as unknown[]).length > 2_000_000,
  ],
  [
    'a struct of 300,000 keys',
    () =>
      inValue(
        `<struct>${Array.from({ length: 300_000 }, (_, i) => `<member><name>k${i}</name><value/></member>`).join('')}</struct>`,
      ),
    'unsupported',
  ],
  [
    'many structs of different keys',
    () =>
      inValue(
        `<array><data>${Array.from({ length: 100_000 }, (_, i) => `<value><struct>\n<member>\n<name>k${i}</name>\n<value><int>1</int></value>\n</member>\n</struct></value>\n`).join('')}</data></array>`,
      ),
    (p) => (p[0] as unknown[]).length === 100_000,
  ],
  [
    'members that are never finished',
    () => inValue(`<struct>${megabytes('<member>\n<name>a</name>\n<value>')}`),
    'malformed',
  ],
];

function processorSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

test.each(bodies)('%s: the outcome is as told, and soon', (_, make, outcome) => {
  const body = Buffer.from(make());
  const before = process.cpuUsage();
  let result: unknown[] | WireError;
  try {
    result = decodeCall(body).params;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    result = error;
  }
  const seconds = processorSeconds(before);
  if (typeof outcome === 'string') expect(result).toMatchObject({ kind: outcome });
  else expect(!(result instanceof WireError) && outcome(result)).toBe(true);
  // Quadratic work takes hours, which a slow or busy machine alone does not cause.
  expect(seconds).toBeLessThan(60);
});

test('a text that is eight times as long takes about eight times as long to decode', () => {
  const secondsOf = (count: number): number => {
    const body = Buffer.from(inString(megabytes('x', count)));
    const times = [1, 2, 3].map(() => {
      const before = process.cpuUsage();
      decodeCall(body);
      return processorSeconds(before);
    });
    return Math.min(...times);
  };
  const [short, long] = [secondsOf(5), secondsOf(40)];
  // With the square of its length, it takes sixty-four times as long.
  expect(long / short).toBeLessThan(30);
});
