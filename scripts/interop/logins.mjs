// Every way to log in: by this project's command and by Koji's own, at this project's hub and at Koji's under Apache.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { kdcProblem, realm, startKdc } from '../kdc.mjs';
import { freePort } from '../ports.mjs';
import { startPostgres } from '../postgres.mjs';
import { admin, bundle, makeKojiDatabase, Programs, runSql, unpackKoji, writeSettings } from './site.mjs';
import { makeCertificates } from './web.mjs';

const apache = ['/usr/sbin/apache2', '/usr/sbin/httpd'].find((name) => existsSync(name));
const modules = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'].find((name) => existsSync(name));
const account = 'nobody';
const hasModule = (name) => existsSync(path.join(modules ?? '', `mod_${name}.so`));
const ours = (name) => [process.execPath, bundle(name)];
const certificates = {
  alice: 'alice',
  web: 'koji-web',
  stranger: 'carol',
  'by-certificate': 'by-certificate',
};

/** What a run lacks; null when it can start. */
function problem() {
  if (!apache) return 'Apache is not installed: apt-get install apache2';
  for (const [name, debian] of [
    ['wsgi', 'libapache2-mod-wsgi-py3'],
    ['auth_gssapi', 'libapache2-mod-auth-gssapi'],
    ['ssl', 'apache2'],
  ])
    if (!hasModule(name)) return `mod_${name} is not installed: apt-get install ${debian}`;
  return kdcProblem();
}

/** Runs the logins. */
export async function runLogins(words) {
  const { values: options } = parseArgs({
    args: words,
    options: {
      koji: { type: 'string', default: process.env.KOJI_SOURCE ?? '' },
      python: { type: 'string', default: '/usr/bin/python3' },
      keep: { type: 'boolean' },
      // One half: at `koji`'s hub or at `ours`.
      hub: { type: 'string' },
    },
  });
  const lacking = problem();
  if (lacking !== null) {
    console.error(lacking);
    process.exit(2);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-logins-'));
  // Apache's processes are somebody else's.
  chmodSync(folder, 0o755);
  const upstream = unpackKoji(options.koji, folder);
  if (upstream === null) {
    rmSync(folder, { recursive: true, force: true });
    process.exit(2);
  }
  const kdc = await startKdc(folder);
  const env = { ...process.env, ...kdc.env, PYTHONPATH: `${upstream}:${process.env.PYTHONPATH ?? ''}` };
  const place = { folder, upstream, kdc, env, python: options.python, running: new Programs(env) };
  const postgres = await startPostgres();
  try {
    makeCertificates(path.join(folder, 'tls'), certificates);
    for (const name of ['HTTP/127.0.0.1', 'alice', 'koji-web', 'host/by-keytab'])
      await kdc.addPrincipal(name, keytabOf(place, name));
    if (options.hub !== 'koji') await tryLogins(place, "this project's hub", await ourHub(place));
    await place.running.endAll();
    if (options.hub !== 'ours') await tryLogins(place, "Koji's hub", await kojisHub(place, postgres));
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await place.running.endAll();
    await postgres.stop();
    await kdc.stop();
  }
  if (process.exitCode || options.keep) console.error(`\nthe logs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  process.exit();
}

const keytabOf = ({ folder }, name) => path.join(folder, `${name.replace(/.*\//, '')}.keytab`);
const pem = ({ folder }, name) => path.join(folder, 'tls', name);

/** Makes the folder of a hub with a store. */
function makeSite({ folder }, name) {
  const here = path.join(folder, name);
  for (const part of ['packages', 'work', 'repos', 'scratch'])
    mkdirSync(path.join(here, 'store', part), { recursive: true });
  return here;
}

/** What both hubs are told about logins. */
const common = {
  ProxyDNs: 'CN=koji-web',
  ProxyPrincipals: `koji-web@${realm}`,
  AllowedKrbRealms: realm,
  DisableNotifications: 'True',
};

async function ourHub(place) {
  const here = makeSite(place, 'our-hub');
  const port = await freePort();
  const settings = {
    Listen: `127.0.0.1:${port}`,
    Database: 'sqlite:koji.db',
    KojiDir: path.join(here, 'store'),
    TLSCertificate: pem(place, 'server.crt'),
    TLSKey: pem(place, 'server.key'),
    TLSClientCA: pem(place, 'ca.crt'),
    GSSAPIKeytab: keytabOf(place, 'HTTP/127.0.0.1'),
    ...common,
  };
  writeSettings(path.join(here, 'hub.conf'), 'hub', settings);
  const hub = (...args) => {
    const [program, ...first] = ours('koji-hub');
    const all = [...first, '--config', 'hub.conf', ...args];
    const done = spawnSync(program, all, { cwd: here, encoding: 'utf8', env: place.env });
    if (done.status !== 0) throw new Error(done.stderr);
  };
  hub('migrate');
  hub('user', 'add', admin.user, '--password', admin.password, '--admin');
  for (const name of ['alice', 'bob']) hub('user', 'add', name, '--password', `${name}-secret`);
  place.running.start(here, 'hub', [...ours('koji-hub'), '--config', 'hub.conf']);
  const url = `https://127.0.0.1:${port}`;
  return { here, certificates: url, tickets: url };
}

/** Koji's hub under Apache: at one address it asks for certificates, at another one for tickets, as Koji's httpd.conf has either. */
async function kojisHub(place, postgres) {
  const here = makeSite(place, 'kojis-hub');
  const database = await makeKojiDatabase(postgres, 'logins', place.upstream);
  await runSql(
    database,
    ...['alice', 'bob'].map(
      (name) =>
        `INSERT INTO users (name, password, usertype, status) VALUES ('${name}', '${name}-secret', 0, 0)`,
    ),
  );
  const settings = { DBConnectionString: database, KojiDir: path.join(here, 'store'), ...common };
  writeSettings(path.join(here, 'hub.conf'), 'hub', settings);
  const ports = { certificates: await freePort(), tickets: await freePort() };
  const replays = path.join(here, 'replays');
  mkdirSync(replays);
  if (process.getuid?.() === 0) {
    const { status, stderr } = spawnSync('chown', ['-R', account, here, keytabOf(place, 'HTTP/127.0.0.1')]);
    if (status !== 0) throw new Error(String(stderr));
  }
  writeFileSync(path.join(here, 'apache.conf'), apacheConfig(place, here, ports));
  const command = [apache, '-f', path.join(here, 'apache.conf'), '-DFOREGROUND'];
  // In a session of its own: Apache's end is the end of all of its group.
  place.running.start(here, 'hub', ['env', `KRB5RCACHEDIR=${replays}`, 'setsid', '--wait', ...command]);
  const [certificates, tickets] = [ports.certificates, ports.tickets].map(
    (port) => `https://127.0.0.1:${port}`,
  );
  return { here, certificates, tickets };
}

function apacheConfig(place, here, ports) {
  const loaded = [
    ...['mpm_prefork', 'authn_core', 'authz_core', 'authz_user', 'auth_gssapi', 'env', 'alias'],
    ...['socache_shmcb', 'ssl', 'wsgi', 'unixd'],
  ].filter(hasModule);
  const host = (port, location) => `Listen 127.0.0.1:${port}
<VirtualHost 127.0.0.1:${port}>
  SSLEngine On
  SSLCertificateFile ${pem(place, 'server.crt')}
  SSLCertificateKeyFile ${pem(place, 'server.key')}
  SSLCACertificateFile ${pem(place, 'ca.crt')}
  <Location /kojihub/ssllogin>
    ${location.join('\n    ')}
  </Location>
</VirtualHost>
`;
  return `${loaded.map((name) => `LoadModule ${name}_module ${path.join(modules, `mod_${name}.so`)}\n`).join('')}
ServerName 127.0.0.1
ServerRoot ${here}
DefaultRuntimeDir ${here}
PidFile ${here}/apache.pid
ErrorLog ${here}/error.log
${process.getuid?.() === 0 ? `User ${account}\n` : ''}WSGIPythonPath ${place.upstream}
WSGIScriptAlias /kojihub ${place.upstream}/kojihub/app/kojiapp.py
SetEnv koji.hub.ConfigFile ${here}/hub.conf
SetEnv koji.hub.ConfigDir ${here}/none
<Directory ${place.upstream}>
  WSGIApplicationGroup %{GLOBAL}
  WSGIScriptReloading Off
  Require all granted
</Directory>
${host(ports.certificates, ['SSLVerifyClient require', 'SSLVerifyDepth 10', 'SSLOptions +StdEnvVars'])}
${host(ports.tickets, ['AuthType GSSAPI', 'AuthName "Koji"', `GssapiCredStore keytab:${keytabOf(place, 'HTTP/127.0.0.1')}`, 'Require valid-user'])}`;
}

/** Whether Python has what Koji's command needs for Kerberos. */
function hasGssapi({ python, env }) {
  return spawnSync(python, ['-c', 'import requests_gssapi'], { env }).status === 0;
}

function check(what, said, good) {
  console.log(`${good ? 'ok    ' : 'DIFFER'} ${what}`);
  if (good) return;
  process.exitCode = 1;
  console.log(said);
}

async function tryLogins(place, name, at) {
  console.log(`\nAt ${name}`);
  for (const url of [at.certificates, at.tickets]) await answering(url);
  const commands = {
    "this project's koji": ours('koji-client'),
    "Koji's koji": [place.python, path.join(place.upstream, 'cli/koji')],
  };
  const byKeytab = (who) => [
    '--authtype=kerberos',
    `--principal=${who}@${realm}`,
    `--keytab=${keytabOf(place, who)}`,
  ];
  const byCertificate = (who) => ['--authtype=ssl', `--cert=${pem(place, `${who}.pem`)}`];
  const byPassword = (who, password) => ['--authtype=password', `--user=${who}`, `--password=${password}`];
  const logins = [
    ['password', at.certificates, byPassword('alice', 'alice-secret'), /, alice!/],
    ['wrong password', at.certificates, byPassword('alice', 'wrong'), null],
    [
      'certificate',
      at.certificates,
      byCertificate('alice'),
      /, alice!.*Authenticated via client certificate/s,
    ],
    ['certificate of a new user', at.certificates, byCertificate('stranger'), /, carol!/],
    ['certificate for another user', at.certificates, [...byCertificate('web'), '--runas=bob'], /, bob!/],
    ['certificate that may not', at.certificates, [...byCertificate('alice'), '--runas=bob'], null],
    ['keytab', at.tickets, byKeytab('alice'), /, alice!.*Authenticated via GSSAPI/s],
    ['keytab for another user', at.tickets, [...byKeytab('koji-web'), '--runas=bob'], /, bob!/],
    ['keytab that may not', at.tickets, [...byKeytab('alice'), '--runas=bob'], null],
  ];
  for (const [who, [program, ...first]] of Object.entries(commands))
    for (const [how, url, options, expected] of logins) {
      const needsGssapi = who === "Koji's koji" && how.startsWith('keytab');
      if (needsGssapi && !hasGssapi(place)) {
        console.log(`not tried: ${who} by ${how}, as ${place.python} has no requests_gssapi`);
        continue;
      }
      writeProfile(place, at.here, url);
      const args = [...first, '-c', 'koji.conf', ...options, 'hello'];
      const done = spawnSync(program, args, {
        cwd: at.here,
        // Koji's command leaves the tickets of a keytab in the cache, where the next one would meet them.
        env: { ...place.env, HOME: at.here, KRB5CCNAME: `FILE:${at.here}/cache-${how.replaceAll(' ', '-')}` },
        encoding: 'utf8',
        timeout: 120_000,
      });
      const said = `${done.stdout}${done.stderr}`;
      const good = expected === null ? done.status === 1 : done.status === 0 && expected.test(said);
      check(`${who} by ${how}`, `exit ${done.status}, wanted ${expected ?? 'a refusal'}:\n${said}`, good);
    }
  await tryBuilders(place, at);
}

function writeProfile(place, here, url) {
  const settings = {
    server: `${url}/kojihub`,
    serverca: pem(place, 'ca.crt'),
    max_retries: 2,
    retry_interval: 1,
  };
  writeSettings(path.join(here, 'koji.conf'), 'koji', settings);
}

/** Our kojid, by a certificate and by a keytab: it has logged in once the hub has heard of the host. */
async function tryBuilders(place, at) {
  const logins = {
    'by-certificate': [at.certificates, { cert: pem(place, 'by-certificate.pem') }, []],
    'by-keytab': [
      at.tickets,
      { krb_principal: `host/by-keytab@${realm}`, keytab: keytabOf(place, 'host/by-keytab') },
      ['--krb-principal', `host/by-keytab@${realm}`],
    ],
  };
  writeProfile(place, at.here, at.certificates);
  const koji = (...args) => {
    const [program, ...first] = ours('koji-client');
    const login = ['--authtype=password', '--user', admin.user, '--password', admin.password];
    return spawnSync(program, [...first, '-c', 'koji.conf', ...login, ...args], {
      cwd: at.here,
      env: { ...place.env, HOME: at.here },
      encoding: 'utf8',
    });
  };
  for (const [name, [url, settings, more]] of Object.entries(logins)) {
    const added = koji('add-host', name, 'x86_64', ...more);
    const work = path.join(at.here, name);
    for (const part of ['work', 'mock']) mkdirSync(path.join(work, part), { recursive: true });
    writeSettings(path.join(work, 'kojid.conf'), 'kojid', {
      server: `${url}/kojihub`,
      topurl: `${url}/kojifiles`,
      topdir: path.join(at.here, 'store'),
      serverca: pem(place, 'ca.crt'),
      workdir: path.join(work, 'work'),
      mockdir: path.join(work, 'mock'),
      minspace: 0,
      maxload: 0,
      ...settings,
    });
    place.running.start(work, 'kojid', [...ours('koji-builder'), '--config', path.join(work, 'kojid.conf')]);
    let heard = '';
    for (let i = 0; i < 30 && !/^\d/.test(heard); i++) {
      await sleep(1000);
      const { stdout, stderr } = koji('call', 'getLastHostUpdate', name, 'True');
      heard = `${stdout}${stderr}`.trim();
    }
    check(`this project's kojid ${name}`, `${added.stderr}\nnothing heard: ${heard}`, /^\d/.test(heard));
  }
}

/** Waits for a hub, whoever signed its certificate. */
async function answering(url) {
  for (let i = 0; i < 300; i++) {
    const up = await new Promise((resolve) => {
      const request = https.get(`${url}/kojihub`, { rejectUnauthorized: false, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 405);
      });
      request.on('error', () => resolve(false));
    });
    if (up) return;
    await sleep(200);
  }
  throw new Error(`${url} does not answer within 60 s`);
}
