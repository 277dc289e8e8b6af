import { jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, ParameterError } from '@koji/core';
import { Double } from '@koji/core/wire';
import fc from 'fast-check';
import pg from 'pg';
import { DataSource } from 'typeorm';
import type { Connection } from '../src/db/connection.js';
import { openDatabase } from '../src/db/database.js';
import type { Opened } from '../src/db/database.js';
import {
  ConstraintViolation,
  DatabaseUnavailable,
  TransactionFailed,
  UniqueViolation,
} from '../src/db/errors.js';
import {
  anyOf,
  boolAs,
  epoch,
  floatAs,
  glob,
  id,
  limitStatements,
  matches,
  now,
  sql,
} from '../src/db/sql.js';
import { sqliteDriver } from '../src/db/sqlite-driver.js';
import { until } from '../../../test/support/system.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const addTag = (db: Connection, name: string) => db.run(sql`INSERT INTO tag (name) VALUES (${name})`);
/** Null for a connection that is being opened, so that the question is asked again. */
const notYet = (error: unknown) => {
  if (error instanceof DatabaseUnavailable) return null;
  throw error;
};
const tagNames = async (db: Connection) =>
  (await db.all<{ name: string }>(sql`SELECT name FROM tag ORDER BY id`)).map(({ name }) => name);

test('TypeORM alone loses the rows of a write that overlaps a failing one on SQLite', async () => {
  const source = await new DataSource({
    type: 'better-sqlite3',
    driver: sqliteDriver(),
    database: ':memory:',
  }).initialize();
  await source.query('CREATE TABLE tag (name text)');
  const failing = source.transaction(async (manager) => {
    await manager.query(`INSERT INTO tag VALUES ('first')`);
    await sleep(30);
    throw new Error('on purpose');
  });
  const other = sleep(10).then(() => source.query(`INSERT INTO tag VALUES ('second')`));
  await Promise.allSettled([failing, other]);
  expect(await source.query('SELECT * FROM tag')).toEqual([]);
  await source.destroy();
});

test('a write within a write on SQLite fails rather than waiting for itself for ever', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-turns-'));
  const database = await openDatabase({ url: 'sqlite:koji.db', folder, patience: 1000 });
  try {
    await database.write((db) => db.run(sql`CREATE TABLE tag (id integer PRIMARY KEY, name text)`));
    const nested = database.write(() => database.write((db) => addTag(db, 'never')));
    const behind = database.write((db) => addTag(db, 'behind'));
    await expect(nested).rejects.toThrow(/another write does nothing .* savepoint/);
    await Promise.allSettled([behind]);
    // A running one is awaited.
    const busy = database.write(async (db) => {
      for (let i = 0; i < 15; i++) {
        await sleep(100);
        await addTag(db, 'busy');
      }
    });
    await database.write((db) => addTag(db, 'waited'));
    await busy;
    expect((await database.read(tagNames)).filter((name) => name !== 'behind')).toEqual([
      ...Array<string>(15).fill('busy'),
      'waited',
    ]);
  } finally {
    await database.close();
    rmSync(folder, { recursive: true });
  }
});

describe.each(databases)('on $name', ({ create, dialect }) => {
  let made: TestDatabase;
  let database: Opened;
  beforeEach(async () => {
    made = await create();
    database = await made.open();
  });
  afterEach(() => made.drop());

  test('a write that overlaps a failing one keeps its rows, and readers see committed rows only', async () => {
    const seen: string[][] = [];
    let written = (): void => undefined;
    const first = new Promise<void>((resolve) => (written = resolve));
    const failing = database.write(async (db) => {
      await addTag(db, 'first');
      seen.push(await database.read(tagNames));
      written();
      await sleep(30);
      throw new Error('on purpose');
    });
    const other = first.then(() => database.write((db) => addTag(db, 'second')));
    await expect(failing).rejects.toThrow('on purpose');
    await other;
    expect(seen).toEqual([[]]);
    expect(await database.read(tagNames)).toEqual(['second']);
  });

  test('a read sees one moment however long it takes', async () => {
    await database.read(async (db) => {
      expect(await tagNames(db)).toEqual([]);
      await database.write((other) => addTag(other, 'later'));
      expect(await tagNames(db)).toEqual([]);
    });
    expect(await database.read(tagNames)).toEqual(['later']);
  });

  test('many writes and reads at once all come through', async () => {
    const writes = Array.from({ length: 50 }, (_, i) => database.write((db) => addTag(db, `tag${i}`)));
    const reads = Array.from({ length: 50 }, () => database.read(tagNames));
    await Promise.all([...writes, ...reads]);
    expect(await database.read(tagNames)).toHaveLength(50);
  });

  test('a read cannot write', async () => {
    await expect(database.read((db) => addTag(db, 'x'))).rejects.toThrow(/^database: /);
  });

  test('what reads without a snapshot writes nothing either, and sees one from where it needs a transaction', async () => {
    await database.write((own) => addTag(own, 'first'));
    const bad = database.read((own) => addTag(own, 'no'), { snapshot: false });
    await expect(bad).rejects.toThrow(dialect === 'postgres' ? /read-only transaction/ : /readonly database/);
    const seen = await database.read(
      async (own) => {
        const before = await tagNames(own);
        const parts = await own.readpoint(() => tagNames(own));
        await database.write((other) => addTag(other, 'second'));
        const rows: string[] = [];
        for await (const { name } of own.iterate<{ name: string }>(sql`SELECT name FROM tag ORDER BY id`))
          rows.push(name);
        return { before, parts, rows };
      },
      { snapshot: false },
    );
    expect(seen).toEqual({ before: ['first'], parts: ['first'], rows: ['first'] });
    expect(await database.read(tagNames, { snapshot: false })).toEqual(['first', 'second']);
    const limited = database.read(
      async (own) => {
        await own.all(limitStatements(50));
        await own.all(sql`SELECT count(*) FROM generate_series(1, 1000000000)`);
      },
      { snapshot: false },
    );
    if (dialect === 'postgres') await expect(limited).rejects.toThrow('the query takes too long');
    else await expect(limited).rejects.toThrow('generate_series');
  });

  test('a write may follow from within another, when that is over', async () => {
    let later: Promise<unknown> = Promise.resolve();
    await database.write(async () => {
      later = sleep(20).then(() => database.write((db) => addTag(db, 'afterwards')));
    });
    await later;
    expect(await database.read(tagNames)).toEqual(['afterwards']);
  });

  test('a savepoint that fails takes back its own rows only', async () => {
    await database.write(async (db) => {
      await addTag(db, 'before');
      const failing = db.savepoint(async () => {
        await addTag(db, 'inside');
        await db.savepoint(() => addTag(db, 'deeper'));
        await addTag(db, 'before');
      });
      await expect(failing).rejects.toBeInstanceOf(UniqueViolation);
      await db.savepoint(() => addTag(db, 'after'));
    });
    expect(await database.read(tagNames)).toEqual(['before', 'after']);
  });

  type Step =
    | 'fails'
    | 'breaks a rule'
    | { readonly adds: string }
    | { readonly way: 'savepoint' | 'readpoint'; readonly steps: Step[] };
  const { step } = fc.letrec<{ step: Step }>((tie) => ({
    step: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      fc.constantFrom<Step>('fails', 'breaks a rule'),
      fc.uuid().map((adds) => ({ adds })),
      fc.record({
        way: fc.constantFrom<'savepoint' | 'readpoint'>('savepoint', 'readpoint'),
        steps: fc.array(tie('step'), { maxLength: 5 }),
      }),
    ),
  }));

  async function take(db: Connection, one: Step): Promise<void> {
    if (one === 'fails') throw new Error('asked to fail');
    if (one === 'breaks a rule') await addTag(db, 'first');
    else if ('adds' in one) await addTag(db, one.adds);
    else
      await db[one.way](async () => {
        for (const next of one.steps) await take(db, next);
      }).catch(() => undefined);
  }

  /** The names that exist after a step; null if it fails. */
  function after(names: readonly string[], one: Step): readonly string[] | null {
    if (typeof one === 'string') return null;
    if ('adds' in one) return [...names, one.adds];
    return one.steps.reduce<readonly string[] | null>((now, next) => now && after(now, next), names) ?? names;
  }

  /** The savepoint of the first read is gone when the second one needs its own. */
  const ended: Step[] = [
    { way: 'savepoint', steps: [{ way: 'readpoint', steps: [] }] },
    { way: 'readpoint', steps: ['breaks a rule'] },
    { adds: 'later' },
  ];

  test('works that fail take back what they wrote and nothing else, however they lie in each other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          step.filter((one) => typeof one === 'object'),
          { maxLength: 6 },
        ),
        async (steps) => {
          await database.write(async (db) => {
            await db.run(sql`DELETE FROM tag`);
            await addTag(db, 'first');
            for (const one of steps) await take(db, one);
            const expected = steps.reduce<readonly string[]>((now, one) => after(now, one) ?? now, ['first']);
            expect(new Set(await tagNames(db))).toEqual(new Set(expected));
          });
        },
      ),
      { numRuns: 100, examples: [[ended]] },
    );
  });

  test('an id that was given is never given again, whatever became of its row', async () => {
    const add = (name: string) =>
      database.write(async (db) => {
        const row = await db.get<{ id: number }>(sql`INSERT INTO tag (name) VALUES (${name}) RETURNING id`);
        if (name.startsWith('no')) throw new Error('not this one');
        return row!.id;
      });
    await expect(add('no first')).rejects.toThrow('not this one');
    expect(await add('second')).toBe(2);
    await expect(add('no third')).rejects.toThrow('not this one');
    const within = await database.write(async (db) => {
      const insert = async () =>
        (await db.get<{ id: number }>(sql`INSERT INTO tag (name) VALUES ('fourth') RETURNING id`))!.id;
      const part = db.savepoint(async () => {
        await insert();
        throw new Error('not this either');
      });
      await expect(part).rejects.toThrow('not this either');
      return insert();
    });
    expect(within).toBe(5);
  });

  test('wrote tells whether anything was written and not taken back', async () => {
    await database.write(async (db) => {
      await tagNames(db);
      await db.run(sql`UPDATE tag SET name = 'x' WHERE id = 5`);
      await db
        .savepoint(async () => {
          await addTag(db, 'x');
          expect(db.wrote).toBe(true);
          throw new Error('back');
        })
        .catch(() => undefined);
      expect(db.wrote).toBe(false);
      expect(await db.get(sql`INSERT INTO tag (name) VALUES ('y') RETURNING name`)).toEqual({ name: 'y' });
      expect(db.wrote).toBe(true);
    });
  });

  test('after a failed statement nothing of the transaction can be kept by mistake', async () => {
    const careless = database.write(async (db) => {
      await addTag(db, 'one');
      await addTag(db, 'one').catch(() => undefined);
    });
    await expect(careless).rejects.toBeInstanceOf(TransactionFailed);
    const stubborn = database.write(async (db) => {
      await addTag(db, 'one');
      await addTag(db, 'one').catch(() => undefined);
      await addTag(db, 'two');
    });
    await expect(stubborn).rejects.toBeInstanceOf(TransactionFailed);
    expect(await database.read(tagNames)).toEqual([]);
  });

  test('a connection is of no use after its transaction', async () => {
    const kept = await database.read(async (db) => db);
    await expect(tagNames(kept)).rejects.toThrow('the transaction has ended');
  });

  test('broken rules of the schema are reported with kind, table and columns', async () => {
    const error = async (query: (db: Connection) => Promise<unknown>) =>
      database.write(query).catch((thrown: unknown) => thrown);
    await database.write((db) => addTag(db, 'a'));
    const unique = await error((db) => addTag(db, 'a'));
    expect(unique).toBeInstanceOf(UniqueViolation);
    expect((unique as UniqueViolation).place).toMatchObject({ table: 'tag', columns: ['name'] });
    expect(await error((db) => db.run(sql`INSERT INTO tag (name) VALUES (${null})`))).toMatchObject({
      kind: 'not null',
      place: { table: 'tag', columns: ['name'] },
    });
    expect(
      await error((db) => db.run(sql`INSERT INTO build_types (build_id, btype_id) VALUES (99, 1)`)),
    ).toMatchObject({ kind: 'foreign key' });
    const check = await error((db) =>
      db.run(sql`INSERT INTO buildroot (br_type, cg_version) VALUES (1, ${'2'})`),
    );
    expect(check).toBeInstanceOf(ConstraintViolation);
    expect(check).toMatchObject({ kind: 'check', place: { constraint: 'cg_sane' } });
  });

  test('values come back as the wire needs them', async () => {
    const row = await database.write(async (db) => {
      await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('bob', 0, 0)`);
      await db.run(sql`INSERT INTO host (user_id, name, update_time, task_load, ready)
        VALUES (1, 'bob', ${new Date(1700000000000)}, ${new Double(2)}, ${true})`);
      return db.get(sql`SELECT ready, task_load, update_time, ${epoch('host.update_time', 'update_ts')},
        ${boolAs(sql`task_load > 1`, 'busy')}, ${floatAs(sql`task_load / 4`, 'quarter')} FROM host`);
    });
    expect(row).toEqual({
      ready: true,
      task_load: new Double(2),
      update_time: '2023-11-14 22:13:20+00:00',
      update_ts: new Double(1700000000),
      busy: true,
      quarter: 0.5,
    });
  });

  test('times keep microseconds, and the clock goes forward', async () => {
    const { fixed, first, second } = await database.write(async (db) => {
      await db.run(sql`INSERT INTO events (time) VALUES (${'2024-02-29 23:59:59.120000+00:00'})`);
      await db.run(sql`INSERT INTO events (time) VALUES (${now})`);
      await db.run(sql`INSERT INTO events (time) VALUES (${now})`);
      const rows = await db.all<{ time: string }>(sql`SELECT time FROM events ORDER BY time`);
      return { fixed: rows[0], first: rows[1], second: rows[2] };
    });
    expect(fixed).toEqual({ time: '2024-02-29 23:59:59.120000+00:00' });
    expect(first!.time).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00$/);
    expect(Math.abs(Date.parse(first!.time.replace(' ', 'T')) - Date.now())).toBeLessThan(60_000);
    expect(second!.time > first!.time).toBe(true);
  });

  test('numbers keep their kind, also in text columns and beyond 32 bits', async () => {
    await database.write(async (db) => {
      await db.run(sql`INSERT INTO tag (name) VALUES (${5})`);
      expect(await tagNames(db)).toEqual(['5']);
    });
    const size = await database.read((db) =>
      db.get(sql`SELECT CAST(${5_000_000_000} AS bigint) AS size, count(*) AS n, sum(id) AS s FROM channels`),
    );
    expect(size).toEqual({ size: 5_000_000_000, n: 8, s: 36 });
  });

  test('lists, patterns and expressions find what they name', async () => {
    await database.write(async (db) => {
      for (const name of ['f40', 'F41', 'f_42', "o'x"]) await addTag(db, name);
    });
    const found = (condition: Parameters<typeof sql>[1]) =>
      database.read(async (db) =>
        (await db.all<{ name: string }>(sql`SELECT name FROM tag WHERE ${condition} ORDER BY id`)).map(
          (row) => row.name,
        ),
      );
    expect(await found(anyOf(id('name'), ['f40', "o'x", '"']))).toEqual(['f40', "o'x"]);
    expect(await found(anyOf(id('id'), [2, 3]))).toEqual(['F41', 'f_42']);
    expect(await found(anyOf(id('id'), []))).toEqual([]);
    expect(await found(glob(id('name'), 'f4?'))).toEqual(['f40', 'F41']);
    expect(await found(glob(id('name'), 'f_*'))).toEqual(['f_42']);
    expect(await found(matches(id('name'), '^f[0-9]+$'))).toEqual(['f40']);
    await expect(found(matches(id('name'), '('))).rejects.toBeInstanceOf(ParameterError);
  });

  test('a list reaches the database as it is, whatever its texts are', async () => {
    const texts = fc.array(fc.string({ unit: 'binary' }).filter((text) => !/[\0\ud800-\udfff]/.test(text)));
    const special = fc.array(
      fc.constantFrom<string>('', 'NULL', '{', '}', ',', '"', '\\', '\\"', ' a ', '\n', '{}', "'"),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(texts, special), async (names) => {
        const found = await database.read((db) =>
          Promise.all(
            [...names, 'absent'].map((name) =>
              db.get<{ found: number }>(sql`SELECT count(*) AS found FROM channels
                WHERE channels.name = 'default' AND ${anyOf(sql`CAST(${name} AS text)`, names)}`),
            ),
          ),
        );
        expect(found.map((row) => row?.found)).toEqual([
          ...names.map(() => 1),
          names.includes('absent') ? 1 : 0,
        ]);
      }),
      { numRuns: 40 },
    );
  });

  test('other statements run while rows come one by one, and a loop may stop early', async () => {
    await database.write((db) =>
      db.run(
        sql`INSERT INTO tag (name) SELECT 'tag' || a.id || '-' || b.id FROM archivetypes a, archivetypes b`,
      ),
    );
    const all = await database.read(tagNames);
    expect(all.length).toBeGreaterThan(5000);
    for (const access of ['read', 'write'] as const) {
      const query = sql`SELECT id, name FROM tag ORDER BY id`;
      const names = await database[access](async (db) => {
        const seen: string[] = [];
        for await (const row of db.iterate<{ id: number; name: string }>(query)) {
          if (seen.length < 5)
            expect(await db.get(sql`SELECT name FROM tag WHERE id = ${row.id}`)).toEqual({ name: row.name });
          seen.push(row.name);
        }
        for await (const first of db.iterate(query)) {
          for await (const again of db.iterate(query)) {
            expect(again).toEqual(first);
            break;
          }
          break;
        }
        // One that nobody reads on must not keep the transaction from ending.
        await db.iterate(query)[Symbol.asyncIterator]().next();
        return seen;
      });
      expect(names).toEqual(all);
    }
  });

  test('listeners hear their own process and others, and nothing once stopped', async () => {
    const other = await made.open();
    const heard: string[] = [];
    const stop = database.listen((channel) => heard.push(`own ${channel}`));
    const stopOther = other.listen((channel) => heard.push(`other ${channel}`));
    const all = (channel: string): string[] =>
      dialect === 'postgres' ? [`other ${channel}`, `own ${channel}`] : [`own ${channel}`];
    const hear = async (wanted: readonly string[], again: () => Promise<void>): Promise<void> => {
      for (let i = 0; !wanted.every((one) => heard.includes(one)); i++) {
        if (i === 3000) throw new Error(`heard ${heard.join(', ')}, not ${wanted.join(', ')}`);
        await again();
        await sleep(20);
      }
    };
    const nothing = async (): Promise<void> => undefined;
    // PostgreSQL takes a moment to listen.
    await hear(all('ready'), () => database.notify('ready'));
    await database.notify('task:1');
    await database.notify('end');
    await hear(all('end'), nothing);
    expect(heard.filter((one) => one.endsWith('task:1')).sort()).toEqual(all('task:1'));
    stop();
    await database.notify('task:2');
    await hear(
      all('task:2').filter((one) => one !== 'own task:2'),
      nothing,
    );
    stopOther();
    expect(heard).not.toContain('own task:2');
  });

  test('close waits for what is under way and refuses what comes after', async () => {
    const slow = database.write(async (db) => {
      await addTag(db, 'slow');
      await sleep(50);
      await addTag(db, 'slower');
    });
    await sleep(10);
    await database.close();
    await slow;
    await expect(database.read(tagNames)).rejects.toThrow('closed');
    expect(await (await made.open()).read(tagNames)).toEqual(['slow', 'slower']);
  });
});

describeOnPostgres('reads without a snapshot', (kind) => {
  test('a statement is one trip, and connections stay', async () => {
    const test = await kind.create();
    const sent = jest.spyOn(pg.Client.prototype, 'query');
    try {
      const db = await test.open();
      const trips = async (work: (own: Connection) => Promise<unknown>): Promise<number> => {
        const before = sent.mock.calls.length;
        await db.read(work, { snapshot: false });
        return sent.mock.calls.length - before;
      };
      expect(await trips(tagNames)).toBe(1);
      expect(await trips((own) => own.readpoint(() => tagNames(own)))).toBe(4);
      const numbers = async (own: Connection, most: number): Promise<number> => {
        let count = 0;
        for await (const row of own.iterate(sql`SELECT n FROM generate_series(1, 2500) AS n`))
          if (row.n === most || ++count === most) break;
        return count;
      };
      // With the one that ends a transaction, which begins in the first one's trip: three portions; the first one, and the end of the rest.
      expect(await trips((own) => numbers(own, 2500))).toBe(4);
      expect(await trips((own) => numbers(own, 10))).toBe(3);
    } finally {
      sent.mockRestore();
      await test.drop();
    }
  });
});

describeOnPostgres('a transaction', (kind) => {
  test('begins in the trip of its first statement, whatever else is asked at the same time', async () => {
    const test = await kind.create();
    const sent = jest.spyOn(pg.Client.prototype, 'query');
    try {
      const db = await test.open();
      const isolation = async (own: Connection): Promise<unknown> =>
        (await own.get(sql`SELECT current_setting('transaction_isolation') AS level`))?.level;
      const both = (own: Connection) => Promise.all([isolation(own), isolation(own)]);
      for (let i = 0; i < 3; i++) {
        sent.mockClear();
        expect(await db.read(both)).toEqual(['repeatable read', 'repeatable read']);
        // Its first transaction makes a connection prepare how it begins.
        expect(sent.mock.calls.length).toBe(i === 0 ? 4 : 3);
      }
      for (let i = 0; i < 3; i++) {
        sent.mockClear();
        expect(await db.write((own) => own.run(sql`INSERT INTO events DEFAULT VALUES`))).toBe(1);
        expect(sent.mock.calls.length).toBe(i === 0 ? 3 : 2);
      }
      await expect(db.read((own) => own.run(sql`INSERT INTO events DEFAULT VALUES`))).rejects.toThrow(
        'read-only',
      );
      const count = (own: Connection) => own.get(sql`SELECT count(*) AS all FROM events`);
      await expect(
        db.write(async (own) => {
          await own.run(sql`INSERT INTO events DEFAULT VALUES`);
          await own.run(sql`SELECT nothing FROM events`);
        }),
      ).rejects.toThrow('nothing');
      expect(await db.read(count)).toEqual({ all: 3 });
      sent.mockClear();
      await db.write(() => Promise.resolve());
      expect(sent.mock.calls.length).toBe(0);
    } finally {
      sent.mockRestore();
      await test.drop();
    }
  });
});

describeOnPostgres('the connection with the locks', (kind) => {
  test('what a process claimed stays its own when its connection breaks', async () => {
    const made = await kind.create();
    try {
      const [own, other] = [await made.open(), await made.open()];
      for (const database of [own, other]) database.listen(() => undefined);
      const claim = (database: Opened) =>
        until('an answer to a claim', () =>
          database.claim('a file').then((release) => ({ release }), notYet),
        );
      const holders = () =>
        own.read((db) =>
          db.all<{ pid: number }>(
            sql`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database =
                  (SELECT oid FROM pg_database WHERE datname = current_database())`,
          ),
        );
      const { release } = await claim(own);
      expect(await claim(other)).toEqual({ release: null });
      const [before] = await holders();
      await own.write((db) => db.run(sql`SELECT pg_terminate_backend(${before!.pid})`));
      await until('the claim of a new connection', async () => {
        const [now] = await holders();
        return now !== undefined && now.pid !== before!.pid;
      });
      expect(await claim(other)).toEqual({ release: null });
      await release?.();
      expect((await claim(other)).release).not.toBeNull();
    } finally {
      await made.drop();
    }
  });
});

test('a commit that was answered survives kill -9 on SQLite', async () => {
  const made = await databases[0]!.create();
  const dist = path.resolve(import.meta.dirname, '../dist/db');
  const script = `
    import { openDatabase } from '${dist}/database.js';
    import { sql } from '${dist}/sql.js';
    const db = await openDatabase({ url: '${made.url}', folder: '${made.folder}' });
    for (let i = 0; ; i++) {
      await db.write((c) => c.run(sql\`INSERT INTO tag (name) VALUES (\${'t' + i})\`));
      process.stdout.write(i + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  while (said.split('\n').length < 30) await sleep(20);
  child.kill('SIGKILL');
  await once(child, 'close');
  const last = Number(said.trim().split('\n').at(-1));
  const names = await (await made.open()).read(tagNames);
  expect(last).toBeGreaterThan(20);
  expect(names).toContain(`t${last}`);
  await made.drop();
});

test('a setting that is not a database is refused and shows no password', async () => {
  const opening = openDatabase({ url: 'mysql://koji:secret@host/koji', folder: '/' });
  await expect(opening).rejects.toBeInstanceOf(ConfigError);
  await expect(opening).rejects.not.toThrow(/secret/);
});
