// What both README commands do first: system packages, npm packages and the build, each only when it is missing.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Runs a program in the repository; true when it ended well. */
export function run(program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options }).status === 0;
}

/** Runs a program in the repository beside others; resolves to true when it exited with status 0. */
export function runAlong(program, args) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status === 0));
  });
}

const have = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

/**
 * Makes sure that system programs are there. `wanted` maps a Debian package to a test that it is installed.
 * Installs what is missing when it may (root, or sudo without a password), else says what to install and ends.
 */
export function needSystem(wanted) {
  const missing = missingOf(wanted);
  if (missing.length === 0 || installSystem(missing)) return;
  console.error(
    `please install these and start again: apt-get update && apt-get install -y ${missing.join(' ')}`,
  );
  process.exit(1);
}

/** The same for programs that only some tests use: those are skipped where the programs can't be installed. */
export function wantSystem(wanted, tests) {
  const missing = missingOf(wanted);
  if (missing.length === 0 || installSystem(missing)) return;
  console.error(`${tests} are skipped: could not install ${missing.join(', ')}`);
}

function missingOf(wanted) {
  return Object.entries(wanted)
    .filter(([, there]) => !(typeof there === 'string' ? have(there) : there()))
    .map(([name]) => name);
}

/** Installs Debian packages; false where that is not possible. */
function installSystem(missing) {
  const asRoot =
    process.getuid?.() === 0
      ? []
      : have('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0
        ? ['sudo', '-n']
        : null;
  if (!asRoot || !have('apt-get')) return false;
  console.log(`installing ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A cluster of the system's own is not wanted: the tests start theirs.
  const script = `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${missing.join(' ')}`;
  const [program, ...args] = [...asRoot, 'sh', '-c', script];
  return run(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

// Not npm ci: it refuses a lock file that was made where packages for other platforms could not be had.
const npmInstall = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];

/** Calls `install` when the lock file of a folder changed since the last time, or what compiles for Node.js did. */
function whenLockChanged(folder, install) {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(folder, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(folder, 'node_modules', '.koji-installed');
  const key = `${lock} ${process.version} ${process.arch}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  install();
  writeFileSync(stamp, key);
}

/** Installs what the lock file says when it changed since the last time, with a compiler for better-sqlite3 if no built one is to be had. */
export function installPackages() {
  whenLockChanged(root, () => {
    console.log('installing npm packages (the first time takes a minute or two)');
    if (run('npm', npmInstall, { stdio: 'ignore' }) && sqliteWorks()) return;
    console.log('SQLite has to be compiled here, which takes a minute');
    needSystem({ python3: 'python3', make: 'make', 'g++': 'g++' });
    if (!run('npm', npmInstall) || !sqliteWorks()) process.exit(1);
  });
}

/** Whether the driver is there that the hub takes, which is an optional dependency. */
function sqliteWorks() {
  const open =
    "new (require(process.versions.napi >= 10 ? 'better-sqlite3-13' : 'better-sqlite3'))(':memory:').close()";
  return run(process.execPath, ['-e', open], { stdio: 'ignore' });
}

/** Installs the registry and the checkers of packages, which only the tests of publishing use. */
export function installReleaseTools() {
  const folder = path.join(root, 'tools', 'release');
  whenLockChanged(folder, () => {
    if (
      !run('npm', [...npmInstall, '--ignore-scripts'], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
      })
    )
      process.exit(1);
  });
}

/** Compiles and bundles what changed. */
export async function build() {
  if (!run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-b'])) process.exit(1);
  const { bundle } = await import('./bundle.mjs');
  await bundle();
}
