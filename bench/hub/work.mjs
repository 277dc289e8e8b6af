// Work that can be done once only: imports, and a pass of the scheduler over many tasks and hosts.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeCall } from '@koji/core/wire';
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { now, sql } from '../../packages/koji-hub/dist/db/sql.js';
import { admin, processorTime } from '../shared/processes.mjs';
import { load } from './measure.mjs';
import { sessionAt } from './targets.mjs';

export const rpms = 150;
export const cgBuilds = 60;
export const freeTasks = 10_000;
export const hosts = 1000;

/** Packages of one build, by rpmbuild; null when it is not installed. */
export function buildRpms(folder) {
  const here = path.join(folder, 'rpms');
  mkdirSync(here, { recursive: true });
  const parts = Array.from({ length: rpms }, (_, i) => `part${i}`);
  const spec = `Name: measured
Version: 1
Release: 1
Summary: Packages of the benchmark
License: MIT
BuildArch: noarch
%description
Packages.
${parts.map((part) => `%package ${part}\nSummary: A part\n%description ${part}\nA part.\n%files ${part}\n`).join('')}`;
  const file = path.join(here, 'measured.spec');
  writeFileSync(file, spec);
  const defines = [
    `_topdir ${here}`,
    `_rpmdir ${here}`,
    '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  ];
  const done = spawnSync('rpmbuild', ['-bb', ...defines.flatMap((one) => ['--define', one]), file], {
    encoding: 'utf8',
  });
  if (done.error) return null;
  if (done.status !== 0) throw new Error(`rpmbuild: ${done.stderr}`);
  return readdirSync(here)
    .filter((name) => name.endsWith('.rpm'))
    .map((name) => path.join(here, name));
}

const log = Buffer.from('a log\n');

const metadataOf = (i) => ({
  metadata_version: 0,
  build: {
    name: 'bench-image',
    version: '1',
    release: String(i),
    source: null,
    start_time: 1_700_000_000,
    end_time: 1_700_000_600,
    extra: { typeinfo: { image: {} } },
  },
  buildroots: [
    {
      id: 1,
      host: { os: 'fedora-44', arch: 'x86_64' },
      content_generator: { name: 'bench', version: '1' },
      container: { type: 'docker', arch: 'x86_64' },
      tools: [{ name: 'make', version: '4' }],
      components: [],
    },
  ],
  output: [
    {
      buildroot_id: 1,
      filename: 'build.log',
      filesize: log.length,
      arch: 'noarch',
      checksum_type: 'md5',
      checksum: createHash('md5').update(log).digest('hex'),
      type: 'log',
    },
  ],
});

/** Sends each body once over one connection and tells the rate, the times and the processor time. */
async function sendOnce(target, bodies) {
  const before = processorTime(...target.pids);
  const done = await load(target.url, { bodies, once: true, headers: target.headers });
  if (done.faults > 0)
    throw new Error(`${bodies[0].slice(0, 100)} at ${target.name} failed: ${done.firstFault}`);
  return {
    ...done,
    cpu: target.pids.length > 0 ? (processorTime(...target.pids) - before) / done.count : null,
  };
}

/** Imports rpms and builds of a content generator. Files are brought before the clock runs. */
export async function measureImports(target, files, folder) {
  const session = await sessionAt(target, admin);
  const found = {};
  try {
    if (files) {
      await session.createEmptyBuild('measured', '1', '1', null);
      for (const file of files) await session.upload(file, 'bench-import');
      const bodies = files.map((file) => encodeCall('importRPM', ['bench-import', path.basename(file)]));
      found['importRPM'] = await sendOnce(target, bodies);
    }
    await session.grantCGAccess(admin.user, 'bench', true);
    const file = path.join(folder, 'build.log');
    writeFileSync(file, log);
    const bodies = [];
    for (let i = 0; i < cgBuilds; i++) {
      await session.upload(file, `bench-cg-${i}`);
      bodies.push(encodeCall('CGImport', [metadataOf(i), `bench-cg-${i}`]));
    }
    found['CGImport of a build'] = await sendOnce(target, bodies);
    return found;
  } finally {
    await session.close();
  }
}

const upTo = (most) => sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;

/** Adds hosts that wait and tasks that nobody has, below the API. */
export async function addWork(folder, url) {
  const database = await openDatabase({ url, folder });
  try {
    await database.write(async (db) => {
      const { id: event } = await db.get(sql`INSERT INTO events (time) VALUES (${now}) RETURNING id`);
      await db.run(
        sql`INSERT INTO users (name, status, usertype) ${upTo(hosts)} SELECT 'bench-host-' || i, 0, 1 FROM n`,
      );
      await db.run(sql`INSERT INTO host (user_id, name, update_time, ready)
        SELECT id, name, ${now}, TRUE FROM users WHERE name LIKE 'bench-host-%'`);
      await db.run(sql`INSERT INTO host_config (create_event, host_id, arches, capacity, creator_id)
        SELECT ${event}, id, 'x86_64 noarch', 4.0, 1 FROM host`);
      await db.run(sql`INSERT INTO host_channels (create_event, host_id, channel_id, creator_id)
        SELECT ${event}, id, 1, 1 FROM host`);
      await db.run(sql`UPDATE task SET state = 2 WHERE state = 0`);
      await db.run(sql`INSERT INTO task (state, create_time, method, request, owner, arch, priority, weight, channel_id)
        ${upTo(freeTasks)} SELECT 0, ${now}, 'sleep', ${encodeCall('sleep', [1])}, 1, 'noarch', 20, 1.0, 1 FROM n`);
      if (db.dialect === 'postgres') await db.run(sql`ANALYZE`);
    });
  } finally {
    await database.close();
  }
}

/** One pass of the scheduler. */
export const measureScheduler = (target) => sendOnce(target, [encodeCall('scheduler.doRun', [true])]);
