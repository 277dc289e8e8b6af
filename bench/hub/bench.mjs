// Calls a second of a hub on each database, beside a Koji hub and a bare node:http server that sends as many bytes:
// npm run bench -- hub [--koji DIR | --peer URL] [--only TEXT] [--seconds N] [--rounds N] [--write]. See bench/README.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findPostgres, startPostgres } from '../../scripts/postgres.mjs';
import { memoryOf } from '../shared/processes.mjs';
import { machine, writeBlock } from '../shared/report.mjs';
import { calls } from './calls.mjs';
import { checkKoji } from './koji.mjs';
import { measureCall } from './measure.mjs';
import { tables } from './tables.mjs';
import { peerAt, startOurs, startTheirs } from './targets.mjs';
import { addWork, buildRpms, measureImports, measureScheduler } from './work.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    koji: { type: 'string' },
    peer: { type: 'string' },
    seconds: { type: 'string', default: '1.2' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const how = { seconds: Number(options.seconds), rounds: Number(options.rounds) };
const chosen = calls.filter(({ name }) => !options.only || name.includes(options.only));
/** As a site has it: what the tests' server leaves out makes writing cheaper than it is. */
const durable = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', autovacuum: 'on' };

const load = loadavg()[0];
const folder = mkdtempSync(path.join(tmpdir(), 'koji-bench-'));
const closers = [() => rmSync(folder, { recursive: true, force: true })];
/** Stops everything, the last thing that was started first. */
async function stopAll() {
  for (const close of closers.splice(0).reverse()) await close();
}
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => void stopAll().finally(() => process.exit(130)));

try {
  if (options.koji) checkKoji(options.koji);
  const postgres = await startPostgres(durable);
  closers.push(postgres.stop);
  const started = [];
  const keep = async (target) => {
    started.push(await target);
    closers.push(started.at(-1).stop);
  };
  const databases = {
    sqlite: 'sqlite:koji.db',
    postgres: `${postgres.url}postgres`,
    peer: `${postgres.url}kojihub`,
  };
  await keep(startOurs('postgres', databases.postgres, { folder, postgres }));
  await keep(startOurs('sqlite', databases.sqlite, { folder }));
  if (options.koji) await keep(startTheirs(options.koji, { folder, postgres }));
  else if (options.peer) await keep(peerAt(options.peer));

  const measured = {};
  for (const call of chosen) {
    measured[call.name] = await measureCall(started, call, how);
    console.log(
      `${call.name}: ${Object.entries(measured[call.name])
        .map(([name, { rate }]) => `${name} ${rate.toFixed(1)}`)
        .join(', ')} a second`,
    );
  }
  const work = {};
  // The database of a hub that runs elsewhere can't be filled.
  const owned = started.filter(({ pids }) => pids.length > 0);
  if (!options.only || options.only === 'work') {
    const files = buildRpms(folder);
    for (const target of owned) {
      work[target.name] = await measureImports(target, files, folder);
      await addWork(path.join(folder, target.name === 'peer' ? '' : target.name), databases[target.name]);
      work[target.name].scheduler = await measureScheduler(target);
      work[target.name].memory = memoryOf(target.hub);
    }
  }
  const peer = started.find(({ name }) => name === 'peer');
  const text = tables({
    measured,
    work,
    peer,
    how,
    machine: machine(load, { postgres: path.join(await findPostgres(), 'postgres') }),
  });
  console.log(text);
  if (options.json) console.log(JSON.stringify({ measured, work }));
  if (options.write) await writeBlock('calls: npm run bench -- hub --koji DIR --write', text);
} catch (error) {
  console.error(error instanceof Error && !error.cause ? error.stack : error);
  process.exitCode = 1;
} finally {
  await stopAll();
}
