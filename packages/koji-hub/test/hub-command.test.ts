import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeOnPostgres } from './support/databases.js';
import { headersOf, post, valueOf } from './support/raw-hub.js';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the koji-hub command', () => {
  let folder: string;
  let template: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    template = await mkdtemp(path.join(os.tmpdir(), 'koji-command-'));
    await promisify(execFile)(process.execPath, [program, 'init', template], {
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    });
  });

  afterAll(() => rm(template, { recursive: true, force: true }));

  /** Puts a hub that init made into the test's folder. */
  const putHub = (place = '.'): Promise<void> => cp(template, path.join(folder, place), { recursive: true });

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-command-'));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (...args: string[]): Promise<Ran> => {
    const options = {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    };
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
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
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
      stderr: expect.stringContaining('already exists') as unknown,
    });
    await listenAnywhere(path.join(folder, 'site/hub.conf'));
    const { url, child } = await start('--config', 'site/hub.conf');
    const session = valueOf(await post(url, 'login', ['admin', password]));
    expect(valueOf(await post(url, 'getPerms', [], headersOf(session)))).toEqual(['admin']);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test("lines are as Koji's unless LogFormat says otherwise", async () => {
    await run('init', 'plain');
    const file = path.join(folder, 'plain/hub.conf');
    await listenAnywhere(file);
    await writeFile(file, (await readFile(file, 'utf8')).replace('[hub]', '[hub]\nLogLevel = DEBUG'));
    const { url, child } = await start('--config', 'plain/hub.conf');
    let log = '';
    child.stderr?.on('data', (text: string) => (log += text));
    await post(url, 'getTag', ['no-such-tag', true]);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
    expect(log).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[DEBUG\] m=getTag u=None p=\d+ r=127\.0\.0\.1:\d+ koji\.xmlrpc: getTag: fault 1000/m,
    );
  });

  test('lines are as LogFormat says, limits are set or refused, and options without effect are told', async () => {
    await putHub('site');
    const file = path.join(folder, 'site/hub.conf');
    await listenAnywhere(file);
    const options = [
      'LogFormat = <%(levelname)-8s m=%(method)s u=%(user_name)s p=%(process)d r=%(remoteaddr)s %(name)s> %(message)s',
      'LogLevel = WARNING koji.xmlrpc:DEBUG',
      'MemoryWarnThreshold = -1000000000',
      'RLIMIT_NOFILE = 700 800',
      'RLIMIT_CORE = plenty',
      'RLIMIT_AS = 1000000',
      'RLIMIT_CPU = 1',
      'TrustedProxies = 127.0.0.9',
      'PrincipalHeader = X-Remote-User',
    ];
    await writeFile(file, (await readFile(file, 'utf8')).replace('[hub]', `[hub]\n${options.join('\n')}`));
    await run('--config', 'site/hub.conf', 'user', 'add', 'bob', '--password', 'secret one');
    const anyRealm = `${file} [hub] AllowedKrbRealms = '*': a principal of any realm that the KDC trusts logs in as the user of its name; name the realms`;
    const { url, child } = await start('--config', 'site/hub.conf');
    let log = '';
    child.stderr?.on('data', (text: string) => (log += text));
    const session = valueOf(await post(url, 'login', ['bob', 'secret one']));
    await post(url, 'getTag', ['no-such-tag', true], headersOf(session));
    const limits = await readFile(`/proc/${child.pid}/limits`, 'utf8');
    expect(limits).toMatch(/^Max open files +700 +800 /m);
    expect(limits).not.toMatch(/^Max (address space|cpu time) +\d/m);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
    const said = (await start('--config', 'site/hub.conf')).said + log;
    const own = `p=${child.pid} r=127.0.0.1:PORT koji.xmlrpc>`;
    expect(log.replace(/r=127\.0\.0\.1:\d+ /g, 'r=127.0.0.1:PORT ')).toContain(
      `<DEBUG    m=getTag u=bob ${own} getTag: fault 1000: No such tagInfo: 'no-such-tag'`,
    );
    expect(log).toMatch(
      /<WARNING +m=getTag u=bob .*> Memory usage of process \d+ grew .* request getTag with args \['no/,
    );
    expect(log).not.toContain('secret one');
    for (const line of [
      `<WARNING  m=None u=None p=PID r=?:? koji> ${anyRealm}`,
      '<WARNING  m=None u=None p=PID r=?:? koji> Setting resource limit: RLIMIT_NOFILE = 700 800',
      '<ERROR    m=None u=None p=PID r=?:? koji> Invalid resource limit: RLIMIT_CORE=plenty',
      '<ERROR    m=None u=None p=PID r=?:? koji> Unable to set RLIMIT_AS=1000000: this process has ',
      '<ERROR    m=None u=None p=PID r=?:? koji> Unable to set RLIMIT_CPU=1: the only process would end',
    ])
      expect(said.replace(/p=\d+/g, 'p=PID')).toContain(line);
    expect(await run('--config', 'site/hub.conf', 'check')).toMatchObject({
      code: 0,
      stderr: `warning: ${anyRealm}\n`,
    });
    await writeFile(file, (await readFile(file, 'utf8')).replace('%(message)s', '%(massage)s'));
    expect(await run('--config', 'site/hub.conf', 'check')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('LogFormat: there is no field %(massage)s') as unknown,
    });
  });

  test('without a configuration it makes a hub in ./koji once, and takes that one from then on', async () => {
    await mkdir(path.join(folder, 'koji'));
    // Another hub may have port 8080 on this machine: the first start makes everything, and may fail to listen only.
    const first = spawn(process.execPath, [program], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    });
    children.push(first);
    const ended = once(first, 'exit');
    let said = '';
    first.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    first.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    for (let i = 0; !/answers at|cannot listen/.test(said); i++) {
      if (i === 2000) throw new Error(`no word: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
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
    await putHub();
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
    // docs/policies.md shows the output for a policy without rules in hub.conf.
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
    await putHub();
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
      stderr: expect.stringMatching(/^koji-hub: No such user: carol$/m) as unknown,
    });
    expect(await run('user', 'grant', 'alice', 'fly')).toMatchObject({
      code: 1,
      stderr: 'koji-hub: No such permission: fly\n',
    });
  });

  /** Runs a command that reads its standard input. */
  const runWith = (input: string, ...args: string[]): Ran => {
    const options = {
      cwd: folder,
      input,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options);
    return { code: status ?? -1, stdout, stderr };
  };

  test('passwords come from standard input or a file, whatever they begin with', async () => {
    expect(runWith('-init\n', 'init', '.', '--password-file', '-')).toMatchObject({ code: 0, stderr: '' });
    await listenAnywhere(path.join(folder, 'hub.conf'));
    const { url } = await start();
    const login = (user: string, password: string) => post(url, 'login', [user, password]);
    expect(valueOf(await login('admin', '-init'))).toBeTruthy();
    expect(runWith('--admin\r\n', 'user', 'passwd', 'admin', '--password-file', '-')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(valueOf(await login('admin', '--admin'))).toBeTruthy();
    await writeFile(path.join(folder, 'secret'), '-p $x "y\nmore\n', { mode: 0o600 });
    expect(await run('user', 'add', 'alice', '--password-file', 'secret')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(valueOf(await login('alice', '-p $x "y'))).toBeTruthy();
    expect(runWith('\n', 'user', 'passwd', 'alice', '--password-file', '-')).toMatchObject({
      code: 1,
      stderr: 'koji-hub: no password in standard input\n',
    });
    expect((await run('user', 'passwd', 'alice', 'seen-by-ps')).stderr).toContain('use --password-file');
  });

  test('an interrupted init is finished by the next one, and a finished one stays', async () => {
    await putHub();
    // As it was before the last step: a database with its admin, and no hub.conf yet.
    await rename(path.join(folder, 'hub.conf'), path.join(folder, '.koji-init'));
    const again = await run('init', '.');
    expect(again.code).toBe(0);
    const password = /password (\S+)/.exec(again.stdout)?.[1] ?? '';
    await listenAnywhere(path.join(folder, 'hub.conf'));
    const { url } = await start();
    expect(valueOf(await post(url, 'login', ['admin', password]))).toBeTruthy();
    expect(await run('init', '.')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('already exists') as unknown,
    });
    expect(valueOf(await post(url, 'login', ['admin', password]))).toBeTruthy();
  });

  test('init leaves a database alone that another hub made', async () => {
    await putHub();
    await rm(path.join(folder, 'hub.conf'));
    for (let i = 0; i < 2; i++)
      expect(await run('init', '.')).toMatchObject({
        code: 1,
        stderr: 'koji-hub: user already exists: admin\n',
      });
  });

  test('a hub that npx started stops when npx was', async () => {
    await putHub();
    await listenAnywhere(path.join(folder, 'hub.conf'));
    // As npx does: it runs a shell that runs the command, and ends without passing the signal on.
    const script = `const { spawn } = require('node:child_process');
      spawn('sh', ['-c', process.argv[1] + '; true'], { stdio: 'inherit' });`;
    const npx = spawn(process.execPath, ['-e', script, `'${process.execPath}' '${program}'`], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS, npm_command: 'exec' },
    });
    children.push(npx);
    let said = '';
    await new Promise<void>((resolve) =>
      npx.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('answers at')) resolve();
      }),
    );
    const closed = once(npx.stdout, 'close');
    npx.kill('SIGTERM');
    // The hub is the last that holds its standard output open.
    await closed;
  });

  test('an error that a plugin lets loose outside of any call is logged, and the hub continues', async () => {
    await putHub();
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
    await putHub();
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
    await putHub();
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: koji-hub');
  });

  test('--help explains itself', async () => {
    expect(await run('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('user passwd NAME [--password-file FILE]') as unknown,
    });
  });
});

describeOnPostgres('a new database', (kind) => {
  test('a hub does not start before koji-hub migrate has run', async () => {
    const made = await kind.create({ empty: true });
    try {
      const file = path.join(made.folder, 'hub.conf');
      await writeFile(file, `[hub]\nDatabase = ${made.url}\nKojiDir = store\nListen = 127.0.0.1:0\n`);
      const command = (...args: string[]) =>
        promisify(execFile)(process.execPath, [program, '--config', file, ...args], {
          env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
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
  });
});
