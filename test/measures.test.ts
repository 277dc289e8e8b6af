import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './support/system.js';

interface Measured {
  readonly name: string;
  readonly files: number;
  readonly lines: readonly number[];
  readonly functions: readonly number[];
  readonly circles?: number;
  readonly doors?: readonly (readonly [string, number])[];
}

const measured = JSON.parse(
  execFileSync(process.execPath, ['scripts/measures.mjs', '--json'], { cwd: root, encoding: 'utf8' }),
) as Measured[];
const packages = measured.filter(({ doors }) => doors);

/** The rows of the table in docs/architecture.md by their names; folders after their package. */
function rows(): Map<string, string[]> {
  const page = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');
  const table = page.slice(page.indexOf('<!-- measures:'), page.indexOf('<!-- end of measures'));
  const found = new Map<string, string[]>();
  let current = '';
  for (const line of table.split('\n').filter((text) => text.startsWith('|'))) {
    const [name = '', ...cells] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
    const own = /^\*\*(.*)\*\*$/.exec(name)?.[1];
    if (own) current = own;
    found.set(own ? `packages/${own}` : `packages/${current}/${name}`, cells);
  }
  return found;
}

test('no file imports another in a circle, types counted', () => {
  expect(packages.filter(({ circles }) => circles).map(({ name }) => name)).toEqual([]);
});

test('the figures in docs/architecture.md are those of the code, within a fifth', () => {
  const told = rows();
  const near = (cell: string | undefined, figure: number): boolean =>
    Math.abs(Number(cell) - figure) <= Math.max(3, figure / 5);
  const wrong = measured.flatMap(({ name, files, lines, functions }) => {
    const [count, perFile = '', perFunction = ''] = told.get(name) ?? [];
    const pairs = [
      [count, files],
      ...perFile.split(' · ').map((cell, i) => [cell, lines[i]]),
      ...perFunction.split(' · ').map((cell, i) => [cell, functions[i]]),
    ] as [string | undefined, number][];
    return pairs.every(([cell, figure]) => near(cell, figure)) ? [] : [name];
  });
  // `npm run measures -- --write` brings them up to date.
  expect(wrong).toEqual([]);
});
