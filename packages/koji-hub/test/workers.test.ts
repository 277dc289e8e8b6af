import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import http from 'node:http';
import { ClientSession } from '@koji/client';
import { RetryError } from '@koji/core';
import { encodeCall } from '@koji/core/wire';
import { freePort } from '../../../scripts/ports.mjs';
import { addUser } from '../src/commands.js';
import { makeConfig } from '../src/config.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { headersOf, post, readOutcome, valueOf } from './support/raw-hub.js';
import type { Outcome } from './support/raw-hub.js';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const env = { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS };

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state !== 'Z' && Number(ppid) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function hello(url: string): Promise<boolean> {
  // A connection of its own each time, so that any process may get it.
  const headers = { 'Content-Type': 'text/xml', Connection: 'close' };
  const body = encodeCall('hello', []);
  const reply = await fetch(url, { method: 'POST', headers, body }).catch(() => null);
  return (await reply?.text())?.includes('Hello World') ?? false;
}

async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await test()) return;
    await sleep(50);
  }
  throw new Error('not within 15 s');
}

describeOnPostgres('Workers = 3', (kind) => {
  let database: TestDatabase;
  let hub: ChildProcess;
  let url: string;

  beforeAll(async () => {
    database = await kind.create();
    const port = await freePort();
    url = `http://127.0.0.1:${port}/kojihub`;
    const values = { Listen: `127.0.0.1:${port}`, Database: database.url, KojiDir: 'store', Workers: '3' };
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    await writeFile(path.join(database.folder, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
    await addUser(makeConfig(database.folder, values), { name: 'root', password: 'root', admin: true });
    hub = spawn(process.execPath, [program], {
      cwd: database.folder,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await until(() => hello(url));
  });
  afterAll(async () => {
    hub.kill('SIGKILL');
    await database.drop();
  });

  test('three processes answer at one address, and one that is killed is replaced while the others answer', async () => {
    await until(() => childrenOf(hub.pid!).length === 3);
    const [victim] = childrenOf(hub.pid!);
    process.kill(victim!, 'SIGKILL');
    await until(() => !childrenOf(hub.pid!).includes(victim!));
    // A connection that was being handed to it may break; clients try again.
    const several = (): Promise<boolean[]> => Promise.all(Array.from({ length: 12 }, () => hello(url)));
    await until(async () => (await several()).every(Boolean));
    await until(() => childrenOf(hub.pid!).length === 3);
  });

  test('clients of a process that is killed see nothing but retries', async () => {
    const failed: unknown[] = [];
    let made = 0;
    let killed = false;
    const work = async (name: string): Promise<void> => {
      const session = new ClientSession(url, { retryInterval: 0.1, anonRetry: true });
      await session.login('root', 'root');
      for (let i = 0; i < 6 || !killed; i++) {
        const tag = `${name}-${i}`;
        // A call that was done before its answer was lost is told from one that was not.
        await session.createTag(tag).catch((error: unknown) => {
          if (!(error instanceof RetryError)) failed.push(error);
        });
        if ((await session.getTag(tag)) === null) failed.push(`${tag} is missing`);
        made += 1;
      }
      await session.close();
    };
    const working = Promise.all(['a', 'b', 'c', 'd'].map(work));
    await until(() => made > 4);
    const victims = childrenOf(hub.pid!);
    process.kill(victims[made % victims.length]!, 'SIGKILL');
    killed = true;
    await working;
    expect(failed).toEqual([]);
    await until(() => childrenOf(hub.pid!).length === 3);
  });

  test('whichever process is asked tells the figures of all', async () => {
    const ask = () => fetch(url.replace('/kojihub', '/metrics'), { headers: { Connection: 'close' } });
    const counted = async (): Promise<number> => {
      const answer = await ask();
      expect(answer.status).toBe(200);
      const line = /^koji_hub_call_seconds_count\{method="hello",end="ok"\} (\d+)$/m.exec(
        await answer.text(),
      );
      return Number(line?.[1] ?? 0);
    };
    // One that has only just been started does not tell its figures yet.
    await until(async () => (await ask()).status === 200);
    // Counts of processes that were killed are gone.
    expect(await hello(url)).toBe(true);
    const before = await counted();
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 12; i++) expect(await hello(url)).toBe(true);
    for (let i = 0; i < 6; i++) expect(await counted()).toBe(before + 12);
  });

  test('a file that one process writes is locked in the others, until the process is killed', async () => {
    const session = headersOf(valueOf(await post(url, 'login', ['root', 'root'])));
    const query = new URLSearchParams({ filename: 'f', filepath: 'busy', fileverify: 'md5', overwrite: '1' });
    const headers = { ...session, 'Content-Type': 'application/octet-stream', Connection: 'close' };
    const slow = http.request(`${url}?${query.toString()}`, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': '1000' },
    });
    slow.on('error', () => undefined);
    slow.write('half');
    const file = path.join(database.folder, 'store/work/busy/f');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') === 'half');
    const upload = async (): Promise<Outcome> =>
      readOutcome(await fetch(`${url}?${query.toString()}`, { method: 'POST', headers, body: 'whole' }));
    for (let i = 0; i < 6; i++) {
      const refused = { fault: [1001, `another upload of ${file} is in progress`] };
      expect(await upload()).toEqual(refused);
      const checked = await post(url, 'checkUpload', ['busy', 'f'], { Connection: 'close' });
      expect(checked).toMatchObject({ fault: [1001, expect.any(String)] });
    }
    for (const pid of childrenOf(hub.pid!)) process.kill(pid, 'SIGKILL');
    await until(async () => 'value' in (await upload().catch(() => ({ fault: [0, ''] }))));
    expect(readFileSync(file, 'utf8')).toBe('whole');
    await until(() => childrenOf(hub.pid!).length === 3);
  });

  test('SIGTERM ends all of them', async () => {
    const pids = childrenOf(hub.pid!);
    hub.kill('SIGTERM');
    const [code] = (await once(hub, 'exit')) as [number];
    expect(code).toBe(0);
    await until(() => pids.every((pid) => !alive(pid)));
  });
});

function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

test('several processes on SQLite are refused with the remedy', async () => {
  const kind = databases[0]!;
  const database = await kind.create();
  await writeFile(path.join(database.folder, 'hub.conf'), '[hub]\nDatabase = sqlite:koji.db\nWorkers = 2\n');
  const run = promisify(execFile)(process.execPath, [program], { cwd: database.folder, env });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Workers = 2: several processes need a PostgreSQL database') as unknown,
  });
  await database.drop();
});
