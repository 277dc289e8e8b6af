// npm test: from a fresh clone to the end of the whole suite, on SQLite and on PostgreSQL.
import path from 'node:path';
import {
  build,
  compiler,
  compilerEnvironment,
  installDriver,
  installKerberos,
  installPackages,
  oneChecker,
  root,
  runAlong,
} from './setup.mjs';
import { installForTests } from './test-packages.mjs';

// Steps that wait for the network run concurrently with those that compute.
const system = installForTests();
await installPackages();
const driver = system.then(installDriver).then(installKerberos);
await build();
const node = (...args) => runAlong(process.execPath, args);

/** Runs a program with what the driver's compiler, and the tests while they wait, leave of the processor. */
const beside = (file, ...args) =>
  runAlong('nice', ['-n', '10', process.execPath, path.resolve(root, file), ...args], {
    env: compilerEnvironment,
  });

// Whoever reads files first lists them, before the tests make any.
const lint = beside('node_modules/eslint/bin/eslint.js', '.');
const others = inTurn([
  () => beside('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  () => beside(compiler, '-p', 'tsconfig.test.json', ...oneChecker),
  () => beside('scripts/reference.mjs', '--check'),
]);
await driver;
const tests = node(path.join(root, 'scripts/jest.mjs'), ...process.argv.slice(2));
const passed = { lint: await lint, 'format, types or reference': await others, tests: await tests };
const failed = Object.keys(passed).filter((name) => !passed[name]);
if (failed.length > 0) console.error(`failed: ${failed.join('; ')} (see above)`);
process.exit(failed.length > 0 ? 1 : 0);

/** Runs steps one after the other up to the first that fails; true when all passed. */
async function inTurn(steps) {
  for (const step of steps) if (!(await step())) return false;
  return true;
}
