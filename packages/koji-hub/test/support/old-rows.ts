import type { Database } from '../../src/db/connection.js';
import { id, sql } from '../../src/db/sql.js';
import type { Sql } from '../../src/db/sql.js';

/** Rows of a small site in the tables of the first schema, in the order of their references. */
const statements: readonly Sql[] = [
  sql`INSERT INTO users (name, status, usertype) VALUES ('alice', 0, 0)`,
  sql`INSERT INTO events (time) VALUES ('2024-01-01 00:00:00.000000+00:00')`,
  sql`INSERT INTO user_perms (user_id, perm_id, create_event, creator_id) VALUES (1, 1, 1, 1)`,
  sql`INSERT INTO sessions (user_id, key, authtype, hostip, callnum) VALUES (1, 'secret', 1, '127.0.0.1', 7)`,
  sql`INSERT INTO tag (name) VALUES ('f44'), ('f44-build')`,
  sql`INSERT INTO tag_config (tag_id, arches, create_event, creator_id) VALUES (1, 'x86_64', 1, 1), (2, 'x86_64', 1, 1)`,
  sql`INSERT INTO tag_inheritance (tag_id, parent_id, priority, create_event, creator_id) VALUES (2, 1, 0, 1, 1)`,
  sql`INSERT INTO package (name) VALUES ('nano')`,
  sql`INSERT INTO tag_packages (package_id, tag_id, create_event, creator_id) VALUES (1, 1, 1, 1)`,
  sql`INSERT INTO tag_package_owners (package_id, tag_id, owner, create_event, creator_id) VALUES (1, 1, 1, 1, 1)`,
  sql`INSERT INTO task (state, channel_id, owner, method, request, arch) VALUES (2, 1, 1, 'build', '<params/>', 'noarch')`,
  sql`INSERT INTO build (volume_id, pkg_id, version, release, create_event, completion_time, state, task_id, owner)
      VALUES (0, 1, '8.0', '1', 1, '2024-01-01 00:00:01.000000+00:00', 1, 1, 1)`,
  sql`INSERT INTO tag_listing (build_id, tag_id, create_event, creator_id) VALUES (1, 1, 1, 1)`,
  sql`INSERT INTO buildroot (br_type) VALUES (0)`,
  sql`INSERT INTO rpminfo (build_id, buildroot_id, name, version, release, arch, draft, external_repo_id, payloadhash, size, buildtime)
      VALUES (1, 1, 'nano', '8.0', '1', 'x86_64', FALSE, 0, 'd41d8cd98f00b204e9800998ecf8427e', 1000, 1700000000)`,
  sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id) VALUES (1, 1)`,
  sql`INSERT INTO repo (create_event, tag_id, state) VALUES (1, 2, 2)`,
];

/** Rows of the tables that later steps created, by the number of the step. */
const later: Readonly<Record<number, readonly Sql[]>> = {
  5: [
    sql`INSERT INTO plugin_activity (plugin, kind, name, runs, failures, ignored, timeouts, skipped)
        VALUES ('echo', 'method', 'echo', 3, 1, 0, 0, 0)`,
    sql`INSERT INTO outbox_lane (queue, topic) VALUES ('bus', 'build')`,
    sql`INSERT INTO outbox_message (lane_id, body) VALUES (1, '{}')`,
  ],
  8: [sql`INSERT INTO web_login (key, session_id) VALUES ('hash', 1)`],
  9: [
    sql`INSERT INTO plugin_schedule (plugin, name, cron, zone, next_ts) VALUES ('echo', 'hourly', '0 * * * *', 'UTC', 5.0)`,
  ],
  13: [
    sql`INSERT INTO api_token (user_id, name, key, read_only, creator_id, expire_time)
        VALUES (1, 'ci', 'hash', TRUE, 1, '2030-01-01 00:00:00.000000+00:00')`,
  ],
};

const filled = [
  ...['users', 'events', 'user_perms', 'sessions', 'tag', 'tag_config', 'tag_inheritance', 'package'],
  ...['tag_packages', 'tag_package_owners', 'task', 'build', 'tag_listing', 'buildroot', 'rpminfo'],
  ...['buildroot_listing', 'repo'],
];

/** Fills the tables of the first schema, or with a step's number those that it made. */
export async function fill(database: Database, step?: number): Promise<void> {
  const inserts = step === undefined ? statements : (later[step] ?? []);
  await database.write(async (db) => {
    for (const insert of inserts) await db.run(insert);
  });
}

const madeLater: Readonly<Record<number, readonly string[]>> = {
  5: ['plugin_activity', 'outbox_lane', 'outbox_message'],
  8: ['web_login'],
  9: ['plugin_schedule'],
  13: ['api_token'],
};

// A statement that a connection has prepared fails once its table has another column, so that each read is a statement of its own.
let reads = 0;

/** The rows of the tables that {@link fill} fills in a schema of so many steps, by table. */
export async function rowsOf(
  database: Database,
  steps: number,
): Promise<Record<string, Record<string, unknown>[]>> {
  const more = Object.entries(madeLater).flatMap(([step, tables]) => (Number(step) <= steps ? tables : []));
  return database.read(async (db) => {
    const found: Record<string, Record<string, unknown>[]> = {};
    const own = id(`read_${++reads}`);
    for (const table of [...filled, ...more])
      found[table] = await db.all(sql`SELECT ${own}.* FROM ${id(table)} AS ${own} ORDER BY 1`);
    return found;
  });
}
