// Makes a hub with as much as a site has: npm run bench -- load --scale 1|10|100 --database sqlite|postgres|postgresql://…
// [--folder DIR]. With --folder the hub stays there, else it serves until Ctrl-C and is removed.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../../scripts/postgres.mjs';
import { admin, makeHub, startHub, stopProgram } from '../shared/processes.mjs';
import { countsAt, fill } from './data.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    scale: { type: 'string', default: '1' },
    database: { type: 'string', default: 'sqlite' },
    folder: { type: 'string' },
    // Whether to serve what was made.
    serve: { type: 'boolean', default: false },
  },
});
const scale = Number(options.scale);
if (!Number.isInteger(scale) || scale < 1) {
  console.error(`--scale '${options.scale}': not a whole number of at least 1`);
  process.exit(2);
}
const isKept = options.folder !== undefined;
const folder = isKept ? path.resolve(options.folder) : mkdtempSync(path.join(tmpdir(), 'koji-load-'));
mkdirSync(folder, { recursive: true });
const postgres = options.database === 'postgres' ? await startPostgres() : null;
const url =
  options.database === 'sqlite' ? 'sqlite:koji.db' : postgres ? `${postgres.url}postgres` : options.database;
try {
  const config = makeHub(folder, url);
  const start = Date.now();
  const bytes = await fill(folder, url, scale, (table, rows, seconds) =>
    console.log(
      `${table.padEnd(20)} ${rows.toLocaleString('en').padStart(10)} rows ${seconds.toFixed(1).padStart(7)} s`,
    ),
  );
  const { builds, rpms, tags, tasks } = countsAt(scale);
  const [b, r, t, k] = [builds, rpms, tags, tasks].map((count) => count.toLocaleString('en'));
  console.log(
    `${b} builds, ${r} rpms, ${t} tags, ${k} tasks in ${((Date.now() - start) / 1000).toFixed(0)} s; ` +
      `${(bytes / 1e6).toFixed(0)} MB; ${config}`,
  );
  if (options.serve) {
    const { child, url: address } = await startHub(config);
    console.log(
      `The hub answers at ${address} (${admin.user}, ${admin.password}; database ${url}). Stop it with Ctrl-C.`,
    );
    const stop = () => void stopProgram(child);
    process.once('SIGINT', stop).once('SIGTERM', stop);
    if (child.exitCode === null) await once(child, 'exit');
  }
} finally {
  await postgres?.stop();
  if (!isKept) rmSync(folder, { recursive: true, force: true });
}
