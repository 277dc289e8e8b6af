import { readFileSync } from 'node:fs';
import path from 'node:path';
import { hubOptions, kojidOptions } from '@koji/core/config';
import { root } from './support/system.js';

const page = readFileSync(path.join(root, 'docs', 'security.md'), 'utf8');
const options: Readonly<Record<string, { readonly default: unknown }>> = { ...kojidOptions, ...hubOptions };

/** The rows of the table of bounds: the options that each names, and the default that it states. */
const rows = [...page.matchAll(/^\| [^|]+ \| (`[^|]+`) +\| ([^|]+) \|$/gm)].map(
  ([, names = '', stated = '']) => ({
    names: [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    stated: stated.trim(),
  }),
);

test('every option in the table of bounds exists, and so does every other one that the page names', () => {
  expect(rows.length).toBeGreaterThan(20);
  const named = [...page.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name = '']) => name);
  for (const name of [...named, ...rows.flatMap(({ names }) => names)])
    expect(Object.hasOwn(options, name) ? null : name).toBeNull();
});

test('the numbers of the table are the defaults', () => {
  for (const { names, stated } of rows) {
    const numbers = [...stated.matchAll(/\d+/g)].map(Number);
    if (numbers.length > 0)
      expect([names, numbers]).toEqual([
        names,
        names.slice(0, numbers.length).map((name) => options[name]?.default),
      ]);
  }
});
