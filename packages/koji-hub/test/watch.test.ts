import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { post } from './support/raw-hub.js';

const sdkFile = createRequire(import.meta.url).resolve('@koji/plugin-sdk');
const sdk = JSON.stringify(pathToFileURL(sdkFile).href);
const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));

let folder: string;
let hub: ChildProcess;
let url: string;

const save = (name: string, text: string): Promise<void> =>
  writeFile(path.join(folder, 'plugins', name), text);
const log = (): Promise<string> => readFile(path.join(folder, 'hub.log'), 'utf8');

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'koji-watch-'));
  await mkdir(path.join(folder, 'plugins/packed/lib'), { recursive: true });
  const options = {
    Listen: '127.0.0.1:0',
    KojiDir: 'store',
    LogFile: 'hub.log',
    PluginPath: 'plugins',
    Plugins: 'loose packed old',
    PluginFailure: 'skip',
  };
  const lines = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  await writeFile(path.join(folder, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
  await save(
    'loose.mjs',
    `import { exported } from ${sdk};\nexport const loose = exported(() => 'loose 1');\n`,
  );
  await save(
    'packed/package.json',
    '{ "name": "packed", "version": "1.0.0", "type": "module", "koji": { "hub": "./index.js" } }',
  );
  await save(
    'packed/index.js',
    `import { exported } from ${sdk};\nimport { word } from './lib/word.js';\nexport const packed = exported(() => word);\n`,
  );
  await save('packed/lib/word.js', `export const word = 'packed 1';\n`);
  await save('old.cjs', `exports.old = () => 'old 1';\nexports.old.exported = true;\n`);
});

async function start(): Promise<void> {
  hub = spawn(process.execPath, [program, '--watch'], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const text of hub.stdout!.iterator({ destroyOnReturn: false })) {
    const found = /answers at (\S+)/.exec(String(text))?.[1];
    if (found === undefined) continue;
    url = found;
    break;
  }
}
afterEach(async () => {
  hub.kill('SIGTERM');
  if (hub.exitCode === null) await once(hub, 'exit');
  await rm(folder, { recursive: true, force: true });
});

/** Calls until the answer is this one; the test's own time limit ends it otherwise. */
async function answers(method: string, wanted: string): Promise<void> {
  for (;;) {
    const outcome = await post(url, method);
    if ('value' in outcome && outcome.value === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function logSays(text: string): Promise<void> {
  while (!(await log()).includes(text)) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('what is saved serves the next calls: a file, what a package imports, CommonJS', async () => {
  await start();
  await answers('loose', 'loose 1');
  await save(
    'loose.mjs',
    `import { exported } from ${sdk};\nexport const loose = exported(() => 'loose 2');\n`,
  );
  await answers('loose', 'loose 2');
  await answers('packed', 'packed 1');
  await save('packed/lib/word.js', `export const word = 'packed 2';\n`);
  await answers('packed', 'packed 2');
  await answers('old', 'old 1');
  await save('old.cjs', `exports.old = () => 'old 2';\nexports.old.exported = true;\n`);
  await answers('old', 'old 2');
});

test('what can not be loaded leaves the old code in place, and the log says why', async () => {
  await start();
  await save('loose.mjs', `import { exported } from ${sdk};\nexport const loose = exported(() => 'loose\n`);
  await logSays('the plugins stay as they were: plugin loose');
  expect(await log()).toContain('has a syntax error');
  await answers('loose', 'loose 1');
  await save(
    'loose.mjs',
    `import { exported } from ${sdk};\nexport const other = exported(() => 'loose 3');\n`,
  );
  await answers('other', 'loose 3');
  expect(await post(url, 'loose')).toEqual({ fault: [1000, 'Invalid method: loose'] });
});

test('a plugin that does not load at the start is taken up once it does', async () => {
  await save('packed/lib/word.js', `export const word = ;\n`);
  await start();
  await logSays('starting without it: plugin packed');
  expect(await post(url, 'packed')).toEqual({ fault: [1000, 'Invalid method: packed'] });
  await save('packed/lib/word.js', `export const word = 'mended';\n`);
  await answers('packed', 'mended');
});
