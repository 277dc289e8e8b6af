// First steps of both README commands: install system packages and npm packages, and build, each only if necessary.
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
export function runAlong(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', ...options });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status === 0));
  });
}

const have = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

/**
 * Installs the system programs that are missing, where it may (root, or sudo without a password). Ends this process with the
 * command to type when a needed one is missing after that; tests are skipped for want of the others.
 *
 * @param needed maps a Debian package to a program of it, or to a test that it is installed
 * @param wanted the same as `packages`, with the `tests` that use them
 */
export async function installSystem(needed, wanted = []) {
  const groups = [{ packages: needed }, ...wanted]
    .map(({ packages, tests }) => ({ tests, missing: missingOf(packages) }))
    .filter(({ missing }) => missing.length > 0);
  // All together, since most of the time goes into reading the lists; one that does not exist here spoils only its own group.
  if (groups.length > 1 && (await aptInstall(groups.flatMap(({ missing }) => missing)))) return;
  for (const { tests, missing } of groups) {
    if (await aptInstall(missing)) continue;
    const names = missing.join(' ');
    if (tests !== undefined) console.error(`${tests} are skipped: could not install ${names}`);
    else {
      console.error(`please install these and start again: apt-get update && apt-get install -y ${names}`);
      process.exit(1);
    }
  }
}

function missingOf(wanted) {
  return Object.entries(wanted)
    .filter(([, there]) => !(typeof there === 'string' ? have(there) : there()))
    .map(([name]) => name);
}

/** Installs Debian packages; false where that is not possible. */
async function aptInstall(missing) {
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
  return runAlong(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

// Not npm ci: it refuses a lock file that was made where packages for other platforms could not be had. What packages would
// compile or download while they are installed is of use for none of them but SQLite's driver, which comes after.
const npmInstall = [
  'install',
  '--no-save',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--ignore-scripts',
];

/**
 * Calls `install` when the lock file of a folder changed since the last time, or what compiles for Node.js did.
 *
 * @param part what is installed; `all` has every other part in it
 */
async function whenLockChanged(folder, part, install) {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(folder, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(folder, 'node_modules', '.koji-installed');
  const key = `${lock} ${process.version} ${process.arch}`;
  const wanted = part === 'all' ? key : `${key} ${part}`;
  const found = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (found === key || found === wanted) return;
  await install();
  writeFileSync(stamp, wanted);
}

const hasCompiler = () => existsSync(path.join(root, 'node_modules/typescript/package.json'));

/**
 * Installs what the lock file says when it changed since the last time.
 *
 * @param options.development false for what it takes to run the programs of a clone, unless more is already installed
 */
export async function installPackages({ development = true } = {}) {
  const part = development || hasCompiler() ? 'all' : 'programs';
  const words = part === 'all' ? npmInstall : [...npmInstall, '--omit=dev'];
  await whenLockChanged(root, part, async () => {
    console.log(
      `installing npm packages (the first time takes ${part === 'all' ? 'a minute' : 'half a minute'})`,
    );
    if (!(await reporting('npm install', runAlong('npm', words)))) process.exit(1);
  });
}

/** Awaits a step and prints every half minute what is still running. */
async function reporting(what, step) {
  const started = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(`still waiting for ${what} (${seconds} s)`);
  }, 30_000);
  try {
    return await step;
  } finally {
    clearInterval(timer);
  }
}

// The choice of db/sqlite-driver.ts in the hub. The driver for newer releases of Node.js has its binaries in its package.
const driver = process.versions.napi >= 10 ? 'better-sqlite3-13' : 'better-sqlite3-12';

/** Makes sure that SQLite's driver works; it is compiled where no binary can be downloaded. */
export async function installDriver() {
  if (await driverWorks()) return;
  const prefix = path.resolve(process.execPath, '../..');
  const hasHeaders = existsSync(path.join(prefix, 'include/node/node.h'));
  const headers = hasHeaders ? `of ${prefix}` : 'downloaded from nodejs.org';
  console.log(
    `installing SQLite's driver (${driver}): a binary downloaded from github.com, or a minute of compiling with headers ${headers}`,
  );
  const env = hasHeaders ? { ...process.env, npm_config_nodedir: prefix } : process.env;
  const words = ['rebuild', '--ignore-scripts=false', '--loglevel=error', '--foreground-scripts', driver];
  const rebuild = (stdio) =>
    reporting(`npm rebuild ${driver}: its download or compiler`, runAlong('npm', words, { env, stdio }));
  if ((await rebuild('ignore')) && (await driverWorks())) return;
  await installSystem({ python3: 'python3', make: 'make', 'g++': 'g++' });
  if (!(await rebuild('inherit')) || !(await driverWorks())) process.exit(1);
}

/** Compiles what logs in by Kerberos where its libraries are; tests of it are skipped where that fails. */
export async function installKerberos() {
  const works = () => runAlong(process.execPath, ['-e', "require('kerberos')"], { stdio: 'ignore' });
  if (!existsSync('/usr/include/gssapi.h') || (await works())) return;
  console.log('compiling kerberos, for tests of logins');
  await runAlong('npm', ['rebuild', '--loglevel=error', 'kerberos'], { stdio: 'ignore' });
  if (!(await works())) console.error('tests of logins by Kerberos are skipped: could not compile kerberos');
}

function driverWorks() {
  const open = `new (require(${JSON.stringify(driver)}))(':memory:').close()`;
  return runAlong(process.execPath, ['-e', open], { stdio: 'ignore' });
}

/** Installs what stands apart from the workspace, in a folder of tools/. */
async function installTools(name) {
  const folder = path.join(root, 'tools', name);
  await whenLockChanged(folder, 'all', async () => {
    if (!(await runAlong('npm', npmInstall, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })))
      process.exit(1);
  });
}

/** Installs the registry and the checkers of packages, which only the tests of publishing use. */
export const installReleaseTools = () => installTools('release');

/** TypeScript 7, which takes a fifth of the time of the one in the workspace; tools there need the API of that one. */
export const compiler = path.join(root, 'tools/compiler/node_modules/typescript/bin/tsc');

/** Several for each project would each look at the same declarations again, which takes twice the processor time. */
export const oneChecker = ['--checkers', '1'];

/** The compiler's environment: fewer collections of garbage take a quarter less processor time, and a tenth more memory. */
export const compilerEnvironment = { ...process.env, GOGC: '400' };

/** Compiles and bundles what changed; without a compiler, which only developers have, types are not checked. */
export async function build() {
  if (hasCompiler()) {
    await installTools('compiler');
    const words = [compiler, '-b', ...oneChecker];
    if (!run(process.execPath, words, { env: compilerEnvironment })) process.exit(1);
  } else {
    const { transpile } = await import('./transpile.mjs');
    await transpile();
  }
  const { bundle } = await import('./bundle.mjs');
  await bundle();
}
