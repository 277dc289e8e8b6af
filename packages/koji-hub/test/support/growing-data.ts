import { encodeCall } from '@koji/core/wire';
import type { Connection } from '../../src/db/connection.js';
import { Sql, sql } from '../../src/db/sql.js';

const text = (texts: { readonly postgres: string; readonly sqlite: string } | string): Sql =>
  new Sql([typeof texts === 'string' ? texts : (dialect) => texts[dialect]]);

const epoch = Date.parse('2024-01-01T00:00:00Z') / 1000;

/** The moment of the build, task and event of a number, in seconds since 1970. */
export const momentOf = (n: number): number => epoch + n * 60;

/**
 * Adds the builds numbered from one number to another, each with a task, an event, rpms and so on, four of a package. The first
 * twelve are of the user `rare`, on the host `builder1`, and failed or are still in progress; all others are of `owner`. So
 * every query about the first twelve has the same answer, however many builds follow. All builds are in the tag `big`, from
 * which `child` inherits, the first forty in `small`.
 */
export async function grow(db: Connection, from: number, to: number): Promise<void> {
  const numbers = (first: number, last: number): Sql =>
    text({
      postgres: `generate_series(${first}, ${last}) AS numbers(n)`,
      sqlite: `(WITH RECURSIVE numbers(n) AS (SELECT ${first} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${last})
        SELECT n FROM numbers) AS numbers`,
    });
  const each = numbers(from + 1, to);
  const at = text({
    postgres: `(timestamptz '2024-01-01 00:00:00+00' + n * interval '1 minute')`,
    sqlite: `strftime('%Y-%m-%d %H:%M:%f000+00:00', '2024-01-01', n || ' minutes')`,
  });
  const user = text('(CASE WHEN n <= 12 THEN 1002 ELSE 1001 END)');
  const host = text('(CASE WHEN n <= 12 THEN 1 ELSE 2 + n % 4 END)');
  const event = text('(1000 + n)');
  const pkg = text('(1 + (n - 1) / 4)');
  const request = Buffer.from(encodeCall('build', ['git+https://example.com/a?#b', 'target', {}])).toString();
  const run = (query: Sql): Promise<number> => db.run(query);

  if (from === 0) {
    await run(sql`INSERT INTO users (id, name, status, usertype)
      VALUES (1001, 'owner', 0, 0), (1002, 'rare', 0, 0)`);
    await run(sql`INSERT INTO users (id, name, status, usertype)
      SELECT 1010 + n, 'builder' || n, 0, 1 FROM ${numbers(1, 5)}`);
    await run(sql`INSERT INTO events (id, time) SELECT 1000 + n, ${at} FROM ${numbers(0, 0)}`);
    await run(sql`INSERT INTO host (id, user_id, name, ready)
      SELECT n, 1010 + n, 'builder' || n, TRUE FROM ${numbers(1, 5)}`);
    await run(sql`INSERT INTO host_config (host_id, arches, enabled, create_event, creator_id)
      SELECT n, 'x86_64 noarch', TRUE, 1000, 1001 FROM ${numbers(1, 5)}`);
    await run(sql`INSERT INTO tag (id, name) VALUES (1, 'big'), (2, 'small'), (3, 'child')`);
    await run(sql`INSERT INTO tag_config (tag_id, arches, create_event, creator_id)
      SELECT id, 'x86_64', 1000, 1001 FROM tag`);
    await run(sql`INSERT INTO tag_inheritance
      (tag_id, parent_id, priority, intransitive, noconfig, pkg_filter, create_event, creator_id)
      VALUES (3, 1, 0, FALSE, FALSE, '', 1000, 1001)`);
  }
  await run(sql`INSERT INTO events (id, time) SELECT ${event}, ${at} FROM ${each}`);
  await run(
    sql`INSERT INTO package (id, name) SELECT ${pkg}, 'package' || ${pkg} FROM ${each} WHERE n % 4 = 1`,
  );
  await run(sql`INSERT INTO task (id, state, method, request, arch, channel_id, host_id, owner, create_time, start_time, completion_time)
    SELECT n * 2, CASE WHEN n <= 3 THEN 1 WHEN n <= 5 THEN 0 WHEN n <= 12 THEN 5 ELSE 2 END, 'build', ${request}, 'noarch', 1,
      ${host}, ${user}, ${at}, ${at}, CASE WHEN n > 5 THEN ${at} END FROM ${each}`);
  await run(sql`INSERT INTO task
    (id, state, method, request, arch, channel_id, host_id, parent, label, owner, create_time, start_time, completion_time)
    SELECT n * 2 + 1, 2, CASE WHEN n <= 12 THEN 'rareArch' ELSE 'buildArch' END, ${request}, 'x86_64', 1, ${host}, n * 2, 'x',
      ${user}, ${at}, ${at}, ${at} FROM ${each}`);
  await run(sql`INSERT INTO build
    (id, volume_id, pkg_id, version, release, create_event, start_time, completion_time, state, task_id, owner, cg_id)
    SELECT n, 0, ${pkg}, '1', CAST(n AS text), ${event}, ${at}, CASE WHEN n > 3 THEN ${at} END,
      CASE WHEN n <= 3 THEN 0 WHEN n <= 12 THEN 3 ELSE 1 END, n * 2, ${user}, NULL FROM ${each}`);
  for (const [tag, some] of [
    [1, sql`1 = 1`],
    [2, sql`n <= 40`],
  ] as const) {
    await run(sql`INSERT INTO tag_packages (package_id, tag_id, blocked, extra_arches, create_event, creator_id)
      SELECT ${pkg}, ${tag}, FALSE, '', ${event}, 1001 FROM ${each} WHERE n % 4 = 1 AND ${some}`);
    await run(sql`INSERT INTO tag_package_owners (package_id, tag_id, owner, create_event, creator_id)
      SELECT ${pkg}, ${tag}, ${user}, ${event}, 1001 FROM ${each} WHERE n % 4 = 1 AND ${some}`);
    await run(sql`INSERT INTO tag_listing (build_id, tag_id, create_event, creator_id)
      SELECT n, ${tag}, ${event}, 1001 FROM ${each} WHERE ${some}`);
  }
  await run(sql`INSERT INTO tag_updates (tag_id, update_event, updater_id, update_type)
    SELECT CASE WHEN n <= 40 THEN 2 ELSE 1 END, ${event}, 1001, 1 FROM ${each}`);
  await run(sql`INSERT INTO repo (id, creation_time, create_event, tag_id, state, dist, task_id, opts, custom_opts)
    SELECT n, ${at}, ${event}, CASE WHEN n <= 40 THEN 2 ELSE 1 END, CASE WHEN n <= 20 THEN 1 ELSE 3 END, FALSE, n * 2, '{}', '{}'
    FROM ${each}`);
  await run(sql`INSERT INTO buildroot (id, br_type, container_type, container_arch)
    SELECT n, 0, 'chroot', 'x86_64' FROM ${each}`);
  await run(sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, retire_event, state)
    SELECT n, ${host}, n, n * 2 + 1, ${event}, ${event}, CASE WHEN n <= 8 THEN 2 ELSE 3 END FROM ${each}`);
  await run(sql`INSERT INTO rpminfo
    (id, build_id, buildroot_id, name, version, release, arch, draft, external_repo_id, payloadhash, size, buildtime)
    SELECT n, n, n, 'package' || ${pkg}, '1', CAST(n AS text), 'noarch', FALSE, 0, '00', 1, 1 FROM ${each}`);
  await run(sql`INSERT INTO rpmsigs (rpm_id, sigkey, sighash) SELECT n, '00000000', '00' FROM ${each}`);
  await run(sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id) SELECT n, n FROM ${each}`);
  await run(sql`INSERT INTO archiveinfo
    (id, type_id, btype_id, build_id, buildroot_id, filename, size, checksum, checksum_type)
    SELECT n, 1, 2, n, n, 'file' || n || '.jar', n, '00', 0 FROM ${each}`);
  await run(
    sql`INSERT INTO buildroot_archives (buildroot_id, archive_id, project_dep) SELECT n, n, FALSE FROM ${each}`,
  );
  await run(sql`INSERT INTO scheduler_task_runs (task_id, host_id, active, create_time)
    SELECT n * 2, ${host}, ${text('n <= 3')}, ${at} FROM ${each}`);
  await run(
    sql`INSERT INTO scheduler_log_messages (task_id, host_id, msg) SELECT n * 2, ${host}, 'm' FROM ${each}`,
  );
}
