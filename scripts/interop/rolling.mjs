// npm run interop -- rolling: hubs and builders of an earlier commit and of this one beside each other on one PostgreSQL, under
// load, while each is exchanged for the other. docs/operations/upgrade.md.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../ports.mjs';
import { startPostgres } from '../postgres.mjs';
import { root } from '../setup.mjs';
import { admin, answering, builder, Programs, runSql, writeSettings } from './site.mjs';

const steps = 'packages/koji-hub/src/db/migrations';
const program = (tree, name) => path.join(tree, 'packages', name, 'dist/bundle/main.js');

/** Runs the command; `words` are those after its name. */
export async function runRolling(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      // The version before; by default the commit before the newest step of the schema.
      ref: { type: 'string' },
      // Rounds of every client in each of the three phases.
      rounds: { type: 'string', default: '15' },
      keep: { type: 'boolean' },
    },
  });
  const ref = values.ref ?? beforeNewestStep();
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-rolling-'));
  const programs = new Programs({ ...process.env, NODE_OPTIONS: '' });
  const postgres = await startPostgres();
  try {
    const before = unpack(ref, path.join(folder, 'before'));
    await new Upgrade({ folder, programs, postgres, before, rounds: Number(values.rounds) }).run();
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await programs.endAll();
    await postgres.stop();
  }
  if (process.exitCode || values.keep) console.error(`\nthe logs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

function git(...words) {
  const done = spawnSync('git', ['-C', root, ...words], { encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(`git ${words[0]}: ${done.stderr}this needs a clone with its history`);
  return done.stdout.trim();
}

function beforeNewestStep() {
  const newest = readdirSync(path.join(root, steps))
    .filter((file) => /^\d/.test(file))
    .sort()
    .at(-1);
  const added = git('log', '--diff-filter=A', '--format=%H', '-1', '--', `${steps}/${newest}`);
  return `${added}^`;
}

/** Unpacks a commit and builds it with the packages installed here. */
function unpack(ref, tree) {
  mkdirSync(tree);
  console.log(`the version before: ${git('log', '-1', '--format=%h %cs %s', ref)}`);
  const unpacked = spawnSync('bash', [
    '-o',
    'pipefail',
    '-c',
    'git -C "$1" archive "$2" | tar x -C "$3"',
    'bash',
    root,
    ref,
    tree,
  ]);
  if (unpacked.status !== 0) throw new Error(`git archive ${ref}: ${unpacked.stderr}`);
  const places = ['.', ...readdirSync(path.join(tree, 'packages')).map((name) => `packages/${name}`)];
  for (const place of places) linkPackages(path.join(root, place), path.join(tree, place));
  const script =
    "const { transpile } = await import('./scripts/transpile.mjs'); await transpile();" +
    "const { bundle } = await import('./scripts/bundle.mjs'); await bundle();";
  const built = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: tree,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`building ${ref}: ${built.stderr}`);
  return tree;
}

/** Links the packages of one node_modules into another; links of the workspace lead to the other's own packages. */
function linkPackages(from, to) {
  const source = path.join(from, 'node_modules');
  if (!existsSync(source)) return;
  const target = path.join(to, 'node_modules');
  mkdirSync(target);
  const link = (name) => {
    const file = path.join(source, name);
    const isLink = lstatSync(file).isSymbolicLink();
    symlinkSync(isLink ? readlinkSync(file) : file, path.join(target, name));
  };
  for (const name of readdirSync(source)) {
    if (!name.startsWith('@')) {
      link(name);
      continue;
    }
    mkdirSync(path.join(target, name));
    for (const inner of readdirSync(path.join(source, name))) link(path.join(name, inner));
  }
}

class Upgrade {
  constructor(given) {
    Object.assign(this, given);
    this.store = path.join(this.folder, 'store');
    mkdirSync(path.join(this.store, 'vol/second'), { recursive: true });
    this.faults = [];
    this.made = { tags: new Set(), tasks: new Set() };
    this.retries = 0;
    this.count = 0;
    this.done = 0;
  }

  check(what, good, more = '') {
    console.log(`${good ? 'ok    ' : 'DIFFER'} ${what}`);
    if (good) return;
    process.exitCode = 1;
    if (more) console.log(more);
  }

  /** A command of koji-hub, which must succeed. */
  command(tree, ...words) {
    const all = [program(tree, 'koji-hub'), '--config', path.join(this.folder, 'hub0.conf'), ...words];
    const done = spawnSync(process.execPath, all, { cwd: this.folder, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`koji-hub ${words[0]}: ${done.stdout}${done.stderr}`);
    return done.stdout.trim();
  }

  configure(port, i) {
    writeSettings(path.join(this.folder, `hub${i}.conf`), 'hub', {
      Listen: `127.0.0.1:${port}`,
      Database: this.database,
      KojiDir: this.store,
      LogFile: path.join(this.folder, `hub${i}.log`),
      DisableNotifications: 'yes',
      RunInterval: 1,
    });
    const url = `http://127.0.0.1:${port}`;
    writeSettings(path.join(this.folder, `kojid${i}.conf`), 'kojid', {
      server: `${url}/kojihub`,
      topurl: `${url}/kojifiles`,
      topdir: this.store,
      workdir: path.join(this.folder, `builder${i}`),
      user: `${builder.user}${i}`,
      password: builder.password,
      logfile: path.join(this.folder, `kojid${i}.log`),
      minspace: 0,
      maxload: 0,
      sleeptime: 2,
      retry_interval: 1,
    });
    return url;
  }

  async startHub(tree, i) {
    const words = [process.execPath, program(tree, 'koji-hub'), '--config', `hub${i}.conf`];
    const child = this.programs.start(this.folder, `hub${i}`, words);
    await answering(this.urls[i]);
    return child;
  }

  startBuilder(tree, i) {
    const words = [process.execPath, program(tree, 'koji-builder'), '--config', `kojid${i}.conf`];
    return this.programs.start(this.folder, `kojid${i}`, words);
  }

  async run() {
    this.database = `${this.postgres.url}rolling`;
    await runSql(`${this.postgres.url}postgres`, 'CREATE DATABASE rolling');
    const ports = [await freePort(), await freePort()];
    this.urls = ports.map((port, i) => this.configure(port, i));
    const { before } = this;
    this.command(before, 'migrate');
    this.command(before, 'user', 'add', admin.user, '--password', admin.password, '--admin');
    const hubs = [await this.startHub(before, 0), await this.startHub(before, 1)];
    await this.prepare();
    // Each builder talks to a hub of the other version while the versions are mixed.
    const builders = [this.startBuilder(root, 0), this.startBuilder(before, 1)];
    const load = this.startLoad();
    const exchange = async (i) => {
      await this.programs.end(hubs[i]);
      hubs[i] = await this.startHub(root, i);
    };
    try {
      await this.served('both hubs of the version before');
      console.log(this.command(root, 'migrate'));
      await this.served('both hubs of the version before, schema of this one');
      await exchange(1);
      await this.served('one hub of each version');
      await exchange(0);
      await this.served('both hubs of this version');
    } finally {
      this.over = true;
      await Promise.all(load);
    }
    await this.compare();
    for (const child of [...builders, ...hubs]) await this.programs.end(child);
    const fsck = JSON.parse(this.command(root, 'fsck', '--json'));
    this.check('fsck finds nothing', fsck.problems.length === 0, JSON.stringify(fsck.problems, null, 1));
    this.checkLogs();
  }

  async connect(i) {
    const { ClientSession } = await import('@koji/client');
    const session = new ClientSession(`${this.urls[i]}/kojihub`, {
      retryInterval: 0.2,
      maxRetries: 500,
      anonRetry: true,
      onRetry: () => (this.retries += 1),
    });
    await session.login(admin.user, admin.password);
    return session;
  }

  async prepare() {
    const session = await this.connect(0);
    await session.call('createTag', ['base', null, 'x86_64']);
    await session.call('addVolume', ['second']);
    for (const i of [0, 1]) {
      await session.call('addHost', [`${builder.user}${i}`, ['x86_64', 'noarch']]);
      this.command(this.before, 'user', 'passwd', `${builder.user}${i}`, '--password', builder.password);
    }
    await session.close();
  }

  startLoad() {
    const kinds = [this.tags, this.builds, this.tasks, this.waits, this.sessions];
    return [0, 1].flatMap((i) => kinds.map((kind) => this.repeat(kind.bind(this), i)));
  }

  /** Repeats one kind of work at a hub, with a second session at the other hub to see whether it sees the work. */
  async repeat(kind, i) {
    const [here, there] = [await this.connect(i), await this.connect(1 - i)];
    while (!this.over) {
      this.count += 1;
      await kind(here, there, this.count).catch((error) => this.faults.push(`${kind.name}: ${error.stack}`));
      this.done += 1;
      await sleep(20);
    }
    await here.close();
    await there.close();
  }

  async served(what) {
    const [start, faults] = [this.done, this.faults.length];
    while (this.done < start + this.rounds * 10) await sleep(50);
    const failed = this.faults.slice(faults);
    this.check(
      `${what}: ${this.done - start} rounds, ${failed.length} failed`,
      failed.length === 0,
      failed.join('\n'),
    );
  }

  async tags(here, there, n) {
    const name = `tag${n}`;
    await here.call('createTag', [name, 'base']);
    this.made.tags.add(name);
    await there.call('editTag2', [name], { arches: 'noarch', locked: true });
    same((await here.call('getTag', [name], { strict: true })).locked, true);
    same((await there.call('getFullInheritance', [name])).length, 1);
    if (n % 2) return;
    await here.call('deleteTag', [name]);
    this.made.tags.delete(name);
    same(await there.call('getTag', [name]), null);
  }

  /** An import with its files, a package list, a tag, another volume. */
  async builds(here, there, n) {
    const tag = `builds${n}`;
    await here.call('createTag', [tag]);
    this.made.tags.add(tag);
    const nvr = `image-1-${n}`;
    const info = { name: 'image', version: '1', release: String(n), epoch: null };
    const { id } = (await there.call('createImageBuild', [info])) ?? (await here.call('getBuild', [nvr]));
    await here.uploadBytes(Buffer.from(`disk ${n}`), `load/${n}`, { name: 'disk.qcow2', overwrite: true });
    await there.call('importArchive', [`load/${n}/disk.qcow2`, info, 'image', { arch: 'noarch' }]);
    same((await here.call('listArchives', [], { buildID: id ?? nvr })).length, 1);
    await here.call('packageListAdd', [tag, 'image', admin.user]);
    await there.call('tagBuildBypass', [tag, nvr]);
    same(
      (await here.call('listTagged', [tag])).map((build) => build.nvr),
      [nvr],
    );
    await here.call('changeBuildVolume', [nvr, 'second']);
    same((await there.call('getBuild', [nvr])).volume_name, 'second');
    await there.call('untagBuildBypass', [tag, nvr]);
    same(await here.call('listTagged', [tag]), []);
  }

  async tasks(here, there, n) {
    const id = await here.call('makeTask', n % 3 ? ['sleep', [0.1]] : ['fork', [1, 1]]);
    this.made.tasks.add(id);
    while (!(await there.call('taskFinished', [id])) && !this.over) await sleep(200);
    if (!this.over) await there.call('getTaskResult', [id]);
  }

  /** A call that waits is woken by a change at the other hub. */
  async waits(here, there, n) {
    const name = `wait${n}`;
    const tag = await there.call('createTag', [name]);
    this.made.tags.add(name);
    const before = await here.call('tagLastChangeEvent', [tag]);
    const waiting = here.call('waitTagChange', [name, before, 60], {}, { aside: true });
    await there.call('packageListAdd', [name, 'image', admin.user]);
    const event = await waiting;
    if (!(event > before)) throw new Error(`woken at event ${event}, after ${before}`);
  }

  /** A session of one hub is one of the other, until it logs out there. */
  async sessions(here, there) {
    const { ClientSession } = await import('@koji/client');
    const url = here.url;
    const login = new ClientSession(url, { retryInterval: 0.2, maxRetries: 500 });
    await login.login(admin.user, admin.password);
    const id = (await login.call('getSessionInfo', [], { details: true })).id;
    const listed = await there.call('getSessionInfo', [], { details: true, user_id: admin.user });
    if (!listed.some((row) => row.id === id)) throw new Error(`session ${id} is not listed`);
    await there.call('logout', [id]);
    const refused = await login.call('getLoggedInUser', []).then(
      (user) => user,
      () => null,
    );
    if (refused !== null && (await login.call('getSessionInfo', [], { details: true })).id === id)
      throw new Error(`session ${id} goes on after its logout`);
    await login.close();
  }

  async compare() {
    const session = await this.connect(0);
    const tags = (await session.call('listTags', []))
      .map(({ name }) => name)
      .filter((name) => name !== 'base');
    const lost = [...this.made.tags].filter((name) => !tags.includes(name));
    this.check(
      `${tags.length} tags are those of answered calls`,
      lost.length === 0 && tags.length === this.made.tags.size,
      lost.join(' '),
    );
    const failed = (await session.call('listTasks', [{ state: [3, 5] }])).length;
    this.check(`${this.made.tasks.size} tasks, ${failed} failed`, failed === 0);
    console.log(`${this.count} rounds, ${this.retries} calls sent again`);
    await session.close();
  }

  checkLogs() {
    const wrong = [0, 1].flatMap((i) =>
      readFileSync(path.join(this.folder, `hub${i}.log`), 'utf8')
        .split('\n')
        .filter((line) => /\b(ERROR|CRITICAL)\b/.test(line)),
    );
    this.check('the hubs log no errors', wrong.length === 0, wrong.slice(0, 20).join('\n'));
  }
}

function same(found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}
