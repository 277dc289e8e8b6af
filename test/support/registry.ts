import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, root, until } from './system.js';

export const tools = path.join(root, 'tools', 'release');

/** The environment of somebody who knows nothing of jest and of `npm test`. */
export function strangersEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(NODE_OPTIONS|NODE_ENV|NODE_PATH|JEST_WORKER_ID|KOJI_.*|ACTIONS_.*|npm_(package|lifecycle)_.*)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** What a registry says of a version of a package. */
export interface Published {
  readonly name: string;
  readonly version: string;
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

  /** Starts it with one user, who may publish; fails with its log when it does not come. */
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
        auth: { htpasswd: { file: path.join(folder, 'htpasswd') } },
        packages: { '**': { access: '$all', publish: '$authenticated' } },
        web: { enable: false },
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

  /** The setting that lets the user of this registry publish, as a line of an .npmrc. */
  async login(): Promise<string> {
    const user = { name: 'publisher', password: 'a long password' };
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

  private answers(): Promise<boolean> {
    if (this.server.exitCode !== null)
      throw new Error(`the registry ended: ${readFileSync(path.join(this.folder, 'verdaccio.out'), 'utf8')}`);
    return ask(`${this.url}-/ping`).then(
      (reply) => reply.ok,
      () => false,
    );
  }
}

/** Publishes this tree from a copy of it: the packages with lerna, plugins with npm, as their authors would. */
export async function publishAll(
  registry: Registry,
  copy: string,
  plugins: readonly string[],
): Promise<void> {
  for (const name of ['.gitignore', 'package.json', 'lerna.json', 'nx.json', 'packages', 'examples'])
    cpSync(path.join(root, name), path.join(copy, name), {
      recursive: true,
      filter: (file) => path.basename(file) !== 'node_modules',
    });
  writeFileSync(path.join(copy, '.npmrc'), await registry.login());
  const options = { cwd: copy, encoding: 'utf8', env: strangersEnvironment(), stdio: 'pipe' } as const;
  const git = (...args: string[]): string => {
    const settings = ['user.name=nobody', 'user.email=nobody@example.org', 'commit.gpgsign=false'];
    return execFileSync('git', [...settings.flatMap((setting) => ['-c', setting]), ...args], options);
  };
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'what is published');
  const lerna = path.join(root, 'node_modules', 'lerna', 'dist', 'cli.js');
  const publish = ['publish', 'from-package', '--yes', '--no-git-reset', '--registry', registry.url];
  execFileSync(process.execPath, [lerna, ...publish], options);
  // They are built; building them is what an author's own prepublishOnly does.
  const quiet = ['--ignore-scripts', '--loglevel=error', '--registry', registry.url];
  execFileSync('npm', ['publish', ...quiet, ...plugins.flatMap((place) => ['-w', place])], options);
}
