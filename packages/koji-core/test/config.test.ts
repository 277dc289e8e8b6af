import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { ConfigError } from '../src/errors.js';
import { ConfigurationError } from '../src/faults.js';
import {
  clientOptions,
  hubOptions,
  kojidOptions,
  parseIni,
  readClientConfig,
  readHubConfig,
  readKojidConfig,
  readOptions,
  sampleFile,
} from '../src/config/index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const full = path.join(folder, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

const asObject = (texts: readonly string[], interpolation: boolean): unknown => {
  const sections = parseIni(
    texts.map((text) => ({ file: 'x.conf', text })),
    { interpolation },
  );
  return Object.fromEntries(
    sections.keys().map((name) => [name, Object.fromEntries(sections.get(name) ?? [])]),
  );
};

test("files read as Python's configparser reads them", () => {
  const line = fc.constantFrom(
    '[a]',
    '[b.c]',
    '[DEFAULT]',
    'x = 1',
    'y: two',
    'z =',
    ' more',
    '\tand = more',
    '# note',
    '; note',
    '  # inside',
    '',
    '   ',
    'u = a # b ; c',
    'Big = "q"',
    'p = %(x)s',
    'q = 100%%',
    'bare',
    'v : = 3',
    '[c] behind',
    '= none',
    'r = %(deep',
    's = %(t)s%(x)s',
    't = <%(p)s>',
    '  indented = 1',
    'w = 50% off',
  );
  const text = fc.oneof(
    fc.array(line, { maxLength: 10 }),
    fc.uniqueArray(line, { maxLength: 14 }).map((lines) => ['[first]', ...lines]),
  );
  const texts = fc.sample(
    fc.array(
      text.map((lines) => lines.join('\n')),
      { minLength: 1, maxLength: 2 },
    ),
    { numRuns: 3000, seed: 11 },
  );
  const script = `
import configparser, json, sys
def read(texts, parser):
    try:
        for text in texts:
            parser.read_string(text)
        return {s: dict(parser.items(s)) for s in parser.sections()}
    except configparser.Error:
        return None
texts = json.load(sys.stdin)
print(json.dumps([[read(t, configparser.RawConfigParser()), read(t, configparser.ConfigParser())] for t in texts]))`;
  const theirs = JSON.parse(
    execFileSync('python3', ['-c', script], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 1e8,
    }),
  ) as unknown[][];
  const read = (given: readonly string[], interpolation: boolean): unknown => {
    try {
      return asObject(given, interpolation);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return null;
    }
  };
  expect(theirs.filter(([raw]) => raw !== null).length).toBeGreaterThan(300);
  const different = texts.flatMap((given, i) => {
    const ours = [read(given, false), read(given, true)];
    return JSON.stringify(sorted(ours)) === JSON.stringify(sorted(theirs[i]))
      ? []
      : [{ given, ours, theirs: theirs[i] }];
  });
  expect(different.slice(0, 3)).toEqual([]);
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

test('everything that can not be read is named with its file and line', () => {
  const text = 'early = 1\n[a]\nbare\nx = 1\nX : 2\n[a]\n= 3\n';
  expect(() => parseIni([{ file: 'x.conf', text }])).toThrow(
    new ConfigError(
      [
        "x.conf line 1: 'early = 1' is before the first [section]",
        "x.conf line 3: 'bare' is neither a [section] nor name = value",
        "x.conf line 5: duplicate option 'x', first set in line 4",
        'x.conf line 6: duplicate section [a]',
        "x.conf line 7: '= 3' is neither a [section] nor name = value",
      ].join('\n'),
    ),
  );
});

test('a wrong % hurts only who reads its section', () => {
  const sections = parseIni([{ file: 'x.conf', text: '[a]\nx = 1\n[b]\ny = 5%\n' }], { interpolation: true });
  expect(sections.get('a')).toEqual(new Map([['x', '1']]));
  expect(() => sections.get('b')).toThrow(
    "x.conf line 4: [b] y = '5%': a '%' that does not start '%(name)s'",
  );
});

test('names that refer to each other end in an error', () => {
  const sections = parseIni([{ file: 'x.conf', text: '[a]\nx = %(y)s\ny = %(x)s\n' }], {
    interpolation: true,
  });
  expect(() => sections.get('a')).toThrow('names refer to each other in a loop');
});

test('hub.conf stands over the files of hub.conf.d, which stand over each other by name', () => {
  file('hub/hub.conf.d/20.conf', '[hub]\nMaxJobs = 20\nEnableMaven = yes\n');
  file('hub/hub.conf.d/10.conf', '[hub]\nMaxJobs = 10\nRunInterval = 7\n[policy]\ntag =\n  all :: deny\n');
  file('hub/hub.conf.d/30.txt', '[hub]\nMaxJobs = 30\n');
  const main = file(
    'hub/hub.conf',
    '[hub]\nPlugins = a b\nUnknownOption = x\n[policy]\nvm =\n    # why\n    all :: allow\n',
  );
  const { options, policies } = readHubConfig({ file: main });
  expect(options).toMatchObject({
    MaxJobs: 20,
    RunInterval: 7,
    EnableMaven: true,
    Plugins: ['a', 'b'],
    LockOut: false,
    Workers: 1,
  });
  expect([...policies]).toEqual([
    ['tag', '\nall :: deny'],
    ['vm', '\nall :: allow'],
  ]);
});

test('every wrong value is reported at once, with file, section, option and value', () => {
  const main = file('bad/hub.conf', '[hub]\nLockOut = maybe\nMaxJobs = ten\nPluginFailure = ignore\n');
  expect(() => readHubConfig({ file: main })).toThrow(
    `${main} [hub] LockOut = 'maybe': not a boolean (yes or no)\n${main} [hub] MaxJobs = 'ten': not a whole number\n${main} [hub] PluginFailure = 'ignore': not one of refuse, skip`,
  );
});

test('a wrong value is blamed on the file that contains it', () => {
  const drop = file('drop/hub.conf.d/10.conf', '[hub]\nMaxJobs = ten\nWorkers = two\n');
  const main = file('drop/hub.conf', '[hub]\nWorkers = three\n');
  expect(() => readHubConfig({ file: main })).toThrow(
    `${drop} [hub] MaxJobs = 'ten': not a whole number\n${main} [hub] Workers = 'three': not a whole number`,
  );
});

test('the environment names the files of the hub, and older spellings count', () => {
  const main = file('env/main.conf', '[hub]\nDBhost = db.example\nRLIMIT_OFILE = 100 200\nmaxjobs = 1_000\n');
  const dir = path.dirname(file('env/more/a.conf', '[hub]\nRunInterval = +5\n'));
  const env = { 'koji.hub.ConfigFile': main, 'koji.hub.ConfigDir': dir };
  expect(readHubConfig({ env }).options).toMatchObject({
    DBHost: 'db.example',
    RLIMIT_NOFILE: '100 200',
    MaxJobs: 1000,
    RunInterval: 5,
  });
});

test('a missing hub.conf is named', () => {
  const none = path.join(folder, 'none.conf');
  expect(() => readHubConfig({ file: none })).toThrow(
    new ConfigError(`Config file ${none} can't be opened.`),
  );
});

test('kojid.conf knows its options only, and takes plugin and plugins alike', () => {
  const good = file(
    'kojid.conf',
    '[kojid]\nserver = http://hub/kojihub\ntopurl = http://hub/files\nplugins = a b\nsleeptime = 3\nrlimit_core = 0\n',
  );
  expect(readKojidConfig({ file: good, overrides: { maxjobs: '2' } })).toMatchObject({
    plugin: ['a', 'b'],
    sleeptime: 3,
    maxjobs: 2,
    minspace: 8192,
    RLIMIT_CORE: '0',
  });
  const strange = file('kojid2.conf', '[kojid]\nserver = x\nserverr = x\n');
  expect(() => readKojidConfig({ file: strange })).toThrow('[kojid] serverr: unknown config option');
  const none = file('kojid3.conf', '[kojid]\n');
  expect(() => readKojidConfig({ file: none })).toThrow(
    `${none} [kojid]: the server option is required\n${none} [kojid]: the topurl option is required`,
  );
  const sections = file('kojid4.conf', '[kojid]\nserver = x\ntopurl = x\n[other]\nx = 1\n');
  expect(() => readKojidConfig({ file: sections })).toThrow('invalid section found in config file: other');
});

test("a profile is read from the system's and the user's files, the user's last", () => {
  const etc = path.join(folder, 'etc');
  const home = path.join(folder, 'home');
  file('etc/koji.conf', '[koji]\nserver = http://system/kojihub\ntopdir = /top\n');
  file('etc/koji.conf.d/other.conf', '[other]\nserver = http://other/%(what)s\nwhat = hub\n');
  file('home/.koji/config', '[koji]\nserver = http://own/kojihub\ncert = ~/mine.pem\n');
  expect(readClientConfig({ profile: 'koji', etc, home })).toMatchObject({
    profile: 'koji',
    server: 'http://own/kojihub',
    topdir: '/top',
    max_retries: 30,
    cert: path.join(home, 'mine.pem'),
    serverca: '',
  });
  expect(readClientConfig({ profile: 'other', etc, home }).server).toBe('http://other/hub');
  const given = file('given.conf', '[koji]\nserver = http://given\n');
  expect(readClientConfig({ profile: 'koji', configFile: given, etc, home })).toMatchObject({
    server: 'http://given',
    topdir: '/top',
  });
  const absent = path.join(folder, 'absent.conf');
  expect(() => readClientConfig({ profile: 'koji', configFile: absent, etc, home })).toThrow(
    new ConfigurationError(`Config file ${absent} can't be opened.`),
  );
  expect(() => readClientConfig({ profile: 'koji', configFile: '~', etc, home })).toThrow(
    new ConfigurationError(`No config files found in directory: ${home}`),
  );
  expect(() => readClientConfig({ profile: 'nosuch', etc, home })).toThrow(
    new ConfigurationError('no configuration for profile name: nosuch'),
  );
});

test('a sample file of every table holds every option and reads back', () => {
  for (const [section, table] of Object.entries({
    hub: hubOptions,
    kojid: kojidOptions,
    koji: clientOptions,
  })) {
    const text = sampleFile(section, table);
    for (const name of Object.keys(table)) expect(text).toMatch(new RegExp(`^#${name} =`, 'm'));
    const uncommented = text.replace(/^#(\w+ =.+)$/gm, '$1');
    const values =
      parseIni([{ file: 'sample', text: uncommented }]).get(section) ?? new Map<string, string>();
    expect(readOptions(table, values, { file: 'sample', section, unknown: 'fatal' })).toEqual(
      readOptions(table, new Map(), { file: 'sample', section }),
    );
  }
});
