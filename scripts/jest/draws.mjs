// Finds the tests that draw the values that they try.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from '../setup.mjs';

/** Returns the test files that draw values; those whose path has one of the given parts, if any are given. */
export function testsThatDraw(parts) {
  const found = readdirSync(path.join(root, 'packages'))
    .map((name) => path.join('packages', name, 'test'))
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder))
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => path.join(folder, name)),
    )
    .filter((file) => readFileSync(path.join(root, file), 'utf8').includes("from 'fast-check'"));
  return parts.length === 0 ? found : found.filter((file) => parts.some((part) => file.includes(part)));
}
