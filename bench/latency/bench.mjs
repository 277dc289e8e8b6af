// How long a task waits before its handler runs, on an idle builder and at many tasks a second, and what it costs.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { figure, machine, tableOf, writeBlock } from '../shared/report.mjs';
import { makeHub, startHub, stopProgram } from '../shared/processes.mjs';

const limits = { p50: 100, p99: 300 };
const rounds = Number(process.env.BENCH_ROUNDS ?? 20);
const rate = Number(process.env.BENCH_RATE ?? 20);
const seconds = Number(process.env.BENCH_SECONDS ?? 30);
const load = loadavg()[0];
// Node.js 20 reads all authorities at its start where this is set.
delete process.env.NODE_EXTRA_CA_CERTS;
const program = (name) =>
  fileURLToPath(new URL(`../../packages/${name}/dist/bundle/main.js`, import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'koji-latency-'));
const file = (name) => path.join(folder, name);
const conf = (section, values) =>
  `[${section}]\n${Object.entries(values)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')}`;

function admin(...args) {
  const done = spawnSync(process.execPath, [program('koji-hub'), '--config', file('hub.conf'), ...args], {
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(done.stderr);
}

/** Hears the lines of kojid's log as they come. */
class LogFile {
  text = '';
  rest = '';
  /** When the handler of each task logged its first line, by the number that it sleeps for. */
  began = new Map();

  /** Reads what has come since. */
  read() {
    try {
      this.handle ??= openSync(file('kojid.log'), 'r');
    } catch {
      return;
    }
    const piece = Buffer.alloc(1 << 16);
    for (let size; (size = readSync(this.handle, piece)) > 0;) this.hear(piece.toString('utf8', 0, size));
  }

  hear(text) {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop();
    for (const line of lines) {
      this.isReady ||= line.includes('ready as');
      const [, day, time, ms, number] =
        /^(\S+) (\S+),(\d+) \[INFO\] .* sleeping for (\S+) seconds/.exec(line) ?? [];
      if (number) this.began.set(number, Number(new Date(`${day}T${time}.${ms}`)));
    }
    this.text += text;
  }

  close() {
    if (this.handle !== undefined) closeSync(this.handle);
  }
}

async function until(what, test, patience = 60_000) {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(5)) {
    log.read();
    if (test()) return;
  }
  throw new Error(`${what} took too long:\n${log.text.slice(-5000)}`);
}

/** Milliseconds of processor time so far: the hub's, kojid's, and that of the processes of its tasks. */
function processorTime() {
  const children = childrenOf(kojid.pid);
  const now = children.reduce((sum, pid) => sum + ticksOf(pid, [11, 12]), 0);
  return {
    hub: ticksOf(hub.child.pid, [11, 12]),
    kojid: ticksOf(kojid.pid, [11, 12]),
    tasks: ticksOf(kojid.pid, [13, 14]) + now,
  };
}

/** Prints what a task cost since an earlier time; returns the parts in milliseconds. */
function showCost(before, count) {
  const parts = Object.entries(processorTime()).map(([name, now]) => [name, (now - before[name]) / count]);
  const sum = parts.reduce((total, [, one]) => total + one, 0);
  const words = parts.map(([name, one]) => `${name} ${one.toFixed(1)}`).join(', ');
  console.log(`processor time of a task: ${sum.toFixed(0)} ms (${words})`);
  return parts.map(([, one]) => one);
}

function fieldsOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return [];
  }
}

const childrenOf = (parent) =>
  readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === parent);

function startsLoaded(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--snapshot-blob');
  } catch {
    return false;
  }
}

const parentOf = (pid) => Number(fieldsOf(pid)[1]);
const ticksOf = (pid, fields) => {
  const found = fieldsOf(pid);
  return fields.reduce((sum, field) => sum + Number(found[field] ?? 0) * 10, 0); // a tick is 1/100 s
};

const log = new LogFile();
/** Distinguishes the tasks: each sleeps for a different, short time. */
let tasks = 0;
const nextNumber = () => (tasks += 1) / 10_000_000;

const config = makeHub(folder, 'sqlite:koji.db', { RunInterval: '60' });
const hub = await startHub(config);
let kojid = null;
const session = new ClientSession(`${hub.url}/kojihub`);
try {
  await session.login('kojiadmin', 'secret');
  await session.addHost('builder', ['x86_64']);
  admin('user', 'passwd', 'builder', 'secret');
  writeFileSync(
    file('kojid.conf'),
    conf('kojid', {
      server: `${hub.url}/kojihub`,
      topurl: `${hub.url}/kojifiles`,
      user: 'builder',
      password: 'secret',
      workdir: file('work'),
      logfile: file('kojid.log'),
      minspace: '0',
      sleeptime: '15',
      maxjobs: '100',
      maxload: '0',
    }),
  );
  kojid = spawn(process.execPath, [program('koji-builder'), '--config', file('kojid.conf')], {
    stdio: 'inherit',
  });
  await until('its start', () => log.isReady);
  // From then on each process starts with everything loaded.
  await until('a loaded process', () => childrenOf(kojid.pid).some(startsLoaded));
  await sleep(2000);
  const idle = await measureIdle();
  const sustained = await measureRate();
  const isSlow = idle.times[0] > limits.p50 || idle.times[1] > limits.p99 || sustained.backlog > rate;
  if (isSlow) process.exitCode = 1;
  if (process.argv.includes('--write')) await write(idle, sustained);
} finally {
  log.close();
  kojid?.kill('SIGTERM');
  if (kojid) await new Promise((resolve) => kojid.once('exit', resolve));
  await session.close();
  await stopProgram(hub.child);
  rmSync(folder, { recursive: true, force: true });
}

function write(idle, sustained) {
  const rows = [idle, sustained].map(({ name, times, backlog, parts }) => [
    name,
    ...times.map(figure),
    backlog,
    ...[...parts, parts.reduce((sum, one) => sum + one, 0)].map(figure),
  ]);
  const head = [
    'tasks',
    'median',
    'p99',
    'slowest',
    'not begun at the end',
    'hub',
    'kojid',
    'process',
    'in all',
  ];
  return writeBlock(
    'tasks: npm run bench -- latency --write',
    `Measured on ${machine(load)}.\n\n${tableOf(head, rows)}`,
  );
}

/** Makes a task; resolves to the number that tells it apart and when it was asked for. */
async function make() {
  const number = nextNumber();
  const at = Date.now();
  await session.makeTask('sleep', [number]);
  return { number: String(number), at };
}

/** Prints times in milliseconds; returns the three that count. */
function show(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const line = (name, value, limit) =>
    console.log(
      `${name.padEnd(10)} ${String(value).padStart(6)} ms${limit ? `  ${(value / limit).toFixed(2)} of the limit` : ''}`,
    );
  line('p50', at(0.5), limits.p50);
  line('p99', at(0.99), limits.p99);
  line('slowest', at(1));
  return [at(0.5), at(0.99), at(1)];
}

async function measureIdle() {
  const times = [];
  const before = processorTime();
  for (let i = 0; i < rounds; i++) {
    const { number, at } = await make();
    await until('a task', () => log.began.has(number));
    times.push(log.began.get(number) - at);
    await sleep(1500); // the builder is idle again, with a process for the next task
  }
  console.log(`makeTask to the first line of the handler, idle builder, ${rounds} tasks`);
  const shown = show(times);
  const parts = showCost(before, rounds);
  return { name: 'one at a time, idle builder', times: shown, backlog: 0, parts };
}

async function measureRate() {
  const made = [];
  const before = processorTime();
  const began = performance.now();
  const total = rate * seconds;
  for (let i = 0; i < total; i++) {
    const pause = began + (i * 1000) / rate - performance.now();
    if (pause > 0) await sleep(pause);
    made.push(await make());
    log.read();
  }
  const asked = (performance.now() - began) / 1000;
  log.read();
  const backlog = total - made.filter(({ number }) => log.began.has(number)).length;
  await until('the backlog', () => made.every(({ number }) => log.began.has(number)), 600_000);
  const took = (performance.now() - began) / 1000;
  await sleep(2000);
  console.log(
    `\n${total} tasks asked for in ${asked.toFixed(1)} s (${(total / asked).toFixed(1)} a second), begun within ${took.toFixed(1)} s`,
  );
  const times = show(made.map(({ number, at }) => log.began.get(number) - at));
  console.log(`not begun when the last was made: ${backlog}`);
  const parts = showCost(before, total);
  return { name: `${rate} a second for ${seconds} s`, times, backlog, parts };
}
