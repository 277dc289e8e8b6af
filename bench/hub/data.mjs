// 2,000 builds of as many packages in the parent of a tag, their rpms, and 500 tasks, written in bulk below the API. Koji's own schema
// takes the same statements.
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { Sql, now, sql } from '../../packages/koji-hub/dist/db/sql.js';

export const builds = 2000;
const tasks = 500;
const rpmsOfABuild = 3;
const upTo = (most) => sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
const request =
  "<?xml version='1.0'?>\n<methodCall>\n<methodName>build</methodName>\n<params>\n<param>\n<value><string>git+https://src.example.com/rpms/bench#0123</string></value></param>\n<param>\n<value><string>bench</string></value></param>\n</params>\n</methodCall>\n";

/** Fills a database that has its tables and one user. */
export async function fill(folder, url) {
  const database = await openDatabase({ url, folder });
  try {
    await database.write(async (db) => {
      const { id: user } = await db.get(sql`SELECT min(id) AS id FROM users WHERE name = 'kojiadmin'`);
      const { id: event } = await db.get(sql`INSERT INTO events (time) VALUES (${now}) RETURNING id`);
      for (const name of ['bench-parent', 'bench']) {
        await db.run(sql`INSERT INTO tag (name) VALUES (${name})`);
        await db.run(sql`INSERT INTO tag_config (tag_id, create_event, creator_id, locked, maven_support, maven_include_all)
          SELECT id, ${event}, ${user}, FALSE, FALSE, FALSE FROM tag WHERE name = ${name}`);
      }
      const { id: parent } = await db.get(sql`SELECT id FROM tag WHERE name = 'bench-parent'`);
      await db.run(sql`INSERT INTO tag_inheritance (tag_id, parent_id, priority, noconfig, intransitive, pkg_filter,
          create_event, creator_id)
        SELECT id, ${parent}, 0, FALSE, FALSE, '', ${event}, ${user} FROM tag WHERE name = 'bench'`);
      await db.run(sql`INSERT INTO package (id, name) ${upTo(builds)} SELECT i, 'bench-' || i FROM n`);
      await db.run(sql`INSERT INTO tag_packages (create_event, package_id, tag_id, creator_id)
        SELECT ${event}, id, ${parent}, ${user} FROM package`);
      await db.run(sql`INSERT INTO tag_package_owners (create_event, package_id, tag_id, owner, creator_id)
        SELECT ${event}, id, ${parent}, ${user}, ${user} FROM package`);
      await db.run(sql`INSERT INTO build (volume_id, pkg_id, version, release, create_event, start_time, completion_time,
          state, owner) SELECT 0, id, '1.' || id, '1', ${event}, ${now}, ${now}, 1, ${user} FROM package`);
      await db.run(sql`INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id)
        SELECT ${event}, id, ${parent}, ${user} FROM build`);
      await db.run(sql`INSERT INTO task (state, create_time, method, request, owner, arch, priority, weight, channel_id, label)
        ${upTo(tasks)} SELECT 2, ${now}, 'build', ${request}, ${user}, 'noarch', 20, 1.0, 1, NULL FROM n`);
      await db.run(sql`INSERT INTO rpminfo (build_id, name, version, release, arch, draft, external_repo_id, payloadhash, size,
          buildtime) ${upTo(rpmsOfABuild)}
        SELECT build.id, package.name || '-part' || i, version, release, 'x86_64', FALSE, 0,
          '0123456789abcdef0123456789abcdef', 10000 + build.id, 1700000000
        FROM build JOIN package ON package.id = build.pkg_id, n`);
      if (db.dialect === 'postgres') {
        await db.run(new Sql([`SELECT setval('package_id_seq', ${builds})`]));
        // As autovacuum would; SQLite has no such statistics in a hub.
        await db.run(sql`ANALYZE`);
      }
    });
  } finally {
    await database.close();
  }
}
