// npm run dev: a hub and a builder that restart with every change of the sources. Their configuration, database and logs stay in
// ./dev; `-- --folder DIR` keeps them in DIR, `-- --port N` is the port of a new hub (8080; 0 is any free one).
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.mjs';
import { freePort } from './ports.mjs';
import { build, compiler, installDriver, installPackages, root } from './setup.mjs';

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: path.join(root, 'dev') },
    port: { type: 'string', default: '8080' },
  },
});
const folder = path.resolve(options.folder);
const file = (name) => path.join(folder, name);
const program = (name) => path.join(root, 'packages', name, 'dist/bundle/main.js');
const builder = 'builder.localhost';

/** The daemons: which packages they run besides those of the others. */
const daemons = {
  hub: {
    args: [program('koji-hub'), '--config', file('hub.conf'), '--watch'],
    ready: /answers at/,
    others: ['koji-client', 'koji-builder'],
  },
  kojid: { args: [program('koji-builder'), '--config', file('kojid.conf'), '--watch'], others: ['koji-hub'] },
};
const running = new Map();
let stopping = false;

/** Runs a program to its end and throws unless it succeeds. */
function run(args, input) {
  const done = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', input });
  if (done.status !== 0)
    throw new Error(`${args.join(' ')} exited with ${done.status}: ${done.stdout}${done.stderr}`);
}

/** Writes the configuration and makes the database, once. */
async function setUp() {
  if (existsSync(file('kojid.conf'))) return;
  mkdirSync(folder, { recursive: true });
  const port = await freePort(Number(options.port));
  const [admin, own] = [randomBytes(9).toString('base64url'), randomBytes(9).toString('base64url')];
  const url = `http://127.0.0.1:${port}`;
  const write = (name, section, settings) => {
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`);
    writeFileSync(file(name), `[${section}]\n${lines.join('\n')}\n`, { mode: 0o600 });
  };
  write('hub.conf', 'hub', {
    Listen: `127.0.0.1:${port}`,
    Database: 'sqlite:koji.db',
    KojiDir: file('store'),
    LogLevel: 'INFO',
    PluginPath: file('plugins'),
  });
  const remote = { server: `${url}/kojihub`, topurl: `${url}/kojifiles`, topdir: file('store') };
  write('koji.conf', 'koji', { ...remote, authtype: 'password', user: 'admin', password: admin });
  const hub = [program('koji-hub'), '--config', file('hub.conf')];
  run([...hub, 'migrate']);
  run([...hub, 'user', 'add', 'admin', '--admin', '--password-file', '-'], `${admin}\n`);
  await start('hub');
  run([program('koji-client'), '-c', file('koji.conf'), 'add-host', builder, machine(), 'noarch']);
  run([...hub, 'user', 'passwd', builder, '--password-file', '-'], `${own}\n`);
  write('kojid.conf', 'kojid', {
    ...remote,
    user: builder,
    password: own,
    workdir: file('work'),
    logfile: file('kojid.log'),
    minspace: 0,
    maxload: 0,
    retry_interval: 2,
    pluginpath: file('builder-plugins'),
  });
}

/** Starts a daemon, whose lines are shown with its name; resolves when it is ready or has exited. */
function start(name) {
  const { args, ready } = daemons[name];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.set(name, child);
  return new Promise((resolve) => {
    if (!ready) resolve();
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        console.log(`${name}: ${line}`);
        if (ready?.test(line)) resolve();
      });
    child.once('exit', (status, signal) => {
      if (running.get(name) === child) {
        running.delete(name);
        if (!stopping)
          console.log(`${name}: exited with ${signal ?? status}; it starts again with the next change`);
      }
      resolve();
    });
  });
}

async function stop(name) {
  const child = running.get(name);
  if (!child) return;
  running.delete(name);
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** When each package was bundled. */
function stamps() {
  const places = readdirSync(path.join(root, 'packages'));
  const time = (name) =>
    statSync(path.join(root, 'packages', name, 'dist/bundle.stamp'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return new Map(places.map((name) => [name, time(name)]));
}

/** Bundles what was compiled, and restarts the daemons that run it. */
async function update() {
  const before = stamps();
  await bundle();
  const changed = [...stamps()].filter(([name, time]) => time !== before.get(name)).map(([name]) => name);
  for (const [name, { others }] of Object.entries(daemons)) {
    if (stopping || changed.every((one) => others.includes(one))) continue;
    console.log(`${name}: restarts with ${changed.join(', ')}`);
    await stop(name);
    await start(name);
  }
}

await installPackages();
await Promise.all([installDriver(), build()]);
await setUp();
if (!running.has('hub')) await start('hub');
await start('kojid');
const { server } = Object.fromEntries(
  readFileSync(file('koji.conf'), 'utf8')
    .split('\n')
    .map((line) => line.split(' = ')),
);
console.log(`
The hub answers at ${server}; call it with
  ${path.join(root, 'node_modules/.bin/koji')} -c ${file('koji.conf')} hello
A change of a source is compiled and restarts what runs it. Ctrl-C stops everything.
`);

const compiling = spawn(process.execPath, [compiler, '-b', '--watch', '--preserveWatchOutput'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
let updates = Promise.resolve();
createInterface({ input: compiling.stdout }).on('line', (line) => {
  if (line.trim() !== '') console.log(`tsc: ${line}`);
  if (/Found 0 errors/.test(line))
    updates = updates.then(update).catch((error) => console.error(`update failed: ${error.message}`));
});
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    stopping = true;
    compiling.kill();
    await updates;
    await stop('kojid');
    await stop('hub');
    process.exit(0);
  });
