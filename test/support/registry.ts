import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { freePort } from '../../scripts/ports.mjs';
import { root, until } from './system.js';

export const tools = path.join(root, 'tools', 'release');

/** The environment of somebody who knows nothing of jest and of `npm test`. */
export function strangersEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(NODE_OPTIONS|NODE_ENV|NODE_PATH|JEST_WORKER_ID|KOJI_.*|ACTIONS_.*|npm_(package|lifecycle)_.*|npm_config_ignore_scripts)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** A registry's data about a version of a package. */
export interface Published {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly dist: { readonly tarball: string; readonly integrity: string };
}

/** Asks on a connection of its own: one that is kept may be closed while this process waits for another. */
const ask = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), connection: 'close' } });

/** A registry of our own, which knows of no other one, in a folder. */
export class Registry {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly server: ChildProcess,
  ) {}

  /** Starts it, with the tools that it is one of; fails with its log when it does not come. */
  static async start(folder: string): Promise<Registry> {
    execFileSync(process.execPath, [path.join(root, 'scripts', 'release-tools.mjs')], {
      env: strangersEnvironment(),
    });
    mkdirSync(folder, { recursive: true });
    const address = `127.0.0.1:${await freePort()}`;
    const config = path.join(folder, 'verdaccio.json');
    writeFileSync(
      config,
      JSON.stringify({
        storage: path.join(folder, 'storage'),
        // Each request of somebody who is logged in compares the password, which by itself takes most of the registry's time.
        auth: { htpasswd: { file: path.join(folder, 'htpasswd'), algorithm: 'bcrypt', rounds: 4 } },
        packages: { '**': { access: '$all', publish: '$authenticated' } },
        web: { enable: false },
        // Seconds. A client on a busy machine may send its next request at the moment at which its connection is closed.
        server: { keepAliveTimeout: 600 },
        log: { type: 'file', path: path.join(folder, 'requests.log'), format: 'json', level: 'info' },
      }),
    );
    const program = path.join(tools, 'node_modules', 'verdaccio', 'bin', 'verdaccio');
    const out = openSync(path.join(folder, 'verdaccio.out'), 'a');
    const server = spawn(process.execPath, [program, '--config', config, '--listen', address], {
      cwd: folder,
      env: strangersEnvironment(),
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    const registry = new Registry(`http://${address}/`, folder, server);
    try {
      await until('the registry answers', () => registry.answers());
    } catch (error) {
      await registry.stop();
      throw error;
    }
    return registry;
  }

  /** Makes a user; answers the setting that lets them publish, as a line of an .npmrc. */
  async login(): Promise<string> {
    const user = { name: randomUUID(), password: 'a long password' };
    const reply = await ask(`${this.url}-/user/org.couchdb.user:${user.name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(user),
    });
    if (!reply.ok) throw new Error(`the registry refuses a user: ${await reply.text()}`);
    const { token } = (await reply.json()) as { token: string };
    return `${this.url.replace('http:', '')}:_authToken=${token}\n`;
  }

  /** The newest version of a package; null when the registry does not have it. */
  async find(name: string): Promise<Published | null> {
    const reply = await ask(`${this.url}${name.replace('/', '%2f')}/latest`);
    return reply.ok ? ((await reply.json()) as Published) : null;
  }

  /** The file that the registry hands out for a version. */
  async tarball({ dist }: Published): Promise<Buffer> {
    const reply = await ask(dist.tarball);
    if (!reply.ok) throw new Error(`${dist.tarball}: ${reply.status}`);
    return Buffer.from(await reply.arrayBuffer());
  }

  async stop(): Promise<void> {
    if (this.server.exitCode !== null || this.server.signalCode !== null) return;
    this.server.kill('SIGTERM');
    await once(this.server, 'exit');
  }

  /** The last error in its logs; a request for an unpublished package gets a 404. */
  lastProblems(): string {
    const read = (name: string): string => {
      const file = path.join(this.folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    const lines = read('requests.log').split('\n').filter(Boolean);
    const bad = lines.filter((line) => {
      const { level = 0, status = 0 } = JSON.parse(line) as { level?: number; status?: number };
      return level > 30 || (status >= 400 && status !== 404);
    });
    const { exitCode, signalCode } = this.server;
    const ended = exitCode === null && signalCode === null ? 'runs' : `ended with ${exitCode ?? signalCode}`;
    return [`the registry ${ended}`, ...bad.slice(-10), read('verdaccio.out').slice(-1000)].join('\n');
  }

  private answers(): Promise<boolean> {
    if (this.server.exitCode !== null)
      throw new Error(`the registry ended: ${readFileSync(path.join(this.folder, 'verdaccio.out'), 'utf8')}`);
    return ask(`${this.url}-/ping`).then(
      (reply) => reply.ok,
      () => false,
    );
  }
}

const copied = [
  '.gitignore',
  'CHANGELOG.md',
  'docs',
  'examples',
  'lerna.json',
  'nx.json',
  'package.json',
  'packages',
  'scripts',
];

/** A copy of this tree as it is built, in a repository of its own, so that publishing leaves no trace here. */
export class Copy {
  private readonly options;

  constructor(
    private readonly folder: string,
    private readonly registry: Registry,
  ) {
    this.options = { cwd: folder, encoding: 'utf8', env: strangersEnvironment(), stdio: 'pipe' } as const;
    for (const name of copied)
      cpSync(path.join(root, name), path.join(folder, name), {
        recursive: true,
        filter: (file) => path.basename(file) !== 'node_modules',
      });
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    this.git('init', '--quiet');
    this.commit();
  }

  /** Publishes the packages as the release workflow does. */
  async publishPackages(): Promise<void> {
    writeFileSync(path.join(this.folder, '.npmrc'), await this.registry.login());
    const lerna = path.join(root, 'node_modules', 'lerna', 'dist', 'cli.js');
    const args = ['publish', 'from-package', '--yes', '--no-git-reset', '--registry', this.registry.url];
    const publish = (): void => this.run(process.execPath, [lerna, ...args]);
    try {
      publish();
    } catch (error) {
      // As docs/releasing.md says: another run publishes what the registry does not have.
      process.stderr.write(`publishing once more, since it failed: ${String(error)}\n`);
      // It stopped before it took its changes back, and refuses a tree that has any.
      this.git('checkout', '--quiet', '--', ...copied);
      publish();
    }
  }

  /** Publishes the example plugins as their authors would. */
  publishPlugins(places: readonly string[]): void {
    // They are built; building them is what an author's own prepublishOnly does.
    const quiet = ['--ignore-scripts', '--loglevel=error', '--registry', this.registry.url];
    this.run('npm', ['publish', ...quiet, ...places.flatMap((place) => ['-w', place])]);
  }

  /** Gives everything a new version, as a maintainer does before a release. */
  bump(version: string): void {
    execFileSync(process.execPath, [path.join(this.folder, 'scripts', 'bump.mjs'), version], this.options);
    this.commit();
  }

  /** Does what docs/releasing.md says to do once. */
  nameRepository(url: string): void {
    const page = readFileSync(path.join(root, 'docs', 'releasing.md'), 'utf8');
    const [, commands = ''] = /^ *```sh\n([^]*?)^ *```$/m.exec(page) ?? [];
    execFileSync('sh', ['-e', '-c', commands.replace('git+URL', `git+${url}`)], this.options);
  }

  /** The release workflow's objections to publishing this; empty if there are none. */
  gate(tag: string, url: string): string {
    const script = path.join(this.folder, 'scripts', 'release-gate.mjs');
    const done = spawnSync(process.execPath, [script, tag, url], this.options);
    return done.status === 0 ? '' : done.stderr;
  }

  /** Runs a program that publishes; its failure has the last lines of it and of the registry, since the first ones are the same always. */
  private run(program: string, args: readonly string[]): void {
    const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
      ...this.options,
      maxBuffer: 1 << 26,
    });
    if (status === 0) return;
    const lines = [...stdout.split('\n'), ...stderr.split('\n')]
      .filter((line) => line !== '' && !line.includes('Unable to determine published version'))
      .slice(-30);
    const ended = error?.message ?? `ended with ${status ?? signal}`;
    const what = `${path.basename(program)} ${args.join(' ')}`;
    throw new Error([`${what}: ${ended}`, ...lines, this.registry.lastProblems()].join('\n'));
  }

  private commit(): void {
    this.git('add', '--all', '--', ...copied);
    this.git('commit', '--quiet', '--message', 'what is published');
  }

  private git(...args: string[]): void {
    const settings = ['user.name=nobody', 'user.email=nobody@example.org', 'commit.gpgsign=false'];
    execFileSync('git', [...settings.flatMap((setting) => ['-c', setting]), ...args], this.options);
  }
}
