// Fills a hub with data besides the builds of the benchmark of tags: tasks of a month, hosts, a repository with buildroots, an
// rpm with its file, an archive and a long log. Inserts many rows in bulk below the API, the rest through it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeFault, encodeResponse } from '@koji/core/wire';
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { now, sql } from '../../packages/koji-hub/dist/db/sql.js';
import { builds } from '../tags/data.mjs';

/** Tasks of builds, one a build of the last month; each has a task that builds for an arch below it. */
const tasks = 10_000;
const hosts = 40;
const users = 400;
const buildroots = 400;
const days = 30;

const upTo = (most) => sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
const time = (seconds) =>
  sql`strftime('%Y-%m-%d %H:%M:%S.000000+00:00', 'now', '-' || CAST(${seconds} AS integer) || ' seconds')`;

const spec = `Name: measured
Version: 1
Release: 1
Summary: A package of the benchmark
License: MIT
BuildArch: noarch
%description
It has some files.
%install
mkdir -p %{buildroot}/usr/share/measured
for i in $(seq 200); do echo $i > %{buildroot}/usr/share/measured/$i; done
%files
/usr/share/measured
`;

function buildRpm(folder) {
  const file = path.join(folder, 'measured.spec');
  writeFileSync(file, spec);
  const defines = [
    `_topdir ${folder}`,
    `_rpmdir ${folder}`,
    `_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm`,
  ];
  const done = spawnSync('rpmbuild', ['-bb', ...defines.flatMap((one) => ['--define', one]), file]);
  if (done.status !== 0) throw new Error(`rpmbuild (apt-get install rpm): ${done.stderr || done.error}`);
  return path.join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.rpm')),
  );
}

/** Adds through the API what has files or rules of its own. Answers the ids that pages are asked for. */
export async function addThings(session, folder) {
  for (let i = 1; i <= hosts; i++) await session.addHost(`builder${i}.example.com`, ['x86_64', 'noarch']);
  const target = await session
    .createBuildTarget('bench', 'bench', 'bench')
    .then(() => session.getBuildTarget('bench'));
  const repo = await session.createExternalRepo('bench-external', 'https://example.com/repo/');
  await session.addExternalRepoToTag('bench', 'bench-external', 5);
  await session.packageListAdd('bench-parent', 'measured', 'kojiadmin');
  await session.createEmptyBuild('measured', '1', '1', null);
  await session.upload(buildRpm(folder), 'import');
  await session.importRPM('import', 'measured-1-1.noarch.rpm');
  const [rpm] = await session.listRPMs((await session.getBuild('measured-1-1')).id);
  const request = await session.repo.request('bench');
  await session.createNotification('kojiadmin', 'measured', 'bench', true);
  const [notification] = await session.getBuildNotifications('kojiadmin');
  const log = await session.makeTask('build', ['git+https://src.example.com/rpms/measured#1', 'bench']);
  const output = path.join(folder, 'koji', 'work', 'tasks', String(log % 10_000), String(log));
  mkdirSync(output, { recursive: true });
  const line = `${'gcc -O2 -g -c file.c -o file.o '.repeat(3)}\n`;
  writeFileSync(path.join(output, 'build.log'), line.repeat(Math.ceil(80e6 / line.length)));
  return {
    target: target.id,
    externalRepo: repo.id,
    measured: rpm.build_id,
    rpm: rpm.id,
    request: request.request?.id ?? 0,
    notification: notification.id,
    log,
  };
}

/** Adds the rows that there are many of. Answers further ids. */
export async function fillMore(folder, url, { tagId, log }) {
  const database = await openDatabase({ url, folder });
  try {
    return await database.write(async (db) => {
      const event = (await db.get(sql`SELECT max(id) AS id FROM events`)).id;
      await db.run(sql`INSERT INTO users (name, status, usertype) ${upTo(users)}
        SELECT 'user' || i, 0, 0 FROM n`);
      const { first: user } = await db.get(sql`SELECT max(id) - ${users} AS first FROM users`);
      const { first } = await db.get(sql`SELECT coalesce(max(id), 0) AS first FROM task`);
      const ago = sql`((${tasks} - i) * ${days * 86_400} / ${tasks})`;
      const { request } = await db.get(sql`SELECT request FROM task WHERE id = ${log}`);
      const result = sql`CASE WHEN i % 20 = 0 THEN ${encodeFault(1000, 'BuildError: see build.log')} ELSE ${encodeResponse('done')} END`;
      await db.run(sql`INSERT INTO task (id, state, create_time, start_time, completion_time, channel_id, host_id, owner,
          method, request, result, arch, priority, weight) ${upTo(tasks)}
        SELECT ${first} + i, CASE WHEN i % 20 = 0 THEN 5 ELSE 2 END, ${time(sql`${ago} + 900 + i % 100`)},
          ${time(sql`${ago} + 890`)}, ${time(ago)}, 1, 1 + i % ${hosts}, ${user} + 1 + i % ${users}, 'build', ${request}, ${result},
          'noarch', 20, 0.2 FROM n`);
      await db.run(sql`INSERT INTO task (id, state, create_time, start_time, completion_time, channel_id, host_id, owner,
          method, request, result, arch, priority, weight, parent, label) ${upTo(tasks)}
        SELECT ${first + tasks} + i, CASE WHEN i % 20 = 0 THEN 5 ELSE 2 END, ${time(sql`${ago} + 880`)},
          ${time(sql`${ago} + 870 - i % 60`)}, ${time(ago)}, 1, 1 + i % ${hosts}, ${user} + 1 + i % ${users}, 'buildArch',
          ${request}, ${result}, 'x86_64', 20, 1.5, ${first} + i, 'x86_64' FROM n`);
      await db.run(sql`UPDATE build SET task_id = ${first} + id - ${builds - tasks}, owner = ${user} + 1 + id % ${users},
          start_time = ${time(sql`(${builds} - id) * ${days * 86_400} / ${tasks} + 900`)},
          completion_time = ${time(sql`(${builds} - id) * ${days * 86_400} / ${tasks}`)}
        WHERE id > ${builds - tasks} AND id <= ${builds}`);
      await db.run(sql`INSERT INTO repo (create_event, begin_event, tag_id, state, dist, task_id)
        VALUES (${event}, ${event}, ${tagId}, 1, FALSE, ${first + 1})`);
      const repo = (await db.get(sql`SELECT max(id) AS id FROM repo`)).id;
      await db.run(sql`INSERT INTO buildroot (id, br_type) ${upTo(buildroots)} SELECT i, 0 FROM n`);
      await db.run(sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, state)
        ${upTo(buildroots)} SELECT i, 1 + i % ${hosts}, ${repo}, ${first + tasks} + i, ${event}, 2 FROM n`);
      await db.run(sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id)
        SELECT buildroot.id, rpminfo.id FROM buildroot JOIN rpminfo ON rpminfo.id <= 300`);
      await db.run(sql`UPDATE rpminfo SET buildroot_id = 1 + id % ${buildroots}`);
      await db.run(sql`INSERT INTO archiveinfo (type_id, btype_id, build_id, buildroot_id, filename, size, checksum,
          checksum_type)
        SELECT (SELECT min(id) FROM archivetypes), (SELECT id FROM btype WHERE name = 'image'), 1, 1, 'disk.raw', 1000,
          'd41d8cd98f00b204e9800998ecf8427e', 0`);
      await db.run(sql`UPDATE host SET update_time = ${now}, ready = TRUE`);
      return { task: first + tasks, repo, user: user + 1 };
    });
  } finally {
    await database.close();
  }
}
