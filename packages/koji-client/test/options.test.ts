import { spokenTime } from '@koji/core/text';
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
  [['--since=2026-02-31'], "option --since: invalid time specification: '2026-02-31'"],
  [['--since=2026-04-00'], "option --since: invalid time specification: '2026-04-00'"],
  [['--since=Feb 30 2026'], "option --since: invalid time specification: 'Feb 30 2026'"],
  [['--since=2 fortnights ago'], "option --since: invalid time specification: '2 fortnights ago'"],
  [['--since=yesterday 25:00'], "option --since: invalid time specification: 'yesterday 25:00'"],
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

test.each([
  ['2028-02-29', new Date(2028, 1, 29)],
  ['31 Dec 2020', new Date(2020, 11, 31)],
  ['Thu, 31 Dec 2020 12:35:00 GMT', new Date(Date.UTC(2020, 11, 31, 12, 35))],
])('the date %p exists', (given, date) => {
  expect(parse('--since', given).options.since).toBe(date.getTime() / 1000);
});

// A Wednesday.
const now = new Date(2026, 2, 4, 15, 30, 20);
test.each([
  ['now', now],
  ['30 seconds ago', new Date(2026, 2, 4, 15, 29, 50)],
  ['10s ago', new Date(2026, 2, 4, 15, 30, 10)],
  ['an hour ago', new Date(2026, 2, 4, 14, 30, 20)],
  ['2 days ago', new Date(2026, 2, 2, 15, 30, 20)],
  ['3 Weeks  ago', new Date(2026, 1, 11, 15, 30, 20)],
  ['last month', new Date(2026, 1, 4, 15, 30, 20)],
  ['1 year ago', new Date(2025, 2, 4, 15, 30, 20)],
  ['today', new Date(2026, 2, 4)],
  ['yesterday', new Date(2026, 2, 3)],
  ['yesterday at 9:05', new Date(2026, 2, 3, 9, 5)],
  ['last monday', new Date(2026, 2, 2)],
  ['last wednesday 18:00', new Date(2026, 1, 25, 18)],
  ['last someday', null],
  ['days ago', null],
  ['2 days', null],
  ['last 2 days ago', null],
])('%p is a time as people write it', (given, date) => {
  expect(spokenTime(given, now)).toBe(date && date.getTime() / 1000);
});

test('a month before the last of March is the last of February', () => {
  expect(spokenTime('a month ago', new Date(2026, 2, 31, 8))).toBe(new Date(2026, 1, 28, 8).getTime() / 1000);
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
