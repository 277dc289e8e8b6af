// npm test: from a fresh clone to the end of the whole suite, on SQLite and on PostgreSQL.
import path from 'node:path';
import { existsSync } from 'node:fs';
import { build, installPackages, needSystem, root, run } from './setup.mjs';

const at = (file) => () => existsSync(file);
needSystem({
  python3: 'python3',
  rpm: 'rpm',
  'xz-utils': 'xz',
  'createrepo-c': 'createrepo_c',
  openssl: 'openssl',
  postgresql: at('/usr/lib/postgresql'),
  // Brokers for the message bus plugin; the tests start their own.
  mosquitto: at('/usr/sbin/mosquitto'),
  'nats-server': at('/usr/sbin/nats-server'),
  'rabbitmq-server': at('/usr/lib/rabbitmq/bin/rabbitmq-server'),
});
installPackages();
build();
const node = (script, ...args) => run(process.execPath, [path.join(root, script), ...args]);
const steps = [
  () => node('node_modules/eslint/bin/eslint.js', '.'),
  () => node('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'),
  () => node('scripts/reference.mjs', '--check'),
  () => node('scripts/jest.mjs', ...process.argv.slice(2)),
];
process.exit(steps.every((step) => step()) ? 0 : 1);
