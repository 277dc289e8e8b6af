// Compares the cost of a plugin's call in a separate thread with one in a separate process: the implemented isolation, and a
// prototype of both that only passes messages. Runs without a hub.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { makeLogger } from '@koji/core';
import { callPluginMethod, loadPlugins } from '@koji/plugin-sdk/host';

const calls = Number(process.env.BENCH_CALLS ?? 5000);
const other = fileURLToPath(new URL('other-side.mjs', import.meta.url));

/** The hub's side: sends calls, answers those that come back, as `context.call` would. */
function wallOf(post, listen) {
  const waiting = new Map();
  let last = 0;
  listen(({ kind, id, value }) => {
    if (kind === 'back') post({ kind: 'answer', id, value: { id: 7, name: value } });
    else {
      waiting.get(id)(value);
      waiting.delete(id);
    }
  });
  return (method, value) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      post({ kind: 'call', id: last, method, value });
    });
}

const folder = mkdtempSync(path.join(tmpdir(), 'koji-isolation-'));
mkdirSync(path.join(folder, 'walled'));
symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), path.join(folder, 'node_modules'));
writeFileSync(
  path.join(folder, 'walled', 'hub.mjs'),
  `import { context, exported } from '@koji/plugin-sdk';
export const echo = exported((value) => value);
export const back = exported((name) => context.call('getTag', [name]));`,
);

/** Loads the plugin, and calls its methods as a hub does. */
async function loaded(isolation) {
  const manifest = { name: 'walled', koji: { hub: 'hub.mjs', isolation } };
  writeFileSync(path.join(folder, 'walled', 'package.json'), JSON.stringify(manifest));
  const { plugins, problems } = await loadPlugins({
    ...{ part: 'hub', names: ['walled'], folders: [folder], from: folder, load: isolation },
    logger: () => makeLogger((_level, text) => console.error(text())),
    wall: { patience: 10_000, topdir: folder, options: {} },
  });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const [{ methods, close }] = plugins;
  const session = { user: { id: 1, name: 'kojiadmin', status: 0, usertype: 0 }, perms: new Set(['admin']) };
  const ambient = { method: 'bench', session, invoke: async (_method, [name]) => ({ id: 7, name }) };
  const call = (name, value) =>
    callPluginMethod(
      methods.find((one) => one.name === name),
      [value],
      {},
      ambient,
    );
  return { call, close };
}

const thread = new Worker(other);
const child = fork(other, { serialization: 'advanced' });
const walled = await loaded('worker');
const walls = {
  'in the hub': (await loaded('none')).call,
  'as built': walled.call,
  thread: wallOf(
    (message) => thread.postMessage(message),
    (hear) => thread.on('message', hear),
  ),
  process: wallOf(
    (message) => child.send(message),
    (hear) => child.on('message', hear),
  ),
};

const build = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`field_${i}`, `value ${i}`]));
const payloads = {
  'a build (25 fields)': build,
  '1,000 builds': Array.from({ length: 1000 }, () => ({ ...build })),
};

async function measure(call, method, value, count) {
  for (let i = 0; i < count / 10; i++) await call(method, value);
  const times = [];
  const cpu = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await call(method, value);
    times.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)].toFixed(3);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, processor ${((user + system) / count / 1000).toFixed(3)} ms`;
}

for (const [name, call] of Object.entries(walls)) {
  for (const [what, value] of Object.entries(payloads)) {
    const count = Array.isArray(value) ? calls / 50 : calls;
    console.log(`${name.padEnd(12)} ${what.padEnd(20)} ${await measure(call, 'echo', value, count)}`);
  }
  console.log(
    `${name.padEnd(12)} ${'and one call back'.padEnd(20)} ${await measure(call, 'back', 'f44', calls)}`,
  );
}
await walled.close();
await thread.terminate();
rmSync(folder, { recursive: true });
child.kill();
