// npm test: from a fresh clone to the end of the whole suite, on SQLite and on PostgreSQL.
import path from 'node:path';
import {
  build,
  compiler,
  installDriver,
  installKerberos,
  installPackages,
  oneChecker,
  root,
  runAlong,
} from './setup.mjs';
import { installForTests } from './test-packages.mjs';

// What waits for the network goes on beside what computes.
const system = installForTests();
await installPackages();
const driver = system.then(installDriver).then(installKerberos);
await build();
const node = (script, ...args) => runAlong(process.execPath, [path.join(root, script), ...args]);
// The linter takes one core for as long as all the other checks together.
const checks = await Promise.all([
  driver.then(() => true),
  node('node_modules/eslint/bin/eslint.js', '.'),
  inTurn([
    () => node('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
    () => runAlong(process.execPath, [compiler, '-p', 'tsconfig.test.json', ...oneChecker]),
    () => node('scripts/reference.mjs', '--check'),
  ]),
]);
process.exit(checks.every(Boolean) && (await node('scripts/jest.mjs', ...process.argv.slice(2))) ? 0 : 1);

/** Runs steps one after the other up to the first that fails; true when all passed. */
async function inTurn(steps) {
  for (const step of steps) if (!(await step())) return false;
  return true;
}
