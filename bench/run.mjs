// Runs one benchmark: npm run bench -- NAME
import { existsSync, readdirSync } from 'node:fs';

const here = new URL('.', import.meta.url);
const [name = ''] = process.argv.slice(2);
const names = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/bench.mjs`, here)))
  .map((entry) => entry.name);

if (names.includes(name)) await import(new URL(`${name}/bench.mjs`, here).href);
else {
  console.error(`usage: npm run bench -- NAME, where NAME is one of: ${names.join(', ')}`);
  process.exitCode = 2;
}
