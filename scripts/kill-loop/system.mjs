// A hub and a builder as processes in a folder of their own, which can be killed and started again.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { freePort } from '../ports.mjs';
import { root } from '../setup.mjs';

const programs = { hub: 'koji-hub/dist/bundle/main.js', builder: 'koji-builder/dist/bundle/main.js' };
const password = 'kill-loop';

/** Polls until `test` answers something true; fails with `what` after `seconds`. */
async function until(what, test, seconds = 120) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const found = await test();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

export class System {
  #running = new Map();

  constructor(folder, port, workers) {
    this.folder = folder;
    this.workers = workers;
    this.store = path.join(folder, 'koji');
    this.url = `http://127.0.0.1:${port}/kojihub`;
    this.login = { user: 'kojiadmin', password };
  }

  /** Makes the folder, configuration, database and users; starts nothing. */
  static async create({ database, workers, hub = {} }) {
    const folder = mkdtempSync(path.join(tmpdir(), 'koji-kill-loop-'));
    const port = await freePort();
    const system = new System(folder, port, workers);
    mkdirSync(path.join(system.store, 'vol/second'), { recursive: true });
    mkdirSync(path.join(folder, 'node_modules'));
    const plugin = 'koji-plugin-mytask';
    symlinkSync(path.join(root, 'examples', plugin), path.join(folder, 'node_modules', plugin));
    system.#configure('hub', {
      Listen: `127.0.0.1:${port}`,
      Database: database,
      KojiDir: system.store,
      LogFile: path.join(folder, 'hub.log'),
      LogLevel: 'INFO',
      Workers: String(workers),
      DisableNotifications: 'yes',
      ...hub,
    });
    system.#configure('builder', {
      server: system.url,
      topurl: system.url.replace('kojihub', 'kojifiles'),
      topdir: system.store,
      workdir: path.join(folder, 'builder'),
      user: 'builder',
      password,
      logfile: path.join(folder, 'builder.log'),
      minspace: '0',
      maxload: '0',
      maxjobs: '10',
      plugins: 'mytask',
      sleeptime: '2',
      retry_interval: '1',
    });
    system.#command('migrate');
    system.#command('user', 'add', 'kojiadmin', '--password', password, '--admin');
    system.database = database;
    await system.setPassword('kojiadmin');
    return system;
  }

  /** Gives a user the password of all, with a hash that costs nothing: the load logs in all the time. */
  async setPassword(name) {
    const built = (file) => import(pathToFileURL(path.join(root, 'packages/koji-hub/dist', file)).href);
    const [{ openDatabase }, { hashPassword, testCost }, { sql }] = await Promise.all(
      ['db/database.js', 'auth/passwords.js', 'db/sql.js'].map(built),
    );
    const hash = await hashPassword(password, testCost);
    const database = await openDatabase({ url: this.database, folder: this.folder });
    await database.write((db) => db.run(sql`UPDATE users SET password = ${hash} WHERE name = ${name}`));
    await database.close();
  }

  #configure(name, values) {
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    const section = name === 'hub' ? 'hub' : 'kojid';
    writeFileSync(path.join(this.folder, `${name}.conf`), `[${section}]\n${lines.join('\n')}\n`);
  }

  #command(...args) {
    const program = path.join(root, 'packages', programs.hub);
    const all = [program, '--config', path.join(this.folder, 'hub.conf'), ...args];
    const { status, stderr } = spawnSync(process.execPath, all, { cwd: this.folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`koji-hub ${args[0]}: ${stderr}`);
  }

  /** Returns the problems that `koji-hub fsck` finds. */
  async fsck() {
    const program = path.join(root, 'packages', programs.hub);
    const args = [program, '--config', path.join(this.folder, 'hub.conf'), 'fsck', '--json'];
    const child = spawn(process.execPath, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if (errors !== '') throw new Error(`koji-hub fsck: ${errors}`);
    return JSON.parse(out).problems;
  }

  /** Starts a program, without waiting for anything. */
  start(name) {
    const out = openSync(path.join(this.folder, `${name}.out`), 'a');
    const args = [
      path.join(root, 'packages', programs[name]),
      '--config',
      path.join(this.folder, `${name}.conf`),
    ];
    this.#running.set(name, spawn(process.execPath, args, { cwd: this.folder, stdio: ['ignore', out, out] }));
    closeSync(out);
  }

  /** Waits until the hub answers. */
  async answers() {
    await until('the hub answers', async () => {
      const hub = this.#running.get('hub');
      if (hub && hub.exitCode !== null)
        throw new Error(`the hub ended by itself:\n${this.text('hub.out').slice(-2000)}`);
      const reply = await fetch(this.url).catch(() => null);
      return reply?.status === 405;
    });
  }

  /** Waits until the builder has logged in once more. */
  async builderReady(before) {
    await until('the builder is ready', () => {
      const builder = this.#running.get('builder');
      if (builder && builder.exitCode !== null)
        throw new Error(`the builder ended by itself:\n${this.text('builder.out').slice(-2000)}`);
      return this.logins() > before;
    });
  }

  logins() {
    return this.text('builder.log').split(' ready as ').length;
  }

  pid(name) {
    return this.#running.get(name)?.pid ?? 0;
  }

  /** Ends a program and waits for its end. */
  async kill(name, signal = 'SIGKILL') {
    const child = this.#running.get(name);
    this.#running.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** The text of a file of this system. */
  text(name) {
    try {
      return readFileSync(path.join(this.folder, name), 'utf8');
    } catch {
      return '';
    }
  }

  async stop({ keep }) {
    await this.kill('builder', 'SIGTERM');
    await this.kill('hub', 'SIGTERM');
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The processes whose parent is this one. */
export function childrenOf(parent) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, found] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state !== 'Z' && Number(found) === parent;
      } catch {
        return false;
      }
    });
}
