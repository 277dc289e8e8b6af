import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('types', import.meta.url));
const tsc = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
);

/** The compiler's output for a project. */
function compile(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, '-p', folder, ...args], (error, stdout) => resolve(stdout));
  });
}

test.each([
  ['standard', 'false'],
  ['legacy', 'true'],
])('the SDK types what authors write, with %s decorators, and refuses what is wrong', async (_, legacy) => {
  expect(await compile('--experimentalDecorators', legacy)).toBe('');
});
