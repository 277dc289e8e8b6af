import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { clientOptions, effectWarnings, hubOptions, kojidOptions, readOptions } from '../src/config/index.js';
import type { OptionTable } from '../src/config/index.js';

const packages = path.join(import.meta.dirname, '../..');

/** The code of packages, without comments and the tables of options. */
function codeOf(names: readonly string[]): string {
  const folders = names.map((name) => path.join(packages, name, 'src'));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !/^config.(hub|kojid|koji)-options\.ts$/.test(name))
      .map((name) => path.join(folder, name)),
  );
  const all = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  return all.replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

/** Whether code mentions an option. */
function reads(code: string, name: string): boolean {
  return new RegExp(String.raw`\b${name}\b`).test(code);
}

const plugins = readdirSync(packages).filter((name) => name.startsWith('koji-plugin-'));
const tables: [string, OptionTable, readonly string[]][] = [
  ['hub.conf', hubOptions, ['koji-hub', 'koji-core']],
  ['kojid.conf', kojidOptions, ['koji-builder', 'koji-core', ...plugins]],
  ['koji.conf', clientOptions, ['koji-client', 'koji-core']],
];

test.each(tables)('every option of %s has an effect, or says why it has none', (_, table, names) => {
  const code = codeOf(names);
  const without = Object.entries(table).filter(([, option]) => option.withoutEffect !== undefined);
  const silent = Object.keys(table).filter((name) => !reads(code, name));
  expect(silent.filter((name) => table[name]?.withoutEffect === undefined)).toEqual([]);
  for (const [, option] of without) expect(option.doc).toContain('No effect here: ');
});

test('options without effect are told when a file sets them, others are not', () => {
  const place = { file: '/etc/kojid/kojid.conf', section: 'kojid' };
  const optionsOf = (values: Record<string, string>) =>
    readOptions(kojidOptions, new Map(Object.entries(values)), place);
  expect(effectWarnings(kojidOptions, optionsOf({ maxjobs: '3', use_fast_upload: 'yes' }), place)).toEqual(
    [],
  );
  expect(effectWarnings(kojidOptions, optionsOf({ use_fast_upload: 'no', pkgurl: 'x' }), place)).toEqual([
    '/etc/kojid/kojid.conf [kojid] use_fast_upload has no effect: uploads are always raw',
    '/etc/kojid/kojid.conf [kojid] pkgurl has no effect: topurl replaces it',
  ]);
});
