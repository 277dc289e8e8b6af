// npm test: from a fresh clone to the end of the whole suite, on SQLite and on PostgreSQL.
import path from 'node:path';
import { existsSync } from 'node:fs';
import { build, installPackages, needSystem, root, runAlong, wantSystem } from './setup.mjs';

const at = (file) => () => existsSync(file);
needSystem({
  python3: 'python3',
  rpm: 'rpm',
  cpio: 'cpio',
  'xz-utils': 'xz',
  'createrepo-c': 'createrepo_c',
  openssl: 'openssl',
  postgresql: at('/usr/lib/postgresql'),
  // Brokers for the message bus plugin; the tests start their own.
  mosquitto: at('/usr/sbin/mosquitto'),
  'nats-server': at('/usr/sbin/nats-server'),
  'rabbitmq-server': at('/usr/lib/rabbitmq/bin/rabbitmq-server'),
});
// Whole builds in sandboxes take root.
if (process.getuid?.() === 0)
  wantSystem(
    {
      dnf: 'dnf',
      bubblewrap: 'bwrap',
      gcc: 'gcc',
      'libc6-dev': at('/usr/include/stdio.h'),
      make: 'make',
      debugedit: 'debugedit',
      elfutils: 'eu-strip',
      dwz: 'dwz',
      patch: 'patch',
      unzip: 'unzip',
      bzip2: 'bzip2',
      zstd: 'zstd',
      file: 'file',
      gnupg: 'gpg',
      procps: 'ps',
    },
    'tests that build packages in sandboxes',
  );
wantSystem({ chromium: 'chromium' }, 'tests of the web page in a browser');
// kojid fills templates of spec files by it.
wantSystem({ 'python3-cheetah': at('/usr/lib/python3/dist-packages/Cheetah') }, 'tests of wrapper rpms');
wantSystem({ zsh: 'zsh', fish: 'fish' }, 'tests of completion in these shells');
installPackages();
await build();
const node = (script, ...args) => runAlong(process.execPath, [path.join(root, script), ...args]);
// The linter takes one core for as long as all the other checks together.
const checks = await Promise.all([
  node('node_modules/eslint/bin/eslint.js', '.'),
  inTurn([
    () => node('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
    () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'),
    () => node('scripts/reference.mjs', '--check'),
  ]),
]);
process.exit(checks.every(Boolean) && (await node('scripts/jest.mjs', ...process.argv.slice(2))) ? 0 : 1);

/** Runs steps one after the other up to the first that fails; true when all passed. */
async function inTurn(steps) {
  for (const step of steps) if (!(await step())) return false;
  return true;
}
