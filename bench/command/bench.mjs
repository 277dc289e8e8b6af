// Measures the cost of `koji` for a user: processor time of its start compared to a bare node, and the list of a tag of 20,000
// builds.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';
import { builds, fill } from '../tags/data.mjs';

const rounds = Number(process.env.BENCH_ROUNDS ?? 7);
const limits = { help: 0.25, call: 0.3, first: 1, megabytes: 150 };
const folder = mkdtempSync(path.join(tmpdir(), 'koji-command-'));
const file = (name) => path.join(folder, name);
const programOf = (name) =>
  fileURLToPath(new URL(`../../packages/${name}/dist/bundle/main.js`, import.meta.url));
const [hubProgram, kojiProgram] = [programOf('koji-hub'), programOf('koji-client')];

/** Runs a command to its end and prints when its first byte came, its processor time and its largest memory. */
const meter = `
import resource, subprocess, sys, time
start = time.time()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
first = child.stdout.read(1)
at = time.time() - start
lines = (first + child.stdout.read()).count(b"\\n")
code = child.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, at, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, lines)
`;

function measure(...command) {
  const runs = Array.from({ length: rounds }, () => {
    const { stdout, stderr } = spawnSync('python3', ['-c', meter, process.execPath, ...command], {
      encoding: 'utf8',
      env: { ...process.env, HOME: folder },
    });
    const [code, first, cpu, megabytes, lines] = stdout.split(' ').map(Number);
    if (code !== 0) throw new Error(`${command.join(' ')} failed: ${stderr}`);
    return { first, cpu, megabytes, lines };
  });
  const median = (key) => runs.map((run) => run[key]).sort((a, b) => a - b)[Math.floor(rounds / 2)];
  return { first: median('first'), cpu: median('cpu'), megabytes: median('megabytes'), lines: runs[0].lines };
}

/** Prints a figure and what share of its limit is used; more than all of it is a failure. */
function judge(name, figure, unit, limit) {
  const used = figure / limit;
  if (used > 1) process.exitCode = 1;
  console.log(
    `${name.padEnd(44)} ${figure.toFixed(2).padStart(8)} ${unit.padEnd(3)} ${used.toFixed(2)} of the limit${used > 1 ? '  TOO MUCH' : ''}`,
  );
}

let hub = null;
try {
  writeFileSync(
    file('hub.conf'),
    `[hub]\nListen = 127.0.0.1:0\nDatabase = sqlite:${file('koji.sqlite')}\nKojiDir = ${file('koji')}\n`,
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    [hubProgram, '--config', file('hub.conf'), 'user', 'add', 'kojiadmin', '--password-file', '-', '--admin'],
    { encoding: 'utf8', input: 'kojiadmin\n' },
  );
  if (status !== 0) throw new Error(stderr);
  hub = spawn(process.execPath, [hubProgram, '--config', file('hub.conf')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  let url;
  for await (const text of hub.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    url = /answers at (\S+)/.exec(said)?.[1];
    if (url) break;
  }
  if (!url) throw new Error(`the hub did not start: ${said}`);
  const session = new ClientSession(url, { user: 'kojiadmin', password: 'kojiadmin' });
  await session.login();
  const parentId = await session.createTag('bench-parent');
  const tagId = await session.createTag('bench', 'bench-parent');
  const { id: userId } = await session.getUser('kojiadmin');
  await session.close();
  await fill(folder, `sqlite:${file('koji.sqlite')}`, { tagId, parentId, userId });

  const [load] = loadavg();
  if (load > 1) console.log(`the machine is busy (load ${load.toFixed(1)})`);
  writeFileSync(file('koji.conf'), `[koji]\nserver = ${url}\n`);
  const koji = (...args) => measure(kojiProgram, '-c', file('koji.conf'), ...args);
  console.log(`bare node: ${measure('-e', 'console.log(1)').cpu.toFixed(2)} s of processor time`);
  judge('koji help, processor time', koji('help').cpu, 's', limits.help);
  judge(
    'koji call getTag, processor time',
    koji('--noauth', 'call', 'getTag', 'bench').cpu,
    's',
    limits.call,
  );
  const list = koji('list-tagged', 'bench', '--inherit');
  if (list.lines < builds) throw new Error(`only ${list.lines} lines`);
  judge(`koji list-tagged, ${builds} builds, first line`, list.first, 's', limits.first);
  judge('koji list-tagged, memory', list.megabytes, 'MB', limits.megabytes);
} finally {
  if (hub && hub.exitCode === null) {
    hub.kill('SIGTERM');
    await once(hub, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
