import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPlugin, parts } from '@koji/create-plugin';
import { Debugger } from './support/debugger.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = path.join(root, 'packages/koji-dev/bin/koji-dev.js');

const temp = realpathSync(mkdtempSync(path.join(tmpdir(), 'koji-dev-test-')));
const plugin = path.join(temp, 'koji-plugin-greet');
const attached = path.join(temp, 'attached.txt');
let dev: ChildProcess;
let printed = '';

/** Waits until lines that were printed after the first `from` characters match. */
async function prints(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
  for (;;) {
    const found = pattern.exec(printed.slice(from));
    if (found) return found;
    if (dev.exitCode !== null) throw new Error(`${String(pattern)} was not printed:\n${printed}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Types a command of koji, and waits for what it leads to. */
async function type(command: string, pattern: RegExp): Promise<RegExpExecArray> {
  const from = printed.length;
  dev.stdin!.write(`${command}\n`);
  return prints(pattern, from);
}

const source = (name: string): string => path.join(plugin, 'src', name);

/** Saves a changed source, and waits for what is printed then. */
async function save(name: string, change: (text: string) => string, pattern: RegExp): Promise<void> {
  const from = printed.length;
  writeFileSync(source(name), change(readFileSync(source(name), 'utf8')));
  await prints(pattern, from);
}

beforeAll(async () => {
  await createPlugin({ name: 'greet', parts, language: 'ts', folder: plugin });
  symlinkSync(path.join(root, 'node_modules'), path.join(temp, 'node_modules'));
  await mkdir(path.join(plugin, 'dev'));
  writeFileSync(path.join(plugin, 'dev', 'greet.conf'), '[greeting]\nword = Good day\n');
  writeFileSync(
    path.join(plugin, 'dev', 'hub.conf'),
    '[policy]\npackage_list =\n    match package dash :: deny closed for now\n    all :: allow\n',
  );
  // As an editor does it that debugs whatever a program starts.
  const attach = path.join(temp, 'attach.cjs');
  writeFileSync(
    attach,
    `require('fs').appendFileSync(${JSON.stringify(attached)}, process.argv[1] + '\\n');\n`,
  );
  dev = spawn(process.execPath, [program, '--port', '0', '--inspect-port', '0'], {
    cwd: plugin,
    env: { ...process.env, NODE_OPTIONS: `--require ${attach}`, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  dev.stdout!.setEncoding('utf8').on('data', (text: string) => (printed += text));
  await prints(/Ctrl-C stops everything/);
});

afterAll(async () => {
  if (dev.exitCode === null) {
    dev.kill('SIGTERM');
    await once(dev, 'exit');
  }
  rmSync(temp, { recursive: true, force: true });
});

test('it prints where everything is and how to try each part of the plugin', async () => {
  expect(printed).toMatch(/^dev {3}\| web page {3}http:\/\/127\.0\.0\.1:\d+\/koji /m);
  expect(printed).toContain('method greet(who)   try: call greet WHO');
  expect(printed).toContain('callback postTag   try: tag-build f44 zsh-5.9-1');
  expect(printed).toContain('task greet(tag)   try: make-task --watch greet f44');
  expect(printed).toContain('command greet   try: greet --help');
  const [, address] = /API {8}(\S+)/.exec(printed) ?? [];
  expect((await fetch(address!.replace('kojihub', 'koji'))).status).toBe(200);
});

test('commands of koji that are typed run, with the plugin and its settings', async () => {
  await type('call greet "all the world"', /^koji {2}\| 'Good day all the world, says admin'$/m);
  await type('koji greet f44', /^koji {2}\| bash-5\.2-1$/m);
  await type(
    'add-pkg --owner admin f44 dash',
    /^koji {2}\| .*closed for now[^]*^koji {2}\| ended with status 1$/m,
  );
});

test('breakpoints in TypeScript stop a method, a callback and a task in its process', async () => {
  const addressOf = (what: string): string =>
    [...printed.matchAll(new RegExp(`debugger of ${what}: \\S+ws=(\\S+)`, 'g'))].at(-1)![1]!;
  const hub = await Debugger.attach(addressOf('the hub'));
  await hub.breakAt(source('method.ts'), 'return `');
  await hub.breakAt(source('callback.ts'), 'context.log.info');
  const call = type('call greet world', /Good day world, says admin/);
  expect(await hub.paused()).toEqual({ file: source('method.ts'), text: 'return `' });
  await hub.resume();
  await call;
  const tag = type('tag-build f44 zsh-5.9-1', /hub {3}\| INFO .*admin has put zsh-5\.9-1 into f44/);
  expect(await hub.paused()).toEqual({ file: source('callback.ts'), text: 'context.log.info' });
  await hub.resume();
  await tag;
  await save(
    'method.ts',
    (text) => text.replace(', says', ', sings'),
    /hub {3}\| .*the plugins are reloaded: greet/,
  );
  const again = type('call greet world', /Good day world, sings admin/);
  expect(await hub.paused()).toEqual({ file: source('method.ts'), text: 'return `' });
  await hub.resume();
  await again;
  hub.close();
  // That of the process that has loaded what was saved, and waits for a task.
  await prints(/kojid \| .*the plugins are reloaded: greet/);
  const child = await Debugger.attach(addressOf('the next task'));
  await child.breakAt(source('task.ts'), 'const builds');
  const task = type('make-task greet f44', /2 builds are the latest in f44/);
  expect(await child.paused()).toEqual({ file: source('task.ts'), text: 'const builds' });
  await child.resume();
  await task;
  child.close();
});

test('a debugger that follows what is started gets to the hub, the builder and processes of tasks', () => {
  const started = readFileSync(attached, 'utf8').split('\n');
  for (const file of [
    'koji-hub/dist/bundle/main.js',
    'koji-builder/dist/bundle/main.js',
    'koji-builder/dist/bundle/child.js',
  ])
    expect(started.some((one) => one.endsWith(file))).toBe(true);
});

test('what does not compile or load is reported, and the rest continues', async () => {
  const good = readFileSync(source('method.ts'), 'utf8');
  await save(
    'method.ts',
    (text) => `${text}\nexport const a: number = 'x';\n`,
    /^tsc {3}\| src\/method\.ts.*error TS2322/m,
  );
  await save(
    'method.ts',
    () => `${good}\nthrow new Error('no good');\n`,
    /hub {3}\| ERROR .*stay as they were[^]*threw while loading: no good/,
  );
  await type('call greet world', /Good day world, sings admin/);
  await save(
    'method.ts',
    () => good.replace('sings', 'whispers'),
    /hub {3}\| .*the plugins are reloaded: greet/,
  );
  await type('call greet world', /Good day world, whispers admin/);
});

/** The processes that have something to do with a folder. */
const processesOf = (folder: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => path.join('/proc', pid, 'cmdline'))
    .flatMap((file) => {
      try {
        const words = readFileSync(file, 'utf8').replaceAll('\0', ' ');
        return words.includes(folder) ? [words] : [];
      } catch {
        return [];
      }
    });

test('Ctrl-C leaves nothing behind', async () => {
  const [, folder] = /folder {5}(\S+)/.exec(printed) ?? [];
  expect(existsSync(path.join(folder!, 'hub.conf'))).toBe(true);
  expect(processesOf(folder!).length).toBeGreaterThan(1);
  dev.kill('SIGINT');
  expect(await once(dev, 'exit')).toEqual([0, null]);
  expect(existsSync(folder!)).toBe(false);
  expect(processesOf(folder!)).toEqual([]);
  expect(processesOf(plugin)).toEqual([]);
});

test.each([
  [['--port', 'x'], 2, "--port 'x': not a port"],
  [[path.join(root, 'packages/koji-core')], 1, 'names no module of a plugin'],
])('%j is refused', async (args, code, message) => {
  const refused = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  refused.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  expect(await once(refused, 'close')).toEqual([code, null]);
  expect(said).toMatch(/^koji-dev: /);
  expect(said).toContain(message);
});
