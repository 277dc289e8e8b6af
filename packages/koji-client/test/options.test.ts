import {
  HelpAsked,
  OptionParser,
  UsageError,
  flag,
  int,
  noFlag,
  text,
  texts,
  time,
} from '../src/cli/options.js';

const parser = new OptionParser('koji test [options] <x>', {
  name: text(['-n', '--name'], 'A name'),
  number: int('--number', 'A number', { metavar: 'N' }),
  list: texts(['-l', '--list'], 'Several'),
  verbose: flag(
    ['-v', '--verbose'],
    'Talk a lot, and then some more, so that the help of this option needs a second line',
  ),
  wait: [flag('--wait', 'Wait'), noFlag('--nowait', 'Do not')],
  since: time('--since', 'A time'),
  secret: flag('--secret'),
});

const parse = (...argv: string[]) => parser.parse(argv);

test('options stand anywhere and take their values in every usual way', () => {
  expect(parse('a', '-nx', 'b', '--number=0x10', '-l', '1', '--list=2', '-v')).toEqual({
    args: ['a', 'b'],
    options: {
      name: 'x',
      number: 16,
      list: ['1', '2'],
      verbose: true,
      wait: undefined,
      since: undefined,
      secret: undefined,
    },
  });
  expect(parse('-vn', 'x').options).toMatchObject({ verbose: true, name: 'x' });
  expect(parse('-vnx').options).toMatchObject({ verbose: true, name: 'x' });
  expect(parse('--name', '--verbose').options).toMatchObject({ name: '--verbose', verbose: undefined });
});

test('the last value counts, and two options may set one', () => {
  expect(parse('--name=a', '--name=b').options.name).toBe('b');
  expect(parse('--wait', '--nowait').options.wait).toBe(false);
  expect(parse('--nowait', '--wait').options.wait).toBe(true);
});

test('what follows -- is no option, nor is a lone dash', () => {
  expect(parse('-', '--', '-v', '--x').args).toEqual(['-', '-v', '--x']);
});

test('long options may be abbreviated as long as they are unique', () => {
  expect(parse('--verb').options.verbose).toBe(true);
  expect(parse('--no').options.wait).toBe(false);
});

test.each([
  [['--n'], 'ambiguous option: --n (--name, --nowait, --number?)'],
  [['--nosuch'], 'no such option: --nosuch'],
  [['-x'], 'no such option: -x'],
  [['-5'], 'no such option: -5'],
  [['--name'], '--name option requires 1 argument'],
  [['--verbose=1'], '--verbose option does not take a value'],
  [['--number=x'], "option --number: invalid integer value: 'x'"],
  [['--number=08'], "option --number: invalid integer value: '08'"],
  [['--number', '1.5'], "option --number: invalid integer value: '1.5'"],
  [['--since=whenever'], "option --since: invalid time specification: 'whenever'"],
])('%p is refused', (argv, message) => {
  expect(() => parse(...argv)).toThrow(new UsageError(message));
});

test.each([
  ['12', 12],
  ['-3', -3],
  ['017', 15],
  ['0o17', 15],
  ['0b101', 5],
  ['0', 0],
])('the number %s is %d', (given, value) => {
  expect(parse(`--number=${given}`).options.number).toBe(value);
});

test.each([
  ['1795399447', 1795399447],
  ['2020-12-31 12:35 UTC', Date.UTC(2020, 11, 31, 12, 35) / 1000],
  ['2020-12-31T12:35:10+02:00', Date.UTC(2020, 11, 31, 10, 35, 10) / 1000],
  ['2020-12-31', new Date(2020, 11, 31).getTime() / 1000],
  ['December 31st 2020 12:35', new Date(2020, 11, 31, 12, 35).getTime() / 1000],
])('the time %p is understood', (given, value) => {
  expect(parse('--since', given).options.since).toBe(value);
});

test('help lists every option that is not hidden, in columns', () => {
  expect(() => parse('x', '--help')).toThrow(HelpAsked);
  expect(() => parse('-vh')).toThrow(HelpAsked);
  expect(parser.help(80)).toBe(`Usage: koji test [options] <x>

Options:
  -h, --help            show this help message and exit
  -n NAME, --name=NAME  A name
  --number=N            A number
  -l LIST, --list=LIST  Several
  -v, --verbose         Talk a lot, and then some more, so that the help of
                        this option needs a second line
  --wait                Wait
  --nowait              Do not
  --since=SINCE         A time
`);
});

test('options behind the first argument are left alone where a command follows', () => {
  const outer = new OptionParser('koji', { verbose: flag('-v', 'x') }, { interspersed: false });
  expect(outer.parse(['-v', 'call', '-v', '--x'])).toEqual({
    options: { verbose: true },
    args: ['call', '-v', '--x'],
  });
});
