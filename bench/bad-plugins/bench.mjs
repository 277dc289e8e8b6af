// Measures how plugins of each bad kind affect the calls of others: how long nobody is answered, and the speed of the hub
// afterwards.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import os, { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { freePort } from '../../scripts/ports.mjs';
import { gallery } from './gallery.mjs';

const speedLimit = 0.95;
const gapLimit = 5; // seconds
const calls = Number(process.env.BENCH_CALLS ?? 5000);
const rounds = Number(process.env.BENCH_ROUNDS ?? 10);
const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
const nodeModules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const page = fileURLToPath(new URL('../../docs/plugins/walls.md', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'koji-bad-plugins-'));

async function startHub(kind, { code, memory, isolated }) {
  const place = path.join(folder, kind.replaceAll(' ', '-'));
  mkdirSync(path.join(place, 'plugins'), { recursive: true });
  symlinkSync(nodeModules, path.join(place, 'node_modules'));
  if (isolated) {
    mkdirSync(path.join(place, 'plugins', 'bad'));
    const koji = { hub: 'hub.mjs', isolation: 'worker' };
    writeFileSync(path.join(place, 'plugins', 'bad', 'package.json'), JSON.stringify({ name: 'bad', koji }));
    writeFileSync(path.join(place, 'plugins', 'bad', 'hub.mjs'), code);
  } else writeFileSync(path.join(place, 'plugins', 'bad.mjs'), code);
  writeFileSync(
    path.join(place, 'plugins', 'good.mjs'),
    "import { exported } from '@koji/plugin-sdk';\nexport const greet = exported({ access: 'free' })(() => 'hello');\n",
  );
  const port = await freePort();
  const values = {
    Listen: `127.0.0.1:${port}`,
    Database: 'sqlite:koji.db',
    KojiDir: 'store',
    LogFile: 'hub.log',
    Plugins: 'bad good',
    PluginPath: 'plugins',
    PluginFailure: 'skip',
    CallbackTimeout: '1',
  };
  const lines = Object.entries(values).map(([option, value]) => `${option} = ${value}`);
  writeFileSync(path.join(place, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
  const NODE_OPTIONS = memory === undefined ? '' : `--max-old-space-size=${memory}`;
  const child = spawn(process.execPath, [program, '--config', path.join(place, 'hub.conf')], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, NODE_OPTIONS },
  });
  const hub = { child, port, log: () => readFileSync(path.join(place, 'hub.log'), 'utf8') };
  const called = Date.now();
  while (!(await call(hub, 'greet'))) {
    if (Date.now() - called > 60_000) throw new Error(`${kind}: the hub does not answer`);
    await sleep(50);
  }
  return hub;
}

/** Calls a method without arguments; false when nobody answered. */
function call({ port }, method, agent = undefined) {
  const text = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params/></methodCall>`;
  return new Promise((resolve) => {
    const request = http.request(
      {
        port,
        host: '127.0.0.1',
        path: '/kojihub',
        method: 'POST',
        agent,
        headers: { 'Content-Type': 'text/xml' },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(true));
        response.on('error', () => resolve(false));
      },
    );
    request.on('error', () => resolve(false));
    request.setTimeout(10_000, () => request.destroy());
    request.end(text);
  });
}

/** Milliseconds of processor time that a process and its children took so far. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return (
    (Number(fields[11]) + Number(fields[12])) * 10 + children.reduce((sum, child) => sum + cpuOf(child), 0)
  );
}

/** Processor time of a call of somebody else, in milliseconds: the least of some rounds, which other work distorts least. */
async function costOfCall(hub) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const before = cpuOf(hub.child.pid);
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let i = 0; i < calls / 4; i++) await call(hub, 'getKojiVersion', agent);
      }),
    );
    least = Math.min(least, (cpuOf(hub.child.pid) - before) / calls);
  }
  agent.destroy();
  return least;
}

/** Calls without end, and tells the longest time in seconds that no call was answered. */
function watchOthers(hub) {
  let going = true;
  let longest = 0;
  const watching = (async () => {
    let last = performance.now();
    while (going) {
      if (await call(hub, 'greet')) {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
      await sleep(5);
    }
    longest = Math.max(longest, performance.now() - last);
  })();
  return async () => {
    going = false;
    await watching;
    return longest / 1000;
  };
}

async function examine(kind, bad) {
  const hub = await startHub(kind, bad);
  try {
    await costOfCall(hub);
    const before = await costOfCall(hub);
    const stop = watchOthers(hub);
    for (let i = 0; i < (bad.calls ?? 1) && !bad.named.test(hub.log()); i++) await call(hub, 'offend');
    for (let i = 0; i < 600 && !bad.named.test(hub.log()); i++) await sleep(50);
    const isNamed = bad.named.test(hub.log());
    // A process that is replaced ends a moment after the log has named whose fault it is.
    await sleep(1000);
    for (let i = 0; i < 600 && !(await call(hub, 'greet')); i++) await sleep(50);
    const gap = await stop();
    await costOfCall(hub);
    return { kind, what: bad.what, gap, speed: before / (await costOfCall(hub)), isNamed };
  } finally {
    const ended = once(hub.child, 'exit');
    hub.child.kill('SIGTERM');
    await ended;
  }
}

const rows = [];
try {
  const wanted =
    process.argv[3] && !process.argv[3].startsWith('--') ? [process.argv[3]] : Object.keys(gallery);
  for (const kind of wanted) {
    const row = await examine(kind, gallery[kind]);
    rows.push(row);
    const { gap, speed, isNamed } = row;
    const isBad = !isNamed || gap > gapLimit || speed < speedLimit;
    console.log(
      `${kind.padEnd(15)} others waited ${gap.toFixed(2).padStart(5)} s, speed afterwards ${speed.toFixed(2)}, ${isNamed ? 'named' : 'NOT NAMED'}${isBad ? '  TOO BAD' : ''}`,
    );
    if (isBad) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const [cpu] = os.cpus();
const [load = 0] = os.loadavg();
const machine = `${os.cpus().length} × ${cpu?.model ?? 'unknown processor'}, ${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ${os.release().replace(/^(\d+\.\d+).*/, '$1')}, Node.js ${process.versions.node}, SQLite, load ${load.toFixed(1)} of other work`;
console.log(machine);
if (process.argv.includes('--write')) {
  const table = [
    '| kind | what it does | longest wait of others, s | speed of their calls afterwards | named in the log |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ kind, what, gap, speed, isNamed }) =>
        `| ${kind} | ${what} | ${gap.toFixed(2)} | ${Math.round(speed * 100)} % | ${isNamed ? 'yes' : 'no'} |`,
    ),
  ].join('\n');
  const made = `<!-- gallery: npm run bench -- bad-plugins --write -->\n\n${table}\n\nMeasured on ${machine}.\n\n<!-- end of gallery -->`;
  const text = readFileSync(page, 'utf8').replace(/<!-- gallery: [^]*<!-- end of gallery -->/, () => made);
  const options = await prettier.resolveConfig(page);
  writeFileSync(page, await prettier.format(text, { ...options, parser: 'markdown' }));
}
