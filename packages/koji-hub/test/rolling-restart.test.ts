import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import type { Retry } from '@koji/client';
import { freePort } from '../../../scripts/ports.mjs';
import { addUser } from '../src/commands.js';
import { makeConfig } from '../src/config.js';
import { migrate } from '../src/db/migrate.js';
import { migrations } from '../src/db/migrations/index.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const nginxConfig = fileURLToPath(new URL('../../../deploy/nginx/koji.conf', import.meta.url));
const nginx = '/usr/sbin/nginx';
const env = { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS };

/** The load balancer in front of the hubs. */
interface Balancer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts nginx with the configuration that is given to operators, but for its ports. */
async function startNginx(folder: string, ports: readonly number[]): Promise<Balancer> {
  const port = await freePort();
  const text = (await readFile(nginxConfig, 'utf8'))
    .replace('127.0.0.1:8080', `127.0.0.1:${ports[0]}`)
    .replace('127.0.0.1:8081', `127.0.0.1:${ports[1]}`)
    .replace('listen 8000;', `listen 127.0.0.1:${port};`);
  const place = path.join(folder, 'nginx');
  await mkdir(place);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${place}/${kind};`,
  );
  const whole = `daemon off; master_process off; pid ${place}/pid; error_log ${place}/error.log;
    events {} http { access_log off; ${temporary.join(' ')}\n${text}}`;
  const file = path.join(place, 'nginx.conf');
  await writeFile(file, whole);
  const server = spawn(nginx, ['-e', `${place}/error.log`, '-p', place, '-c', file], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  const listens = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = net.connect(port, '127.0.0.1', () => {
        probe.destroy();
        resolve(true);
      });
      probe.once('error', () => resolve(false));
    });
  await until(() => listens());
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (await isSo()) return;
    await sleep(50);
  }
  throw new Error('what was waited for did not happen');
}

/** Starts the hub of a configuration; resolves once it answers. */
async function startProcess(file: string): Promise<ChildProcess> {
  const hub = spawn(process.execPath, [program, '--config', file], { cwd: path.dirname(file), env });
  let said = '';
  for (const stream of [hub.stdout, hub.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => {
    if (hub.exitCode !== null) throw new Error(`the hub ended: ${said}`);
    return said.includes('answers at');
  });
  return hub;
}

test('a hub with StopDelay answers on while it is no longer ready; a second signal ends it at once', async () => {
  const database = await databases[0]!.create();
  const port = await freePort();
  const file = path.join(database.folder, 'hub.conf');
  await writeFile(
    file,
    `[hub]\nListen = 127.0.0.1:${port}\nDatabase = ${database.url}\nKojiDir = store\nStopDelay = 600\n`,
  );
  const hub = await startProcess(file);
  try {
    const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    expect(await ask()).toBe('ok\n');
    hub.kill('SIGTERM');
    await until(async () => (await ask()) === 'the hub is stopping\n');
    const session = new ClientSession(`http://127.0.0.1:${port}/kojihub`);
    expect(await session.getAPIVersion()).toBe(1);
    await session.close();
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    const ended = once(hub, 'exit');
    hub.kill('SIGTERM');
    expect(await ended).toEqual([1, null]);
  } finally {
    hub.kill('SIGKILL');
    await database.drop();
  }
});

describeOnPostgres('hubs that are restarted in turn', ({ create }) => {
  let database: TestDatabase;
  const hubs: ChildProcess[] = [];
  beforeEach(async () => void (database = await create()));
  afterEach(async () => {
    for (const hub of hubs.splice(0)) hub.kill('SIGKILL');
    await database.drop();
  });

  async function start(port: number): Promise<ChildProcess> {
    const file = path.join(database.folder, `hub-${port}.conf`);
    const lines = [
      `Listen = 127.0.0.1:${port}`,
      `Database = ${database.url}`,
      'KojiDir = store',
      'LogLevel = INFO',
      // nginx does not know the sessions of its connections.
      'CheckClientIP = no',
      'RepoManager = external',
      'Web = no',
    ];
    await writeFile(file, `[hub]\n${lines.join('\n')}\n`);
    const hub = await startProcess(file);
    hubs.push(hub);
    return hub;
  }

  async function restart(hub: ChildProcess, port: number): Promise<ChildProcess> {
    const ended = once(hub, 'exit') as Promise<[number | null, string | null]>;
    hub.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    return start(port);
  }

  test('lose no call, whatever is restarted', async () => {
    const config = makeConfig(database.folder, { Database: database.url, KojiDir: 'store' });
    await addUser(config, { name: 'root', password: 'root', admin: true });
    const ports = [await freePort(), await freePort()] as const;
    const running = [await start(ports[0]), await start(ports[1])];
    const balancer = await startNginx(database.folder, ports);
    const retries: string[] = [];
    const connect = () =>
      new ClientSession(`${balancer.url}/kojihub`, {
        anonRetry: true,
        retryInterval: 0.1,
        maxRetries: 100,
        onRetry: ({ method, error }: Retry) => retries.push(`${method}: ${error.message}`),
      });
    const admin = connect();
    await admin.login('root', 'root');
    await admin.createTag('first');
    await admin.close();
    const faults: string[] = [];
    const made = ['first'];
    let over = false;
    let rounds = 0;
    const loop = async (work: (session: ClientSession, i: number) => Promise<unknown>): Promise<void> => {
      const session = connect();
      for (let i = 0; !over; i++) {
        await work(session, i).catch((error: unknown) => faults.push(String(error)));
        rounds++;
        await sleep(20);
      }
      await session.close();
    };
    const write = (writer: number) =>
      loop(async (session, i) => {
        if (!session.loggedIn) await session.login('root', 'root');
        const name = `tag-${writer}-${i}`;
        await session.createTag(name);
        made.push(name);
        if (i % 3 === 0) await session.call('editTag2', [name], { locked: true });
      });
    const load = [
      write(0),
      write(1),
      loop((session) => session.listTags()),
      loop((session) => session.getTag('no such tag')),
      // It waits for longer than the hub that it waits at lives.
      loop(async (session) => {
        if (!session.loggedIn) await session.login('root', 'root');
        await session.call('waitTagChange', ['first', 2 ** 30, 60], {}, { aside: true });
      }),
    ];
    const served = async (count: number): Promise<void> => {
      const goal = rounds + count;
      await until(() => rounds >= goal);
    };
    try {
      await served(12);
      running[0] = await restart(running[0]!, ports[0]);
      await served(12);
      // As a new version would, before its hubs take over.
      const later = { number: 9999, name: 'later', additive: true, postgres: [], sqlite: [] };
      await migrate(await database.open(), [...migrations, later]);
      running[1] = await restart(running[1]!, ports[1]);
      await served(12);
    } finally {
      over = true;
      await Promise.all(load);
      await balancer.stop();
    }
    expect(faults).toEqual([]);
    const session = new ClientSession(`http://127.0.0.1:${ports[0]}/kojihub`);
    const tags = (await session.listTags()).map(({ name }) => name);
    await session.close();
    expect([...tags].sort()).toEqual([...made].sort());
    expect(new Set(made).size).toBe(made.length);
    for (const hub of running) {
      const ended = once(hub, 'exit');
      hub.kill('SIGTERM');
      await ended;
    }
  });
});
