// Measures the cost of calls on databases of three sizes: npm run bench -- growth [--scales 1,10,100] [--databases
// sqlite,postgres] [--only TEXT] [--seconds N] [--write]. See bench/README.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { findPostgres, startPostgres } from '../../scripts/postgres.mjs';
import { load } from '../hub/measure.mjs';
import { countsAt, fill } from '../load/data.mjs';
import { makeHub, processorTime, sessionHeaders, startHub, stopProgram } from '../shared/processes.mjs';
import { figure, machine, tableOf, writeBlock } from '../shared/report.mjs';
import { callsAt, shape } from './calls.mjs';
import { plot } from './plot.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    scales: { type: 'string', default: '1,10,100' },
    databases: { type: 'string', default: 'sqlite,postgres' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const scales = options.scales.split(',').map(Number);
const names = { sqlite: 'SQLite', postgres: 'PostgreSQL' };
const seconds = Number(options.seconds);
const before = loadavg()[0];
const folder = mkdtempSync(path.join(tmpdir(), 'koji-growth-'));
const closers = [() => rmSync(folder, { recursive: true, force: true })];
async function stopAll() {
  for (const close of closers.splice(0).reverse()) await close();
}
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => void stopAll().finally(() => process.exit(130)));

/** Milliseconds of processor time of each call, hub and database together. */
async function measure(scale, database) {
  const here = path.join(folder, `${database}-${scale}`);
  mkdirSync(here);
  const postgres = database === 'postgres' ? await startPostgres() : null;
  if (postgres) closers.push(postgres.stop);
  const url = postgres ? `${postgres.url}postgres` : 'sqlite:koji.db';
  const config = makeHub(here, url);
  const began = Date.now();
  const bytes = await fill(here, url, scale);
  console.log(
    `${names[database]} ×${scale}: filled in ${Math.round((Date.now() - began) / 1000)} s, ${Math.round(bytes / 1e6)} MB`,
  );
  const { child, url: at } = await startHub(config);
  closers.push(() => stopProgram(child));
  const pids = [child.pid, ...(postgres ? [postgres.pid] : [])];
  const headers = await sessionHeaders(at);
  const found = {};
  for (const { name, bodies } of callsAt(scale).filter(
    (call) => !options.only || call.name.includes(options.only),
  )) {
    const send = async (time) => {
      const start = processorTime(...pids);
      const done = await load(at, { bodies: bodies(), headers, seconds: time });
      if (done.faults > 0) throw new Error(`${name} failed: ${done.firstFault}`);
      return (processorTime(...pids) - start) / done.count;
    };
    await send(seconds / 3);
    found[name] = await send(seconds);
    console.log(`${names[database]} ×${scale} ${name}: ${figure(found[name])} ms`);
  }
  await closers.pop()();
  if (postgres) await closers.pop()();
  rmSync(here, { recursive: true, force: true });
  return found;
}

const title = (database) => `Processor time of a call on ${names[database]}`;
const picture = (database) => `performance-${database}.svg`;

/** The table of one database. */
function report(database, results) {
  const rows = Object.keys(results[0]).map((name) => {
    const values = results.map((result) => result[name]);
    return [name, ...values.map(figure), figure(values.at(-1) / values[0])];
  });
  const head = ['call, ms', ...scales.map((scale) => `×${scale}`), `×${scales.at(-1)} ÷ ×${scales[0]}`];
  return `${names[database]}:\n\n![${title(database)}](${picture(database)})\n\n${tableOf(head, rows)}`;
}

try {
  const sections = [];
  for (const database of options.databases.split(',')) {
    const results = [];
    for (const scale of scales) results.push(await measure(scale, database));
    sections.push(report(database, results));
    if (!options.write) continue;
    const lines = Object.fromEntries(
      // The clock ticks every 10 ms, so shorter times cannot be measured.
      Object.keys(results[0]).map((name) => [name, results.map((result) => Math.max(0.01, result[name]))]),
    );
    const svg = plot({
      title: title(database),
      xs: scales,
      xName: (scale) => `×${scale}: ${countsAt(scale).builds.toLocaleString('en')} builds`,
      yName: 'milliseconds of hub and database together',
      lines,
    });
    writeFileSync(fileURLToPath(new URL(`../../docs/${picture(database)}`, import.meta.url)), svg);
  }
  const bin = await findPostgres();
  const text = [
    `Measured on ${machine(before, { postgres: path.join(bin, 'postgres') })}. At ×1 there are ` +
      `${Object.entries(countsAt(1))
        .map(([what, count]) => `${count.toLocaleString('en')} ${what}`)
        .join(', ')}, with ${shape}.`,
    ...sections,
  ].join('\n\n');
  console.log(text);
  if (options.write) await writeBlock('growth: npm run bench -- growth --write', text);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stopAll();
}
