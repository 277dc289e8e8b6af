// How long a task waits before its handler runs on an idle builder, against the limit that the project sets itself.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { makeConfig, startHub } from '@koji/hub';

const limit = 250;
const rounds = Number(process.env.BENCH_ROUNDS ?? 20);
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

function log() {
  try {
    return readFileSync(file('kojid.log'), 'utf8');
  } catch {
    return '';
  }
}

async function until(pattern) {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(10)) {
    const found = pattern.exec(log());
    if (found) return found;
  }
  throw new Error(`no ${pattern} in kojid.log:\n${log()}`);
}

const values = {
  Database: 'sqlite:koji.db',
  KojiDir: file('koji'),
  Listen: '127.0.0.1:0',
  LogFile: file('hub.log'),
};
const hub = await startHub(makeConfig(folder, { ...values, RunInterval: '60' }));
let kojid = null;
const session = new ClientSession(`${hub.url}/kojihub`);
try {
  writeFileSync(file('hub.conf'), conf('hub', values));
  admin('user', 'add', 'kojiadmin', '--password', 'secret', '--admin');
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
    }),
  );
  kojid = spawn(process.execPath, [program('koji-builder'), '--config', file('kojid.conf')], {
    stdio: 'inherit',
  });
  await until(/ready as/);
  await sleep(2000);
  const times = [];
  for (let i = 0; i < rounds; i++) {
    // The handler's first line is its first act; a number of its own tells the rounds apart.
    const seconds = (i + 1) / 1_000_000;
    const before = Date.now();
    await session.makeTask('sleep', [seconds]);
    const [, day, time, ms] = await until(
      new RegExp(`(\\S+) (\\S+),(\\d+) \\[INFO\\] .* sleeping for ${seconds} seconds`),
    );
    times.push(Number(new Date(`${day}T${time}.${ms}`)) - before);
    await sleep(1500); // the builder is idle again, with a process for the next task
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const show = (name, value) =>
    console.log(
      `${name.padEnd(8)} ${String(value).padStart(5)} ms  ${(value / limit).toFixed(2)} of the limit`,
    );
  console.log(
    `makeTask to the first line of the handler, idle builder, ${rounds} tasks; the limit is ${limit} ms`,
  );
  show('median', at(0.5));
  show('p90', at(0.9));
  show('slowest', at(1));
} finally {
  kojid?.kill('SIGTERM');
  if (kojid) await new Promise((resolve) => kojid.once('exit', resolve));
  await session.close();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
}
