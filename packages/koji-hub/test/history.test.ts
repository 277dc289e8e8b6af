import { ActionNotAllowed, GenericError } from '@koji/core';
import { atEvent, history } from '../src/domain/history/history.js';
import { sql } from '../src/db/sql.js';
import type { Opened } from '../src/db/database.js';
import { callerOf } from './support/caller.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

describe.each(databases)('on $name', ({ create }) => {
  let made: TestDatabase;
  let database: Opened;
  beforeEach(async () => {
    made = await create();
    database = await made.open();
    await database.write(async (db) => {
      await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('alice', 0, 0)`);
      await db.run(sql`INSERT INTO tag (name) VALUES ('f44')`);
    });
  });
  afterEach(() => made.drop());

  const arches = (event: number | null) =>
    database.read(
      async (db) =>
        (
          await db.get<{ arches: string }>(
            sql`SELECT arches FROM tag_config AS c WHERE ${atEvent('c', event)}`,
          )
        )?.arches,
    );

  test('a row holds from the event that made it until the one that revoked it', async () => {
    const change = (work: (writer: ReturnType<typeof history>) => Promise<unknown>) =>
      database.write(async (db) => {
        const call = callerOf(db, 1);
        await work(history(call));
        return call.event();
      });
    const first = await change((rows) =>
      rows.insert('tag_config', { tag_id: 1, arches: 'x86_64', locked: true }),
    );
    const second = await change(async (rows) => {
      expect(await rows.update('tag_config', sql`tag_id = ${1}`, { arches: 'aarch64' })).toBe(1);
    });
    const third = await change(async (rows) =>
      expect(await rows.revoke('tag_config', sql`tag_id = ${1}`)).toBe(1),
    );
    expect([await arches(first - 1), await arches(first), await arches(second), await arches(third)]).toEqual(
      [undefined, 'x86_64', 'aarch64', undefined],
    );
    expect(await arches(null)).toBeUndefined();
    const rows = await database.read((db) =>
      db.all(
        sql`SELECT create_event, revoke_event, creator_id, revoker_id, active, locked FROM tag_config ORDER BY create_event`,
      ),
    );
    expect(rows).toEqual([
      { create_event: first, revoke_event: second, creator_id: 1, revoker_id: 1, active: null, locked: true },
      { create_event: second, revoke_event: third, creator_id: 1, revoker_id: 1, active: null, locked: true },
    ]);
  });

  test('a condition with OR revokes nothing that is not current', async () => {
    await database.write(async (db) => {
      const rows = history(callerOf(db, 1));
      await rows.insert('tag_config', { tag_id: 1 });
      await rows.revoke('tag_config', sql`tag_id = 1`);
      expect(await rows.revoke('tag_config', sql`tag_id = 1 OR tag_id = 2`)).toBe(0);
    });
  });

  test('nobody writes history without a login, unless the user is named', async () => {
    await database.write(async (db) => {
      const call = callerOf(db, null);
      await expect(history(call).insert('tag_config', { tag_id: 1 })).rejects.toBeInstanceOf(
        ActionNotAllowed,
      );
      await history(call, { userId: 1 }).insert('tag_config', { tag_id: 1 });
    });
    expect(await database.read((db) => db.get(sql`SELECT creator_id FROM tag_config`))).toEqual({
      creator_id: 1,
    });
  });

  test('an event that is not a number is refused in the words of Koji', () => {
    expect(() => atEvent('c', 'x' as never)).toThrow(new GenericError("Invalid event: 'x'"));
  });
});
