// Listing a tag of 20,000 builds, and one build of them, against the limits that README.md names.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { callBuilds, drain } from './client.mjs';
import { builds, fill } from './data.mjs';

const limits = { share: 0.5, p99: 5, growth: 40 };
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const warmUp = 3;
const clients = 8;
const callsOfAClient = 1000;
const slowSpeed = 12_000_000; // bytes a second
const mega = 1_000_000;

const folder = mkdtempSync(path.join(tmpdir(), 'koji-tags-'));
const file = (name) => path.join(folder, name);
const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
const memoryProgram = fileURLToPath(new URL('memory.mjs', import.meta.url));
const inherited = { __starstar: true, inherit: true };

function admin(...args) {
  const done = spawnSync(process.execPath, [program, '--config', file('hub.conf'), ...args], {
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(done.stderr);
}

async function start(...args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    const [, url] = /answers at (\S+)\/kojihub/.exec(said) ?? [];
    if (url) return { child, url, said };
  }
  throw new Error(`it did not start: ${said}`);
}

const startHub = () => start(program, '--config', file('hub.conf'));

/** Bytes of memory that a process has now. */
function residentOf(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Milliseconds of processor time that a process took so far. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // a tick is 1/100 s
}

async function stop(child) {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

const results = [];

/** Prints a figure and what share of its limit is used; more than all of it is a failure. */
function judge(name, figure, used) {
  results.push(used);
  console.log(
    `${name.padEnd(44)} ${figure.padStart(18)}  ${used.toFixed(2)} of the limit${used > 1 ? '  TOO MUCH' : ''}`,
  );
}

/** Runs work some times and gives the milliseconds that one run took at best, and of processor time on average. */
async function measure(pid, work) {
  const cpu = cpuOf(pid);
  let ms = Infinity;
  for (let i = 0; i < rounds; i++) ms = Math.min(ms, (await work()).ms);
  return { ms, cpu: (cpuOf(pid) - cpu) / rounds };
}

async function listing(url, pid) {
  const peer = await start(memoryProgram, url);
  if (!peer.said.startsWith(`${builds} rows`))
    throw new Error(`the tag has ${peer.said}instead of ${builds}`);
  const listAt = (at) => () => drain(at, 'listTagged', ['bench', inherited]);
  for (let i = 0; i < warmUp; i++) await Promise.all([url, peer.url].map((at) => listAt(at)()));
  const memory = await measure(peer.child.pid, listAt(peer.url)).finally(() => stop(peer.child));
  const hub = await measure(pid, listAt(url));
  const speed = ({ ms, cpu }) =>
    `${Math.round(builds / ms)}k (${Math.round(builds / cpu)}k by processor time)`;
  console.log(`rows a second: from memory ${speed(memory)}, by the hub ${speed(hub)}`);
  const share = memory.cpu / hub.cpu;
  judge('listTagged, speed as a share of memory', share.toFixed(2), limits.share / share);
}

const callAll = (url, login, count) =>
  Promise.all(Array.from({ length: clients }, () => callBuilds(url, login, { count, ids: builds })));

async function oneBuild(url, pid, login) {
  await callAll(url, login, 500);
  const cpu = cpuOf(pid);
  const times = (await callAll(url, login, callsOfAClient)).flat().sort((a, b) => a - b);
  const cost = (cpuOf(pid) - cpu) / times.length;
  const at = (share) => times[Math.floor(times.length * share)].toFixed(2);
  console.log(
    `getBuild, ${clients} clients: median ${at(0.5)} ms, p90 ${at(0.9)} ms; processor time ${cost.toFixed(2)} ms a call`,
  );
  judge('getBuild, p99', `${at(0.99)} ms`, at(0.99) / limits.p99);
}

/** A hub of its own, so that what earlier calls took does not hide what this one takes. */
async function memory(login, [method, ...params]) {
  const { child: hub, url } = await startHub();
  try {
    await callAll(url, login, 500);
    const before = residentOf(hub.pid);
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentOf(hub.pid))), 25);
    const { bytes } = await drain(url, method, params, slowSpeed).finally(() => clearInterval(watch));
    const growth = (most - before) / mega;
    const name = `${method}, ${Math.round(bytes / mega)} MB slowly: growth`;
    judge(name, `${growth.toFixed(1)} MB`, growth / limits.growth);
  } finally {
    await stop(hub);
  }
}

writeFileSync(
  file('hub.conf'),
  `[hub]\nDatabase = sqlite:koji.db\nKojiDir = ${file('koji')}\nListen = 127.0.0.1:0\nLogFile = ${file('hub.log')}\n`,
);
let hub = null;
let session = null;
try {
  admin('user', 'add', 'kojiadmin', '--password', 'secret', '--admin');
  const started = await startHub();
  hub = started.child;
  session = new ClientSession(`${started.url}/kojihub`);
  await session.login('kojiadmin', 'secret');
  const parentId = await session.createTag('bench-parent');
  const tagId = await session.createTag('bench', 'bench-parent');
  const { id: userId } = await session.getLoggedInUser();
  await fill(folder, 'sqlite:koji.db', { tagId, parentId, userId });
  const login = await new ClientSession(`${started.url}/kojihub`).call('login', ['kojiadmin', 'secret']);
  console.log(
    `${builds} builds in a tag and its parent, SQLite; load ${loadavg()[0].toFixed(1)} before the start`,
  );
  await oneBuild(started.url, hub.pid, login);
  await listing(started.url, hub.pid);
  await session.close();
  session = null;
  await stop(hub);
  hub = null;
  for (const call of [
    ['listTagged', 'bench', inherited],
    ['listTaggedRPMS', 'bench', inherited],
    ['listBuilds', { __starstar: true, state: 1 }],
  ]) {
    await memory(login, call);
  }
  if (results.some((used) => used > 1)) process.exitCode = 1;
} finally {
  await session?.close();
  if (hub) await stop(hub);
  rmSync(folder, { recursive: true, force: true });
}
