import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import { migrateDatabase, planMigration } from '../src/commands.js';
import { makeConfig } from '../src/config.js';
import { migrate, schemaState } from '../src/db/migrate.js';
import { migrations } from '../src/db/migrations/index.js';
import { recordedName } from '../src/db/migrations/migration.js';
import type { Migration } from '../src/db/migrations/migration.js';
import { sql } from '../src/db/sql.js';
import { describeUpgrade, planUpgrade } from '../src/db/upgrade-plan.js';
import { openHub, serve } from '../src/hub.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { fill, rowsOf } from './support/old-rows.js';
import { post } from './support/raw-hub.js';

const later = (additive: boolean): Migration => ({
  ...{ number: 9999, name: 'later', additive },
  postgres: ['CREATE TABLE more (id integer)'],
  sqlite: ['CREATE TABLE more (id integer)'],
});

describe.each(databases)('on $name', ({ create, dialect }) => {
  const made: TestDatabase[] = [];
  async function make(): Promise<TestDatabase> {
    const database = await create({ empty: true });
    made.push(database);
    return database;
  }
  afterEach(async () => {
    for (const database of made.splice(0)) await database.drop();
  });

  const configOf = ({ url, folder }: TestDatabase) =>
    makeConfig(folder, { Database: url, KojiDir: 'store', Listen: '127.0.0.1:0', LogFile: 'hub.log' }, {});

  test('every schema that there was is upgraded with what is in it', async () => {
    const database = await (await make()).open();
    await migrate(database, migrations.slice(0, 1));
    await fill(database);
    for (let count = 2; count <= migrations.length; count++) {
      const before = await rowsOf(database, count - 1);
      const done = await migrate(database, migrations.slice(0, count));
      expect(done).toEqual([recordedName(migrations[count - 1]!)]);
      const after = await rowsOf(database, count - 1);
      for (const [table, rows] of Object.entries(before))
        expect([table, after[table]]).toEqual([
          table,
          rows.map((row) => expect.objectContaining(row) as unknown),
        ]);
      await fill(database, count);
    }
    expect((await rowsOf(database, migrations.length))['outbox_message']).toHaveLength(1);
  });

  test('a hub answers from the first schema after its upgrade', async () => {
    const place = await make();
    const database = await place.open();
    await migrate(database, migrations.slice(0, 1));
    await fill(database);
    await database.close();
    await migrateDatabase(configOf(place));
    const open = await openHub(configOf(place), { serves: true });
    const hub = await serve(open);
    try {
      const ask = (method: string, ...args: unknown[]) => post(`${hub.url}/kojihub`, method, args);
      expect(await ask('getBuild', 'nano-8.0-1')).toMatchObject({ value: { id: 1, owner_name: 'alice' } });
      expect(await ask('listTagged', 'f44-build', null, true)).toMatchObject({
        value: [{ nvr: 'nano-8.0-1' }],
      });
      expect(await ask('listBuildRPMs', 1)).toMatchObject({
        value: [{ nvr: 'nano-8.0-1', buildroot_id: 1 }],
      });
    } finally {
      await hub.stop();
    }
  });

  test('the plan tells what is done to which tables, and changes nothing', async () => {
    const place = await make();
    const database = await place.open();
    await migrate(database, migrations.slice(0, 2));
    await fill(database);
    const plan = await planMigration(configOf(place));
    expect(plan).toMatchObject({ done: 2, known: migrations.length, toStop: [], problems: [] });
    const [byOwner] = plan.steps;
    expect(byOwner).toMatchObject({
      name: 'builds-by-owner0000000000003',
      additive: false,
      work: [
        {
          text: 'index build_by_owner on build',
          reads: 'build',
          blocks: dialect === 'postgres' ? 'nothing' : 'writes',
        },
      ],
    });
    const lines = describeUpgrade(plan);
    expect(lines[0]).toBe(`${plan.steps.length} of ${migrations.length} steps are to be done:`);
    expect(lines).toContain('  column host_id of repo');
    expect(lines.join('\n')).toContain('stop all hubs before');
    expect(await schemaState(database)).toMatchObject({ applied: migrations.slice(0, 2).map(recordedName) });
    await migrate(database);
    expect(describeUpgrade(await planMigration(configOf(place)))).toEqual([
      `the database is up to date: ${migrations.length} steps are done`,
    ]);
  });

  test('the plan of a later version counts the rows that are read', async () => {
    const database = await (await make()).open();
    await migrate(database);
    await fill(database);
    const index: Migration = {
      ...{ number: 9998, name: 'by-version', additive: true, postgres: [], sqlite: [] },
      indexes: [{ name: 'build_by_version', table: 'build', columns: ['version', 'release'] }],
    };
    const change = 'UPDATE build SET source = NULL WHERE id < 0';
    const update: Migration = { number: 9999, name: 'sources', postgres: [change], sqlite: [change] };
    const steps = [...migrations, index, update];
    if (dialect === 'postgres') await database.withDataSource((source) => source.query('ANALYZE build'));
    const plan = await planUpgrade(database, steps);
    expect(plan.steps.map(({ name, additive, work }) => [name, additive, work])).toEqual([
      ['by-version+0000000009998', true, [expect.objectContaining({ rows: 1, seconds: 1 })]],
      [
        'sources0000000009999',
        false,
        [expect.objectContaining({ text: change, rows: 1, blocks: 'everything' })],
      ],
    ]);
    expect(await migrate(database, steps)).toEqual(['by-version+0000000009998', 'sources0000000009999']);
  });

  test('an upgrade that is cut off continues where it was', async () => {
    const database = await (await make()).open();
    const broken: Migration = { number: 9999, name: 'later', postgres: ['NONSENSE'], sqlite: ['NONSENSE'] };
    await migrate(database, migrations.slice(0, 5));
    await expect(migrate(database, [...migrations.slice(0, 8), broken])).rejects.toThrow(/NONSENSE/);
    expect((await schemaState(database)).applied).toHaveLength(8);
    expect(await migrate(database)).toEqual(migrations.slice(8).map(recordedName));
  });

  test('a hub starts beside a later version whose steps are additive, and refuses others', async () => {
    const place = await make();
    const database = await place.open();
    await migrate(database, [...migrations, later(true)]);
    const open = await openHub(configOf(place), { serves: true });
    const hub = await serve(open);
    try {
      expect(await (await fetch(`${hub.url}/readyz`)).text()).toBe('ok\n');
    } finally {
      await hub.stop();
    }
    const mark = sql`UPDATE migrations SET name = 'later0000000009999' WHERE name LIKE 'later%'`;
    await database.write((db) => db.run(mark));
    const refused = 'the database has migrations of a later version (later0000000009999): use that version';
    await expect(openHub(configOf(place), { serves: true })).rejects.toThrow(refused);
    await expect(planMigration(configOf(place))).rejects.toThrow(refused);
    await expect(migrateDatabase(configOf(place))).rejects.toThrow(ConfigError);
  });

  test('a hub that runs stays ready while an additive step is done, and not with another one', async () => {
    const place = await make();
    const database = await place.open();
    await migrate(database);
    const hub = await serve(await openHub(configOf(place), { serves: true }));
    const ready = async () => (await fetch(`${hub.url}/readyz`)).text();
    try {
      await migrate(database, [...migrations, later(true)]);
      expect(await ready()).toBe('ok\n');
      const other: Migration = { number: 10_000, name: 'breaking', postgres: [], sqlite: [] };
      await migrate(database, [...migrations, later(true), other]);
      // An answer holds for a second.
      for (let i = 0; i < 100 && (await ready()) === 'ok\n'; i++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await ready()).toBe('the schema of the database is of another version\n');
    } finally {
      await hub.stop();
    }
  });
});

describeOnPostgres('an upgrade', ({ create }) => {
  let place: TestDatabase;
  beforeEach(async () => void (place = await create({ empty: true })));
  afterEach(() => place.drop());

  const config = (name = place.url) =>
    makeConfig(
      place.folder,
      { Database: name, KojiDir: 'store', Listen: '127.0.0.1:0', LogFile: 'hub.log' },
      {},
    );

  test('makes an index again that was cut off', async () => {
    const database = await place.open();
    await migrate(database, migrations.slice(0, 2));
    await database.withDataSource(async (source) => {
      await source.query('CREATE INDEX build_by_owner ON build (owner)');
      await source.query(
        `UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'build_by_owner'::regclass`,
      );
    });
    await migrate(database);
    const [found] = await database.withDataSource((source) =>
      source.query<{ valid: boolean }[]>(
        `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'build_by_owner'::regclass`,
      ),
    );
    expect(found).toEqual({ valid: true });
  });

  test('a running hub still reads whole rows of a table that gets a column', async () => {
    const database = await place.open();
    await migrate(database);
    await fill(database);
    const read = (): Promise<readonly object[]> =>
      database.write((db) => db.all(sql`SELECT * FROM tag_config WHERE tag_id = ${1}`));
    for (let times = 0; times < 4; times++) expect(await read()).toHaveLength(1);
    await database.withDataSource((source) =>
      source.query('ALTER TABLE tag_config ADD COLUMN later integer DEFAULT 5'),
    );
    expect(await read()).toMatchObject([{ later: 5 }]);
  });

  test('tells which hubs are to be stopped for it', async () => {
    const database = await place.open();
    await migrate(database);
    const hub = await serve(await openHub(config(), { serves: true }));
    try {
      const steps = [...migrations, later(false)];
      const { toStop } = await planUpgrade(database, steps);
      expect(toStop).toEqual([{ host: expect.any(String) as unknown, pid: process.pid }]);
      expect((await planUpgrade(database, [...migrations, later(true)])).toStop).toEqual([]);
      await hub.stop();
      expect((await planUpgrade(database, steps)).toStop).toEqual([]);
    } finally {
      await hub.stop();
    }
  });

  test('refuses beside hubs of the version before, unless told to', async () => {
    const database = await place.open();
    await migrate(database);
    const hub = await serve(await openHub(config(), { serves: true }));
    try {
      // As before the last steps that are not additive.
      const last = migrations.findLast(({ additive }) => !additive)!;
      await database.write((db) => db.run(sql`DELETE FROM migrations WHERE name = ${recordedName(last)}`));
      await database.withDataSource((source) => source.query('DROP TABLE plugin_migration'));
      await expect(migrateDatabase(config())).rejects.toThrow(
        /process \d+ on .* serves, and not all steps are additive: stop that hub first/,
      );
      expect(await migrateDatabase(config(), { beside: true })).toEqual([recordedName(last)]);
    } finally {
      await hub.stop();
    }
  });

  test('refuses a role that may not change the tables, before anything is done', async () => {
    const database = await place.open();
    await migrate(database, migrations.slice(0, 5));
    const role = `reader_${process.pid}_${Date.now()}`;
    await database.withDataSource(async (source) => {
      await source.query(`CREATE ROLE ${role} LOGIN`);
      await source.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
    });
    try {
      const url = new URL(place.url);
      url.username = role;
      const { problems } = await planMigration(config(url.href));
      expect(problems[0]).toContain(
        `${role} may not create tables in schema public: GRANT CREATE ON SCHEMA public`,
      );
      expect(problems[1]).toMatch(/table \w+ belongs to \w+: upgrade as/);
      await expect(migrateDatabase(config(url.href))).rejects.toThrow(/may not create tables/);
      expect((await schemaState(database)).applied).toHaveLength(5);
    } finally {
      await database.withDataSource(async (source) => {
        await source.query(`DROP OWNED BY ${role}`);
        await source.query(`DROP ROLE ${role}`);
      });
    }
  });
});

test('an upgrade of a SQLite file waits for no hub: it refuses beside one', async () => {
  const place = await databases[0]!.create({ empty: true });
  const config = makeConfig(
    place.folder,
    { Database: place.url, KojiDir: 'store', Listen: '127.0.0.1:0' },
    {},
  );
  await writeFile(path.join(place.folder, 'hub.conf'), '');
  const database = await place.open();
  await migrate(database);
  const hub = await serve(
    await openHub({ ...config, options: { ...config.options, LogFile: 'hub.log' } }, { serves: true }),
  );
  try {
    expect(await migrateDatabase(config)).toEqual([]);
    await database.write((db) => db.run(sql`DELETE FROM migrations WHERE name LIKE 'text-lengths%'`));
    await expect(migrateDatabase(config)).rejects.toThrow(/serves from .*koji\.db: stop that hub first/);
  } finally {
    await hub.stop();
    await place.drop();
  }
});
