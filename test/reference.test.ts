import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './support/system.js';

let copy: string;

/** A repository of just what the reference is made from. */
beforeAll(() => {
  copy = mkdtempSync(path.join(tmpdir(), 'koji-reference-'));
  const packages = ['core', 'plugin-sdk', 'client', 'builder'];
  const parts = ['scripts', 'docs/reference', ...packages.map((name) => `packages/koji-${name}`)];
  const files = ['package.json', 'tsconfig.base.json', '.prettierrc.json'];
  for (const part of [...parts, ...files])
    cpSync(path.join(root, part), path.join(copy, part), {
      recursive: true,
      filter: (file) => !/\/(node_modules|test)$/.test(file),
    });
  mkdirSync(path.join(copy, 'node_modules', '@koji'), { recursive: true });
  for (const name of readdirSync(path.join(root, 'node_modules')).filter((one) => one !== '@koji'))
    symlinkSync(path.join(root, 'node_modules', name), path.join(copy, 'node_modules', name));
  for (const name of packages)
    symlinkSync(path.join(copy, 'packages', `koji-${name}`), path.join(copy, 'node_modules', '@koji', name));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('a name and a member of the SDK without a doc comment fail the check, as does a page that is not what they say', () => {
  const file = 'packages/koji-plugin-sdk/src/outbox.ts';
  const text = readFileSync(path.join(copy, file), 'utf8');
  const bare = ['  readonly attempt: number;', 'export interface OutboxOptions {'];
  const changed = text
    .split('\n')
    .filter((_, i, lines) => !bare.includes(lines[i + 1] ?? ''))
    .join('\n');
  expect(changed.length).toBeLessThan(text.length);
  writeFileSync(path.join(copy, file), changed);
  const lineOf = (line: string): number => changed.split('\n').indexOf(line) + 1;
  const { status, stderr } = spawnSync(process.execPath, ['scripts/reference.mjs', '--check'], {
    cwd: copy,
    encoding: 'utf8',
  });
  expect(stderr.trimEnd().split('\n')).toEqual([
    `${file}:${lineOf('  readonly attempt: number;')}: Delivery.attempt has no doc comment`,
    `${file}:${lineOf('export interface OutboxOptions {')}: OutboxOptions has no doc comment`,
    'docs/reference/sdk.md is not what the code says: npm run docs',
  ]);
  expect(status).toBe(1);
});
