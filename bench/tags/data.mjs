// A tag with a parent and 20,000 builds between them, written in bulk below the API.
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { now, sql } from '../../packages/koji-hub/dist/db/sql.js';

export const builds = 20_000;
export const packages = 5_000;
export const rpmsOfABuild = 3;

const upTo = (most) => sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
const extra = '{"source": {"original_url": "git+https://src.example.com/rpms/bench#0123456789abcdef"}}';

/** Adds packages, builds and rpms; a package's first builds are in the parent, its later ones in the tag. */
export async function fill(folder, url, { tagId, parentId, userId }) {
  const database = await openDatabase({ url, folder });
  try {
    await database.write(async (db) => {
      await db.run(sql`INSERT INTO events (time) ${upTo(builds)} SELECT ${now} FROM n`);
      const { first } = await db.get(sql`SELECT max(id) - ${builds} AS first FROM events`);
      const half = builds / 2;
      await db.run(sql`INSERT INTO package (id, name) ${upTo(packages)}
        SELECT i, 'bench-package-' || substr('0000' || i, length('' || i)) FROM n`);
      await db.run(sql`INSERT INTO tag_packages (create_event, package_id, tag_id, creator_id)
        SELECT ${first} + 1, id, ${parentId}, ${userId} FROM package`);
      await db.run(sql`INSERT INTO tag_package_owners (create_event, package_id, tag_id, owner, creator_id)
        SELECT ${first} + 1, id, ${parentId}, ${userId}, ${userId} FROM package`);
      await db.run(sql`INSERT INTO build (id, volume_id, pkg_id, version, release, create_event, start_time,
          completion_time, state, owner, source, extra) ${upTo(builds)}
        SELECT i, 0, 1 + (i - 1) % ${packages}, '1.' || i, '1.el9', ${first} + i, ${now}, ${now}, 1, ${userId},
          'git+https://src.example.com/rpms/bench#' || i, ${extra} FROM n`);
      await db.run(sql`INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id) ${upTo(builds)}
        SELECT ${first} + i, i, CASE WHEN i > ${half} THEN ${tagId} ELSE ${parentId} END, ${userId} FROM n`);
      await db.run(sql`INSERT INTO rpminfo (build_id, name, version, release, arch, draft, external_repo_id,
          payloadhash, size, buildtime, extra) ${upTo(rpmsOfABuild)}
        SELECT build.id, package.name || '-part' || i, version, release, 'x86_64', FALSE, 0,
          '0123456789abcdef0123456789abcdef', 3000000000 + build.id, 1700000000, ${extra}
        FROM build JOIN package ON package.id = build.pkg_id, n`);
    });
  } finally {
    await database.close();
  }
}
