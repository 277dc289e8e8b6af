import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeCopies } from '../src/host/index.js';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'koji-copies-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes a package in a folder. */
function make(place: string, name: string, version = '1.0.0'): void {
  mkdirSync(path.join(folder, place), { recursive: true });
  writeFileSync(path.join(folder, place, 'package.json'), JSON.stringify({ name, version, koji: {} }));
}

const describePlugin = (name: string): string[] => describeCopies([name], { folders: [], from: folder });

test('copies of the SDK and of core in the tree of a plugin are named, those of Koji itself are not', () => {
  mkdirSync(path.join(folder, 'node_modules/@koji'), { recursive: true });
  for (const name of ['core', 'plugin-sdk'])
    symlinkSync(path.join(modules, '@koji', name), path.join(folder, 'node_modules/@koji', name));
  const own = 'node_modules/koji-plugin-own/node_modules';
  make('node_modules/koji-plugin-good', 'koji-plugin-good');
  make('node_modules/koji-plugin-own', 'koji-plugin-own');
  make(`${own}/@koji/core`, '@koji/core', '0.0.9');
  make(`${own}/@other/dep`, '@other/dep');
  make(`${own}/@other/dep/node_modules/@koji/plugin-sdk`, '@koji/plugin-sdk', '0.0.8');
  expect(describePlugin('good')).toEqual([]);
  expect(describePlugin('absent')).toEqual([]);
  const [core, sdk, ...more] = describePlugin('own');
  expect(more).toEqual([]);
  expect(core).toContain(
    `plugin own has a copy of @koji/core of its own (0.0.9 in ${folder}/${own}/@koji/core)`,
  );
  expect(sdk).toContain(`@koji/plugin-sdk of its own (0.0.8 in ${folder}/${own}/@other/dep/node_modules/`);
  expect(sdk).toContain('"peerDependencies"');
});

test('a plugin that is linked, with packages of its own beside it, is looked at where it is', () => {
  make('work/node_modules/@koji/plugin-sdk', '@koji/plugin-sdk', '0.0.7');
  make('work/koji-plugin-linked', 'koji-plugin-linked');
  symlinkSync(
    path.join(folder, 'work/koji-plugin-linked'),
    path.join(folder, 'node_modules/koji-plugin-linked'),
  );
  expect(describePlugin('linked')).toEqual([expect.stringContaining('0.0.7')]);
});
