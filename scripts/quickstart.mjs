// npm run quickstart: a whole Koji on this machine: the three kinds of plugin at work, and a package. `-- --once` stops at the end,
// `-- --stop` stops one that runs, `-- --folder DIR` keeps everything in DIR instead of ./quickstart, `-- --port N` is the
// hub's port (8080, or any free one when that is taken; 0 is any free one), `-- --repo URL` an rpm repository (with `$arch`) that
// buildroots are made from, for machines other than Debian and Ubuntu.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findBackend, showBuild } from './quickstart-build.mjs';
import { freePort } from './ports.mjs';
import { build, installDriver, installPackages, root } from './setup.mjs';

const { values: options } = parseArgs({
  options: {
    once: { type: 'boolean' },
    stop: { type: 'boolean' },
    folder: { type: 'string', default: path.join(root, 'quickstart') },
    port: { type: 'string', default: '8080' },
    repo: { type: 'string' },
  },
});
const folder = path.resolve(options.folder);
const file = (...names) => path.join(folder, ...names);
const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const show = (text) => console.log(text);
const title = (text) => console.log(`\n== ${text}`);

/** Runs a command, shows it and what it prints; throws unless it ends with `status`. */
function run(program, args, { status = 0, quiet = false, shown = true, input } = {}) {
  if (shown && !quiet) show(`$ ${path.basename(program)} ${args.join(' ')}`);
  const done = spawnSync(bin(program), args, { cwd: folder, encoding: 'utf8', input });
  const text = `${done.stdout ?? ''}${done.stderr ?? ''}`.trimEnd();
  if (text && !quiet) show(text.replace(/^/gm, '    '));
  if (done.status !== status)
    throw new Error(`${program} ${args.join(' ')} ended with ${done.status}: ${text || done.error}`);
  return text;
}

const koji = (args, more) => run('koji', ['-c', 'koji.conf', ...args], more);
const as = (user, args, more) => run('koji', ['-c', `${user}.conf`, ...args], more);
/** Sets a password, which comes from standard input: everybody sees the arguments of commands. */
const hubUser = (action, user) =>
  run('koji-hub', ['--config', file('hub.conf'), 'user', action, user, '--password-file', '-'], {
    quiet: true,
    input: `${readState().passwords[user]}\n`,
  });

/** Writes a file that only its owner reads; an interruption leaves the old one. */
function writeSecret(name, text) {
  writeFileSync(file(`${name}.new`), text, { mode: 0o600 });
  renameSync(file(`${name}.new`), file(name));
}

const readState = () => JSON.parse(readFileSync(file('state.json'), 'utf8'));
const writeState = (state) => writeSecret('state.json', `${JSON.stringify(state, null, 2)}\n`);

/** Runs a step that may have been done before an interruption; `done` is how it fails then. */
function repeatable(done, step) {
  try {
    return step();
  } catch (error) {
    if (!done.test(error.message)) throw error;
    return '';
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    // The number may belong to another program by now.
    return /koji/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}

/** Makes the configuration, the database and the logins; what an interrupted start has made is made again. */
async function setUp() {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file('state.json'))) {
    const port = await freePort(Number(options.port));
    const password = () => randomBytes(9).toString('base64url');
    const passwords = { admin: password(), alice: password(), 'builder.localhost': password() };
    writeState({ url: `http://127.0.0.1:${port}`, passwords, pids: {}, ready: false, set: false });
  }
  if (readState().ready ?? true) return;
  // The example plugins are found like any installed ones, in node_modules from the folder of hub.conf upward.
  if (!folder.startsWith(`${root}/`) && !existsSync(file('node_modules')))
    symlinkSync(path.join(root, 'node_modules'), file('node_modules'));
  const { url, passwords } = readState();
  const repo = options.repo ?? null;
  const found = await findBackend(file('work', 'roots'), { repo });
  writeState({ ...readState(), ...found, repo });
  if (!existsSync(file('hub.conf'))) run('koji-hub', ['init', folder], { quiet: true });
  writeSecret(
    'hub.conf',
    `[hub]
Listen = ${new URL(url).host}
Database = sqlite:koji.db
KojiDir = store
LogFile = ${file('hub.log')}
LogLevel = INFO
Plugins = mymethod mycallback rpmcheck
`,
  );
  writeSecret(
    'kojid.conf',
    `[kojid]
server = ${url}/kojihub
topurl = ${url}/kojifiles
topdir = ${file('store')}
workdir = ${file('work')}
user = builder.localhost
password = ${passwords['builder.localhost']}
logfile = ${file('kojid.log')}
minspace = 100
maxload = 0
retry_interval = 2
allowed_scms = 127.0.0.1*:/*:no:
buildroot_backend = ${found.backend ?? 'auto'}
plugins = mytask rpmcheck
`,
  );
  for (const [name, user] of [
    ['koji.conf', 'admin'],
    ['alice.conf', 'alice'],
  ])
    writeSecret(
      name,
      `[koji]
server = ${url}/kojihub
topurl = ${url}/kojifiles
topdir = ${file('store')}
authtype = password
user = ${user}
password = ${passwords[user]}
plugins = rpmcheck
`,
    );
  hubUser('passwd', 'admin');
  repeatable(/user already exists/, () => hubUser('add', 'alice'));
  writeState({ ...readState(), ready: true });
}

/** Starts a daemon that outlives this command, unless it runs. */
function startDaemon(name, args) {
  const state = readState();
  if (state.pids[name] && alive(state.pids[name])) return;
  const out = openSync(file(`${name}.out`), 'a');
  const env = { ...process.env };
  // Processes that npx starts end with it; a daemon outlives this.
  delete env.npm_command;
  const child = spawn(process.execPath, [...args], {
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', out, out],
  });
  child.unref();
  writeState({ ...state, pids: { ...state.pids, [name]: child.pid } });
}

async function until(what, test, seconds = 120) {
  for (let i = 0; i < seconds * 10; i++) {
    const found = await test();
    if (found) return found;
    await sleep(100);
  }
  throw new Error(
    `${what} did not happen within ${seconds} s; see ${file('hub.log')} and ${file('kojid.log')}`,
  );
}

async function start() {
  const script = (name) => path.join(root, 'packages', name, 'dist', 'bundle', 'main.js');
  const { url } = readState();
  startDaemon('hub', [script('koji-hub'), '--config', file('hub.conf')]);
  await until('the hub answering', () => {
    if (!alive(readState().pids.hub)) throw new Error(readFileSync(file('hub.out'), 'utf8').trim());
    return fetch(`${url}/kojihub`).then(
      (reply) => reply.status === 405,
      () => false,
    );
  });
  if (!readState().set) {
    repeatable(/already in the database/, () =>
      koji(['add-host', 'builder.localhost', 'x86_64', 'noarch'], { quiet: true }),
    );
    hubUser('passwd', 'builder.localhost');
  }
  startDaemon('kojid', [script('koji-builder'), '--config', file('kojid.conf')]);
}

async function stop() {
  if (!existsSync(file('state.json'))) return show(`nothing was ever started in ${folder}`);
  const { pids } = readState();
  for (const name of ['kojid', 'hub']) {
    if (!pids[name] || !alive(pids[name])) continue;
    process.kill(pids[name], 'SIGTERM');
    await until(`${name} stopping`, () => !alive(pids[name]), 60);
    show(`${name} stopped`);
  }
}

const grep = (name, pattern) =>
  readFileSync(file(name), 'utf8')
    .split('\n')
    .filter((line) => pattern.test(line));

function print(lines) {
  for (const line of lines) show(`    ${line}`);
}

async function showTask() {
  title('a task type from a builder plugin (plugins = mytask in kojid.conf)');
  const made = koji(['make-task', 'mytask', 'hello', 'world', 'kwarg1=7']);
  const [, id] = /task id (\d+)/.exec(made);
  koji(['watch-task', id]);
  koji(['taskinfo', '-r', id]);
  show('its lines in kojid.log:');
  print(
    await until('the log of the task', () => {
      const lines = grep('kojid.log', /mytask/i);
      return lines.length > 0 && lines.slice(-4);
    }),
  );
}

function showMethod() {
  title('a method from a hub plugin (Plugins = mymethod in hub.conf)');
  koji(['call', 'mymethod', 'first', 'second', 'kwarg1=x']);
  show('the same as alice, who is no admin:');
  as('alice', ['call', 'mymethod', 'first', 'second'], { status: 1, shown: false });
}

async function showCallback() {
  title('a callback from a hub plugin (Plugins = mycallback in hub.conf)');
  const rpms = ['src', 'noarch'].map((arch) =>
    path.join(root, 'examples', 'data', `mypkg-1.0-1.${arch}.rpm`),
  );
  const nvr = 'mypkg-1.0-1';
  if (!readState().set) {
    repeatable(/already exists/, () => koji(['add-tag', 'mytag']));
    koji(['import', ...rpms]);
    koji(['add-pkg', '--owner', 'admin', 'mytag', 'mypkg']);
  }
  if (/mypkg/.test(koji(['list-tagged', 'mytag'], { quiet: true }))) koji(['untag-build', 'mytag', nvr]);
  const before = grep('hub.log', /preTag|postTag/).length;
  koji(['tag-build', '--wait', 'mytag', nvr]);
  koji(['list-tagged', 'mytag']);
  show('what the callbacks wrote to hub.log:');
  const lines = await until('the callbacks', () => {
    const found = grep('hub.log', /preTag|postTag/).slice(before);
    return (
      found.some((line) => line.includes('preTag')) && found.some((line) => line.includes('postTag')) && found
    );
  });
  print(lines);
}

function goodbye() {
  const { url, passwords } = readState();
  const shown = (name) => (name.startsWith(`${process.cwd()}/`) ? path.relative(process.cwd(), name) : name);
  const cli = shown(bin('koji'));
  const config = shown(file('koji.conf'));
  show(`
Koji runs.
  hub      ${url}/kojihub
  files    ${url}/kojifiles
  login    admin / ${passwords.admin}
  logs     ${file('hub.log')}, ${file('kojid.log')}

Try next
  ${cli} -c ${config} hello
  ${cli} -c ${config} make-task mytask a b kwarg1=x --watch
  ${cli} -c ${config} rpm-check examples/data/mypkg-1.0-1.src.rpm
  ${cli} -c ${config} list-tasks

Write a plugin: docs/plugins/README.md
Stop it:        npm run quickstart -- --stop      (start it again with npm run quickstart; its data stays in ${folder})`);
}

async function main() {
  if (options.stop) return stop();
  await installPackages({ development: false });
  await Promise.all([installDriver(), build()]);
  await setUp();
  await start();
  try {
    title(`a hub at ${readState().url}/kojihub and a builder`);
    koji(['hello']);
    await showTask();
    showMethod();
    await showCallback();
    writeState({ ...readState(), set: true });
    await showBuild({ file, koji, show, title, state: readState(), until, repeatable });
  } catch (error) {
    if (options.once) await stop();
    throw error;
  }
  if (options.once) return stop();
  goodbye();
}

await main().catch((error) => {
  console.error(`\nquickstart failed: ${error.message}`);
  process.exitCode = 1;
});
