// npm run conformance -- [--db sqlite|postgres] FILE.jsonl …: replays conversations with a real Koji against a fresh hub each
// and prints where the answers differ. With --cli it replays the runs of the koji command instead; with --koji DIR, an unpacked
// source tree of Koji, it runs Koji's own command instead of ours (docs/interop.md lists what its Python needs).
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { freePort } from './ports.mjs';
import { root } from './setup.mjs';

const self = fileURLToPath(import.meta.url);
const main = path.join(root, 'packages/koji-hub/dist/bundle/main.js');

/** The plugins of the recorded hub and command; the command had those of the second list too, the hub did not. */
const recordedPlugins = ['echo', 'runroot', 'save-failed-tree', 'sidetag'];
const commandPlugins = ['dud', 'kiwi'];

// The replayer runs this script before each transcript, so that it gets an empty hub at the same address.
if (process.argv[2] === '--fresh') {
  await fresh(JSON.parse(await readFile(process.argv[3], 'utf8')));
  process.exit(0);
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    db: { type: 'string', default: 'sqlite' },
    cli: { type: 'boolean', default: false },
    koji: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    show: { type: 'string' },
  },
});
process.exit(await replayAll());

async function replayAll() {
  const folder = process.env.CONFORMANCE_DIR ?? path.join(root, '../shared/conformance');
  const script = path.join(folder, values.cli ? 'replay_cli.py' : 'replay.py');
  if (!existsSync(script)) {
    console.error(`no ${script}: name the folder of the recorded conversations by CONFORMANCE_DIR`);
    return 2;
  }
  const kind = path.join(folder, values.cli ? 'cli' : 'transcripts');
  const all = () =>
    readdirSync(kind)
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
      .map((name) => path.join(kind, name));
  const files = positionals.length > 0 ? positionals.map((name) => path.resolve(name)) : all();
  const place = await mkdtemp(path.join(tmpdir(), 'koji-conformance-'));
  const ownServer = values.db === 'postgres' && !process.env.KOJI_TEST_POSTGRES;
  const postgres = ownServer ? await (await import('./postgres.mjs')).startPostgres() : null;
  const server = values.db === 'postgres' ? (postgres?.url ?? process.env.KOJI_TEST_POSTGRES) : null;
  const port = await freePort();
  const state = path.join(place, 'state.json');
  await writeFile(state, JSON.stringify({ place, port, server }));
  const url = `http://127.0.0.1:${port}`;
  const config = path.join(place, 'hub.conf');
  const profile = path.join(place, 'koji.conf');
  await installPlugins(place);
  await writeFile(
    profile,
    `[koji]\ntopurl = ${url}/kojifiles\nweburl = ${url}/koji\ntopdir = ${path.join(place, 'store')}\n` +
      (values.koji
        ? `plugin_paths = ${path.resolve(values.koji, 'plugins/cli')}\n`
        : `plugins = ${pluginsFor('cli', place)}\n`),
  );
  const args = [
    script,
    ['--url', `${url}/kojihub`],
    ['--topdir', path.join(place, 'store')],
    [
      '--set-password',
      `${quote(process.execPath)} ${quote(main)} --config ${quote(config)} user passwd {user} {password}`,
    ],
    ['--fresh', `${quote(process.execPath)} ${quote(self)} --fresh ${quote(state)}`],
    values.cli
      ? [
          '--cli',
          // A profile of our own, so that what this machine has in /etc plays no part.
          `${kojiCommand()} -c ${quote(profile)} ` +
            '--server={url} --user={user} --password={password} --authtype=password {args}',
        ]
      : [],
    values.show ? ['--show', values.show] : [],
    files,
  ].flat();
  try {
    const replay = spawn('python3', args, { stdio: 'inherit' });
    return await new Promise((resolve) => replay.once('exit', (code) => resolve(code ?? 1)));
  } finally {
    await stopHub(place);
    await dropDatabase(place, server);
    await postgres?.stop();
    await rm(place, { recursive: true, force: true });
  }
}

/** The start of a command line that runs the koji command. */
function kojiCommand() {
  if (!values.koji)
    return `${quote(process.execPath)} ${quote(path.join(root, 'packages/koji-client/dist/bundle/main.js'))}`;
  const tree = path.resolve(values.koji);
  const places = [tree, process.env.PYTHONPATH].filter(Boolean).join(':');
  return `PYTHONPATH=${quote(places)} ${quote(values.python)} ${quote(path.join(tree, 'cli/koji'))}`;
}

async function fresh({ place, port, server }) {
  await stopHub(place);
  await dropDatabase(place, server);
  for (const name of ['store', 'koji.db', 'koji.db-wal', 'koji.db-shm'])
    await rm(path.join(place, name), { recursive: true, force: true });
  await mkdir(path.join(place, 'store'));
  const database = server ? await createDatabase(place, server) : 'sqlite:koji.db';
  const config = path.join(place, 'hub.conf');
  const options = {
    Listen: `127.0.0.1:${port}`,
    Database: database,
    KojiDir: 'store',
    EnableMaven: 'yes',
    EnableWin: 'yes',
    DisableNotifications: 'yes',
    RunInterval: '1',
    // The conversations were recorded without a kojira.
    RepoManager: 'external',
    LogFile: 'hub.log',
    Plugins: pluginsFor('hub', place),
  };
  await writeFile(
    config,
    `[hub]\n${Object.entries(options)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  );
  hubCommand(config, 'migrate');
  hubCommand(config, 'user', 'add', 'kojiadmin', '--password', 'kojiadmin', '--admin');
  const hub = spawn(process.execPath, [main, '--config', config], { detached: true, stdio: 'ignore' });
  hub.unref();
  await writeFile(path.join(place, 'hub.pid'), String(hub.pid));
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/kojihub`).catch(() => null);
    if (answer) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the hub did not answer within 10 s');
}

/** Links the plugins as if they were installed beside the configuration. */
async function installPlugins(place) {
  const installed = path.join(place, 'node_modules/@koji');
  await mkdir(installed, { recursive: true });
  for (const name of [...recordedPlugins, ...commandPlugins])
    await symlink(path.join(root, `packages/koji-plugin-${name}`), path.join(installed, `plugin-${name}`));
}

/** The names of the installed plugins that have something for the `hub` or the `cli`. */
function pluginsFor(part, place) {
  const installed = path.join(place, 'node_modules/@koji');
  const has = (name) => {
    const { koji } = JSON.parse(readFileSync(path.join(installed, `plugin-${name}`, 'package.json'), 'utf8'));
    return part in koji;
  };
  const names = part === 'cli' ? [...recordedPlugins, ...commandPlugins] : recordedPlugins;
  return names.filter(has).join(' ');
}

function hubCommand(config, ...args) {
  const done = spawnSync(process.execPath, [main, '--config', config, ...args], { encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(
      `koji-hub ${args.join(' ')} ended with ${done.status ?? done.signal}: ${done.stdout}${done.stderr}`,
    );
}

async function stopHub(place) {
  const pid = Number(await readFile(path.join(place, 'hub.pid'), 'utf8').catch(() => ''));
  if (!pid) return;
  const alive = () => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  if (alive()) process.kill(pid, 'SIGTERM');
  for (let i = 0; i < 100 && alive(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  if (alive()) process.kill(pid, 'SIGKILL');
  await rm(path.join(place, 'hub.pid'), { force: true });
}

async function createDatabase(place, server) {
  const name = `koji_conformance_${randomBytes(5).toString('hex')}`;
  await asAdmin(server, (client) => client.query(`CREATE DATABASE ${name}`));
  await writeFile(path.join(place, 'database'), name);
  return new URL(name, server).href;
}

async function dropDatabase(place, server) {
  const name = await readFile(path.join(place, 'database'), 'utf8').catch(() => null);
  if (name && server)
    await asAdmin(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

async function asAdmin(server, work) {
  const client = new pg.Client({ connectionString: new URL('postgres', server).href });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
