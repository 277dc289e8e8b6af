// Measures how long another client waits for `getAPIVersion` while a hub answers its longest calls, on both databases.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { migrate } from '../../packages/koji-hub/dist/db/migrate.js';
import { startPostgres } from '../../scripts/postgres.mjs';

const limit = 50;
const size = process.env.BENCH_SIZE ?? '20000';
const place = (name) => fileURLToPath(new URL(`../../packages/koji-hub/${name}`, import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'koji-loop-'));
const show = (number) => number.toFixed(1).padStart(9);
let worst = 0;

async function measure(name, url) {
  const database = await openDatabase({ url, folder });
  await migrate(database);
  await database.close();
  console.log(`\n${name}; load ${loadavg()[0].toFixed(1)} before the start; milliseconds`);
  console.log(`${'call'.padEnd(40)}     took  at once      p99`);
  const args = [place('test/support/worst-calls.mjs'), place('dist'), folder, url, size];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const part of child.stdout) {
    text += part;
    const lines = text.split('\n');
    text = lines.pop();
    for (const { name: call, took, slice, p99 } of lines.map((line) => JSON.parse(line))) {
      console.log(
        `${call.padEnd(40)}${show(took)}${show(slice)}${show(p99)}${p99 > limit ? '  TOO MUCH' : ''}`,
      );
      worst = Math.max(worst, p99);
    }
  }
  if (child.exitCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`the calls failed (${child.exitCode})`);
}

const postgres = await startPostgres();
try {
  await measure('SQLite', 'sqlite:koji.db');
  await measure('PostgreSQL', `${postgres.url}postgres`);
  console.log(`\nthe highest p99 is ${(worst / limit).toFixed(2)} of the limit of ${limit} ms`);
  process.exitCode = worst > limit ? 1 : 0;
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
