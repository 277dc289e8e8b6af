// Calls a second of a hub on each database, beside a bare node:http server that sends as many bytes: npm run bench -- hub
// [--peer URL] [--seconds N] [--only NAME]. With --peer also those of another hub, a Koji's for instance, that has the same
// data; `--user` and `--password` are its login.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ClientSession } from '@koji/client';
import { encodeCall } from '@koji/core/wire';
import { startPostgres } from '../../scripts/postgres.mjs';
import { fill } from './data.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    peer: { type: 'string' },
    user: { type: 'string', default: 'kojiadmin' },
    password: { type: 'string', default: 'secret' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const connections = 8;
const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
const local = (name) => fileURLToPath(new URL(name, import.meta.url));
const starstar = (named) => ({ __starstar: true, ...named });
const numbered = (count, make) => Array.from({ length: count }, (_, i) => make(i));
let unique = 0;

/** The calls, each with whether it needs a login, and its bodies. */
const calls = [
  ['getAPIVersion', false, () => [encodeCall('getAPIVersion', [])]],
  [
    'getBuild by NVR',
    true,
    () => numbered(100, (i) => encodeCall('getBuild', [`bench-${i + 1}-1.${i + 1}-1`])),
  ],
  ['getTag', true, () => [encodeCall('getTag', ['bench'])]],
  ['getTaskInfo with request', true, () => numbered(100, (i) => encodeCall('getTaskInfo', [i + 1, true]))],
  ['listTasks, 100 rows', true, () => [encodeCall('listTasks', [{}, { limit: 100, order: '-id' }])]],
  ['getFullInheritance', true, () => [encodeCall('getFullInheritance', ['bench'])]],
  [
    'getLatestBuilds, one package',
    true,
    () => numbered(100, (i) => encodeCall('getLatestBuilds', ['bench', null, `bench-${i + 1}`])),
  ],
  ['listTagged inherited', true, () => [encodeCall('listTagged', ['bench', starstar({ inherit: true })])]],
  [
    'listPackages inherited',
    true,
    () => [encodeCall('listPackages', [starstar({ tagID: 'bench', inherited: true })])],
  ],
  [
    'multicall of 100 getBuild',
    true,
    () => [
      encodeCall('multiCall', [
        numbered(100, (i) => ({ methodName: 'getBuild', params: [`bench-${i + 1}-1.${i + 1}-1`] })),
      ]),
    ],
  ],
  [
    'createTag',
    true,
    () => numbered(20_000, () => encodeCall('createTag', [`made-${Date.now()}-${unique++}`])),
    1,
  ],
  ['makeTask', true, () => [encodeCall('makeTask', ['sleep', [1]])], 1],
];

/** Milliseconds of processor time that processes took so far. */
function cpuOf(pids) {
  return pids.reduce((sum, pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) * 10; // a tick is 1/100 s
    } catch {
      return sum;
    }
  }, 0);
}

/** A process and those below it. */
function family(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [
          [
            Number(name),
            Number(
              readFileSync(`/proc/${name}/stat`, 'utf8')
                .replace(/^.*\) \S /s, '')
                .split(' ')[0],
            ),
          ],
        ];
      } catch {
        return [];
      }
    });
  const found = [pid];
  for (const one of found)
    found.push(...parents.filter(([, parent]) => parent === one).map(([child]) => child));
  return found;
}

async function start(...args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    const [, url] = /answers at (\S+)/.exec(said) ?? [];
    if (url) return { child, url };
  }
  throw new Error(`it did not start: ${said}`);
}

async function stop(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

async function load(url, { bodies, headers, clients = connections }) {
  const child = spawn(process.execPath, [local('load.mjs'), url, String(clients), options.seconds], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify({ bodies, headers }));
  let text = '';
  for await (const part of child.stdout) text += part;
  return JSON.parse(text);
}

/** Logs in and returns the headers of the new session. */
async function sessionHeaders(url) {
  const session = new ClientSession(url);
  const login = await session.call('login', [options.user, options.password]);
  await session.close();
  return { 'Koji-Session-Id': login['session-id'], 'Koji-Session-Key': login['session-key'] };
}

async function measureAll(url, pids) {
  const found = {};
  for (const [name, needsLogin, bodiesOf, clients] of calls) {
    if (options.only && !name.includes(options.only)) continue;
    const headers = needsLogin ? await sessionHeaders(url) : {};
    const request = { bodies: bodiesOf(), headers, ...(clients ? { clients } : {}) };
    if (!clients) await load(url, { ...request, bodies: request.bodies.slice(0, 100) });
    const before = cpuOf(pids());
    const done = await load(url, request);
    if (/fault/.test(done.sample)) throw new Error(`${name} failed: ${done.sample}`);
    found[name] = { ...done, cpu: (cpuOf(pids()) - before) / done.count };
  }
  return found;
}

async function measureOurs(kind, url, folder, backend) {
  const file = path.join(folder, `${kind}.conf`);
  writeFileSync(
    file,
    `[hub]\nDatabase = ${url}\nKojiDir = ${path.join(folder, 'koji')}\nListen = 127.0.0.1:0\nLogFile = ${path.join(folder, `${kind}.log`)}\n`,
  );
  for (const args of [
    ['migrate'],
    ['user', 'add', options.user, '--admin', '--password', options.password],
  ]) {
    const done = spawnSync(process.execPath, [program, '--config', file, ...args], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(done.stderr);
  }
  await fill(folder, url);
  const { child, url: at } = await start(program, '--config', file);
  try {
    return await measureAll(at, () => [...family(child.pid), ...(backend ? family(backend) : [])]);
  } finally {
    await stop(child);
  }
}

/** Measures a bare server that sends answers of the same lengths. */
async function measureBare(measured) {
  const found = {};
  for (const [name, { bytes }] of Object.entries(measured)) {
    const { child, url } = await start(local('bare.mjs'), String(bytes));
    const clients = calls.find(([call]) => call === name)[3];
    found[name] = await load(url, {
      bodies: ['x'.repeat(400)],
      headers: {},
      ...(clients ? { clients } : {}),
    });
    await stop(child);
  }
  return found;
}

const folder = mkdtempSync(path.join(tmpdir(), 'koji-bench-'));
const postgres = await startPostgres();
try {
  console.log(
    `${availableParallelism()} processors (${cpus()[0].model}), Node.js ${process.version}, load ${loadavg()[0].toFixed(1)}`,
  );
  const sqlite = await measureOurs('sqlite', 'sqlite:koji.db', folder);
  const onPostgres = await measureOurs('postgres', `${postgres.url}postgres`, folder, postgres.pid);
  const bare = await measureBare(sqlite);
  const peer = options.peer ? await measureAll(options.peer, () => []) : null;
  const rows = Object.keys(sqlite).map((name) => {
    const cells = (one) =>
      one
        ? [
            one.rate.toFixed(0),
            `${one.p50.toFixed(1)} / ${one.p99.toFixed(1)}`,
            ...(one.cpu === undefined ? [] : [one.cpu.toFixed(2)]),
          ]
        : [];
    const share = (one) => (one.rate / bare[name].rate).toFixed(2);
    const ratio = (one) => (peer ? [(one.rate / peer[name].rate).toFixed(1)] : []);
    return [
      name,
      ...cells(sqlite[name]),
      share(sqlite[name]),
      ...ratio(sqlite[name]),
      ...cells(onPostgres[name]),
      share(onPostgres[name]),
      ...ratio(onPostgres[name]),
      bare[name].rate.toFixed(0),
      ...(peer ? [peer[name].rate.toFixed(0)] : []),
    ];
  });
  const ours = (kind) => [
    `${kind}, a second`,
    'p50 / p99 ms',
    'CPU ms',
    'of bare',
    ...(peer ? ['of peer'] : []),
  ];
  const head = [
    'call',
    ...ours('SQLite'),
    ...ours('PostgreSQL'),
    'bare, a second',
    ...(peer ? ['peer, a second'] : []),
  ];
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
  if (options.json) console.log(JSON.stringify({ sqlite, onPostgres, bare, peer }));
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
