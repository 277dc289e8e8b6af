// Runs jest on the built packages, with a PostgreSQL server of its own unless --sqlite says that SQLite is enough.
// --seed N is what tests that draw values begin with. --random runs only these tests, with ten times as many values and a new
// seed. Everything else goes to jest: npm run test:fast -- packages/koji-hub
import { spawn } from 'node:child_process';
import path from 'node:path';
import { bundle } from './bundle.mjs';
import { testsThatDraw } from './jest/draws.mjs';
import { bundleOutside, preloaded } from './jest/outside-bundles.mjs';
import { root } from './setup.mjs';
import { startPostgres } from './postgres.mjs';

const words = process.argv.slice(2);
const sqliteOnly = takeFlag('--sqlite');
const isRandom = takeFlag('--random');
const seed = takeValue('--seed') ?? process.env.KOJI_FUZZ_SEED;

await bundle();
const given = process.env.KOJI_TEST_POSTGRES;
const postgres = sqliteOnly || given ? null : await startPostgres();
const env = { ...process.env, KOJI_TEST_OUTSIDE: await bundleOutside() };
// For programs that print their warnings; those of jest are none of theirs.
env.KOJI_TEST_NODE_OPTIONS = `--require=${JSON.stringify(preloaded)}`;
env.NODE_OPTIONS =
  `${process.env.NODE_OPTIONS ?? ''} ${env.KOJI_TEST_NODE_OPTIONS} --experimental-vm-modules --no-warnings`.trim();
// Tasks of tests that really build take minutes on a busy machine.
env.KOJI_TEST_LIMIT ??= '280';
if (postgres) env.KOJI_TEST_POSTGRES = postgres.url;
if (sqliteOnly) delete env.KOJI_TEST_POSTGRES;
if (seed !== undefined) env.KOJI_FUZZ_SEED = seed;
if (isRandom) {
  env.KOJI_FUZZ_SEED ??= String(Math.floor(Math.random() * 2 ** 31));
  env.KOJI_FUZZ_ROUNDS ??= '10';
  const parts = words.filter((word) => !word.startsWith('-'));
  const options = words.filter((word) => word.startsWith('-'));
  words.splice(0, words.length, ...options, '--runTestsByPath', ...testsThatDraw(parts));
  console.log(
    `seed ${env.KOJI_FUZZ_SEED}; the same again: npm run test:random -- --seed ${env.KOJI_FUZZ_SEED}`,
  );
}
const jest = spawn(process.execPath, [path.join(root, 'node_modules/jest/bin/jest.js'), ...words], {
  cwd: root,
  env,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
const code = await new Promise((resolve) => jest.once('exit', (status) => resolve(status ?? 1)));
await postgres?.stop();
process.exit(code);

/** Removes a flag from the words for jest. Returns true if it was there. */
function takeFlag(name) {
  const at = words.indexOf(name);
  return at >= 0 && words.splice(at, 1).length === 1;
}

/** Removes `--name VALUE` or `--name=VALUE` from the words for jest. Returns the value, or undefined. */
function takeValue(name) {
  const at = words.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const [word] = words.splice(at, 1);
  return word === name ? words.splice(at, 1)[0] : word.slice(name.length + 1);
}
