import { ConfigError } from '@koji/core';
import { openDatabase } from '../src/db/database.js';
import type { Opened } from '../src/db/database.js';
import { migrate, schemaState } from '../src/db/migrate.js';
import { migrations } from '../src/db/migrations/index.js';
import { recordedName } from '../src/db/migrations/migration.js';
import { id, sql } from '../src/db/sql.js';
import { tables } from '../src/db/tables/index.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const names = migrations.map(recordedName);

describe.each(databases)('on $name', ({ create, dialect }) => {
  let made: TestDatabase;
  beforeEach(async () => void (made = await create({ empty: true })));
  afterEach(() => made.drop());

  test('migrations make exactly the tables that are described', async () => {
    const database = await made.open({ described: true });
    expect(await schemaState(database)).toMatchObject({ applied: [], pending: names });
    expect(await migrate(database)).toEqual(names);
    const differences = await database.withDataSource((source) => source.driver.createSchemaBuilder().log());
    expect(differences.upQueries.map(({ query }) => query)).toEqual([]);
    const count = await database.withDataSource(async (source) => source.entityMetadatas.length);
    expect(count).toBeGreaterThanOrEqual(68);
  });

  test('the comparison with the tables would see a missing index, column or rule', async () => {
    const database = await made.open({ described: true });
    await migrate(database);
    await database.withDataSource((source) => source.query('DROP INDEX task_by_state'));
    await database.withDataSource((source) =>
      source.query('ALTER TABLE tag_updates DROP COLUMN update_type'),
    );
    const log = await database.withDataSource((source) => source.driver.createSchemaBuilder().log());
    const said = log.upQueries.map(({ query }) => query).join('\n');
    expect(said).toContain('task_by_state');
    expect(said).toContain('update_type');
  });

  test('a second migration does nothing, and two at once do the work once', async () => {
    const [one, two] = [await made.open(), await made.open()];
    const done =
      dialect === 'postgres'
        ? await Promise.all([migrate(one), migrate(two)])
        : [await migrate(one), await migrate(two)];
    expect(done.flat()).toEqual(names);
    expect(await migrate(one)).toEqual([]);
  });

  test('a hub starts with the rows that Koji has at first', async () => {
    const database = await made.open();
    await migrate(database);
    const rowsOf = (
      table: 'permissions' | 'channels' | 'btype' | 'volume' | 'external_repo' | 'archivetypes',
    ) =>
      database.read((db) =>
        db.all<{ id: number; name: string }>(sql`SELECT id, name FROM ${tableNamed[table]} ORDER BY id`),
      );
    const tableNamed = {
      permissions: sql`permissions`,
      channels: sql`channels`,
      btype: sql`btype`,
      volume: sql`volume`,
      external_repo: sql`external_repo`,
      archivetypes: sql`archivetypes`,
    };
    expect(await rowsOf('permissions')).toHaveLength(15);
    expect((await rowsOf('permissions'))[0]).toEqual({ id: 1, name: 'admin' });
    expect((await rowsOf('channels'))[0]).toEqual({ id: 1, name: 'default' });
    expect((await rowsOf('btype')).map(({ name }) => name)).toEqual(['rpm', 'maven', 'win', 'image']);
    expect(await rowsOf('volume')).toEqual([{ id: 0, name: 'DEFAULT' }]);
    expect(await rowsOf('external_repo')).toEqual([{ id: 0, name: 'INTERNAL' }]);
    const types = await rowsOf('archivetypes');
    expect(types.map(({ id }) => id)).toEqual(types.map((_, i) => i + 1));
  });

  test('a failing migration leaves the database as it was', async () => {
    const database = await made.open();
    const broken = {
      number: 9999,
      name: 'broken',
      postgres: ['CREATE TABLE more (id integer)', 'NONSENSE'],
      sqlite: ['CREATE TABLE more (id integer)', 'NONSENSE'],
    };
    await expect(migrate(database, [...migrations, broken])).rejects.toThrow(/NONSENSE/);
    expect(await schemaState(database)).toMatchObject({ applied: names, unknown: [] });
    await expect(database.read((db) => db.all(sql`SELECT id FROM more`))).rejects.toThrow(/more/);
  });

  test('a database of a later version, or of Koji itself, is refused', async () => {
    const database = await made.open();
    const later = { number: 9999, name: 'later', postgres: [], sqlite: [] };
    await migrate(database, [...migrations, later]);
    expect(await schemaState(database)).toMatchObject({ unknown: ['later0000000009999'] });
    await expect(migrate(database)).rejects.toThrow(ConfigError);
    await expect(migrate(database)).rejects.toThrow(/later version \(later0000000009999\)/);
    await database.withDataSource((source) => source.query('DROP TABLE migrations'));
    await expect(migrate(database)).rejects.toThrow(/did not make/);
  });

  test('a text longer than its column is refused with the same words, whichever column', async () => {
    const database = await made.open();
    await migrate(database);
    const columns = tables(dialect).flatMap(({ options: { name, columns: own } }) =>
      Object.entries(own).flatMap(([column, described]) =>
        described?.length === undefined ? [] : [{ table: name, column, length: Number(described.length) }],
      ),
    );
    expect(columns.length).toBeGreaterThan(15);
    const said = await Promise.all(
      columns.map(async ({ table, column, length }) => {
        const add = (most: number): Promise<unknown> =>
          database.write((db) =>
            db.run(sql`INSERT INTO ${id(table)} (${id(column)}) VALUES (${'ü'.repeat(most)})`),
          );
        const fits = await add(length).then(String, String);
        const longer = await add(length + 1).then(String, String);
        return [`${table}.${column}`, /too long/.test(fits), longer];
      }),
    );
    expect(said).toEqual(
      columns.map(({ table, column, length }) => [
        `${table}.${column}`,
        false,
        `ParameterError: value too long for type character varying(${length})`,
      ]),
    );
  });

  test('an id once given is never given again', async () => {
    const database = await made.open();
    await migrate(database);
    const add = () =>
      database.write((db) => db.get<{ id: number }>(sql`INSERT INTO tag (name) VALUES ('t') RETURNING id`));
    const first = await add();
    await database.write((db) => db.run(sql`DELETE FROM tag`));
    expect((await add())!.id).toBe(first!.id + 1);
  });

  test('current rows of a versioned table are unique, revoked ones are not', async () => {
    const database = await made.open();
    await migrate(database);
    await database.write(async (db) => {
      await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('u', 0, 0)`);
      await db.run(sql`INSERT INTO tag (name) VALUES ('t')`);
      for (const event of [1, 2, 3]) {
        await db.run(sql`INSERT INTO events (time) VALUES ('2024-01-01 00:00:00.000000+00:00')`);
        await db.run(
          sql`UPDATE tag_config SET active = NULL, revoke_event = ${event}, revoker_id = 1 WHERE active = TRUE`,
        );
        await db.run(sql`INSERT INTO tag_config (tag_id, create_event, creator_id) VALUES (1, ${event}, 1)`);
      }
    });
    const twice = database.write((db) =>
      db.run(sql`INSERT INTO tag_config (tag_id, create_event, creator_id) VALUES (1, 1, 1)`),
    );
    await expect(twice).rejects.toThrow(/unique/);
    const half = database.write((db) => db.run(sql`UPDATE tag_config SET active = NULL WHERE active = TRUE`));
    await expect(half).rejects.toThrow(/active_revoke_sane/);
  });
});

describeOnPostgres('indexes of tables that are in use', ({ create }) => {
  let made: TestDatabase;
  let database: Opened;
  const ask = <T>(text: string): Promise<T[]> => database.withDataSource((source) => source.query<T[]>(text));
  beforeEach(async () => {
    made = await create({ empty: true });
    database = await made.open();
  });
  afterEach(() => made.drop());

  test('leave out those of an extension that the account may not make', async () => {
    const role = `koji_plain_${process.pid}`;
    await ask(`CREATE ROLE ${role} LOGIN PASSWORD 'plain'`);
    try {
      await ask(`GRANT ALL ON SCHEMA public TO ${role}`);
      const url = new URL(made.url);
      Object.assign(url, { username: role, password: 'plain' });
      const plain = await openDatabase({ url: url.href, folder: made.folder });
      try {
        expect(await migrate(plain)).toEqual(names);
      } finally {
        await plain.close();
      }
      const rows = await ask<{ indexname: string }>(
        `SELECT indexname FROM pg_indexes WHERE tablename = 'package'`,
      );
      const indexes = rows.map(({ indexname }) => indexname);
      expect(indexes).toContain('package_by_folded_name');
      expect(indexes).not.toContain('package_name_trigrams');
    } finally {
      await ask(`DROP OWNED BY ${role}`);
      await ask(`DROP ROLE ${role}`);
    }
  });
});
