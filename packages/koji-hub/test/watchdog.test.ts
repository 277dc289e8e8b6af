import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { freePort } from '../../../scripts/ports.mjs';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { post, valueOf } from './support/raw-hub.js';
import type { Outcome } from './support/raw-hub.js';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const { resolve } = createRequire(import.meta.url);
const sdk = pathToFileURL(resolve('@koji/plugin-sdk')).href;
const sdkWeb = pathToFileURL(resolve('@koji/plugin-sdk/web')).href;

/** A plugin with forbidden behaviour. */
const bad = `
import { execFileSync } from 'node:child_process';
import { context, exported } from ${JSON.stringify(sdk)};
import { webPage } from ${JSON.stringify(sdkWeb)};
export const spin = webPage({ name: 'spin', title: 'Spin' })(() => { for (;;); });
export const spinForever = exported(() => { for (;;); });
export const backtrack = exported(() => /(a+)+b/.test('a'.repeat(100)));
export const waitOutside = exported(() => execFileSync('sleep', ['1000']));
export const later = exported(() => { setTimeout(function inTimer() { for (;;); }, 10); return 1; });
export const leave = exported(() => process.exit(3));
export const killHub = exported(() => process.kill(process.pid, 'SIGKILL'));
export const patch = exported(() => { Array.prototype.flat = function flat() { return []; }; return 1; });
export const reject = exported(() => { Promise.reject(new Error('nobody hears it')); return 1; });
export const stray = exported(() => { setTimeout(() => { throw new Error('too late'); }, 10); return 1; });
export const flood = exported(() => { for (let i = 0; i < 20000; i++) context.log.warn('line ' + i); return 1; });
const kept = [];
export const leak = exported(() => { for (let i = 0; i < 60000; i++) kept.push({ text: 'x' + i, more: [i] }); return 1; });
const map = Array.prototype.map;
Array.prototype.map = function (...args) { return map.apply(this, args); };
process.on('SIGTERM', () => {});
`;
const good = `
import { exported } from ${JSON.stringify(sdk)};
export const greet = exported((name) => 'hello, ' + name);
`;

/** Waits as long as a busy machine takes: only the limit of the test ends it. */
async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await test())) await sleep(50);
}

describe('a hub with a plugin that', () => {
  let database: TestDatabase;
  let hub: ChildProcess;
  let url: string;
  let logFile: string;

  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  /** A call on a connection of its own; null while nobody answers. */
  const call = async (method: string, ...args: unknown[]): Promise<Outcome | null> =>
    post(url, method, args, { Connection: 'close' }).catch(() => null);
  const answers = async (): Promise<boolean> => {
    const reply = await call('greet', 'you');
    return reply !== null && 'value' in reply;
  };

  beforeAll(async () => {
    database = await databases[0]!.create();
    logFile = path.join(database.folder, 'hub.log');
    await mkdir(path.join(database.folder, 'plugins'));
    await writeFile(path.join(database.folder, 'plugins/bad.mjs'), bad);
    await writeFile(path.join(database.folder, 'plugins/good.mjs'), good);
    const port = await freePort();
    url = `http://127.0.0.1:${port}/kojihub`;
    const values = {
      Listen: `127.0.0.1:${port}`,
      Database: database.url,
      KojiDir: 'store',
      LogFile: 'hub.log',
      Plugins: 'bad good',
      WebPlugins: 'bad',
      PluginPath: 'plugins',
      BlockLimit: '1',
      BlockRetries: '5',
    };
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    await writeFile(path.join(database.folder, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
    hub = spawn(process.execPath, [program], {
      cwd: database.folder,
      // Little memory, so that a leak takes little time.
      env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=120' },
      stdio: 'ignore',
    });
    await until(answers);
  });

  afterAll(async () => {
    hub.kill('SIGKILL');
    await database.drop();
  });

  test('replaces what is everybody’s, or listens to signals, is named and put right', () => {
    expect(log()).toContain(
      'plugin bad replaces Array.prototype.map, which all code of the process uses; it is put back',
    );
    expect(log()).toContain("plugin bad listens to the process's SIGTERM");
    expect(log()).not.toContain('plugin good');
  });

  test.each(['leave', 'killHub'])(
    'wants to end the process gets a fault, and is named: %s',
    async (method) => {
      const called = method === 'leave' ? 'process.exit()' : 'process.kill()';
      expect(await call(method)).toEqual({
        fault: [
          1000,
          `${called} in method ${method} of plugin bad: a plugin must not end the hub; throw an error instead`,
        ],
      });
      await until(() => log().includes(`${called} in method ${method} of plugin bad`));
      expect(await answers()).toBe(true);
    },
  );

  const page = 'a page of the web page';
  const visit = async (): Promise<string> =>
    fetch(url.replace('kojihub', 'koji/spin')).then(
      (answer) => answer.text(),
      () => '',
    );
  const offences: [string, RegExp][] = [
    [
      'patch',
      /plugin bad replaced Array\.prototype\.flat by .*\/plugins\/bad\.mjs:12, which all code of the process uses; it is put back/,
    ],
    ['reject', /an error outside of any call, (in method reject of|of) plugin bad.*\n?.*nobody hears it/],
    ['stray', /an error outside of any call, (in method stray of|of) plugin bad.*\n?.*too late/],
    [
      'flood',
      /koji\.plugin\.bad:? 19000 lines were left out: they came faster than the log could be written/,
    ],
  ];
  test.each(offences)('continues, and is named: %s', async (method, line) => {
    expect(await call(method)).toEqual({ value: 1 });
    await until(() => line.test(log()));
    expect(await answers()).toBe(true);
  });

  test('fills the memory is named with its function, and another process answers', async () => {
    const line =
      / p=(\d+) .*memory runs out, \d+ % of the heap are in use: plugin bad holds most .* by .* \(.*\/plugins\/bad\.mjs:17\); another process/;
    await until(async () => {
      await call('leak');
      return line.test(log());
    });
    // It ends once the log is written, and may answer until then.
    const [, pid = ''] = line.exec(log()) ?? [];
    await until(() => !existsSync(`/proc/${pid}`));
    await until(answers);
  });

  const blocks: [string, RegExp][] = [
    [page, /stands in page spin of plugin bad; another process.*\n {4}at .* \(.*\/plugins\/bad\.mjs:5\)/],
    [
      'spinForever',
      /stands in method spinForever of plugin bad; another process.*\n {4}at .* \(.*\/plugins\/bad\.mjs:6\)/,
    ],
    ['later', /stands in (method later|function inTimer) of plugin bad; another process.*\n {4}at inTimer/],
    [
      'waitOutside',
      /stands in method waitOutside of plugin bad, which began last; it runs outside of JavaScript/,
    ],
  ];
  test.each(blocks)(
    'blocks all calls is named with its stack, and another process answers: %s',
    async (method, line) => {
      void (method === page ? visit() : call(method));
      await until(() => line.test(log()));
      await until(answers);
    },
  );

  test('did so five times is switched off, and the others are not', async () => {
    expect(log()).toMatch(
      /plugin bad is switched off until .*: it kept the hub from answering 5 times within an hour/,
    );
    expect(await call('backtrack')).toEqual({
      fault: [
        1000,
        expect.stringMatching(/^backtrack\(\) of plugin bad: the plugin is switched off until /) as unknown,
      ],
    });
    expect(await visit()).toContain('the plugin is switched off until');
    expect(valueOf((await call('greet', 'you'))!)).toBe('hello, you');
  });

  test('SIGTERM ends it', async () => {
    hub.kill('SIGTERM');
    expect(await once(hub, 'exit')).toEqual([0, null]);
  });
});
