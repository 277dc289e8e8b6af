// Runs jest on the built packages, with a PostgreSQL server of its own unless --sqlite says that SQLite is enough.
// Everything else goes to jest: npm run test:fast -- packages/koji-hub
import { spawn } from 'node:child_process';
import path from 'node:path';
import { bundle } from './bundle.mjs';
import { root } from './setup.mjs';
import { startPostgres } from './postgres.mjs';

await bundle();
const args = process.argv.slice(2).filter((arg) => arg !== '--sqlite');
const sqliteOnly = process.argv.includes('--sqlite');
const given = process.env.KOJI_TEST_POSTGRES;
const postgres = sqliteOnly || given ? null : await startPostgres();
const env = {
  ...process.env,
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings`.trim(),
};
if (postgres) env.KOJI_TEST_POSTGRES = postgres.url;
if (sqliteOnly) delete env.KOJI_TEST_POSTGRES;
const jest = spawn(process.execPath, [path.join(root, 'node_modules/jest/bin/jest.js'), ...args], {
  cwd: root,
  env,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
const code = await new Promise((resolve) => jest.once('exit', (status) => resolve(status ?? 1)));
await postgres?.stop();
process.exit(code);
