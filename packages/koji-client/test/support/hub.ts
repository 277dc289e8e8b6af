import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findConfig, startHub } from '@koji/hub';
import type { RunningHub } from '@koji/hub';

const hubProgram = join(dirname(createRequire(import.meta.url).resolve('@koji/hub')), 'main.js');
export const kojiProgram = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A hub with the admin `kojiadmin`, its files in a folder of its own. */
export interface RealHub {
  readonly url: string;
  readonly folder: string;
  readonly kojiDir: string;
  /** Runs the built `koji` command as the admin. */
  koji(...args: string[]): Promise<Ran>;
  /** Gives a user a password. */
  setPassword(user: string, password: string): Promise<void>;
  stop(): Promise<void>;
}

/** Runs the built `koji` command as a process. */
export function runKoji(
  args: readonly string[],
  options: { input?: string; cwd?: string; home?: string } = {},
): Promise<Ran> {
  const { input = '', cwd, home = '/nonexistent' } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [kojiProgram, ...args], {
      env: { ...process.env, TZ: 'UTC', COLUMNS: '80', HOME: home, NODE_OPTIONS: '' },
      ...(cwd === undefined ? {} : { cwd }),
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.end(input);
  });
}

/** Starts a hub in this process on a fresh SQLite database. */
export async function startRealHub(options: Readonly<Record<string, string>> = {}): Promise<RealHub> {
  const folder = await mkdtemp(join(tmpdir(), 'koji-client-'));
  const kojiDir = join(folder, 'koji');
  const file = join(folder, 'hub.conf');
  const values = {
    Listen: '127.0.0.1:0',
    Database: 'sqlite:koji.db',
    KojiDir: kojiDir,
    LogLevel: 'ERROR',
    ...options,
  };
  const lines = Object.entries(values).map(([name, value]) => `${name} = ${value}`);
  await writeFile(file, `[hub]\n${lines.join('\n')}\n`);
  const command = (...args: string[]) =>
    promisify(execFile)(process.execPath, [hubProgram, '--config', file, ...args]);
  await command('migrate');
  await command('user', 'add', 'kojiadmin', '--password', 'kojiadmin', '--admin');
  const config = findConfig(file);
  const hub: RunningHub = await startHub(config);
  const url = `${hub.url}/kojihub`;
  const profile = join(folder, 'koji.conf');
  await writeFile(
    profile,
    `[koji]\nserver = ${url}\ntopurl = ${hub.url}/kojifiles\ntopdir = ${kojiDir}\npoll_interval = 1\n`,
  );
  const login = ['--user=kojiadmin', '--password=kojiadmin', '--authtype=password'];
  return {
    url,
    folder,
    kojiDir,
    koji: (...args) => runKoji(['-c', profile, ...login, ...args], { cwd: folder }),
    setPassword: async (user, password) => {
      await command('user', 'passwd', user, password);
    },
    stop: async () => {
      await hub.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
