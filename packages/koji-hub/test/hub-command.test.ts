import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { databases } from './support/databases.js';
import { headersOf, post, valueOf } from './support/raw-hub.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the koji-hub command', () => {
  let folder: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-command-'));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (...args: string[]): Promise<Ran> => {
    const options = { cwd: folder, env: { ...process.env, NODE_OPTIONS: '' } };
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, [program, ...args], options)) };
    } catch (error) {
      const { code, stdout, stderr } = error as Ran;
      return { code, stdout, stderr };
    }
  };

  /** Starts a hub and waits for its address. */
  const start = async (...args: string[]): Promise<{ url: string; said: string; child: ChildProcess }> => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    children.push(child);
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      const hear = (text: string): void => {
        said += text;
        const found = /answers at (\S+)/.exec(said)?.[1];
        if (found) resolve(found);
      };
      child.stdout.setEncoding('utf8').on('data', hear);
      child.stderr.setEncoding('utf8').on('data', hear);
      child.once('exit', (code) => reject(new Error(`ended with ${code ?? ''}: ${said}`)));
    });
    return { url, said, child };
  };

  const listenAnywhere = async (file: string): Promise<void> => {
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('127.0.0.1:8080', '127.0.0.1:0'));
  };

  test('init makes a hub that starts, with an admin whose password is shown once', async () => {
    const made = await run('init', 'site');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const password = /password (\S+)/.exec(made.stdout)?.[1] ?? '';
    expect(password.length).toBeGreaterThanOrEqual(16);
    expect(await readFile(path.join(folder, 'site/hub.conf'), 'utf8')).not.toContain(password);
    expect(await run('init', 'site')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is there already') as unknown,
    });
    await listenAnywhere(path.join(folder, 'site/hub.conf'));
    const { url, child } = await start('--config', 'site/hub.conf');
    const session = valueOf(await post(url, 'login', ['admin', password]));
    expect(valueOf(await post(url, 'getPerms', [], headersOf(session)))).toEqual(['admin']);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('without a configuration it makes a hub in ./koji once, and takes that one from then on', async () => {
    await mkdir(path.join(folder, 'koji'));
    // Another hub may have port 8080 on this machine: the first start makes everything, and may fail to listen only.
    const first = spawn(process.execPath, [program], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    children.push(first);
    let said = '';
    first.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    first.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    for (let i = 0; !/answers at|cannot listen/.test(said); i++) {
      if (i === 2000) throw new Error(`no word: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const ended = new Promise((resolve) => first.once('exit', resolve));
    first.kill('SIGTERM');
    await ended;
    const password = /password (\S+)/.exec(said)?.[1] ?? '';
    await listenAnywhere(path.join(folder, 'koji/hub.conf'));
    const again = await start();
    expect(again.said).not.toContain('password');
    expect(valueOf(await post(again.url, 'login', ['admin', password]))).toMatchObject({
      'session-id': expect.any(Number) as unknown,
    });
    expect((await stat(path.join(folder, 'koji/store/work'))).isDirectory()).toBe(true);
  });

  test('policy explain says which rule decides and what held the others back', async () => {
    await run('init', '.');
    const rules = `
tag =
    has_perm admin :: allow
    operation tag untag && tag f*-stable :: {
        user bob !! deny not you
    }
    all :: deny frozen # until Monday
site = policy site :: allow
`;
    await writeFile(path.join(folder, 'hub.conf'), rules, { flag: 'a' });
    await run('user', 'add', 'bob', '--password', 'one');
    expect(await run('policy', 'explain', 'tag', 'user_id=admin')).toEqual({
      code: 0,
      stderr: '',
      stdout:
        'policy tag, from hub.conf\n' +
        'tag line 2: has_perm admin :: allow  [reached: all conditions hold]\n' +
        'line 2 decides: allow\n',
    });
    const { stdout } = await run('policy', 'explain', 'tag', 'user_id=2', 'operation=tag', 'tag=null');
    expect(stdout).toBe(
      'policy tag, from hub.conf\n' +
        'tag line 2: has_perm admin :: allow  [passed over: not has_perm admin]\n' +
        'tag line 3: operation tag untag && tag f*-stable :: {  [passed over: not tag f*-stable]\n' +
        'tag line 6: all :: deny frozen  [reached: all conditions hold]\n' +
        'line 6 decides: deny frozen\n',
    );
    // docs/policies.md shows what it says of a policy without rules in hub.conf.
    const shown = await readFile(new URL('../../../docs/policies.md', import.meta.url), 'utf8');
    const [, line = '', output] =
      /```sh\nkoji-hub --config hub\.conf (.*)\n```\n\n```text\n([^`]*)```/.exec(shown) ?? [];
    expect((await run(...line.split(' '))).stdout).toBe(output);
    expect((await run('policy', 'explain', 'channel', 'method=build')).stdout).toMatch(
      /as it is without rules in hub\.conf\n(.*\n)*line 3 decides: use default\n$/,
    );
    expect((await run('policy', 'explain', 'nosuch')).stdout).toBe(
      'no policy nosuch: MissingPolicyOk = yes allows what asks for it\n',
    );
    expect(await run('policy', 'explain', 'site')).toMatchObject({
      code: 1,
      stderr: 'koji-hub: policy loop: site -> site\n',
    });
    expect(await run('policy', 'explain', 'tag', 'strange')).toMatchObject({ code: 2 });
  });

  test('users are added, granted and given passwords while the hub runs', async () => {
    await run('init', '.');
    await listenAnywhere(path.join(folder, 'hub.conf'));
    const { url } = await start();
    expect(await run('user', 'add', 'alice', '--password', 'one')).toMatchObject({
      code: 0,
      stdout: 'added alice\n',
    });
    expect(await run('user', 'add', 'alice')).toMatchObject({
      code: 1,
      stderr: 'koji-hub: user already exists: alice\n',
    });
    const session = headersOf(valueOf(await post(url, 'login', ['alice', 'one'])));
    expect(await run('user', 'grant', 'alice', 'tag')).toMatchObject({ code: 0 });
    expect(valueOf(await post(url, 'getPerms', [], session))).toEqual(['tag']);
    expect(valueOf(await post(url, 'createTag', ['by-alice'], session))).toEqual(expect.any(Number));
    expect(await run('user', 'passwd', 'alice', 'two')).toMatchObject({ code: 0 });
    expect(await post(url, 'login', ['alice', 'one'])).toMatchObject({ fault: [1002, expect.any(String)] });
    expect(valueOf(await post(url, 'login', ['alice', 'two']))).toBeTruthy();
    const generated = await run('user', 'add', 'bob', '--admin');
    const password = /password (\S+)/.exec(generated.stdout)?.[1] ?? '';
    expect(valueOf(await post(url, 'login', ['bob', password]))).toBeTruthy();
    expect(await run('user', 'passwd', 'carol', 'x')).toMatchObject({
      code: 1,
      stderr: 'koji-hub: No such user: carol\n',
    });
    expect(await run('user', 'grant', 'alice', 'fly')).toMatchObject({
      code: 1,
      stderr: 'koji-hub: No such permission: fly\n',
    });
  });

  test('an error that a plugin lets loose outside of any call is logged, and the hub goes on', async () => {
    await run('init', '.');
    await mkdir(path.join(folder, 'plugins'));
    const text = `export const loose = () => { setTimeout(() => { throw new Error('loose'); }); Promise.reject(new Error('lost')); };
      loose.exported = true;`;
    await writeFile(path.join(folder, 'plugins/loose.mjs'), text);
    const file = path.join(folder, 'hub.conf');
    await listenAnywhere(file);
    const conf = await readFile(file, 'utf8');
    await writeFile(
      file,
      conf.replace('[hub]', '[hub]\nPlugins = loose\nPluginPath = plugins\nLogFile = hub.log'),
    );
    const { url } = await start();
    expect(valueOf(await post(url, 'loose'))).toBeNull();
    for (
      let i = 0;
      !/loose[^]*lost|lost[^]*loose/.test(await readFile(path.join(folder, 'hub.log'), 'utf8'));
      i++
    ) {
      if (i === 1000) throw new Error('not logged');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(valueOf(await post(url, 'hello'))).toBe('Hello World');
  });

  test('check says everything that is wrong at once, and nothing when nothing is', async () => {
    await run('init', '.');
    expect(await run('check')).toMatchObject({ code: 0, stdout: 'nothing is wrong\n' });
    const lines = [
      '[hub]',
      'Database = sqlite:missing.db',
      'KojiDir = nowhere/store',
      'Workers = 4',
      'Plugins = ghost broken',
      'PluginPath = plugins',
    ];
    await mkdir(path.join(folder, 'plugins'));
    await writeFile(path.join(folder, 'plugins/broken.mjs'), 'export const x = ;');
    await writeFile(
      path.join(folder, 'bad.conf'),
      `${lines.join('\n')}\n[policy]\ntag = nonsense words :: allow\n`,
    );
    const { code, stderr } = await run('--config', 'bad.conf', 'check');
    expect(code).toBe(1);
    for (const text of ['Workers = 4', 'plugin ghost', 'plugin broken', 'missing.db', 'KojiDir'])
      expect(stderr).toContain(text);
    expect(stderr).not.toContain('    at ');
    const started = await run('--config', 'bad.conf');
    expect(started).toMatchObject({ code: 1, stdout: '' });
    expect(started.stderr).not.toContain('    at ');
  });

  test('wrong values in hub.conf are all named, with file, option and reason', async () => {
    await writeFile(path.join(folder, 'hub.conf'), '[hub]\nMaxJobs = ten\nCheckClientIP = perhaps\n');
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toMatch(/hub\.conf \[hub\] MaxJobs = 'ten'/);
    expect(stderr).toMatch(/hub\.conf \[hub\] CheckClientIP = 'perhaps'/);
  });

  test.each([
    [['nonsense']],
    [['user']],
    [['user', 'add']],
    [['start', 'extra']],
    [['--nonsense']],
    [['user', 'passwd', 'a']],
  ])('%j makes no sense: usage and exit status 2', async (args) => {
    await run('init', '.');
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: koji-hub');
  });

  test('--help explains itself', async () => {
    expect(await run('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('user passwd NAME PASSWORD') as unknown,
    });
  });
});

const postgres = databases.filter(({ dialect }) => dialect === 'postgres');

(postgres.length > 0
  ? test.each(postgres)
  : test.skip.each([{ name: 'PostgreSQL', create: databases[0]!.create }]))(
  'on $name a hub does not start before koji-hub migrate has run',
  async (kind) => {
    const made = await kind.create({ empty: true });
    try {
      const file = path.join(made.folder, 'hub.conf');
      await writeFile(file, `[hub]\nDatabase = ${made.url}\nKojiDir = store\nListen = 127.0.0.1:0\n`);
      const command = (...args: string[]) =>
        promisify(execFile)(process.execPath, [program, '--config', file, ...args], {
          env: { ...process.env, NODE_OPTIONS: '' },
        });
      await expect(command()).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('run koji-hub migrate') as unknown,
      });
      expect((await command('migrate')).stdout).toContain('done: ');
      expect((await command('migrate')).stdout).toBe('the database is up to date\n');
      expect((await command('user', 'add', 'first', '--admin')).stdout).toContain('added first');
      await mkdir(path.join(made.folder, 'store'), { recursive: true });
      expect((await command('check')).stdout).toBe('nothing is wrong\n');
    } finally {
      await made.drop();
    }
  },
);
