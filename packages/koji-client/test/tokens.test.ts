import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientSession } from '../src/index.js';
import type { SessionOptions } from '../src/index.js';
import { errorOf, runKoji, useHub } from './support/hub.js';
import type { Ran, RealHub } from './support/hub.js';
import { StandIn } from './support/stand-in.js';

let hub: RealHub;
let admin: ClientSession;
let home: string;

const { koji, failed } = useHub(async (opened) => {
  ({ hub, admin } = opened);
  home = await mkdtemp(join(tmpdir(), 'koji-tokens-'));
  await admin.createUser('robot');
  await admin.grantPermission('robot', 'tag');
});

afterAll(() => rm(home, { recursive: true, force: true }));

/** Runs a command of a profile with these lines. */
async function withProfile(lines: readonly string[], args: readonly string[], env = {}): Promise<Ran> {
  const file = join(home, 'koji.conf');
  await writeFile(file, `[koji]\nserver = ${hub.url}\n${lines.join('\n')}\n`);
  return runKoji(['-c', file, ...args], { home, env });
}

test('a token is made, used from a file and from the environment, listed and ended', async () => {
  const made = await koji('create-token', 'nightly', '--user=robot', '--days=30');
  expect(made).toMatch(
    /^Token \d+ \(nightly\) of robot, until .*\. It is not shown again:\nkojitoken_\w{43}\n$/,
  );
  const token = made.trim().split('\n').at(-1) ?? '';
  const file = join(home, 'token');
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  expect(await withProfile([`token_file = ${file}`], ['whoami'])).toEqual({
    code: 0,
    stdout: expect.stringMatching(
      /^User: robot .*\nHub: .*\nLogin: token \(token\)\nPermissions: tag\n$/,
    ) as string,
    stderr: '',
  });
  expect(await withProfile([`token_file = ${file}`], ['add-tag', 'by-file'])).toMatchObject({ code: 0 });
  const environment = { KOJI_TOKEN: token };
  expect(await withProfile(['authtype = token'], ['add-tag', 'by-variable'], environment)).toMatchObject({
    code: 0,
  });
  expect((await withProfile(['authtype = token'], ['moshimoshi'], environment)).stdout).toContain(
    '\nAuthenticated via token\n',
  );
  expect((await withProfile(['authtype = token'], ['doctor'], environment)).stdout).toContain(
    'as robot by token',
  );
  // A profile that does not ask for a token does not send it.
  expect((await withProfile([], ['add-tag', 'never'], environment)).code).toBe(1);
  expect(await koji('list-tokens', '--user=robot')).toMatch(
    /^ID +User +Name +State +Last use +For\n-+\n\d+ +robot +nightly +until [\d-]+ [\d:]+ +\S+.* everything\n$/,
  );
  expect(await koji('revoke-token', '--user=robot', 'nightly')).toMatch(/^Revoked token \d+\n$/);
  expect(errorOf(await withProfile([`token_file = ${file}`], ['whoami']))).toEqual([
    1,
    "TIME [ERROR] koji: AuthError: token 'nightly' of robot was revoked\n",
  ]);
  expect(await koji('list-tokens', '--everybody', '--ended', '--quiet')).toContain('revoked ');
});

test('a token goes to a new file for its owner alone, and is revoked where that fails', async () => {
  const file = join(home, 'new token');
  const printed = await koji(
    ...['create-token', 'limited', '--read-only', '--method=tagBuildBypass', '--permission=tag'],
    ...['--permission=host', '--output', file],
  );
  expect(printed).toMatch(/It is in .*new token\.\n$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toMatch(/^kojitoken_\w{43}\n$/);
  expect(await koji('list-tokens')).toContain('reading; methods tagBuildBypass; permissions host, tag\n');
  expect(await failed('create-token', 'other', '--output', file)).toEqual([
    1,
    expect.stringMatching(/^The token was revoked, as it can't be written: EEXIST/),
  ]);
  expect(await koji('list-tokens')).not.toContain(' other ');
  expect(await failed('revoke-token', 'other')).toEqual([1, 'No such token: other\n']);
  expect(await failed('create-token')).toEqual([2, 'Please specify one name for the token\n']);
  expect(await failed('create-token', 'x', '--no-permissions', '--permission=tag')).toEqual([
    2,
    '--permission and --no-permissions exclude each other\n',
  ]);
});

test('a file that others can read, that is missing or has no token is refused with the remedy', async () => {
  const file = join(home, 'bad');
  const profile = [`token_file = ${file}`];
  expect((await withProfile(profile, ['whoami'])).stderr).toContain('there is no such file');
  await writeFile(file, '\n', { mode: 0o600 });
  expect((await withProfile(profile, ['whoami'])).stderr).toContain('the file is empty');
  await writeFile(file, 'kojitoken_two words');
  expect((await withProfile(profile, ['whoami'])).stderr).toContain('characters that no token has');
  await chmod(file, 0o640);
  const { code, stderr } = await withProfile(profile, ['whoami']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('mode 0640 lets other users read the token')]);
  expect(stderr).toContain(`chmod 600 ${file}`);
  expect((await withProfile(['authtype = token'], ['whoami'])).stderr).toContain('KOJI_TOKEN');
});

describe('the client library', () => {
  const quick: SessionOptions = { token: 'kojitoken_x', retryInterval: 0, maxRetries: 3 };
  let standIn: StandIn;
  let session: ClientSession;
  const open = async (answer: Parameters<typeof StandIn.start>[0]): Promise<void> => {
    standIn = await StandIn.start(answer);
    session = new ClientSession(standIn.url, quick);
  };
  afterEach(async () => {
    await session.close();
    await standIn.stop();
  });

  test('sends the token with every call and upload, and nothing of a session', async () => {
    await open(({ method }) => ({
      value:
        method === 'rawUpload' ? { size: 2, fileverify: 'adler32', offset: 0, hexdigest: '013a00d6' } : 1,
    }));
    expect(session.loggedIn).toBe(true);
    await session.getAPIVersion();
    await session.uploadChunk({ name: 'a', directory: 'b', offset: 0, data: Buffer.from('hi') });
    for (const { headers, url } of standIn.seen) {
      expect(headers.authorization).toBe('Bearer kojitoken_x');
      expect(Object.keys(headers).filter((name) => name.startsWith('koji-'))).toEqual([]);
      expect(url).not.toContain('session');
    }
    expect(await session.logout()).toBeNull();
    expect(standIn.methods).toEqual(['getAPIVersion', 'rawUpload']);
  });

  test('a call that changes something is sent once, unless it certainly did not arrive', async () => {
    let answers: ('drop' | { status: number } | { value: unknown })[] = ['drop'];
    await open(() => answers.shift() ?? { value: 1 });
    await expect(session.createTag('x')).rejects.toMatchObject({ dropped: true });
    answers = [{ status: 502 }];
    await expect(session.createTag('x')).rejects.toMatchObject({ status: 502 });
    await expect(session.call('methodOfAPlugin')).resolves.toBe(1);
    expect(standIn.methods).toEqual(['createTag', 'createTag', 'methodOfAPlugin']);
    answers = [{ status: 503 }];
    expect(await session.createTag('x')).toBe(1);
    answers = ['drop', 'drop', { status: 502 }];
    expect(await session.call('getTag', ['f44'])).toBe(1);
  });

  test('a login takes the place of a token', async () => {
    const key = { 'session-id': 7, 'session-key': '1-key', 'header-auth': true };
    await open(({ method }) => ({ value: method === 'login' ? key : 1 }));
    await session.login('alice', 'secret');
    await session.createTag('x');
    expect(standIn.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    expect(standIn.seen[1]?.headers['koji-session-id']).toBe('7');
    await session.loginWithToken('kojitoken_y');
    await session.getTag('f44');
    expect(standIn.seen.at(-1)?.headers).toMatchObject({ authorization: 'Bearer kojitoken_y' });
  });
});
