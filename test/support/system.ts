import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/ports.mjs';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** One of our built programs. */
export function program(name: 'koji' | 'koji-hub' | 'kojid'): string {
  const files = {
    koji: 'koji-client/dist/bundle/main.js',
    'koji-hub': 'koji-hub/dist/bundle/main.js',
    kojid: 'koji-builder/dist/bundle/main.js',
  };
  return path.join(root, 'packages', files[name]);
}

/** Polls until `test` answers something true; fails with `what` after `seconds`. */
export async function until<T>(
  what: string,
  test: () => T | Promise<T>,
  seconds = 100,
): Promise<NonNullable<T>> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const found = await test();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of a {@link System}, as lines of the configuration files. */
export interface SystemOptions {
  readonly hub?: Readonly<Record<string, string>>;
  readonly kojid?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /**
   * Runs what is installed in `folder` with this environment, instead of what is built here: each command by npx the first time,
   * and by itself after that, since npx takes several times the processor time of a command.
   */
  readonly npx?: NodeJS.ProcessEnv;
  /** The Node.js that kojid and koji run on; the hub needs the one that SQLite's driver was compiled for. */
  readonly node?: string;
}

const password = 'secret';

/** A hub, a builder and the command as processes, in a folder of their own below the repository's node_modules. */
export class System {
  readonly url: string;
  private readonly daemons = new Map<string, ChildProcess>();
  private readonly ranByNpx = new Set<string>();
  private kept = false;

  private constructor(
    readonly folder: string,
    port: number,
    private readonly npx: NodeJS.ProcessEnv | undefined,
    /** The Node.js that kojid and koji run on; may change while they don't. */
    public node: string,
  ) {
    this.url = `http://127.0.0.1:${port}/kojihub`;
  }

  /** Makes the folder, the database with its admin, and the configuration files; starts nothing. */
  static async create({
    hub = {},
    kojid = {},
    folder,
    npx,
    node = process.execPath,
  }: SystemOptions = {}): Promise<System> {
    const port = await freePort();
    const system = new System(folder ?? mkdtempSync(path.join(tmpdir(), 'koji-system-')), port, npx, node);
    const files = system.url.replace('kojihub', 'kojifiles');
    system.configure('hub.conf', 'hub', {
      Listen: `127.0.0.1:${port}`,
      Database: 'sqlite:koji.db',
      KojiDir: system.path('koji'),
      LogFile: system.path('hub.log'),
      LogLevel: 'INFO',
      ...hub,
    });
    system.configure('kojid.conf', 'kojid', {
      server: system.url,
      topurl: files,
      topdir: system.path('koji'),
      workdir: system.path('work'),
      user: 'builder',
      password,
      logfile: system.path('kojid.log'),
      minspace: '0',
      maxload: '0',
      retry_interval: '1',
      ...kojid,
    });
    system.configure('koji.conf', 'koji', {
      server: system.url,
      topurl: files,
      authtype: 'password',
      user: 'kojiadmin',
      password,
    });
    if (npx) {
      system.hub('migrate');
      system.hub('user', 'add', 'kojiadmin', '--password', password, '--admin');
    } else await system.makeDatabase();
    return system;
  }

  /** Does what `koji-hub migrate` and `koji-hub user add` do, with a hash that costs nothing at each login. */
  private async makeDatabase(): Promise<void> {
    const { Database = '', KojiDir = '' } = this.settings('hub.conf');
    const options = { Database, KojiDir, LogFile: this.path('hub.log') };
    // Most of those who import this file start no hub.
    const { openForTests } = await import('@koji/hub/testing');
    const hub = await openForTests({ folder: this.folder, options, policies: {}, plugins: {} });
    await hub.addUser('kojiadmin', password, ['admin']);
    await hub.stop();
  }

  path(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  configure(file: string, section: string, values: Readonly<Record<string, string>>): void {
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    writeFileSync(this.path(file), `[${section}]\n${lines.join('\n')}\n`);
  }

  /** The settings in a file that {@link configure} wrote. */
  settings(file: string): Record<string, string> {
    const lines = this.log(file).split('\n').slice(1).filter(Boolean);
    return Object.fromEntries(
      lines.map((line) => {
        const [key = '', value = ''] = line.split(/ = (.*)/s);
        return [key, value];
      }),
    );
  }

  /** Runs `koji-hub` with this system's configuration; throws unless it ends well. */
  hub(...args: string[]): string {
    return checked(this.run('koji-hub', ['--config', this.path('hub.conf'), ...args]));
  }

  /** Runs `koji` as kojiadmin; throws unless it ends well. */
  koji(...args: string[]): string {
    return checked(this.tryKoji(...args));
  }

  tryKoji(...args: string[]): Ran {
    return this.run('koji', ['-c', this.path('koji.conf'), ...args]);
  }

  /** Runs `koji` as kojiadmin while servers of this process keep running. */
  async kojiBeside(...args: string[]): Promise<Ran> {
    const [command, ...first] = this.command('koji');
    const all = [...first, '-c', this.path('koji.conf'), ...args];
    return new Promise((resolve) => {
      const child = execFile(command, all, { cwd: this.folder, maxBuffer: 1 << 24 }, (_, stdout, stderr) =>
        resolve({ status: child.exitCode, stdout, stderr }),
      );
    });
  }

  private command(name: 'koji' | 'koji-hub' | 'kojid'): [string, ...string[]] {
    if (this.npx) {
      const isFirst = !this.ranByNpx.has(name);
      this.ranByNpx.add(name);
      return isFirst ? ['npx', '--no', '--', name] : [this.path('node_modules', '.bin', name)];
    }
    return [name === 'koji-hub' ? process.execPath : this.node, program(name)];
  }

  private run(name: 'koji' | 'koji-hub', args: string[]): Ran {
    const [command, ...first] = this.command(name);
    const done = spawnSync(command, [...first, ...args], {
      encoding: 'utf8',
      cwd: this.folder,
      env: this.npx ?? process.env,
      timeout: 120_000,
    });
    if (done.error) throw done.error;
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  async startHub(): Promise<void> {
    this.spawn('koji-hub', 'hub.conf');
    await until('the hub answers', () => this.answers());
  }

  /**
   * Starts kojid; its host is made first if there is none.
   *
   * @param name the builder's login; every one but `builder` gets folders of its own
   * @param values options that differ from those of `builder`
   */
  async startBuilder(name = 'builder', values: Readonly<Record<string, string>> = {}): Promise<void> {
    const isFirst = name === 'builder';
    const [daemon, log] = isFirst ? ['kojid', 'kojid.log'] : [name, `${name}.log`];
    const own = { user: name, logfile: this.path(log), workdir: this.path(`${name}-work`), ...values };
    if (!isFirst) this.configure(`${name}.conf`, 'kojid', { ...this.settings('kojid.conf'), ...own });
    if (this.tryKoji('add-host', name, 'x86_64', 'noarch').status === 0)
      this.hub('user', 'passwd', name, password);
    const ready = (): number => this.log(log).split(' ready as ').length;
    const before = ready();
    this.spawn('kojid', `${daemon}.conf`, daemon);
    await until('kojid is ready', () => {
      if (this.daemons.get(daemon)?.exitCode !== null)
        throw new Error(`kojid ended: ${this.log(`${daemon}.out`)}\n${this.log(log)}`);
      return ready() > before;
    });
  }

  /** The process of a daemon that was started. */
  pid(name: string): number {
    return this.daemons.get(name)?.pid ?? 0;
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const daemon = this.daemons.get(name);
    this.daemons.delete(name);
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    if (this.npx && daemon.pid) {
      // npx does not hand signals on; its output is closed when the last of its processes is gone.
      process.kill(-daemon.pid, signal);
      await once(daemon, 'close');
    } else {
      daemon.kill(signal);
      await once(daemon, 'exit');
    }
  }

  /** Stops what runs; removes the folder unless this or an earlier call said `keep`. */
  async stop({ keep = false } = {}): Promise<void> {
    for (const name of [...this.daemons.keys()].filter((one) => one !== 'koji-hub'))
      await this.kill(name, 'SIGTERM');
    await this.kill('koji-hub', 'SIGTERM');
    this.kept ||= keep;
    if (!this.kept) rmSync(this.folder, { recursive: true, force: true });
  }

  log(file: string): string {
    try {
      return readFileSync(this.path(file), 'utf8');
    } catch {
      return '';
    }
  }

  private spawn(name: 'koji-hub' | 'kojid', config: string, daemonName: string = name): void {
    const [command, ...first] = this.command(name);
    const args = [...first, '--config', this.path(config)];
    const file = this.path(`${daemonName}.out`);
    if (this.npx) {
      const daemon = spawn(command, args, {
        cwd: this.folder,
        env: this.npx,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const out = createWriteStream(file, { flags: 'a' });
      for (const stream of [daemon.stdout, daemon.stderr]) stream.pipe(out, { end: false });
      daemon.once('close', () => out.end());
      this.daemons.set(daemonName, daemon);
      return;
    }
    const out = openSync(file, 'a');
    this.daemons.set(daemonName, spawn(command, args, { cwd: this.folder, stdio: ['ignore', out, out] }));
    closeSync(out);
  }

  private async answers(): Promise<boolean> {
    const daemon = this.daemons.get('koji-hub');
    if (daemon?.exitCode !== null)
      throw new Error(`the hub ended: ${this.log('koji-hub.out')}\n${this.log('hub.log')}`);
    return fetch(this.url).then(
      (reply) => reply.status === 405,
      () => false,
    );
  }
}

function checked(done: Ran): string {
  if (done.status !== 0) throw new Error(`exit status ${done.status}:\n${done.stdout}${done.stderr}`);
  return done.stdout;
}
