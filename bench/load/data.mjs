// Fills a hub's database below the API with as much as a site has: at scale 100 that is 100,000 builds, 1,000,000 rpms, 2,000 tags
// and 500,000 tasks. What one package, tag or build has is the same at every scale.
import { encodeCall, encodeResponse } from '@koji/core/wire';
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { Sql, sql } from '../../packages/koji-hub/dist/db/sql.js';

export const buildsOfAPackage = 5;
export const rpmsOfABuild = 10;
/** Tags that inherit one from the next. */
export const chain = 5;
const secondsBetweenBuilds = 60;

/** How many there are of each thing at a scale. */
export const countsAt = (scale) => ({
  builds: 1000 * scale,
  packages: (1000 * scale) / buildsOfAPackage,
  rpms: 1000 * scale * rpmsOfABuild,
  tags: 20 * scale,
  tasks: 5000 * scale,
  hosts: 10 * scale,
  users: 10 * scale,
});

const upTo = (most) => sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
const isPostgres = (dialect) => dialect === 'postgres';
/** A time column's value from seconds since 1970. */
const at = (seconds) =>
  new Sql([
    (dialect) => (isPostgres(dialect) ? 'to_timestamp(' : "strftime('%Y-%m-%d %H:%M:%S.000000+00:00', "),
    ...seconds.parts,
    (dialect) => (isPostgres(dialect) ? ')' : ", 'unixepoch')"),
  ]);
/** A whole number that PostgreSQL would else take for a text. */
const number = (value) => new Sql([String(Math.trunc(value))]);

/** The name of a package; each kind has a prefix, as the packages of a distribution have. */
const packageName = sql`CASE i % 4 WHEN 0 THEN 'python-' WHEN 1 THEN 'rust-' WHEN 2 THEN 'perl-' ELSE 'lib' END || 'bench' || i`;

/** Makes what is filled once for each table: names and statements. */
function steps(scale, { user, event, start }) {
  const { builds, packages, tags, hosts, users } = countsAt(scale);
  const [b, p, t, h, u] = [builds, packages, tags, hosts, users].map(number);
  const [first, by] = [number(event), number(user)];
  const source = 'git+https://src.example.com/rpms/bench#0123456789abcdef0123456789abcdef01234567';
  const request = encodeCall('build', [source, 'bench', { scratch: false }]);
  const arch = encodeCall('buildArch', ['cli-build/1.src.rpm', 3, 'x86_64', true, { repo_id: 1 }]);
  const result = encodeResponse(['built']);
  const built = (i) => sql`${number(start)} + ${i} * ${number(secondsBetweenBuilds)}`;
  const i = sql`i`;
  return [
    [
      'events',
      sql`INSERT INTO events (id, time) ${upTo(number(builds * 3))}
      SELECT ${first} + i, ${at(sql`${number(start)} + i * ${number(secondsBetweenBuilds / 3)}`)} FROM n`,
    ],
    [
      'users',
      sql`INSERT INTO users (id, name, status, usertype) ${upTo(number(users + hosts))}
      SELECT ${by} + i, CASE WHEN i > ${u} THEN 'builder' || (i - ${u}) || '.example.com' ELSE 'user' || i END, 0,
        CASE WHEN i > ${u} THEN 1 ELSE 0 END FROM n`,
    ],
    [
      'host',
      sql`INSERT INTO host (id, user_id, name, update_time, ready) ${upTo(h)}
      SELECT i, ${by} + ${u} + i, 'builder' || i || '.example.com', ${at(number(start))}, TRUE FROM n`,
    ],
    [
      'host_config',
      sql`INSERT INTO host_config (create_event, host_id, arches, capacity, creator_id) ${upTo(h)}
      SELECT ${first} + 1, i, 'x86_64 noarch', 4.0, ${by} FROM n`,
    ],
    [
      'host_channels',
      sql`INSERT INTO host_channels (create_event, host_id, channel_id, creator_id) ${upTo(h)}
      SELECT ${first} + 1, i, 1, ${by} FROM n`,
    ],
    // Ids of tags: 1 has every build, 2 inherits from it, 3 had every build; the others follow.
    [
      'tag',
      sql`INSERT INTO tag (id, name) ${upTo(number(tags + 3))} SELECT i, CASE i WHEN 1 THEN 'bench-all'
      WHEN 2 THEN 'bench' WHEN 3 THEN 'bench-candidate' ELSE 'bench-' || (i - 3) END FROM n`,
    ],
    [
      'tag_config',
      sql`INSERT INTO tag_config (tag_id, create_event, creator_id, arches, locked, maven_support,
      maven_include_all) SELECT id, ${first} + 1, ${by}, 'x86_64', FALSE, FALSE, FALSE FROM tag`,
    ],
    [
      'tag_inheritance',
      sql`INSERT INTO tag_inheritance (tag_id, parent_id, priority, noconfig, intransitive, pkg_filter,
      create_event, creator_id) SELECT id, CASE id WHEN 2 THEN 1 ELSE id - 1 END, 0, FALSE, FALSE, '', ${first} + 1, ${by}
      FROM tag WHERE id = 2 OR (id > 3 AND (id - 4) % ${number(chain)} <> 0)`,
    ],
    ['package', sql`INSERT INTO package (id, name) ${upTo(p)} SELECT i, ${packageName} FROM n`],
    [
      'tag_packages',
      sql`INSERT INTO tag_packages (create_event, package_id, tag_id, creator_id)
      SELECT ${first} + 1, id, 1, ${by} FROM package UNION ALL SELECT ${first} + 1, id, 3, ${by} FROM package
      UNION ALL SELECT ${first} + 1, id, 4 + id % ${t}, ${by} FROM package`,
    ],
    [
      'tag_package_owners',
      sql`INSERT INTO tag_package_owners (create_event, package_id, tag_id, owner, creator_id)
      SELECT create_event, package_id, tag_id, ${by} + 1 + package_id % ${u}, ${by} FROM tag_packages`,
    ],
    [
      'task',
      sql`INSERT INTO task (id, state, create_time, start_time, completion_time, channel_id, host_id, owner, method, request,
        result, arch, priority, weight, parent, label)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${b}), kind(k, method, arch, label) AS (VALUES
          (0, 'build', 'noarch', NULL), (1, 'buildSRPMFromSCM', 'noarch', 'srpm'), (2, 'buildArch', 'x86_64', 'x86_64'),
          (3, 'buildArch', 'aarch64', 'aarch64'), (4, 'tagBuild', 'noarch', 'tag'))
      SELECT 5 * i - 4 + k, CASE WHEN i % 20 = 0 THEN 5 ELSE 2 END, ${at(built(i))},
        ${at(sql`${built(i)} + 5`)}, ${at(sql`${built(i)} + 600`)}, 1, 1 + i % ${h}, ${by} + 1 + i % ${u}, method,
        CASE method WHEN 'buildArch' THEN ${arch} ELSE ${request} END, ${result}, arch, 20, 1.5,
        CASE WHEN k > 0 THEN 5 * i - 4 END, label FROM n CROSS JOIN kind`,
    ],
    [
      'build',
      sql`INSERT INTO build (id, volume_id, pkg_id, version, release, create_event, start_time, completion_time, state,
        owner, source, task_id) ${upTo(b)}
      SELECT i, 0, 1 + (i - 1) % ${p}, '1.' || (1 + (i - 1) / ${p}), '1', ${first} + 3 * i - 2, ${at(built(i))},
        ${at(sql`${built(i)} + 600`)}, 1, ${by} + 1 + (i - 1) % ${p} % ${u}, ${source}, 5 * i - 4 FROM n`,
    ],
    [
      'build_types',
      sql`INSERT INTO build_types (build_id, btype_id)
      SELECT build.id, btype.id FROM build, btype WHERE btype.name = 'rpm'`,
    ],
    [
      'tag_listing',
      sql`INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id)
      SELECT create_event + 1, id, 1, ${by} FROM build UNION ALL SELECT create_event + 1, id, 4 + pkg_id % ${t}, ${by} FROM build`,
    ],
    [
      'tag_listing',
      sql`INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id, revoke_event, revoker_id, active)
      SELECT create_event + 1, id, 3, ${by}, create_event + 2, ${by}, NULL FROM build`,
    ],
    [
      'repo',
      sql`INSERT INTO repo (id, create_event, begin_event, tag_id, state, dist) VALUES (1, ${first} + 1, ${first} + 1, 2, 1, FALSE)`,
    ],
    ['buildroot', sql`INSERT INTO buildroot (id, br_type) ${upTo(b)} SELECT i, 0 FROM n`],
    [
      'standard_buildroot',
      sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, state)
      ${upTo(b)} SELECT i, 1 + i % ${h}, 1, 5 * i - 2, ${first} + 3 * i - 2, 3 FROM n`,
    ],
    [
      'rpminfo',
      sql`INSERT INTO rpminfo (id, build_id, buildroot_id, name, version, release, arch, draft, external_repo_id,
        payloadhash, size, buildtime) ${upTo(number(rpmsOfABuild))}
      SELECT (build.id - 1) * ${number(rpmsOfABuild)} + i, build.id, build.id, package.name || CASE i WHEN 1 THEN '' WHEN 2 THEN ''
          WHEN 3 THEN '-devel' WHEN 4 THEN '-libs' WHEN 5 THEN '-doc' ELSE '-part' || i END, version, release,
        CASE WHEN i = 1 THEN 'src' WHEN i = 5 THEN 'noarch' ELSE 'x86_64' END, FALSE, 0, '0123456789abcdef0123456789abcdef',
        10000 + build.id, ${built(sql`build.id`)} FROM build JOIN package ON package.id = build.pkg_id CROSS JOIN n`,
    ],
  ];
}

// Checking each reference of each row takes PostgreSQL most of the time, and all rows here refer to existing rows.
const withoutReferences = sql`SET LOCAL session_replication_role = replica`;
const isSuperuser = async (db) =>
  (await db.get(sql`SELECT rolsuper FROM pg_roles WHERE rolname = current_user`)).rolsuper;

const withIds = [
  'users',
  'host',
  'tag',
  'package',
  'task',
  'build',
  'repo',
  'buildroot',
  'rpminfo',
  'events',
];

/**
 * Fills a database that has its tables and one user. `heard` is called for each table with the rows and the seconds they took.
 *
 * @returns the bytes of the database
 */
export async function fill(folder, url, scale, heard = () => undefined) {
  const database = await openDatabase({ url, folder });
  try {
    const begun = await database.write(async (db) => {
      const { id: user } = await db.get(sql`SELECT max(id) AS id FROM users`);
      const { id: event } = await db.get(sql`SELECT coalesce(max(id), 0) AS id FROM events`);
      const start = Math.floor(Date.now() / 1000) - (countsAt(scale).builds + 60) * secondsBetweenBuilds;
      return { user, event, start };
    });
    const isTrusted = isPostgres(database.dialect) && (await database.read(isSuperuser));
    for (const [table, statement] of steps(scale, begun)) {
      const start = Date.now();
      // A transaction for each, so that the log of SQLite stays short.
      const rows = await database.write(async (db) => {
        if (isTrusted) await db.run(withoutReferences);
        return db.run(statement);
      });
      heard(table, rows, (Date.now() - start) / 1000);
    }
    if (isPostgres(database.dialect))
      await database.write(async (db) => {
        for (const table of withIds)
          await db.run(
            new Sql([`SELECT setval(pg_get_serial_sequence('${table}', 'id'), max(id)) FROM "${table}"`]),
          );
        // What the triggers of the schema would have written, had they run.
        if (isTrusted)
          await db.run(sql`INSERT INTO build_nvr (build_id, nvr)
            SELECT build.id, package.name || '-' || build.version || '-' || build.release
            FROM build JOIN package ON package.id = build.pkg_id ON CONFLICT DO NOTHING`);
        // As autovacuum would; SQLite has no such statistics in a hub.
        await db.run(sql`ANALYZE`);
      });
    return await database.read(async (db) => {
      const size = isPostgres(db.dialect)
        ? sql`SELECT pg_database_size(current_database())::float8 AS bytes`
        : sql`SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`;
      return Number((await db.get(size)).bytes);
    });
  } finally {
    await database.close();
  }
}
