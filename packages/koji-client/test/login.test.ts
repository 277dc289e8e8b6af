import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthExpired } from '@koji/core';
import type { ClientSession } from '../src/index.js';
import { Commands } from './support/commands.js';
import type { Ran } from './support/commands.js';
import { errorOf, runKoji, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';
import { StandIn } from './support/stand-in.js';

let hub: RealHub;
let admin: ClientSession;
let home: string;
const commands = new Commands();

useHub(async (opened) => {
  ({ hub, admin } = opened);
  home = await mkdtemp(join(tmpdir(), 'koji-login-'));
  await admin.createUser('alice');
  await hub.setPassword('alice', 'secret');
  await admin.grantPermission('alice', 'tag');
});

afterAll(async () => {
  await commands.stop();
  await rm(home, { recursive: true, force: true });
});

const conf = (): string[] => ['-c', join(hub.folder, 'koji.conf')];
/** Runs a command without any login of its own, in one process with the others. */
const koji = (...args: string[]): Promise<Ran> => commands.run([...conf(), ...args], { home, cwd: home });
const logIn = (input: string, ...args: string[]): Promise<Ran> =>
  runKoji([...conf(), 'login', ...args], { home, cwd: home, input });

async function keptFile(): Promise<string> {
  const folder = join(home, '.local/state/koji/sessions');
  const [name = ''] = await readdir(folder);
  return join(folder, name);
}

async function openSessions(): Promise<number> {
  const sessions = (await admin.getSessionInfo(true, 'alice')) as unknown[];
  return sessions.length;
}

test('without a login, commands that need one fail, and so do whoami and logout', async () => {
  expect((await koji('whoami')).code).toBe(1);
  expect(errorOf(await koji('logout'))).toEqual([1, `No session is kept for ${hub.url}\n`]);
  expect((await koji('--noauth', 'whoami')).stderr).toBe('Not logged in. Log in with `koji login`.\n');
});

test('a wrong password, no password and no user are refused', async () => {
  const [code, message] = errorOf(await logIn('wrong\n', 'alice'));
  expect([code, message]).toEqual([1, 'TIME [ERROR] koji: AuthError: invalid username or password\n']);
  expect((await logIn('', 'alice')).stderr).toContain('no password in standard input');
  expect(errorOf(await logIn('secret\n'))).toEqual([2, 'Please specify a user\n']);
  await expect(keptFile()).rejects.toThrow('ENOENT');
});

test('a login is kept in a private file, used by commands at the same time, and ended', async () => {
  expect(await logIn('secret\n', 'alice')).toMatchObject({ code: 0, stderr: '' });
  const file = await keptFile();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).not.toContain('secret');
  const who = await koji('whoami');
  expect(who.stdout).toMatch(
    /^User: alice \[\d+\]\nHub: http.*\nLogin: kept session \(password\)\nLogged in: .*\nPermissions: tag\n$/,
  );
  expect(JSON.parse((await koji('whoami', '--json')).stdout)).toMatchObject({
    name: 'alice',
    hub: hub.url,
    login: 'kept session',
    login_method: 'password',
    logged_in: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    permissions: ['tag'],
  });
  const ran = await Promise.all(
    ['a', 'b', 'c'].map((name) => runKoji([...conf(), 'add-tag', `kept-${name}`], { home })),
  );
  expect(ran).toEqual(ran.map(() => ({ code: 0, stdout: '', stderr: '' })));
  expect((await koji('add-tag', 'kept-d')).code).toBe(0);
  expect((await admin.listTags()).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['kept-a', 'kept-d']),
  );
  expect(await openSessions()).toBe(1);

  expect(await logIn('secret\n', 'alice')).toMatchObject({ code: 0 });
  expect(await openSessions()).toBe(1);
  expect((await koji('--user=kojiadmin', '--password=kojiadmin', 'whoami')).stdout).toContain(
    'Login: password (password)\nPermissions: admin\n',
  );
  expect((await koji('logout')).stdout).toBe(`Logged out alice from ${hub.url}\n`);
  expect(await openSessions()).toBe(0);
  await expect(stat(file)).rejects.toThrow('ENOENT');
});

test('a session that the hub does not take any more, or whose file others can read, names the remedy', async () => {
  await logIn('secret\n', 'alice');
  const file = await keptFile();
  await chmod(file, 0o644);
  expect((await koji('whoami')).stderr).toContain('mode 0644 lets other users read the session.');
  await chmod(file, 0o600);
  const kept = JSON.parse(await readFile(file, 'utf8')) as { session: { 'session-id': number } };
  await admin.logout(kept.session['session-id']);
  expect(errorOf(await koji('whoami'))).toEqual([
    1,
    `The hub refuses the kept session of alice at ${hub.url}: Invalid session or bad credentials. ` +
      'Log in again with `koji login`.\n',
  ]);
  expect((await koji('logout')).stderr).toBe(
    'The hub had ended the session already: Invalid session or bad credentials\n',
  );

  const answers: Record<string, unknown> = {
    getAPIVersion: 1,
    login: { 'session-id': 5, 'session-key': 'key', 'header-auth': true },
  };
  const standIn = await StandIn.start(({ method }) =>
    method in answers
      ? { value: answers[method] }
      : { fault: [AuthExpired.faultCode, 'session "5" has expired'] },
  );
  const profile = join(home, 'expired.conf');
  await writeFile(profile, `[koji]\nserver = ${standIn.url}\n[other]\nserver = ${standIn.url}\n`);
  const other = ['-c', profile, '-p', 'other'];
  await runKoji([...other, 'login', 'alice'], { home, input: 'secret\n' });
  expect(errorOf(await commands.run([...other, 'whoami'], { home, cwd: home }))).toEqual([
    1,
    `The kept session of alice at ${standIn.url} has expired. Log in again with \`koji -p other login\`.\n`,
  ]);
  expect(standIn.seen.find(({ method }) => method === 'subsession')?.headers).not.toHaveProperty(
    'koji-session-callnum',
  );
  await standIn.stop();
  expect((await commands.run([...other, 'logout', '--forget'], { home, cwd: home })).code).toBe(0);
});

test('on a terminal the password is asked for and not shown, and help lists the commands', async () => {
  const asked = await runKoji([...conf(), 'login', 'alice'], {
    home,
    terminal: true,
    answer: { question: 'Password of alice: ', text: 'secret\n' },
  });
  expect(asked.stdout).toContain('Password of alice: ');
  expect(asked.stdout).toContain(`Logged in to ${hub.url} as alice.`);
  expect(asked.stdout.split('Password of alice: ')[1]).not.toContain('secret');
  const help = await runKoji([...conf(), 'help', 'info'], { home, terminal: true });
  expect(help.stdout).toMatch(/commands that Koji does not have:\r\n[^]* {8}whoami /);
  expect((await koji('help', 'info')).stdout).not.toContain('whoami');
  const example = await runKoji([...conf(), 'taginfo', '--help'], { home, terminal: true });
  expect(example.stdout).toMatch(/\r\n\r\nExample:\r\n {2}koji taginfo f44-build\r\n$/);
  expect((await koji('taginfo', '--help')).stdout).not.toContain('Example');
});
