import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { faultToWire, makeLogger, messageOf } from '@koji/core';
import { describeProblem, listPlugins, loadPlugins } from '../src/host/index.js';
import { option, pluginConfig } from '../src/index.js';

let root: string;
let file: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-config-'));
  fs.mkdirSync(path.join(root, 'plugins'));
  file = path.join(root, 'plugins', 'mine.conf');
});

afterEach(() => fs.rmSync(root, { recursive: true }));

const load = (module: object = {}): ReturnType<typeof loadPlugins> =>
  loadPlugins({ part: 'hub', names: ['mine'], folders: [], from: root, modules: { mine: module } });

const limits = {
  limits: {
    max_size: option.integer(5, 'Bytes'),
    ratio: option.number(0.5, 'Part of all'),
    strict: option.boolean(true, 'Whether to refuse'),
    keys: option.words([], 'Ids of keys'),
    mode: option.choice('fast', ['safe'], 'How'),
    owner: option.text(null, 'Who has it'),
  },
};

test('values have the types of their options, from the file beside the configuration or by default', async () => {
  fs.writeFileSync(file, '[limits]\nMax_Size = 12\nratio = .25\nstrict = off\nkeys = aa, bb  cc\n');
  const config = pluginConfig('mine', limits);
  await load();
  const size: number = config.limits.max_size;
  const owner: string | null = config.limits.owner;
  expect(size).toBe(12);
  expect(owner).toBeNull();
  expect(config.limits).toEqual({
    max_size: 12,
    ratio: 0.25,
    strict: false,
    keys: ['aa', 'bb', 'cc'],
    mode: 'fast',
    owner: null,
  });
});

test('a missing file is an empty one, and every load reads again', async () => {
  const config = pluginConfig('mine', limits);
  await load();
  expect(config.limits.max_size).toBe(5);
  fs.writeFileSync(file, '[limits]\nmax_size = 6\n');
  expect(config.limits.max_size).toBe(5);
  await load();
  expect(config.limits.max_size).toBe(6);
});

test('a file under its other name counts where the first one is missing', async () => {
  const other = path.join(root, 'plugins', 'theirs.conf');
  fs.writeFileSync(other, '[limits]\nmax_size = 7\n');
  const config = pluginConfig('mine', limits, { otherName: 'theirs' });
  await load();
  expect(config.limits.max_size).toBe(7);
  fs.writeFileSync(file, '[limits]\nowner = me\n');
  await load();
  expect(config.limits).toMatchObject({ max_size: 5, owner: 'me' });
});

test('everything that is wrong with a file is said when its plugin is loaded', async () => {
  fs.writeFileSync(file, '[limits]\nmax_size = many\nmode = slow\nkeys = UPPER\n');
  const config = pluginConfig('mine', {
    limits: {
      ...limits.limits,
      keys: option.checked(limits.limits.keys, (keys) =>
        keys.every((one) => one === one.toLowerCase()) ? null : 'ids are in lower case',
      ),
      topic: option.required(option.text(null, 'What to call it')),
    },
  });
  const { plugins, problems } = await load({ f: Object.assign(() => 1, { exported: true }) });
  expect(plugins).toEqual([]);
  expect(problems.map(describeProblem)).toEqual(
    [
      "[limits] max_size = 'many': not a whole number",
      "[limits] keys = 'UPPER': ids are in lower case",
      "[limits] mode = 'slow': not one of fast, safe",
      '[limits] topic: is missing',
    ].map(
      (text) =>
        `plugin mine (${file}): ${text}\n  remedy: correct ${file}\n  see docs/plugins/failures.md#bad-config`,
    ),
  );
  expect(() => config.limits).toThrow(`${file} [limits] max_size = 'many': not a whole number\n`);
});

test('a plugin that reads its wrong file while it loads is told so, not that it threw', async () => {
  fs.writeFileSync(file, 'no section\n');
  const sdk = path.resolve(import.meta.dirname, '../dist/index.js');
  fs.writeFileSync(
    path.join(root, 'mine.mjs'),
    `import { option, pluginConfig } from '${sdk}';
     const config = pluginConfig('mine', { a: { b: option.text('', 'B') } });
     export const { b } = config.a;`,
  );
  const { problems } = await loadPlugins({ part: 'hub', names: ['mine'], folders: [root], from: root });
  expect(problems).toMatchObject([{ plugin: 'mine', file, topic: 'bad-config' }]);
});

test('a wrong value that is secret is not shown', async () => {
  fs.writeFileSync(file, '[limits]\nkey = abc\n');
  const key = option.checked(option.text('', 'To sign with'), () => 'too short');
  pluginConfig('mine', { limits: { key: option.secret(key) } });
  const { problems } = await load();
  expect(problems).toMatchObject([
    { problem: expect.stringContaining('[limits] key = (secret): too short') as string },
  ]);
});

test('a section with * stands for all whose names begin so', async () => {
  fs.writeFileSync(file, '[path0]\npath = /a\n[path1]\npath = /b\n[paths]\nall = no\n');
  const config = pluginConfig('mine', {
    paths: { all: option.boolean(true, 'All of them') },
    'path*': { path: option.required(option.text(null, 'A folder')) },
  });
  await load();
  expect([...config['path*']]).toEqual([
    ['path0', { path: '/a' }],
    ['path1', { path: '/b' }],
  ]);
  expect(config.paths.all).toBe(false);
});

test('what a report shows of a file', async () => {
  fs.writeFileSync(file, '[limits]\nkey = abc\nold = 1\n[other]\nx = 1\n');
  const key = option.secret(option.text('', 'To sign with'));
  pluginConfig('mine', { limits: { key, mode: option.choice('fast', ['safe'], 'How') } });
  const { plugins } = await load({ f: Object.assign(() => 1, { exported: true }) });
  expect(plugins[0]?.configs[0]?.report()).toEqual({
    file,
    exists: true,
    settings: [
      { section: 'limits', name: 'key', kind: 'string', doc: 'To sign with', value: '(secret)', given: true },
      { section: 'limits', name: 'mode', kind: 'fast | safe', doc: 'How', value: 'fast', given: false },
    ],
    problems: [],
    unknown: ['[limits] old', '[other]'],
  });
});

test('names are not paths, and values are known only to plugins that are loaded', () => {
  expect(() => pluginConfig('../mine', {})).toThrow("'../mine' can't be the name of a plugin's file");
});

test('the plugins of a folder are its loose files and its packages', () => {
  for (const one of ['b.js', 'a.mjs', 'c.cjs', 'readme.md', 'd.ts', 'e.d.ts'])
    fs.writeFileSync(path.join(root, one), '');
  fs.mkdirSync(path.join(root, 'packed'));
  fs.writeFileSync(path.join(root, 'packed', 'package.json'), '{}');
  fs.mkdirSync(path.join(root, 'builders-only'));
  fs.writeFileSync(
    path.join(root, 'builders-only', 'package.json'),
    '{ "koji": { "builder": "./index.js" } }',
  );
  const folders = [root, path.join(root, 'no-such-folder')];
  expect(listPlugins(folders, 'cli')).toEqual(['a', 'b', 'c', 'd', 'packed']);
  expect(listPlugins(folders, 'builder')).toContain('builders-only');
});

const method = { f: Object.assign(() => 1, { exported: true }) };

test('a file is read as ConfigParser reads it: [DEFAULT] applies to every section, %(name)s is another option', async () => {
  fs.writeFileSync(
    file,
    '[DEFAULT]\nroot = /srv\nowner = all\nodd = 1\n' +
      '[path0]\npath = %(root)s/a%%b\n[path1]\npath = /c\nowner = me\n[broker]\n',
  );
  const owner = option.text(null, 'Who has it');
  const config = pluginConfig('mine', {
    'path*': { path: option.text(null, 'A folder'), owner },
    broker: { owner },
    absent: { owner },
    DEFAULT: { owner },
  });
  const { plugins } = await load(method);
  expect([...config['path*']]).toEqual([
    ['path0', { path: '/srv/a%b', owner: 'all' }],
    ['path1', { path: '/c', owner: 'me' }],
  ]);
  expect(config.broker.owner).toBe('all');
  expect(config.DEFAULT.owner).toBe('all');
  // A missing section has no options, as in Python.
  expect(config.absent.owner).toBeNull();
  expect(plugins[0]?.configs[0]?.report().unknown).toEqual(['[DEFAULT] odd']);
});

test('a % that means nothing is a problem, which does not show a secret; without interpolation it is a %', async () => {
  fs.writeFileSync(file, '[broker]\ntoken = hunter%2\n');
  const shape = { broker: { token: option.secret(option.text(null, 'For the broker')) } };
  pluginConfig('mine', shape);
  const { problems } = await load(method);
  expect(problems.map(({ problem }) => problem)).toEqual([
    "line 2: [broker] token = (secret): a '%' that does not start '%(name)s' must be written '%%'",
  ]);
  const config = pluginConfig('mine', shape, { interpolation: false });
  await load(method);
  expect(config.broker.token).toBe('hunter%2');
});

describe('a secret', () => {
  const shape = {
    broker: {
      token: option.secret(option.text(null, 'For the broker')),
      other: option.secret(option.text(null, 'For another')),
    },
  };

  test('may be in a file or in the environment', async () => {
    fs.writeFileSync(path.join(root, 'plugins', 'token'), 'from a file\n');
    process.env['KOJI_TEST_TOKEN'] = 'from the environment';
    fs.writeFileSync(file, '[broker]\ntoken = file:token\nother = env:KOJI_TEST_TOKEN\n');
    const config = pluginConfig('mine', shape);
    const { plugins, problems } = await load(method);
    delete process.env['KOJI_TEST_TOKEN'];
    expect(problems).toEqual([]);
    expect(config.broker).toEqual({ token: 'from a file', other: 'from the environment' });
    expect(plugins[0]?.configs[0]?.report().settings.map(({ value }) => value)).toEqual([
      '(secret from file:token)',
      '(secret from env:KOJI_TEST_TOKEN)',
    ]);
  });

  test('that is not where it should be is a problem', async () => {
    fs.mkdirSync(path.join(root, 'plugins', 'folder'));
    fs.writeFileSync(path.join(root, 'plugins', 'long'), 'x'.repeat(70_000));
    const problemOf = async (text: string): Promise<string | undefined> => {
      fs.writeFileSync(file, `[broker]\ntoken = ${text}\n`);
      pluginConfig('mine', shape);
      return (await load(method)).problems[0]?.problem;
    };
    const at = (name: string): string => path.join(root, 'plugins', name);
    const told = '[broker] token = ';
    expect(await problemOf('file:absent')).toBe(`${told}file:absent: ${at('absent')} can't be read (ENOENT)`);
    expect(await problemOf('file:folder')).toBe(`${told}file:folder: ${at('folder')} is not a file`);
    expect(await problemOf('file:long')).toBe(`${told}file:long: ${at('long')} is longer than 65536 bytes`);
    expect(await problemOf('env:KOJI_ABSENT')).toBe(
      `${told}env:KOJI_ABSENT: the environment has no variable KOJI_ABSENT`,
    );
  });

  test('is in no log line, fault or message of an error', async () => {
    fs.writeFileSync(file, '[broker]\ntoken = correct horse/battery\n');
    const config = pluginConfig('mine', shape);
    await load(method);
    const error = new Error(`no answer from https://x/?t=${encodeURIComponent(config.broker.token!)}`, {
      cause: new Error(`refused: ${config.broker.token}`),
    });
    const lines: string[] = [];
    const log = makeLogger((_level, text) => lines.push(text()));
    log.info('settings: %j', config);
    log.error('it failed', error);
    const shown = [...lines, faultToWire(error).faultString, messageOf(error.cause)].join('\n');
    expect(shown).not.toMatch(/horse/);
    expect(shown).toContain('no answer from https://x/?t=(secret)');
    expect(shown).toContain('refused: (secret)');
  });
});
