// npm run interop: our client and builder at Koji's own hub, Koji's own command and kojid at ours.
// npm run interop -- packages DIR: packages of others, built here; -- trees: where to get some;
// -- logins: every login by both commands at both hubs; -- images: images by ImageFactory; -- maven: a project of Maven;
// -- adopt: takes over a hub of Koji; -- rolling: hubs of two versions beside each other. docs/interop.md has all of it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { kojidSettings, prepareBuilds, runBuilds } from './interop/builds.mjs';
import {
  admin,
  answering,
  builder,
  bundle,
  kojisHub,
  makeKojiDatabase,
  Programs,
  runSql,
  unpackKoji,
  writeSettings,
} from './interop/site.mjs';
import { makeCertificates, startWeb, visit, visitByProxy } from './interop/web.mjs';
import { freePort } from './ports.mjs';
import { root } from './setup.mjs';
import { startPostgres } from './postgres.mjs';

const [command, ...words] = process.argv.slice(2);
if (['adopt', 'images', 'logins', 'maven', 'packages', 'rolling', 'trees'].includes(command)) {
  const { runAdoption } = await import('./interop/adopt.mjs');
  const { runImages } = await import('./interop/images.mjs');
  const { runLogins } = await import('./interop/logins.mjs');
  const { runMaven } = await import('./interop/maven.mjs');
  const { buildPackages } = await import('./interop/packages.mjs');
  const { runRolling } = await import('./interop/rolling.mjs');
  const { makeTrees } = await import('./interop/trees.mjs');
  const runs = {
    adopt: runAdoption,
    images: runImages,
    logins: runLogins,
    maven: runMaven,
    packages: buildPackages,
    rolling: runRolling,
    trees: makeTrees,
  };
  await runs[command](words);
  process.exit();
}

const { values: options } = parseArgs({
  options: {
    koji: { type: 'string', default: process.env.KOJI_SOURCE ?? '' },
    python: { type: 'string', default: '/usr/bin/python3' },
    // Koji's kojid takes no task on a busy machine, so the load is reported as zero.
    busy: { type: 'boolean' },
    keep: { type: 'boolean' },
    // One half: at `koji`'s hub or at `ours`.
    hub: { type: 'string' },
  },
});
const hasMock = existsSync('/usr/bin/mock');
const folder = mkdtempSync(path.join(tmpdir(), 'koji-interop-'));
// The account that runs mock reads there.
chmodSync(folder, 0o755);
const upstream = unpackKoji(options.koji, folder);
if (upstream === null) {
  rmSync(folder, { recursive: true, force: true });
  process.exit(2);
}
const distribution = hasMock ? prepareBuilds(folder) : null;
const ours = (name) => [process.execPath, bundle(name)];
const rpms = ['src', 'noarch'].map((arch) => path.join(root, `examples/data/mypkg-1.0-1.${arch}.rpm`));
const nvr = 'mypkg-1.0-1';

/** The four kinds of program under test, each as the start of a command line; PYTHONPATH is set for Koji's. */
const programs = {
  koji: ours('koji-client'),
  kojid: ours('koji-builder'),
  hub: ours('koji-hub'),
  'upstream koji': [options.python, path.join(upstream, 'cli/koji')],
  'upstream kojid': [options.python, path.join(upstream, 'builder/kojid')],
};

function environment() {
  // Its distRepo tasks alone use python-multilib, which Debian lacks; the import at its top has to find something.
  const stand = path.join(folder, 'python', 'multilib');
  mkdirSync(stand, { recursive: true });
  writeFileSync(path.join(stand, '__init__.py'), 'from . import multilib\n');
  writeFileSync(path.join(stand, 'multilib.py'), '');
  if (options.busy)
    writeFileSync(
      path.join(path.dirname(stand), 'sitecustomize.py'),
      'import os\nos.getloadavg = lambda: (0.0, 0.0, 0.0)\n',
    );
  return { ...process.env, PYTHONPATH: `${upstream}:${path.dirname(stand)}` };
}
const env = environment();
const running = new Programs(env);
if (!existsSync('/etc/mock/koji')) {
  console.error("Koji's kojid wants the folder that mock brings: mkdir -p /etc/mock/koji");
  process.exit(2);
}

/** A site: a folder with the store of one hub and the configuration of its clients. */
async function site(name, more) {
  const here = path.join(folder, name);
  for (const part of [
    'store/packages',
    'store/work',
    'store/repos',
    'store/scratch',
    'storage',
    'store/vol',
    'work',
    'mock',
  ])
    mkdirSync(path.join(here, part), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(here, 'node_modules'));
  symlinkSync(path.join(here, 'storage'), path.join(here, 'store/vol/second'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const common = { server: `${url}/kojihub`, topurl: `${url}/kojifiles`, topdir: path.join(here, 'store') };
  write(here, 'koji.conf', 'koji', { ...common, authtype: 'password' });
  write(here, 'kojid.conf', 'kojid', {
    ...common,
    ...builder,
    workdir: path.join(here, 'work'),
    mockdir: path.join(here, 'mock'),
    minspace: 0,
    sleeptime: 1,
    ...(hasMock ? kojidSettings : {}),
    ...more,
  });
  return { here, port, url };
}

const write = (here, file, section, settings) => writeSettings(path.join(here, file), section, settings);
const start = (here, name, command) => running.start(here, name, command);

/** Runs the command of `who` and holds what it says against `expected`. */
function run({ here }, who, args, expected, status = 0, minutes = 2) {
  const [program, ...first] = programs[who];
  const login = ['--user', admin.user, '--password', admin.password];
  const done = spawnSync(program, [...first, '-c', 'koji.conf', ...login, ...args], {
    cwd: here,
    env,
    encoding: 'utf8',
    timeout: minutes * 60_000,
  });
  const said = `${done.stdout}${done.stderr}`;
  const good = done.status === status && expected.test(said);
  console.log(`${good ? 'ok    ' : 'DIFFER'} ${args.map((arg) => path.basename(arg)).join(' ')}`);
  if (good) return said;
  process.exitCode = 1;
  console.log(`exit ${done.status}, wanted ${status} and ${expected}:\n${said}`);
  return said;
}

/** The first hour of a user, with the command of `who`; a builder must be running. */
function firstHour(at, who) {
  const koji = (args, expected, status) => run(at, who, args, expected, status);
  koji(['hello'], /kojiadmin/);
  koji(['list-api'], /getBuild\(buildInfo, strict=False\)/);
  koji(['add-tag', 'mytag', '--arches', 'x86_64'], /^$/);
  koji(['add-tag', 'mytag'], /already exists/, 1);
  koji(['import', ...rpms], /importing .*done/);
  koji(['add-pkg', '--owner', admin.user, 'mytag', 'mypkg'], /Adding 1 packages to tag mytag/);
  koji(['tag-build', '--wait', 'mytag', nvr], /tagBuild .*completed successfully|Created task/);
  koji(['list-tagged', 'mytag'], new RegExp(nvr));
  koji(['buildinfo', nvr], /BUILD: mypkg-1\.0-1 \[\d+\]\nState: COMPLETE/);
  koji(['call', 'getTag', 'mytag'], /'arches': 'x86_64'/);
  koji(['call', 'getTag', 'nosuch', 'True'], /nosuch/, 1);
  koji(['grant-permission', '--new', 'interop', admin.user], /^(?!.*rror)/s);
  const task = /task (?:id )?(\d+)/.exec(koji(['make-task', 'fork', '2', '1'], /Created task id \d+/))?.[1];
  koji(['watch-task', task], /fork .*completed successfully/);
  koji(['taskinfo', '-r', task], /State: closed/);
  koji(['untag-build', 'mytag', nvr], /^(?!.*rror)/s);
  koji(['add-volume', 'second'], /Added volume second|^$/);
  koji(['list-volumes'], /DEFAULT\nsecond/);
  koji(['set-build-volume', '-v', 'second', nvr], /mypkg|^$/);
  koji(['buildinfo', nvr], /Volume: second\n/);
  koji(['download-build', '--quiet', nvr], /^(?!.*rror)/s);
  koji(['set-build-volume', '-v', 'DEFAULT', nvr], /mypkg|^$/);
  koji(['buildinfo', nvr], /^(?!.*Volume: second)/s);
  const long = /task (?:id )?(\d+)/.exec(koji(['make-task', 'sleep', '600'], /Created task id \d+/))?.[1];
  koji(['cancel', long], /^(?!.*rror)/s);
  koji(['taskinfo', long], /State: canceled/);
}

/** The builds by `who`, where mock is; a builder has to run. */
async function builds(at, who) {
  if (!hasMock) {
    console.log(
      'no builds: this machine has no /usr/bin/mock (scripts/interop/with-mock.sh runs this with one)',
    );
    return;
  }
  const koji = (args, expected, status) => run(at, who, args, expected, status, 60);
  await runBuilds({ koji, folder: path.join(at.here, 'builds'), distribution, user: admin.user });
}

async function ourClientsAtKojisHub(postgres) {
  console.log("\nOur command, library and kojid at Koji's hub");
  const at = await site('upstream-hub', { plugins: 'mytask', maxload: 0, logfile: 'kojid.log' });
  const database = await makeKojiDatabase(postgres, 'upstream', upstream);
  write(at.here, 'hub.conf', 'hub', {
    DBConnectionString: database,
    KojiDir: path.join(at.here, 'store'),
    DisableNotifications: 'True',
    KojiDebug: 'On',
    RunInterval: 1,
    ProxyDNs: 'CN=koji-web',
  });
  const tls = { folder: path.join(at.here, 'tls'), port: await freePort() };
  makeCertificates(tls.folder);
  const config = path.join(at.here, 'hub.conf');
  const store = path.join(at.here, 'store');
  const { python } = options;
  start(at.here, 'hub', kojisHub({ python, upstream, config, port: at.port, store, tls }));
  await answering(at.url);
  run(at, 'koji', ['add-host', builder.user, 'x86_64', 'noarch'], /added/);
  await runSql(database, `UPDATE users SET password = '${builder.password}' WHERE name = '${builder.user}'`);
  start(at.here, 'kojid', [...programs.kojid, '--config', 'kojid.conf']);
  firstHour(at, 'koji');
  run(at, 'koji', ['make-task', 'mytask', 'a', 'b', 'kwarg1=7'], /Created task id/);
  await library(at);
  await webPage(at, tls);
  // Replaces kojira, without which a Koji hub makes no repos.
  const login = `--user ${admin.user} --password ${admin.password}`;
  const queue = `while sleep 2; do ${programs.koji.join(' ')} -c koji.conf ${login} call repo.checkQueue; done`;
  if (hasMock) start(at.here, 'queue', ['sh', '-c', queue]);
  await builds(at, 'koji');
}

/** The client library: multicall, faults, named arguments, upload and download. */
async function library({ here, url }) {
  const { GenericError } = await import('@koji/core');
  const { ClientSession, named, downloadFile } = await import('@koji/client');
  const check = (what, good) => {
    console.log(`${good ? 'ok    ' : 'DIFFER'} library: ${what}`);
    if (!good) process.exitCode = 1;
  };
  const session = new ClientSession(`${url}/kojihub`);
  await session.login(admin.user, admin.password);
  check('a typed method', (await session.getTag('mytag'))?.name === 'mytag');
  check('named arguments', (await session.listPackages(named({ tagID: 'mytag' }))).length === 1);
  const fault = await session.getTag('nosuch', true).catch((error) => error);
  check('a fault by its class', fault instanceof GenericError);
  const batch = session.multicall();
  const parts = [batch.getTag('mytag'), batch.getBuild(nvr)];
  await batch.run();
  check('a multicall', (await parts[0]).name === 'mytag' && (await parts[1]).nvr === nvr);
  const big = path.join(here, 'big.bin');
  writeFileSync(big, Buffer.alloc(3_000_000, 'koji'));
  await session.upload(big, 'interop/upload');
  const there = readFileSync(path.join(here, 'store/work/interop/upload/big.bin'));
  check('an upload in several pieces', there.equals(readFileSync(big)));
  const copy = path.join(here, 'copy.rpm');
  await downloadFile(`${url}/kojifiles/packages/mypkg/1.0/1/noarch/${nvr}.noarch.rpm`, copy);
  check('a download', readFileSync(copy).equals(readFileSync(rpms[1])));
  await session.logout();
}

/** koji-web before the hub of a site, with some more things for its pages to show. */
async function webPage(at, tls) {
  const koji = (args) => run(at, 'koji', args, /^(?!.*rror)/s);
  koji(['add-tag', 'mytag-build', '--arches', 'x86_64', '--parent', 'mytag']);
  koji(['add-target', 'mytarget', 'mytag-build', 'mytag']);
  koji(['add-external-repo', '-t', 'mytag-build', 'outside', 'http://127.0.0.1:1/$arch/']);
  const { ClientSession } = await import('@koji/client');
  const session = new ClientSession(`${at.url}/kojihub`);
  await session.login(admin.user, admin.password);
  const check = (what, good) => {
    console.log(`${good ? 'ok    ' : 'DIFFER'} koji-web: ${what}`);
    if (!good) process.exitCode = 1;
  };
  const byProxy = {
    KojiHubCA: path.join(tls.folder, 'ca.crt'),
    WebCert: path.join(tls.folder, 'web.pem'),
    UserHeader: 'X-Remote-User',
    TrustedProxies: '127.0.0.1',
  };
  for (const [url, settings, person] of [
    [at.url, {}, visit],
    [`https://127.0.0.1:${tls.port}`, byProxy, visitByProxy],
  ]) {
    const web = await startWeb(at.here, `${url}/kojihub`, {
      KojiFilesURL: `${at.url}/kojifiles`,
      ...settings,
    });
    try {
      await person({ base: web.base, admin, session, check });
    } finally {
      await web.stop();
    }
  }
  await session.logout();
}

async function kojisClientsAtOurHub() {
  console.log("\nKoji's own command and kojid at our hub");
  const at = await site('our-hub', {});
  write(at.here, 'hub.conf', 'hub', {
    Listen: `127.0.0.1:${at.port}`,
    Database: 'sqlite:koji.db',
    KojiDir: path.join(at.here, 'store'),
    LogFile: path.join(at.here, 'hub.log'),
    DisableNotifications: 'True',
    RunInterval: 1,
    RepoManager: 'hub',
  });
  const hub = (...args) => {
    const [program, ...first] = programs.hub;
    const done = spawnSync(program, [...first, '--config', 'hub.conf', ...args], {
      cwd: at.here,
      encoding: 'utf8',
    });
    if (done.status !== 0) throw new Error(done.stderr);
  };
  hub('migrate');
  hub('user', 'add', admin.user, '--password', admin.password, '--admin');
  start(at.here, 'hub', [...programs.hub, '--config', 'hub.conf']);
  await answering(at.url);
  run(at, 'upstream koji', ['add-host', builder.user, 'x86_64', 'noarch'], /added/);
  hub('user', 'passwd', builder.user, builder.password);
  start(at.here, 'kojid', [...programs['upstream kojid'], '--fg', '-v', '-c', 'kojid.conf']);
  firstHour(at, 'upstream koji');
  run(at, 'upstream koji', ['list-hosts'], /builder +Y +Y/);
  await builds(at, 'upstream koji');
}

let failure;
const postgres = await startPostgres();
try {
  if (options.hub !== 'ours') await ourClientsAtKojisHub(postgres);
  // Two builders with one folder of buildroots, and the same names for them, would remove each other's.
  await running.endAll();
  if (options.hub !== 'koji') await kojisClientsAtOurHub();
} catch (error) {
  failure = error;
  process.exitCode = 1;
} finally {
  await running.endAll();
  await postgres.stop();
}
if (failure) console.error(failure);
if (process.exitCode || options.keep) console.error(`\nthe logs are in ${folder}`);
else rmSync(folder, { recursive: true, force: true });
