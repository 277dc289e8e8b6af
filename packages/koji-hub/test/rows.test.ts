import { ParameterError } from '@koji/core';
import type { QueryOpts } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import { applyOpts, boolColumn, epochColumn, query, stream } from '../src/db/rows.js';
import { id, sql } from '../src/db/sql.js';
import type { Opened } from '../src/db/database.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

describe.each(databases)('on $name', ({ create }) => {
  let made: TestDatabase;
  let database: Opened;
  beforeAll(async () => {
    made = await create();
    database = await made.open();
    await database.write((db) =>
      db.run(sql`INSERT INTO channels (name, comment) VALUES ('b', 'x'), ('a', 'y'), ('c', NULL)`),
    );
  });
  afterAll(() => made.drop());

  const list = (opts: QueryOpts | null, more = {}) =>
    database.read((db) =>
      query(db, {
        columns: {
          name: id('channels.name'),
          comment: id('channels.comment'),
          long: boolColumn(sql`id > 10`),
        },
        from: sql`channels`,
        where: [sql`id > 8 OR id < 0`, sql`enabled`],
        opts,
        ...more,
      }),
    );
  const b = { name: 'b', comment: 'x', long: false };
  const a = { name: 'a', comment: 'y', long: false };
  const c = { name: 'c', comment: null, long: true };

  test('rows come ordered, cut, counted and as lists as asked', async () => {
    expect(await list({ order: 'name' })).toEqual([a, b, c]);
    expect(await list({ order: '-name', limit: 2 })).toEqual([c, b]);
    expect(await list({ order: 'name', offset: 1 })).toEqual([b, c]);
    expect(await list({ order: 'long,-name', offset: 1, limit: 1 })).toEqual([a]);
    expect(await list({ order: 'name', asList: true, limit: 1 })).toEqual([['y', false, 'a']]);
    expect(await list({ countOnly: true, order: 'nothing' })).toBe(3);
    expect(await list({ countOnly: true, offset: 1, limit: 5 })).toBe(2);
    expect(await list({ limit: 0, offset: 0 })).toHaveLength(3);
    expect(await list(null)).toHaveLength(3);
  });

  test('nulls come last, and first when descending, as on PostgreSQL', async () => {
    expect(await list({ order: 'comment' })).toEqual([b, a, c]);
    expect(await list({ order: '-comment' })).toEqual([c, a, b]);
  });

  test('groups are counted where grouping is allowed and ignored elsewhere', async () => {
    const columns = { long: boolColumn(sql`id > 10`) };
    expect(await list({ group: 'long', countOnly: true }, { columns, grouping: true })).toBe(2);
    expect(await list({ group: 'long', order: 'long' }, { columns, grouping: true })).toEqual([
      { long: false },
      { long: true },
    ]);
    expect(await list({ group: 'long', countOnly: true }, { columns })).toBe(3);
  });

  test('nothing of an option becomes SQL', async () => {
    for (const order of ['id', 'name;', 'name desc', '(select 1)', '', 'name,', '__proto__', 'constructor']) {
      if (order === '') expect(await list({ order })).toHaveLength(3);
      else await expect(list({ order })).rejects.toBeInstanceOf(ParameterError);
    }
    const wrong = [
      { limit: -1 },
      { limit: '1' },
      { offset: 'x' },
      { order: 5 },
      { limit: { of: 1 } },
    ] as unknown as QueryOpts[];
    for (const opts of wrong) await expect(list(opts)).rejects.toBeInstanceOf(ParameterError);
    await expect(list({ group: 'name)' }, { grouping: true })).rejects.toBeInstanceOf(ParameterError);
  });

  test('a transform sees rows, and may add what lists then hold', async () => {
    const transform = (row: { name: string }) => ({ ...row, name: row.name.toUpperCase() });
    expect(await list({ order: 'name', limit: 1 }, { transform })).toEqual([{ ...a, name: 'A' }]);
    expect(await list({ order: 'name', limit: 1, asList: true }, { transform })).toEqual([['y', false, 'A']]);
  });

  test('times as seconds are floats, and can be ordered by', async () => {
    await database.write((db) =>
      db.run(sql`INSERT INTO events (time) VALUES (${new Date(5000)}), (${new Date(2500)})`),
    );
    const rows = await database.read((db) =>
      query(db, {
        columns: { ts: epochColumn(id('events.time')) },
        from: sql`events`,
        opts: { order: 'ts' },
      }),
    );
    expect(rows).toEqual([{ ts: 2.5 }, { ts: new Double(5) }]);
  });

  test('a stream gives what the list gives', async () => {
    for (const opts of [{ order: '-name' }, { order: 'name', asList: true }, { limit: 2, order: 'name' }]) {
      const streamed = await database.read(async (db) => {
        const found = await stream(db, {
          columns: {
            name: id('channels.name'),
            comment: id('channels.comment'),
            long: boolColumn(sql`id > 10`),
          },
          from: sql`channels`,
          where: [sql`id > 8`],
          opts,
        });
        const rows: unknown[] = [];
        for await (const row of found) rows.push(row);
        return rows;
      });
      expect(streamed).toEqual(await list(opts));
    }
  });

  test('rows in memory take the same options', async () => {
    for (const opts of [
      { order: 'comment' },
      { order: '-comment', limit: 2 },
      { order: '-long,name', offset: 1 },
      { countOnly: true },
    ])
      expect(await applyOpts([b, a, c], opts)).toEqual(await list(opts));
    await expect(applyOpts([a], { order: 'x' })).rejects.toThrow(ParameterError);
  });
});
