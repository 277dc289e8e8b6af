// How much of a hub's speed bad plugins take: one hub without plugins, one with a bad plugin of each kind, the same calls.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { processorTime } from '../shared/processes.mjs';
import { callBuilds } from '../tags/client.mjs';

const limit = 0.95;
const rounds = Number(process.env.BENCH_ROUNDS ?? 7);
const clients = 8;
const reads = 500; // of each client in a round
const writes = 300; // in a round
const builds = 50;
const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
const nodeModules = fileURLToPath(new URL('../../node_modules', import.meta.url));

const bad = {
  // A method that fails, one that never returns, one that leaves a timer which throws.
  method: `import { exported } from '@koji/plugin-sdk';
export const explode = exported(() => { throw new TypeError('no such thing'); });
export const hang = exported(() => new Promise(() => {}));
export const stray = exported(() => { setTimeout(() => { throw new Error('stray'); }, 1); });`,
  // Callbacks that fail at each change of a package list, and one that never returns.
  callback: `import { callback, ignoreError } from '@koji/plugin-sdk';
export const fails = ignoreError(callback('prePackageListChange', () => { throw new Error('no broker'); }));
export const hangs = ignoreError(callback('postPackageListChange', () => new Promise(() => {})));
export const commit = ignoreError(callback('preCommit', () => Promise.reject(new Error('no broker'))));`,
  // An outbox that delivers nothing.
  sender: `import { callback, outbox } from '@koji/plugin-sdk';
export const letters = outbox('letters', () => { throw new Error('nobody there'); });
export const tell = callback('postTag', (event, { tag }) => letters.put(tag.name, { tag: tag.name }));`,
  // One that does not load at all.
  broken: `throw new Error('no settings');`,
};

const folder = mkdtempSync(path.join(tmpdir(), 'koji-plugins-'));

/** Starts a hub of its own with these options and something in it. */
async function startHub(name, options) {
  const place = path.join(folder, name);
  mkdirSync(path.join(place, 'plugins'), { recursive: true });
  symlinkSync(nodeModules, path.join(place, 'node_modules'));
  for (const [plugin, text] of Object.entries(bad))
    writeFileSync(path.join(place, 'plugins', `${plugin}.mjs`), text);
  const values = {
    Listen: '127.0.0.1:0',
    KojiDir: 'store',
    LogFile: 'hub.log',
    PluginPath: 'plugins',
    ...options,
  };
  const lines = Object.entries(values).map(([option, value]) => `${option} = ${value}`);
  writeFileSync(path.join(place, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
  const config = ['--config', path.join(place, 'hub.conf')];
  const made = spawnSync(
    process.execPath,
    [program, ...config, 'user', 'add', 'kojiadmin', '--password', 'secret', '--admin'],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(made.stderr);
  const child = spawn(process.execPath, [program, ...config], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let url;
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    url = /answers at (\S+)\/kojihub/.exec(said)?.[1];
    if (url) break;
  }
  if (!url) throw new Error(`it did not start: ${said}`);
  const session = new ClientSession(`${url}/kojihub`);
  const login = await session.login('kojiadmin', 'secret');
  await session.createTag('f44');
  for (let i = 0; i < builds; i++) await session.createEmptyBuild(`pkg${i}`, '1', '1', null);
  return { name, child, url, session, login, packages: 0 };
}

/** Processor time of work on a hub, in milliseconds; a hub with plugins is a process with another one below it. */
async function cost(hub, work) {
  const before = processorTime(hub.child.pid);
  await work(hub);
  return processorTime(hub.child.pid) - before;
}

const readAll = ({ url, login }) =>
  Promise.all(Array.from({ length: clients }, () => callBuilds(url, login, { count: reads, ids: builds })));

async function writeAll(hub) {
  for (let i = 0; i < writes; i++)
    await hub.session.packageListAdd('f44', `other${hub.packages++}`, 'kojiadmin');
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const plain = await startHub('plain', {});
const troubled = await startHub('troubled', {
  Plugins: Object.keys(bad).join(' '),
  PluginFailure: 'skip',
  CallbackTimeout: '1',
});
try {
  // Bad behaviour comes first: failing callbacks are detected, hanging calls keep hanging.
  for (const method of ['explode', 'hang', 'stray'])
    await troubled.session.call(method).catch(() => undefined);
  await troubled.session.packageListAdd('f44', 'pkg0', 'kojiadmin');
  await troubled.session.tagBuildBypass('f44', 'pkg0-1-1');
  for (const hub of [plain, troubled]) {
    await readAll(hub);
    await writeAll(hub);
  }
  const shares = { getBuild: [], packageListAdd: [], 'getBuild while a plugin hangs': [] };
  for (let round = 0; round < rounds; round++) {
    shares.getBuild.push((await cost(plain, readAll)) / (await cost(troubled, readAll)));
    shares.packageListAdd.push((await cost(plain, writeAll)) / (await cost(troubled, writeAll)));
    const hanging = troubled.session.call('hang').catch(() => undefined);
    const costs = [await cost(plain, readAll), await cost(troubled, readAll)];
    shares['getBuild while a plugin hangs'].push(costs[0] / costs[1]);
    await hanging;
  }
  console.log('speed of a hub with bad plugins, of one without, by processor time');
  for (const [name, values] of Object.entries(shares)) {
    const share = median(values);
    const all = values.map((value) => value.toFixed(2)).join(' ');
    const isLimited = !name.includes('hangs');
    const tooLittle = isLimited && share < limit;
    console.log(`${name.padEnd(30)} ${share.toFixed(2)}  (${all})${tooLittle ? '  TOO LITTLE' : ''}`);
    if (tooLittle) process.exitCode = 1;
  }
} finally {
  for (const { child, session } of [plain, troubled]) {
    await session.close();
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
