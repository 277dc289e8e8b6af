import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const env = { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS };

describe('a SQLite file', () => {
  let folder: string;
  const hubs: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-one-hub-'));
    await configure('hub.conf', 'koji.db');
  });
  afterEach(async () => {
    for (const hub of hubs.splice(0)) {
      if (hub.exitCode !== null || hub.signalCode !== null) continue;
      hub.kill('SIGKILL');
      await once(hub, 'exit');
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function configure(file: string, database: string): Promise<void> {
    const values = { Listen: '127.0.0.1:0', Database: `sqlite:${database}`, KojiDir: 'store' };
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    await writeFile(path.join(folder, file), `[hub]\n${lines.join('\n')}\n`);
  }

  /** Starts a hub; resolves when it answers or has ended. */
  async function start(config = 'hub.conf'): Promise<{ hub: ChildProcess; said: string }> {
    const hub = spawn(process.execPath, [program, '--config', config], { cwd: folder, env });
    hubs.push(hub);
    let said = '';
    await new Promise<void>((resolve) => {
      for (const stream of [hub.stdout, hub.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (said.includes('answers at')) resolve();
        });
      hub.once('close', () => resolve());
    });
    return { hub, said };
  }

  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [program, '--config', 'hub.conf', ...args], { cwd: folder, env });

  test('has one hub at a time: a second one refuses and names the process of the first', async () => {
    const first = await start();
    expect(first.said).toContain('answers at');
    const second = await start();
    expect(second.said).toContain(
      `process ${first.hub.pid ?? ''} serves from ${path.join(folder, 'koji.db')}`,
    );
    expect(second.said).not.toContain('answers at');
    expect(second.hub.exitCode).toBe(1);
  });

  test('has one hub at a time under whatever name', async () => {
    await symlink('koji.db', path.join(folder, 'other.db'));
    await configure('other.conf', 'other.db');
    const first = await start();
    expect((await start('other.conf')).said).toContain(`process ${first.hub.pid ?? ''} serves from`);
  });

  test('is open to commands while a hub serves from it', async () => {
    await start();
    expect((await run('user', 'add', 'somebody')).stdout).toContain('added somebody');
    expect((await run('outbox')).stdout).toContain('no messages');
    expect((await run('plugins', '--check')).stdout).toContain('nothing is wrong');
    expect((await run('check')).stdout).toContain('nothing is wrong');
    expect((await run('migrate')).stdout).toContain('up to date');
  });

  test('is free at once when its hub is killed', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { hub, said } = await start();
      expect(said).toContain('answers at');
      hub.kill('SIGKILL');
      await once(hub, 'exit');
    }
  });
});
