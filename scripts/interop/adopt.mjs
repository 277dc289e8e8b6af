// npm run interop -- adopt: fills a database by Koji's own hub, takes it over by `koji-hub adopt` (copied to SQLite and to PostgreSQL,
// and in place), and holds what Koji's own command prints at our hub against what it printed at Koji's. docs/operations/move-from-koji.md.
import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../ports.mjs';
import { startPostgres } from '../postgres.mjs';
import { root } from '../setup.mjs';
import { fillKoji } from './adopt-fill.mjs';

const run = promisify(execFile);
const admin = { user: 'kojiadmin', password: 'kojiadmin' };
const builder = { user: 'builder', password: 'secret' };
const bundle = (name) => path.join(root, 'packages', name, 'dist/bundle/main.js');

/** Runs the command; `words` are those after its name. */
export async function runAdoption(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      koji: { type: 'string', default: process.env.KOJI_SOURCE ?? '' },
      ref: { type: 'string', default: 'HEAD' },
      python: { type: 'string', default: '/usr/bin/python3' },
      keep: { type: 'boolean' },
    },
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-adopt-'));
  const adoption = new Adoption(folder, values);
  if (!adoption.unpack()) {
    console.error(
      `Koji's source is not in '${values.koji}': name a source tree or a git repository of it by --koji`,
    );
    rmSync(folder, { recursive: true, force: true });
    process.exitCode = 2;
    return;
  }
  try {
    await adoption.run();
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await adoption.stop();
  }
  if (process.exitCode || values.keep) console.error(`\nthe logs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

class Adoption {
  children = [];

  constructor(folder, { koji, ref, python }) {
    Object.assign(this, { folder, koji, ref, python, upstream: path.join(folder, 'koji') });
  }

  unpack() {
    if (this.koji !== '' && existsSync(path.join(this.koji, 'builder/kojid'))) {
      this.upstream = path.resolve(this.koji);
      return true;
    }
    mkdirSync(this.upstream);
    const unpack = 'git -C "$1" archive "$2" cli koji kojihub plugins schemas | tar x -C "$3"';
    const words = ['-o', 'pipefail', '-c', unpack, 'bash', this.koji, this.ref, this.upstream];
    return this.koji !== '' && spawnSync('bash', words).status === 0;
  }

  check(what, good, more = '') {
    console.log(`${good ? 'ok    ' : 'DIFFER'} ${what}`);
    if (good) return;
    process.exitCode = 1;
    if (more) console.log(more);
  }

  get env() {
    return { ...process.env, PYTHONPATH: this.upstream, TZ: 'UTC' };
  }

  start(name, command, cwd = this.folder) {
    const out = openSync(path.join(this.folder, `${name}.out`), 'a');
    const child = spawn(command[0], command.slice(1), { cwd, env: this.env, stdio: ['ignore', out, out] });
    this.children.push(child);
    return child;
  }

  async end(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  }

  async stop() {
    for (const child of this.children.splice(0)) await this.end(child);
    await this.postgres?.stop();
  }

  async answering(url) {
    for (let i = 0; i < 300; i++) {
      const up = await fetch(`${url}/kojihub`).then(
        (reply) => reply.status === 405,
        () => false,
      );
      if (up) return;
      await sleep(200);
    }
    throw new Error(`${url} does not answer within 60 s`);
  }

  /** Starts Koji's hub on a database; all hubs have the same file store. */
  async startKojisHub(database, port) {
    const file = path.join(this.folder, `koji-${port}.conf`);
    const settings = {
      DBConnectionString: database,
      KojiDir: this.store,
      DisableNotifications: 'True',
      EnableMaven: 'True',
      RunInterval: 1,
    };
    writeFileSync(file, `[hub]\n${lines(settings)}`);
    const server = path.join(root, 'scripts/interop/upstream_hub.py');
    const args = [
      '--source',
      this.upstream,
      '--config',
      file,
      '--port',
      String(port),
      '--topdir',
      this.store,
    ];
    const child = this.start('koji-hub', [this.python, server, ...args]);
    await this.answering(`http://127.0.0.1:${port}`);
    return child;
  }

  async run() {
    this.postgres = await startPostgres();
    this.store = path.join(this.folder, 'store');
    for (const part of ['packages', 'work', 'repos', 'scratch', 'vol/second/packages'])
      mkdirSync(path.join(this.store, part), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(this.folder, 'node_modules'));
    this.port = await freePort();
    const url = `http://127.0.0.1:${this.port}`;
    const common = {
      server: `${url}/kojihub`,
      topurl: `${url}/kojifiles`,
      topdir: this.store,
      weburl: `${url}/koji`,
    };
    writeFileSync(
      path.join(this.folder, 'koji.conf'),
      `[koji]\n${lines({ ...common, authtype: 'password' })}`,
    );
    const database = await this.makeDatabase();
    const hub = await this.startKojisHub(database, this.port);
    const filled = await this.fill(database, url, common);
    const before = this.answers(filled);
    await this.end(hub);
    for (const way of ['SQLite', 'PostgreSQL', 'in place'])
      await this.adopt(way, { database, before, filled, url });
  }

  async sql(database, ...statements) {
    const client = new pg.Client(database);
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** A database as Koji's schema makes it, with one admin. */
  async makeDatabase() {
    const url = `${this.postgres.url}koji`;
    await this.sql(`${this.postgres.url}postgres`, 'CREATE DATABASE koji');
    const schema = ['schemas', 'docs']
      .map((name) => path.join(this.upstream, name, 'schema.sql'))
      .find((file) => existsSync(file));
    await this.sql(
      url,
      readFileSync(schema, 'utf8'),
      `INSERT INTO users (name, password, usertype, status) VALUES ('${admin.user}', '${admin.password}', 0, 0)`,
      "INSERT INTO user_perms (user_id, perm_id, creator_id) SELECT 1, id, 1 FROM permissions WHERE name = 'admin'",
    );
    return url;
  }

  /** Fills the database through Koji's hub; our builder runs some tasks there. */
  async fill(database, url, common) {
    const { ClientSession } = await import('@koji/client');
    const session = new ClientSession(`${url}/kojihub`);
    await session.login(admin.user, admin.password);
    await session.call('addHost', [builder.user, ['x86_64', 'noarch']]);
    await this.sql(
      database,
      `UPDATE users SET password = '${builder.password}' WHERE name = '${builder.user}'`,
    );
    const work = path.join(this.folder, 'builder');
    for (const part of ['work', 'mock']) mkdirSync(path.join(work, part), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(work, 'node_modules'));
    const settings = {
      ...common,
      ...builder,
      workdir: path.join(work, 'work'),
      mockdir: path.join(work, 'mock'),
      minspace: 0,
      sleeptime: 1,
      maxload: 0,
    };
    delete settings.weburl;
    writeFileSync(path.join(work, 'kojid.conf'), `[kojid]\n${lines(settings)}`);
    const kojid = this.start(
      'kojid',
      [process.execPath, bundle('koji-builder'), '--config', 'kojid.conf'],
      work,
    );
    const filled = await fillKoji(session, { folder: this.folder, user: admin.user });
    await this.end(kojid);
    // It goes on at our hub.
    this.session = session;
    console.log(
      `filled Koji's database: ${filled.builds.length} builds, ${filled.tags.length} tags, ${filled.tasks.length} tasks, ${filled.users.length} users`,
    );
    return filled;
  }

  /** What Koji's own command prints about everything, at whichever hub answers. */
  answers({ builds, tags, tasks, users, rpms, archives }) {
    const commands = [
      ['list-tags', '--verbose'],
      ['list-targets'],
      ['list-hosts'],
      ['list-channels'],
      ['list-permissions'],
      ['list-users'],
      ['list-volumes'],
      ['call', '--json-output', 'listBTypes'],
      ['call', '--json-output', 'listCGs'],
      ['list-external-repos'],
      ['list-untagged'],
      ['list-tasks', '--all', '--quiet'],
      ['hostinfo', builder.user],
      ['list-history', '--utc', '--events'],
      ...builds.flatMap((nvr) => [
        ['buildinfo', '--changelog', nvr],
        ['list-history', '--utc', '--build', nvr],
      ]),
      ...tags.flatMap((tag) => [
        ['taginfo', tag],
        ['list-tagged', '--inherit', tag],
        ['list-tagged', '--latest', '--inherit', '--rpms', tag],
        ['list-pkgs', '--tag', tag, '--show-blocked'],
        ['list-tag-inheritance', tag],
        ['list-groups', tag],
        ['list-external-repos', '--tag', tag],
        ['list-history', '--utc', '--tag', tag],
      ]),
      ...tasks.map((id) => ['taskinfo', '-v', '-r', String(id)]),
      ...users.flatMap((name) => [
        ['userinfo', name],
        ['list-permissions', '--user', name],
        ['list-pkgs', '--owner', name],
      ]),
      ...rpms.map((name) => ['rpminfo', name]),
      ...archives.map((id) => ['call', '--json-output', 'getArchive', String(id)]),
    ];
    const words = [path.join(root, 'scripts/interop/koji_many.py'), path.join(this.upstream, 'cli/koji')];
    const done = spawnSync(this.python, [...words, '-c', 'koji.conf', '--noauth'], {
      cwd: this.folder,
      env: this.env,
      encoding: 'utf8',
      input: JSON.stringify(commands),
      maxBuffer: 100_000_000,
    });
    if (done.status !== 0) throw new Error(done.stderr);
    const said = JSON.parse(done.stdout);
    return new Map(commands.map((args, i) => [args.join(' '), said[i]]));
  }

  async adopt(way, { database, before, filled, url }) {
    console.log(`\n${way}`);
    const name = way.replace(' ', '-').toLowerCase();
    const here = path.join(this.folder, name);
    mkdirSync(here);
    const target = way === 'SQLite' ? 'sqlite:koji.db' : `${this.postgres.url}${name.replace('-', '_')}`;
    if (way !== 'SQLite')
      await this.sql(
        `${this.postgres.url}postgres`,
        `CREATE DATABASE ${name.replace('-', '_')}${way === 'in place' ? ' TEMPLATE koji' : ''}`,
      );
    const settings = {
      Database: target,
      KojiDir: this.store,
      Listen: `127.0.0.1:${this.port}`,
      DisableNotifications: 'True',
      EnableMaven: 'True',
      LogFile: path.join(here, 'hub.log'),
      RepoManager: 'external',
    };
    writeFileSync(path.join(here, 'hub.conf'), `[hub]\n${lines(settings)}`);
    const from = way === 'in place' ? ['--in-place'] : ['--from', database];
    const hub = (...words) => {
      const done = spawnSync(process.execPath, [bundle('koji-hub'), '--config', 'hub.conf', ...words], {
        cwd: here,
        encoding: 'utf8',
      });
      return { ...done, said: `${done.stdout}${done.stderr}` };
    };
    const dry = hub('adopt', ...from, '--dry-run');
    this.check(
      'adopt --dry-run tells what it would do',
      dry.status === 0 && /takes about/.test(dry.said),
      dry.said,
    );
    const adopted = hub('adopt', ...from, '--yes');
    this.check('adopt', adopted.status === 0, adopted.said);
    const verified = hub('adopt', '--verify', '--from', database, '--sample', '500');
    this.check(
      `adopt --verify: ${verified.stdout.trim().split('\n').at(-1)}`,
      verified.status === 0,
      verified.said,
    );
    const running = this.start(
      `hub-${name}`,
      [process.execPath, bundle('koji-hub'), '--config', 'hub.conf'],
      here,
    );
    await this.answering(url);
    const after = this.answers(filled);
    const different = [...before].filter(([command, said]) => !isSame(command, said, after.get(command)));
    this.check(
      `Koji's command prints the same in ${before.size - different.length} of ${before.size} runs`,
      different.length === 0,
      different.map(([command, said]) => `--- koji ${command}\n${said}+++\n${after.get(command)}`).join('\n'),
    );
    const other = await freePort();
    const kojis = await this.startKojisHub(database, other);
    const answers = hub(
      'adopt',
      '--verify',
      '--from',
      database,
      '--sample',
      '500',
      '--hub',
      `http://127.0.0.1:${other}/kojihub`,
      '--hub',
      `${url}/kojihub`,
    );
    this.check(
      `adopt --verify with both hubs: ${answers.stdout.trim().split('\n').at(-1)}`,
      answers.status === 0,
      answers.said,
    );
    await this.end(kojis);
    await this.goOn(way);
    await this.end(running);
    if (way !== 'SQLite') await this.goBack(target, before, filled);
  }

  /** Koji's own hub on the database after ours, which left a tag there. */
  async goBack(target, before, filled) {
    const hub = await this.startKojisHub(target, this.port);
    const after = this.answers(filled);
    const different = [...before].filter(
      ([command, said]) =>
        !/^list-(tags|history)/.test(command) && !isSame(command, said, after.get(command)),
    );
    const shown = different.map(
      ([command, said]) => `--- koji ${command}\n${said}+++\n${after.get(command)}`,
    );
    this.check(
      'the hub of Koji runs on the database that ours has used',
      shown.length === 0,
      shown.join('\n'),
    );
    await this.end(hub);
  }

  /** Logins and sessions of Koji's hold, and ids go on. */
  async goOn(way) {
    const user = await this.session.call('getLoggedInUser', []);
    this.check('a session that began at the hub of Koji goes on', user?.name === admin.user);
    const words = ['-c', 'koji.conf', '--user', admin.user, '--password', admin.password];
    const hello = await run(this.python, [path.join(this.upstream, 'cli/koji'), ...words, 'hello'], {
      cwd: this.folder,
      env: this.env,
    }).catch((error) => error);
    this.check(
      'the password of Koji logs in',
      /kojiadmin/.test(hello.stdout),
      `${hello.stdout}${hello.stderr}`,
    );
    const last = Math.max(...(await this.session.call('listTags', [])).map(({ id }) => id));
    const id = await this.session.call('createTag', [`after-${way.replace(' ', '-')}`]);
    this.check('a new tag gets the next id', id > last, `${id} after ${last}`);
  }
}

/** Whether two outputs are the same. Koji gives no order to the names of a struct, users, packages, and changes of one event. */
function isSame(command, one, other) {
  const [a, b] = [one, other].map((text) => /^([[{].*)exit 0$/s.exec(text)?.[1]);
  if (a !== undefined && b !== undefined) return isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
  const inOrder = (text) => text.split('\n').sort().join('\n');
  return /^list-(users|pkgs|history)/.test(command) ? inOrder(one) === inOrder(other) : one === other;
}

function lines(settings) {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}
