// Builders that wait for tasks while nothing changes: npm run bench -- waiting [--builders 10000] [--seconds 60]
// [--database postgres]. A hub process, and one that holds a connection for each builder.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findPostgres, startPostgres } from '../../scripts/postgres.mjs';
import { machine, writeBlock } from '../shared/report.mjs';
import { addBuilders, key } from './data.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    builders: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    database: { type: 'string', default: 'sqlite' },
    write: { type: 'boolean', default: false },
  },
});
const builders = Number(options.builders);
const seconds = Number(options.seconds);
const load = loadavg()[0];
const limits = { memory: 1024, share: 5 };
const local = (name) => fileURLToPath(new URL(name, import.meta.url));
const program = local('../../packages/koji-hub/dist/bundle/main.js');
const folder = mkdtempSync(path.join(tmpdir(), 'koji-waiting-'));

/** Runs a program of Node's with room for so many connections. */
function startNode(...args) {
  const words = ['-c', `ulimit -n ${builders + 1000}; exec "$0" "$@"`, process.execPath, ...args];
  return spawn('sh', words, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Milliseconds of processor time that a process took so far. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // a tick is 1/100 s
}

/** Megabytes of memory that a process holds. */
function memory(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kilobytes) / 1024;
}

async function startHub(file) {
  const child = startNode(program, '--config', file);
  let said = '';
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    const [, url] = /answers at (\S+)/.exec(said) ?? [];
    if (url) return { child, url };
  }
  throw new Error(`the hub did not start: ${said}`);
}

async function stop(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function configure(url) {
  const file = path.join(folder, 'hub.conf');
  const log = path.join(folder, 'hub.log');
  const lines = [
    `Database = ${url}`,
    `KojiDir = ${path.join(folder, 'koji')}`,
    'Listen = 127.0.0.1:0',
    `LogFile = ${log}`,
    `MaxConnections = ${builders + 500}`,
  ];
  writeFileSync(file, `[hub]\n${lines.join('\n')}\n`);
  for (const args of [['migrate'], ['user', 'add', 'kojiadmin', '--admin', '--password', 'secret']]) {
    const done = spawnSync(process.execPath, [program, '--config', file, ...args], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(done.stderr);
  }
  return file;
}

async function measure(url) {
  const file = configure(url);
  const sessions = await addBuilders(folder, url, builders);
  const hub = await startHub(file);
  const alone = memory(hub.child.pid);
  const clients = startNode(local('builders.mjs'), hub.url);
  try {
    const lines = createInterface({ input: clients.stdout })[Symbol.asyncIterator]();
    clients.stdin.write(`${JSON.stringify({ sessions, key })}\n`);
    await lines.next();
    await sleep(10_000); // what came with their arrival is over
    const ask = async () => {
      clients.stdin.write('\n');
      return JSON.parse((await lines.next()).value);
    };
    const before = { ...(await ask()), time: processorTime(hub.child.pid), at: performance.now() };
    await sleep(seconds * 1000);
    const after = { ...(await ask()), time: processorTime(hub.child.pid), at: performance.now() };
    if (after.broken > 0) throw new Error(`${after.broken} builders were told something`);
    if (after.again > before.again) console.log(`${after.again - before.again} connected again`);
    const milliseconds = after.at - before.at;
    return {
      memory: memory(hub.child.pid),
      alone,
      share: (100 * (after.time - before.time)) / milliseconds,
      rate: (1000 * (after.answered - before.answered)) / milliseconds,
    };
  } finally {
    await stop(clients);
    await stop(hub.child);
  }
}

const postgres = options.database === 'postgres' ? await startPostgres() : null;
try {
  console.log(
    `${availableParallelism()} processors (${cpus()[0].model}), Node.js ${process.version}, load ${load.toFixed(1)}`,
  );
  const found = await measure(postgres ? `${postgres.url}postgres` : 'sqlite:koji.db');
  const show = (name, value, limit, unit) =>
    console.log(
      `${name.padEnd(16)} ${value.toFixed(1).padStart(7)} ${unit}  ${(value / limit).toFixed(2)} of the limit`,
    );
  console.log(
    `${builders} builders that wait on ${options.database}, ${seconds} s, ${found.rate.toFixed(0)} calls a second that ask again`,
  );
  show('memory', found.memory, limits.memory, 'MB');
  show('processor time', found.share, limits.share, '% of a core');
  console.log(`without builders the hub takes ${found.alone.toFixed(0)} MB`);
  if (options.write)
    await writeBlock(
      `waiting on ${options.database}: npm run bench -- waiting --database ${options.database} --write`,
      `${builders.toLocaleString('en')} builders on ${options.database}, ${seconds} s: ${found.memory.toFixed(0)} MB of memory ` +
        `(${found.alone.toFixed(0)} MB without builders), ${found.share.toFixed(1)} % of a core, ` +
        `${found.rate.toFixed(0)} calls a second that ask again. Measured on ${machine(load, { postgres: postgres && path.join(await findPostgres(), 'postgres') })}.`,
    );
  if (found.memory > limits.memory || found.share > limits.share) process.exitCode = 1;
} finally {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}
