import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openForTests } from '@koji/hub/testing';
import { ClientSession } from '../../src/index.js';
import { Commands, commandEnvironment } from './commands.js';
import type { Ran } from './commands.js';

export type { Ran };

export const kojiProgram = fileURLToPath(new URL('../../dist/bundle/main.js', import.meta.url));

/** A hub with the admin `kojiadmin`, its files in a folder of its own. */
export interface RealHub {
  readonly url: string;
  readonly folder: string;
  readonly kojiDir: string;
  /** Runs the built `koji` command as the admin; in a process that runs such commands, unless it is busy with one. */
  koji(...args: string[]): Promise<Ran>;
  /** Gives a user a password. */
  setPassword(user: string, password: string): Promise<void>;
  stop(): Promise<void>;
}

/** Runs a program on a terminal, whose lines come out as standard output. */
const onTerminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

/** Runs the built `koji` command as a process. */
export function runKoji(
  args: readonly string[],
  options: {
    input?: string;
    cwd?: string;
    home?: string;
    terminal?: boolean;
    /** The kind of terminal; one that cannot be drawn on if absent. */
    term?: string;
    /** Told all of standard output so far, each time that there is more, and what types on the terminal. */
    onOutput?: (stdout: string, type: (keys: string) => void) => void;
    /** Leaves standard input open after `input`, so that `onOutput` can type. */
    types?: boolean;
    /** Typed once standard output ends with the question; input stays open until then. */
    answer?: { readonly question: string; readonly text: string };
    env?: NodeJS.ProcessEnv;
  } = {},
): Promise<Ran> {
  const {
    input = '',
    cwd,
    home = '/nonexistent',
    terminal = false,
    term = 'dumb',
    onOutput,
    types = false,
    answer,
  } = options;
  const command = [process.execPath, kojiProgram, ...args];
  const [program = '', ...rest] = terminal ? ['python3', '-c', onTerminal, ...command] : command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      env: { ...commandEnvironment(home), TERM: term, ...options.env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onOutput?.(stdout, (keys) => child.stdin.write(keys));
      if (answer && stdout.endsWith(answer.question)) child.stdin.end(answer.text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    if (types) child.stdin.write(input);
    else if (!answer) child.stdin.end(input);
  });
}

/** Starts a hub in this process on a fresh SQLite database. */
export async function startRealHub(options: Readonly<Record<string, string>> = {}): Promise<RealHub> {
  const folder = await mkdtemp(join(tmpdir(), 'koji-client-'));
  const kojiDir = join(folder, 'koji');
  const values = {
    Database: 'sqlite:koji.db',
    KojiDir: kojiDir,
    LogLevel: 'ERROR',
    RepoManager: 'external',
    ...options,
  };
  const hub = await openForTests({ folder, options: values, policies: {}, plugins: {} });
  await hub.addUser('kojiadmin', 'kojiadmin', ['admin']);
  const url = `${hub.url}/kojihub`;
  const profile = join(folder, 'koji.conf');
  await writeFile(
    profile,
    `[koji]\nserver = ${url}\ntopurl = ${hub.url}/kojifiles\ntopdir = ${kojiDir}\npoll_interval = 1\n`,
  );
  const login = ['--user=kojiadmin', '--password=kojiadmin', '--authtype=password'];
  const commands = new Commands();
  return {
    url,
    folder,
    kojiDir,
    koji: (...args) => {
      const all = ['-c', profile, ...login, ...args];
      const place = { cwd: folder, home: '/nonexistent' };
      return commands.isBusy ? runKoji(all, place) : commands.run(all, place);
    },
    setPassword: (user, password) => hub.addUser(user, password, []),
    stop: async () => {
      await commands.stop();
      await hub.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A hub for the tests of a file, and a session of its admin. */
export interface OpenedHub {
  readonly hub: RealHub;
  readonly admin: ClientSession;
}

/** Gives the tests of a file a hub. `opened` is called before the first of them, and can fill it. */
export function useHub(
  opened: (opened: OpenedHub) => Promise<void> | void,
  options: Readonly<Record<string, string>> = {},
): {
  /** Runs a command that must succeed and returns its standard output. */
  koji: (...args: string[]) => Promise<string>;
  /** Runs a command that must fail and returns its exit code and last error, without the usage before it. */
  failed: (...args: string[]) => Promise<[number, string]>;
} {
  let hub: RealHub;
  let admin: ClientSession;
  beforeAll(async () => {
    hub = await startRealHub(options);
    admin = new ClientSession(hub.url);
    await admin.login('kojiadmin', 'kojiadmin');
    await opened({ hub, admin });
  });
  afterAll(async () => {
    await admin.logout();
    await admin.close();
    await hub.stop();
  });
  return {
    async koji(...args) {
      const ran = await hub.koji(...args);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      return ran.stdout;
    },
    failed: async (...args) => errorOf(await hub.koji(...args)),
  };
}

/** Returns the exit code and the last error of a command: without the usage before it, nor the time of a log line. */
export function errorOf({ code, stderr }: Ran): [number, string] {
  const error = stderr.split('\nkoji: error: ').at(-1) ?? '';
  return [code, error.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/, 'TIME')];
}
