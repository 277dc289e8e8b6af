import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listPlugins, loadPlugins } from '../src/host/index.js';
import { pluginConfig } from '../src/index.js';

let root: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-config-'));
  fs.mkdirSync(path.join(root, 'plugins'));
  fs.writeFileSync(
    path.join(root, 'plugins', 'mine.conf'),
    '[limits]\nMax_Size = 12\nbad = twelve\nstrict = off\nkeys = aa, bb  cc\n',
  );
});

afterEach(() => fs.rmSync(root, { recursive: true }));

test('a plugin reads its own file from the folder beside the configuration', async () => {
  await loadPlugins({ part: 'hub', names: [], folders: [], from: root });
  const config = pluginConfig('mine');
  expect(config.sectionNames()).toEqual(['limits']);
  expect(config.integer('limits', 'max_size')).toBe(12);
  expect(config.boolean('limits', 'strict')).toBe(false);
  expect(config.words('limits', 'keys')).toEqual(['aa', 'bb', 'cc']);
  expect(config.text('limits', 'absent', 'none')).toBe('none');
  const file = path.join(root, 'plugins', 'mine.conf');
  expect(() => config.integer('limits', 'bad')).toThrow(
    `${file} [limits] bad: 'twelve' is not a whole number`,
  );
  expect(() => config.boolean('limits', 'bad')).toThrow("'twelve' is neither yes nor no");
  expect(() => config.text('other', 'thing')).toThrow(`${file} [other] thing: is missing`);
});

test('a file that is not there is an empty one, and names are not paths', async () => {
  await loadPlugins({ part: 'hub', names: [], folders: [], from: '/', configFolder: root });
  expect(pluginConfig('absent').integer('limits', 'size', 3)).toBe(3);
  expect(() => pluginConfig('../mine')).toThrow("'../mine' can't be the name of a plugin's file");
});

test('the plugins of a folder are its loose files and its packages', () => {
  for (const file of ['b.js', 'a.mjs', 'c.cjs', 'readme.md', 'd.ts'])
    fs.writeFileSync(path.join(root, file), '');
  fs.mkdirSync(path.join(root, 'packed'));
  fs.writeFileSync(path.join(root, 'packed', 'package.json'), '{}');
  fs.mkdirSync(path.join(root, 'builders-only'));
  fs.writeFileSync(
    path.join(root, 'builders-only', 'package.json'),
    '{ "koji": { "builder": "./index.js" } }',
  );
  const folders = [root, path.join(root, 'no-such-folder')];
  expect(listPlugins(folders, 'cli')).toEqual(['a', 'b', 'c', 'packed']);
  expect(listPlugins(folders, 'builder')).toContain('builders-only');
});
