/** Converts a Koji database on PostgreSQL in place. */
import type { Opened, Row } from '../db/connection.js';
import { migrate } from '../db/migrate.js';
import { migrations } from '../db/migrations/index.js';
import type { Migration } from '../db/migrations/migration.js';
import { sql } from '../db/sql.js';
import type { TableMap } from './mapping.js';
import { bringUp } from './older-schemas.js';
import { hashPasswords } from './passwords.js';
import type { Catalog } from './schema-level.js';
import { addStartingRows } from './starting-rows.js';

/** Users whose passwords are hashed in one transaction. */
const usersAtOnce = 200;

/**
 * Our first migration creates the schema of Koji 1.35, which already exists except for additions since older versions and the
 * length of passwords.
 */
const stepsFrom = (catalog: Catalog): readonly Migration[] =>
  migrations.map((step) =>
    step.number === 1
      ? {
          ...step,
          rows: {},
          postgres: ['ALTER TABLE users ALTER COLUMN password TYPE text', ...bringUp(catalog)],
        }
      : step,
  );

/**
 * Hashes the passwords, adds what the schema lacks and notes the migrations. It can be repeated after an interruption, until
 * the migrations are noted, which come last.
 *
 * @returns the names of the migrations
 */
export async function adoptInPlace(
  target: Opened,
  maps: readonly TableMap[],
  {
    catalog,
    tell,
    hash,
  }: {
    readonly catalog: Catalog;
    readonly tell: (line: string) => void;
    readonly hash?: (password: string) => Promise<string>;
  },
): Promise<string[]> {
  let after = 0;
  for (;;) {
    const last = await hashSome(target, after, hash);
    if (last === null) break;
    after = last;
    tell(`users: passwords up to id ${last} are hashed`);
  }
  await target.write((db) => addStartingRows(db, maps));
  return migrate(target, stepsFrom(catalog), { foreign: true });
}

/** Hashes the passwords of some users after an id; returns the last id of them, or null if there are none. */
async function hashSome(
  target: Opened,
  after: number,
  hash: ((password: string) => Promise<string>) | undefined,
): Promise<number | null> {
  const users = await target.read((db) =>
    db.all<Row & { id: number }>(
      sql`SELECT id, name, password FROM users WHERE id > ${after} AND password IS NOT NULL ORDER BY id LIMIT ${usersAtOnce}`,
    ),
  );
  const last = users.at(-1);
  if (!last) return null;
  const hashed = await hashPasswords(users, hash);
  const given = JSON.stringify(hashed.map(({ id, password }) => ({ id, password })));
  await target.write((db) =>
    db.run(
      sql`UPDATE users SET password = given.password FROM json_to_recordset(${given}::json) AS given (id integer, password text)
            WHERE users.id = given.id`,
    ),
  );
  return last.id;
}
