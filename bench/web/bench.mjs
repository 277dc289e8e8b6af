// Pages of the web page on a hub with 20,000 builds: pages a second, times, processor time of a page and its size, beside
// `getBuild` by XML-RPC in the same run.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { encodeCall } from '@koji/core/wire';
import { builds, fill } from '../tags/data.mjs';

const seconds = Number(process.env.BENCH_SECONDS ?? 3);
const clients = 8;
/** Milliseconds that a page may take on a machine that has nothing else to do, by one client. */
const limit = 100;
const folder = mkdtempSync(path.join(tmpdir(), 'koji-bench-web-'));
const conf = path.join(folder, 'hub.conf');
const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
const agent = new http.Agent({ keepAlive: true, maxSockets: clients });

function admin(...args) {
  const done = spawnSync(process.execPath, [program, '--config', conf, ...args], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
}

/** Milliseconds of processor time that a process took so far. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // a tick is 1/100 s
}

/** Sends a request; answers the length of what came. */
function send(url, { method = 'GET', body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, agent }, (response) => {
      let length = 0;
      response.on('data', (part) => (length += part.length));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(length) : reject(new Error(`${url}: ${response.statusCode}`)),
      );
    });
    request.on('error', reject).end(body);
  });
}

/** Sends requests over some connections for some seconds. */
async function load(pid, count, next) {
  const times = [];
  let bytes = 0;
  const before = cpuOf(pid);
  const start = performance.now();
  const client = async () => {
    while (performance.now() - start < seconds * 1000) {
      const began = performance.now();
      bytes = await next();
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: count }, client));
  const passed = performance.now() - start;
  times.sort((a, b) => a - b);
  return {
    rate: (times.length / passed) * 1000,
    p50: times[Math.floor(times.length / 2)],
    p99: times[Math.floor(times.length * 0.99)],
    cpu: (cpuOf(pid) - before) / times.length,
    bytes,
  };
}

writeFileSync(
  conf,
  `[hub]\nDatabase = sqlite:koji.db\nKojiDir = ${folder}/koji\nListen = 127.0.0.1:0\nLogFile = ${folder}/hub.log\nRepoManager = external\nHeavyPages = 0\n`,
);
let hub = null;
async function startHub() {
  hub = spawn(process.execPath, [program, '--config', conf], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of hub.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    const [, url] = /answers at (\S+)\/kojihub/.exec(said) ?? [];
    if (url) return url;
  }
  throw new Error(`the hub did not start: ${said}`);
}
async function stopHub() {
  hub?.kill('SIGTERM');
  if (hub && hub.exitCode === null) await once(hub, 'exit');
}

try {
  admin('migrate');
  admin('user', 'add', 'kojiadmin', '--admin', '--password', 'secret');
  const session = new ClientSession(`${await startHub()}/kojihub`);
  await session.login('kojiadmin', 'secret');
  const parentId = await session.createTag('bench-parent');
  const tagId = await session.createTag('bench', { __starstar: true, parent: 'bench-parent' });
  const { id: userId } = await session.getUser('kojiadmin');
  await session.close();
  await stopHub();
  await fill(folder, 'sqlite:koji.db', { tagId, parentId, userId });
  const url = await startHub();
  const one = () => 1 + Math.floor(Math.random() * builds);
  const pages = {
    overview: () => '',
    'build, any': () => `buildinfo?buildID=${one()}`,
    'list of builds': () => 'builds',
    'list of builds, its middle': () => `builds?start=${50 * Math.floor(builds / 100)}`,
    'a package': () => `packageinfo?packageID=${1 + (one() % 5000)}`,
    'tag with 20,000 builds': () => 'taginfo?tagID=bench',
    'builds of the tag': () => 'builds?tagID=bench',
    'tag compared with its parent': () => 'comparetags?tagID=bench&otherID=bench-parent',
    'search for everything': () => 'search?terms=bench-package-00*&type=all&match=glob',
    'builds a day': () => 'buildsbyday',
  };
  console.log(
    `${availableParallelism()} processors, Node.js ${process.version}, load ${loadavg()[0].toFixed(1)}, ${builds} builds, ${clients} connections`,
  );
  const rpc = await load(hub.pid, clients, () =>
    send(`${url}/kojihub`, { method: 'POST', body: encodeCall('getBuild', [one()]) }),
  );
  const rows = [['getBuild by XML-RPC', rpc, null]];
  for (const [name, addressOf] of Object.entries(pages)) {
    const next = () => send(`${url}/koji/${addressOf()}`);
    for (let i = 0; i < 5; i++) await next();
    const alone = await load(hub.pid, 1, next);
    rows.push([name, await load(hub.pid, clients, next), alone]);
  }
  console.table(
    rows.map(([name, found, alone]) => ({
      page: name,
      'a second': Number(found.rate.toFixed(0)),
      'p50 ms': Number(found.p50.toFixed(1)),
      'p99 ms': Number(found.p99.toFixed(1)),
      'alone, p50 ms': alone ? Number(alone.p50.toFixed(1)) : null,
      'processor ms': Number(found.cpu.toFixed(2)),
      'of getBuild': Number((found.cpu / rpc.cpu).toFixed(1)),
      kB: Number((found.bytes / 1000).toFixed(1)),
    })),
  );
  const slow = rows.filter(([, , alone]) => alone && alone.p50 > limit);
  if (slow.length > 0) {
    console.error(`slower than ${limit} ms: ${slow.map(([name]) => name).join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await stopHub();
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
