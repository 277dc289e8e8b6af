import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { GenericError, TASK_STATES, faultToWire } from '@koji/core';
import { openForTests, type HubForTests } from '@koji/hub/testing';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
const kojid = path.join(packages, 'koji-builder/dist/bundle/main.js');
const fixtures = fileURLToPath(new URL('../fixtures/plugins/', import.meta.url));

type Values = Readonly<Record<string, string>>;

/** Polls until `test` answers something true; fails with `what` after `seconds`. */
export async function until<T>(
  what: string,
  test: () => T | Promise<T>,
  seconds = 100,
): Promise<NonNullable<T>> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const found = await test();
    if (found) return found;
    await sleep(20);
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

/** Whether a process runs; a zombie does not. */
export function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** The processes whose parent is this one. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null; // it has ended meanwhile
  }
}

/** A kojid process. */
export interface RunningBuilder {
  readonly pid: number;
  /** Resolves to the exit status, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly stderr: () => string;
  signal(signal: NodeJS.Signals): void;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
}

/** A hub in this process with a folder of its own, and the means to start builders for it. */
export class Site {
  private readonly builders = new Set<RunningBuilder>();
  private hub: HubForTests | null = null;
  session!: ClientSession;

  private constructor(
    readonly folder: string,
    private readonly hubOptions: Values,
  ) {}

  /** Starts a hub with the admin `kojiadmin` and the builder `builder`; passwords are the names. */
  static async create(hubOptions: Values = {}): Promise<Site> {
    const folder = mkdtempSync(path.join(tmpdir(), 'koji-builder-'));
    const site = new Site(folder, hubOptions);
    await site.startHub();
    await site.hub?.addUser('kojiadmin', 'kojiadmin', ['admin']);
    site.session = new ClientSession(site.url, { retryInterval: 1 });
    await site.session.login('kojiadmin', 'kojiadmin');
    await site.addHost('builder');
    return site;
  }

  get origin(): string {
    if (this.hub) this.lastOrigin = this.hub.url;
    return this.lastOrigin;
  }

  private lastOrigin = '';

  get url(): string {
    return `${this.origin}/kojihub`;
  }

  path(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  /** The same port again, if it ran before. */
  async startHub(): Promise<void> {
    const values = {
      Database: 'sqlite:koji.db',
      KojiDir: this.path('koji'),
      Listen: this.lastOrigin ? new URL(this.lastOrigin).host : '127.0.0.1:0',
      LogFile: this.path('hub.log'),
      LogLevel: 'INFO',
      RunInterval: '60',
      RepoManager: 'external',
      ...this.hubOptions,
    };
    this.hub = await openForTests({ folder: this.folder, options: values, policies: {}, plugins: {} });
    this.lastOrigin = this.hub.url;
  }

  async stopHub(): Promise<void> {
    await this.hub?.stop();
    this.hub = null;
  }

  async addHost(name: string, arch = 'x86_64'): Promise<void> {
    await this.session.addHost(name, [arch]);
    await this.hub?.addUser(name, name, []);
  }

  /** Starts kojid and waits until it takes tasks. */
  async startBuilder(values: Values = {}, args: readonly string[] = []): Promise<RunningBuilder> {
    const before = this.log().length;
    const builder = this.runBuilder(values, args);
    let over = false;
    void builder.ended.then(() => (over = true));
    await until('kojid is ready', () => {
      if (over) throw new Error(`kojid ended: ${builder.stderr()}${this.log().slice(before)}`);
      return this.log().includes('ready as', before);
    });
    return builder;
  }

  /** Starts kojid. */
  runBuilder(values: Values = {}, args: readonly string[] = []): RunningBuilder {
    this.configure(values);
    const child = spawn(process.execPath, [kojid, '--config', this.path('kojid.conf'), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, KOJI_TEST_FOLDER: this.folder },
    });
    const builder = runningBuilder(child);
    this.builders.add(builder);
    void builder.ended.then(() => this.builders.delete(builder));
    return builder;
  }

  /** Runs kojid with these arguments to its end. */
  kojid(args: readonly string[], values: Values): { status: number | null; stdout: string; stderr: string } {
    this.configure(values);
    const env = { ...process.env, KOJI_TEST_FOLDER: this.folder };
    return spawnSync(process.execPath, [kojid, '--config', this.path('kojid.conf'), ...args], {
      env,
      encoding: 'utf8',
    });
  }

  private configure(values: Values): void {
    const { user = 'builder' } = values;
    const config = {
      server: this.url,
      topdir: this.path('koji'),
      topurl: `${this.origin}/kojifiles`,
      workdir: this.path('work'),
      user,
      password: user,
      logfile: this.path('kojid.log'),
      minspace: '0',
      maxload: '0',
      retry_interval: '1',
      shutdowntimeout: '10',
      pluginpath: fixtures,
      ...values,
    };
    const lines = Object.entries(config).map(([name, value]) => `${name} = ${value}`);
    writeFileSync(this.path('kojid.conf'), `[kojid]\n${lines.join('\n')}\n`);
  }

  log(): string {
    try {
      return readFileSync(this.path('kojid.log'), 'utf8');
    } catch {
      return '';
    }
  }

  async state(id: number): Promise<string> {
    const { state } = await this.session.call<{ state: number }>('getTaskInfo', [id, false, true]);
    return stateName(state);
  }

  /** Waits until a task is in a state, which it must not pass over. */
  async reach(id: number, state: keyof typeof TASK_STATES, seconds?: number): Promise<void> {
    let now = '';
    const reached = async (): Promise<boolean> => {
      now = await this.state(id);
      if (now !== state && ['CLOSED', 'CANCELED', 'FAILED'].includes(now))
        throw new Error(`task ${id} is ${now}, not ${state}\n${this.log().slice(-3000)}`);
      return now === state;
    };
    await until(`task ${id} is ${state}`, reached, seconds).catch((cause: unknown) => {
      throw new Error(`task ${id} is ${now}, not ${state}\n${this.log().slice(-3000)}`, { cause });
    });
  }

  /** Makes a task and waits for its result. */
  async result(method: string, args: readonly unknown[] = [], seconds?: number): Promise<unknown> {
    const id = await this.session.makeTask(method, [...args]);
    await this.reach(id, 'CLOSED', seconds);
    return this.session.getTaskResult(id);
  }

  /** Makes a task that must fail; the code and text of its fault. */
  async fault(method: string, args: readonly unknown[] = []): Promise<[number, string]> {
    const id = await this.session.makeTask(method, [...args]);
    await this.reach(id, 'FAILED');
    const error: unknown = await this.session.getTaskResult(id).then(
      () => new GenericError('no fault'),
      (thrown: unknown) => thrown,
    );
    const { faultCode, faultString } = faultToWire(error);
    return [faultCode, faultString];
  }

  async stopBuilders(): Promise<void> {
    await Promise.all([...this.builders].map((builder) => builder.stop()));
  }

  async stop(): Promise<void> {
    await this.stopBuilders();
    await this.session.close();
    await this.stopHub();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function stateName(code: number): string {
  return Object.entries(TASK_STATES).find(([, value]) => value === code)?.[0] ?? String(code);
}

function runningBuilder(child: ChildProcess): RunningBuilder {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(
    ([status, signal]) => (signal ?? status) as number | NodeJS.Signals | null,
  );
  return {
    pid: child.pid ?? 0,
    ended,
    stderr: () => stderr,
    signal: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGTERM'), 1000); // asked twice, it waits for nobody
      await ended;
      clearTimeout(late);
    },
  };
}
