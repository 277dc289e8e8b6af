// Every page of the web page, forms included, on a hub with 20,000 builds: pages a second, times, processor time of a page and
// its size, beside `getBuild` by XML-RPC in the same run. `--only TEXT` takes the pages with that text in their addresses.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { encodeCall } from '@koji/core/wire';
import { pageNames } from '@koji/web';
import { builds, fill } from '../tags/data.mjs';
import { addThings, fillMore } from './data.mjs';
import { addressesOf, unmeasured } from './pages.mjs';

const seconds = Number(process.env.BENCH_SECONDS ?? 1);
const only = process.argv[process.argv.indexOf('--only') + 1 || process.argv.length] ?? '';
const clients = 8;
/** Milliseconds of processor time that a page may take. */
const limit = 100;
/** Kilobytes that it may have. */
const largest = 100;
const folder = mkdtempSync(path.join(tmpdir(), 'koji-bench-web-'));
const conf = path.join(folder, 'hub.conf');
const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
const isMine = (name) => name.startsWith('my ');
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

let cookie = '';

/** Sends a request; answers the status, the headers and the text that came. */
function send(url, { method = 'GET', body = '', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method, agent, headers: { Cookie: cookie, ...headers } },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }),
        );
      },
    );
    request.on('error', reject).end(body);
  });
}

/** Sends a request that must work; answers the length of what came. */
async function ask(url, options) {
  const { status, body } = await send(url, options);
  if (status !== 200)
    throw new Error(
      `${url}: ${status}\n${/<h1>.*?<\/p>/s.exec(body.toString())}\n${readFileSync(path.join(folder, 'hub.log'), 'utf8').slice(-1000)}`,
    );
  return body.length;
}

/** Logs in on the web page, as its form does. */
async function logIn(web) {
  const form = await send(`${web}login`);
  cookie = form.headers['set-cookie'][0].split(';')[0];
  const [, token] = /name="token" value="([^"]+)"/.exec(form.body.toString());
  const done = await send(`${web}login`, {
    method: 'POST',
    body: new URLSearchParams({ token, user: 'kojiadmin', password: 'secret' }).toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
  });
  cookie = done.headers['set-cookie'][0].split(';')[0];
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
  const started = new ClientSession(`${await startHub()}/kojihub`);
  await started.login('kojiadmin', 'secret');
  const parentId = await started.createTag('bench-parent');
  const tagId = await started.createTag('bench', {
    __starstar: true,
    parent: 'bench-parent',
    arches: 'x86_64',
  });
  const { id: userId } = await started.getUser('kojiadmin');
  await started.close();
  await stopHub();
  await fill(folder, 'sqlite:koji.db', { tagId, parentId, userId });
  const fillThings = async () => {
    const session = new ClientSession(`${url}/kojihub`);
    await session.login('kojiadmin', 'secret');
    const added = await addThings(session, folder);
    await session.close();
    return { ...added, ...(await fillMore(folder, 'sqlite:koji.db', { tagId, log: added.log })) };
  };
  const url = await startHub();
  const things = await fillThings();
  const one = () => 1 + Math.floor(Math.random() * builds);
  const pages = addressesOf({ ...things, tag: tagId }, one);
  const kindOf = (address) => /^[a-z]*/.exec(address)[0] || 'index';
  const measured = new Set(Object.values(pages).map((addressOf) => kindOf(addressOf())));
  const missing = pageNames.filter((name) => !measured.has(name) && !Object.hasOwn(unmeasured, name));
  if (missing.length > 0) throw new Error(`bench/web/pages.mjs lacks pages: ${missing.join(', ')}`);
  console.log(
    `${availableParallelism()} processors, Node.js ${process.version}, load ${loadavg()[0].toFixed(1)}, ${builds} builds, ${clients} connections`,
  );
  const rpc = await load(hub.pid, clients, () =>
    ask(`${url}/kojihub`, { method: 'POST', body: encodeCall('getBuild', [one()]) }),
  );
  const rows = [['getBuild by XML-RPC', rpc, null]];
  await logIn(`${url}/koji/`);
  const mine = cookie;
  for (const [name, addressOf] of Object.entries(pages)) {
    if (!`${name} ${addressOf()}`.includes(only)) continue;
    cookie = isMine(name) ? mine : '';
    const next = () => ask(`${url}/koji/${addressOf()}`);
    for (let i = 0; i < 3; i++) await next();
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
      'processor ms': Number((alone ?? found).cpu.toFixed(1)),
      'of getBuild': Number((found.cpu / rpc.cpu).toFixed(1)),
      kB: Number((found.bytes / 1000).toFixed(1)),
    })),
  );
  const slow = rows.filter(([, , alone]) => alone && alone.cpu > limit);
  const large = rows.filter(([, found]) => found.bytes > largest * 1000);
  for (const [what, bad] of Object.entries({
    [`more than ${limit} ms`]: slow,
    [`more than ${largest} kB`]: large,
  }))
    if (bad.length > 0) {
      console.error(`${what}: ${bad.map(([name]) => name).join(', ')}`);
      process.exitCode = 1;
    }
} finally {
  await stopHub();
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
