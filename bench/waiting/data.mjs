// Builders with a login each, written in bulk below the API: hashing so many passwords would take an hour.
import { openDatabase } from '../../packages/koji-hub/dist/db/database.js';
import { now, sql } from '../../packages/koji-hub/dist/db/sql.js';

/** The key of every login. */
export const key = 'waiting';

/** Adds builders to a database that has its tables; returns the ids of their sessions. */
export async function addBuilders(folder, url, count) {
  const database = await openDatabase({ url, folder });
  try {
    return await database.write(async (db) => {
      const { id: user } = await db.get(sql`SELECT min(id) AS id FROM users`);
      const { id: event } = await db.get(sql`INSERT INTO events (time) VALUES (${now}) RETURNING id`);
      await db.run(sql`INSERT INTO users (name, status, usertype)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
        SELECT 'waiting-' || i, 0, 1 FROM n`);
      await db.run(sql`INSERT INTO host (user_id, name, ready, task_load, update_time)
        SELECT id, name, TRUE, 0.0, ${now} FROM users WHERE name LIKE 'waiting-%'`);
      await db.run(sql`INSERT INTO host_config (host_id, arches, capacity, enabled, create_event, creator_id)
        SELECT id, 'x86_64', 2.0, TRUE, ${event}, ${user} FROM host`);
      await db.run(sql`INSERT INTO host_channels (host_id, channel_id, create_event, creator_id)
        SELECT id, 1, ${event}, ${user} FROM host`);
      await db.run(sql`INSERT INTO sessions (user_id, key, authtype, hostip, exclusive)
        SELECT user_id, ${key}, 0, '127.0.0.1', TRUE FROM host`);
      const rows = await db.all(sql`SELECT id FROM sessions ORDER BY id`);
      return rows.map(({ id }) => id);
    });
  } finally {
    await database.close();
  }
}
