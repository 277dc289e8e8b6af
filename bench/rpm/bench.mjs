// Reading the headers of rpm files, against the limit that README.md names; rpm(8) is the peer where it is installed.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RpmHeader } from '@koji/core/rpm';

const limit = 2000; // headers per second of processor time
const seconds = Number(process.env.BENCH_SECONDS ?? 3);
const folder = fileURLToPath(new URL('../../packages/koji-core/test/fixtures/rpms/', import.meta.url));
const files = readdirSync(folder).map((name) => path.join(folder, name));
const lists = [
  'FILENAMES',
  'FILESIZES',
  'FILEDIGESTS',
  'REQUIRENAME',
  'REQUIREVERSION',
  'PROVIDENAME',
  'CHANGELOGTEXT',
];

/** The data that an import reads from a file: its identity, its files and its dependencies. */
async function read(file) {
  const header = await RpmHeader.read(file);
  header.info();
  for (const tag of lists) header.get(tag);
}

async function measure() {
  const began = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  while (performance.now() - began < seconds * 1000) {
    for (const file of files) await read(file);
    count += files.length;
  }
  const { user, system } = process.cpuUsage(cpu);
  return (count / (user + system)) * 1e6;
}

/** Headers that rpm(8) reads in a second, many files by one process. */
function peer() {
  const many = Array.from({ length: 300 }, () => files).flat();
  const format = `%{NEVRA}${lists.map((tag) => `[%{${tag}} ]`).join('')}\n`;
  const before = performance.now();
  const { status, error } = spawnSync(
    'rpm',
    ['-qp', '--nosignature', '--nodigest', '--qf', format, ...many],
    {
      stdio: 'ignore',
    },
  );
  if (error || status !== 0) return null;
  return (many.length / (performance.now() - before)) * 1000;
}

for (const file of files) await read(file);
await measure();
const speed = await measure();
const theirs = peer();
console.log(
  `${Math.round(speed)} headers per second of processor time: ${(limit / speed).toFixed(2)} of the limit`,
);
if (theirs === null) console.log('rpm(8) is not installed, so there is no peer');
else
  console.log(`rpm(8): ${Math.round(theirs)} a second; we read ${(speed / theirs).toFixed(1)} times as many`);
if (speed < limit) process.exitCode = 1;
