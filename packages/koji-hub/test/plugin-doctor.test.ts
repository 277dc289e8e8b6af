import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;
const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));

const plugin = `import { callback, exported, ignoreError, option, outbox, pluginConfig, schedule } from ${JSON.stringify(sdk)};
export const config = pluginConfig('busy', {
  busy: {
    most: option.integer(3, 'How many at once'),
    token: option.secret(option.text(null, 'For the broker')),
  },
});
export const work = exported((a, b = 1) => a + b);
export const guard = callback('preTag', () => { throw new Error('not today'); });
export const shaky = ignoreError(callback('postPackageListChange')(() => { throw new Error('no broker'); }));
export const letters = outbox('letters', () => { throw new Error('nobody there'); }, { attempts: 1 });
export const yearly = schedule('yearly', '@yearly', () => undefined);
export const send = exported((topic) => letters.put(topic, 'hello'));
`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe.each(databases)('what koji-hub says of plugins on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(kind, {
      options: { Plugins: 'busy', PluginPath: 'plugins', CallbackFailureLimit: '1' },
      prepare: async (folder) => {
        await mkdir(path.join(folder, 'plugins'));
        await writeFile(path.join(folder, 'plugins/busy.mjs'), plugin);
        await writeFile(path.join(folder, 'plugins/busy.conf'), '[busy]\ntoken = abc\nold = 1\n');
      },
    });
    const lines = [
      `Database = ${hub.databaseUrl}`,
      'KojiDir = store',
      'Plugins = busy',
      'PluginPath = plugins',
    ];
    await writeFile(path.join(hub.folder, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
  });
  afterAll(() => hub.drop());

  const run = async (...args: string[]): Promise<Ran> => {
    const options = {
      cwd: hub.folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    };
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, [program, ...args], options)) };
    } catch (error) {
      const { code, stdout, stderr } = error as Ran;
      return { code, stdout, stderr };
    }
  };

  test('what each is, brings and reads, without secrets', async () => {
    const { code, stdout } = await run('plugins');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 10)).toEqual([
      'busy',
      `  from ${path.join(hub.folder, 'plugins/busy.mjs')}`,
      expect.stringMatching(/^ {2}made for any version of @koji\/plugin-sdk; this is \d/) as string,
      '  brings method work(a, b=1)',
      '  brings method send(topic)',
      '  brings callback preTag',
      '  brings callback postPackageListChange (may fail)',
      '  brings outbox letters',
      '  brings schedule yearly: @yearly (UTC)',
      `  reads ${path.join(hub.folder, 'plugins/busy.conf')}`,
    ]);
    expect(stdout).toMatch(/^ {2}schedule yearly: never ran, next \d{4}-01-01T00:00:00\.000Z$/m);
    expect(stdout).toContain('    [busy] most = 3 (default): How many at once\n');
    expect(stdout).toContain('    [busy] token = (secret): For the broker\n');
    expect(stdout).toContain('    [busy] old means nothing to it\n');
    expect(await run('plugins', '--check')).toEqual({ code: 0, stdout: 'nothing is wrong\n', stderr: '' });
  });

  test('what they did, what failed, what could not be delivered; and dead letters are sent again or dropped', async () => {
    await post(hub.api, 'work', [1]);
    await post(hub.api, 'work', [2, 3]);
    const headers = headersOf(await loginAs(hub, 'root'));
    valueOf(await post(hub.api, 'createTag', ['f44'], headers));
    valueOf(await post(hub.api, 'packageListAdd', ['f44', 'bash', 'root'], headers));
    await post(hub.api, 'send', ['somewhere']);
    await post(hub.api, 'send', ['elsewhere']);
    for (;;) {
      const { stdout } = await run('outbox');
      if (stdout === 'outbox letters: 0 messages wait; 2 are dead letters\n') break;
    }
    await hub.stop();
    const { stdout } = await run('plugins');
    expect(stdout).toMatch(/^ {2}ran method work: 2 times, [\d.]+ ms each$/m);
    expect(stdout).toMatch(
      /^ {2}ran delivery letters: 2 times, [\d.]+ ms each, 2 failed, last 20.*: nobody there$/m,
    );
    const check = await run('plugins', '--check');
    expect(check).toMatchObject({ code: 1, stdout: '' });
    expect(check.stderr).toMatch(
      /^plugin busy: its postPackageListChange callback is switched off until 20.*, since it kept failing: no broker\n/,
    );
    expect(check.stderr).toContain(
      'outbox letters: 2 messages could not be delivered: koji-hub outbox dead, then replay or drop\n',
    );
    const report = JSON.parse((await run('plugins', '--json')).stdout) as object;
    expect(report).toMatchObject({
      plugins: [{ name: 'busy', brings: expect.arrayContaining(['method work(a, b=1)']) as string[] }],
      queues: [{ queue: 'letters', waiting: 0, dead: 2, oldest: null }],
    });
    const dead = (await run('outbox', 'dead')).stdout;
    expect(dead).toMatch(/^\d+ letters somewhere, 1 tries: nobody there\n {2}"hello"$/m);
    const [id = ''] = dead.split(' ');
    expect(await run('outbox', 'drop')).toMatchObject({ code: 2 });
    expect(await run('outbox', 'drop', 'nothing')).toMatchObject({ code: 1, stdout: 'dropped: 0\n' });
    expect(await run('outbox', 'drop', id)).toMatchObject({ code: 0, stdout: 'dropped: 1\n' });
    expect(await run('outbox', 'replay', 'letters')).toMatchObject({ code: 0, stdout: 'sending again: 1\n' });
    expect((await run('outbox')).stdout).toMatch(
      /^outbox letters: 1 messages wait, the oldest since 20.*; 0 are/,
    );
  });

  test('what is wrong with a plugin that would not load, and with messages that nobody would send', async () => {
    const file = path.join(hub.folder, 'hub.conf');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('Plugins = busy', 'Plugins = absent'));
    try {
      const { code, stderr } = await run('plugins', '--check');
      expect(code).toBe(1);
      expect(stderr).toContain('plugin absent: is not installed');
      expect(stderr).toContain('outbox letters: 1 messages wait for a plugin that is not enabled');
    } finally {
      await writeFile(file, text);
    }
  });
});
