// A PostgreSQL server of the tests' own: a throw-away cluster on a free port of the loopback interface.
import { execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './ports.mjs';

const run = promisify(execFile);
const versions = '/usr/lib/postgresql';

/** The folder of initdb and postgres, the newest version first; null when PostgreSQL is not installed. */
export async function findPostgres() {
  const found = await readdir(versions).catch(() => []);
  const newest = found
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a)[0];
  if (newest !== undefined) return path.join(versions, String(newest), 'bin');
  const out = await run('pg_config', ['--bindir']).catch(() => null);
  return out && out.stdout.trim();
}

/** Starts a cluster, with settings beside its own; `url` ends in a slash, to which a database name is appended. */
export async function startPostgres(more = {}) {
  const bin = await findPostgres();
  if (!bin) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  const owner = await unprivileged();
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-postgres-'));
  if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid);
  const data = path.join(folder, 'data');
  const own = { ...owner, cwd: folder };
  await run(
    path.join(bin, 'initdb'),
    ['-D', data, '-U', 'koji', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    own,
  );
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: folder,
    // Its contents are temporary, and its queries are short.
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    jit: 'off',
    // Nor does anybody read its log of changes, or come back to its databases.
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_wal_size: '4GB',
    autovacuum: 'off',
    max_connections: 300,
    ...more,
  };
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = spawn(path.join(bin, 'postgres'), ['-D', data, ...args], {
    ...own,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr.on('data', (chunk) => (log = (log + chunk).slice(-4000)));
  const ended = new Promise((resolve) => server.once('exit', resolve));
  await ready(
    bin,
    { folder, port },
    () => server.exitCode,
    () => log,
  );
  const stop = async () => {
    server.kill('SIGINT');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { url: `postgresql://koji@127.0.0.1:${port}/`, pid: server.pid, stop };
}

// PostgreSQL refuses to run as root: its own account, made by the package, runs it then.
async function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const uid = await run('id', ['-u', name]).catch(() => null);
    const gid = await run('id', ['-g', name]).catch(() => null);
    if (uid && gid) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error('running as root, and there is no user postgres or nobody to run PostgreSQL as');
}

async function ready(bin, { folder, port }, exitCode, log) {
  for (let i = 0; i < 150; i++) {
    if (exitCode() !== null) throw new Error(`PostgreSQL did not start:\n${log()}`);
    const args = ['-h', folder, '-p', String(port), '-U', 'koji', '-d', 'postgres', '-q'];
    if (await run(path.join(bin, 'pg_isready'), args).catch(() => null)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`PostgreSQL did not answer within 15 s:\n${log()}`);
}
