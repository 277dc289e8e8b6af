// Koji's own hub as sites run it: its source unpacked, Apache with prefork and mod_wsgi, on a database of its own.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../scripts/ports.mjs';
import { admin } from '../shared/processes.mjs';

const programs = ['/usr/sbin/apache2', '/usr/sbin/httpd'];
const moduleFolders = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'];
const accounts = ['www-data', 'apache', 'nobody'];
/** Modules that Koji's hub imports, besides its own source. */
const needed = 'import psycopg2, six, dateutil, defusedxml, requests, rpm';

/** Throws an error that tells what to install, when anything that Koji's hub needs is missing. */
export function checkKoji(source) {
  const install =
    'apt-get install apache2 libapache2-mod-wsgi-py3 python3-psycopg2 python3-six python3-dateutil python3-defusedxml ' +
    'python3-requests python3-rpm';
  if (!programs.some((name) => existsSync(name))) throw new Error(`Apache is not installed: ${install}`);
  if (!moduleFolders.some((name) => existsSync(path.join(name, 'mod_wsgi.so'))))
    throw new Error(`mod_wsgi is not installed: ${install}`);
  try {
    execFileSync('/usr/bin/python3', ['-c', needed], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(`/usr/bin/python3 lacks what Koji's hub imports: ${install}`, { cause: error });
  }
  if (!existsSync(path.join(source, 'kojihub')) && !isRepository(source))
    throw new Error(`Koji's source is not in '${source}'. Name a source tree or a git repository of it`);
}

function isRepository(folder) {
  try {
    execFileSync('git', ['-C', folder, 'cat-file', '-e', 'HEAD:kojihub/kojixmlrpc.py'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/** Copies or unpacks Koji's source. Returns its version. */
function unpack(source, tree) {
  mkdirSync(tree, { recursive: true });
  const parts = ['koji', 'kojihub', 'schemas', 'koji.spec'];
  const make = existsSync(path.join(source, 'kojihub'))
    ? 'tar -C "$1" -c "${@:3}" | tar -x -C "$2"'
    : 'git -C "$1" archive HEAD "${@:3}" | tar -x -C "$2"';
  execFileSync('bash', ['-o', 'pipefail', '-c', make, 'bash', source, tree, ...parts]);
  return /^Version:\s*(\S+)/m.exec(readFileSync(path.join(tree, 'koji.spec'), 'utf8'))?.[1] ?? 'unknown';
}

/** Makes a database by Koji's schema, with one administrator. */
async function makeDatabase(server, tree) {
  const query = async (url, statements) => {
    const client = new pg.Client(url);
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  const url = `${server}kojihub`;
  await query(`${server}postgres`, ['CREATE DATABASE kojihub']);
  await query(url, [
    readFileSync(path.join(tree, 'schemas/schema.sql'), 'utf8'),
    `INSERT INTO users (name, password, usertype, status) VALUES ('${admin.user}', '${admin.password}', 0, 0)`,
    "INSERT INTO user_perms (user_id, perm_id, creator_id) SELECT 1, id, 1 FROM permissions WHERE name = 'admin'",
  ]);
  return url;
}

/** The configuration of Apache: as many processes as there are connections, and some more; connections stay open. */
function apacheConfig({ here, tree, port, account }) {
  const modules = moduleFolders.find((name) => existsSync(path.join(name, 'mod_wsgi.so')));
  const load = ['mpm_prefork', 'authz_core', 'env', 'alias', 'wsgi', 'unixd', 'logio']
    .map((name) => [name, path.join(modules, `mod_${name}.so`)])
    .filter(([, file]) => existsSync(file))
    .map(([name, file]) => `LoadModule ${name}_module ${file}\n`);
  return `${load.join('')}
ServerName 127.0.0.1
ServerRoot ${here}
DefaultRuntimeDir ${here}
PidFile ${here}/apache.pid
ErrorLog ${here}/error.log
LogLevel error
Listen 127.0.0.1:${port}
${account ? `User ${account.name}\nGroup #${account.gid}\n` : ''}
StartServers 12
MinSpareServers 4
MaxSpareServers 20
MaxRequestWorkers 150
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
WSGIPythonPath ${tree}
WSGIScriptAlias /kojihub ${tree}/kojihub/app/kojiapp.py
SetEnv koji.hub.ConfigFile ${here}/hub.conf
SetEnv koji.hub.ConfigDir ${here}/none
<Directory ${tree}>
  WSGIApplicationGroup %{GLOBAL}
  WSGIScriptReloading Off
  Require all granted
</Directory>
`;
}

/** The account that Apache's processes get when it is started by root. */
function accountFor() {
  if (process.getuid?.() !== 0) return null;
  const number = (option, name) => Number(execFileSync('id', [option, name], { stdio: 'pipe' }));
  for (const name of accounts) {
    try {
      return { name, uid: number('-u', name), gid: number('-g', name) };
    } catch {
      // The next one may exist.
    }
  }
  throw new Error(`There is none of the accounts ${accounts.join(', ')} to run Apache as`);
}

/**
 * Starts Koji's hub on a database that `fill` then fills.
 *
 * @returns its address, process, version, store and the account that owns it, and `stop`
 */
export async function startKoji({ source, folder, server, fill }) {
  const here = path.join(folder, 'upstream');
  const tree = path.join(here, 'source');
  const store = path.join(here, 'store');
  const version = unpack(path.resolve(source), tree);
  for (const part of ['packages', 'work', 'repos', 'scratch'])
    mkdirSync(path.join(store, part), { recursive: true });
  const database = await makeDatabase(server, tree);
  await fill(database);
  const account = accountFor();
  // Apache's account has to get at all of it.
  chmodSync(folder, 0o755);
  if (account) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, here]);
  writeFileSync(
    path.join(here, 'hub.conf'),
    `[hub]\nDBConnectionString = ${database}\nKojiDir = ${store}\nDisableNotifications = True\nLoginCreatesUser = Off\n`,
  );
  const port = await freePort();
  const config = path.join(here, 'apache.conf');
  writeFileSync(config, apacheConfig({ here, tree, port, account }));
  const program = programs.find((name) => existsSync(name));
  // In a group of its own: Apache's end is the end of all of its group.
  const child = spawn(program, ['-f', config, '-DFOREGROUND'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const stop = async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  const url = `http://127.0.0.1:${port}/kojihub`;
  for (let i = 0; ; i++) {
    const status = await fetch(url).then(
      (reply) => reply.status,
      () => 0,
    );
    if (status === 405) break;
    if (i < 300 && child.exitCode === null) await sleep(100);
    else {
      await stop();
      const log = path.join(here, 'error.log');
      throw new Error(
        `Koji's hub does not answer (${status}): ${existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : ''}`,
      );
    }
  }
  return { url, pid: child.pid, version, store, account, stop };
}
