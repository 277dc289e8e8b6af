import { jest } from '@jest/globals';
import { mkdtemp, open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { DatabaseError } from '../src/db/errors.js';
import type { Opened } from '../src/db/connection.js';
import { openDatabase } from '../src/db/database.js';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';

describe('Commits of SQLite', () => {
  let folder: string;
  let database: Opened;
  /** Lets the syncs that wait end, each with an error or without. */
  let waiting: ((error?: Error) => void)[];
  let spy: { mockRestore(): void };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-sync-'));
    database = await openDatabase({ url: 'sqlite:koji.db', folder });
    await database.write((db) => db.run(sql`CREATE TABLE t (n integer)`));
    waiting = [];
    const file = await open(path.join(folder, 'koji.db-wal'));
    const methods = Object.getPrototypeOf(file) as Pick<FileHandle, 'datasync'>;
    await file.close();
    spy = jest.spyOn(methods, 'datasync').mockImplementation(
      () =>
        new Promise((resolve, reject) => {
          waiting.push((error) => (error ? reject(error) : resolve()));
        }),
    );
  });
  afterEach(async () => {
    spy.mockRestore();
    for (const end of waiting.splice(0)) end();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const insert = (n: number): Promise<number> =>
    database.write((db) => db.run(sql`INSERT INTO t VALUES (${n})`));
  const numbers = (): Promise<{ n: number }[]> =>
    database.read((db) => db.all<{ n: number }>(sql`SELECT n FROM t`));
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise(setImmediate);
  };

  it('are answered when they are durable, and share the next sync', async () => {
    const answered: number[] = [];
    const first = insert(1).then(() => answered.push(1));
    await until(() => waiting.length === 1);
    const others = [2, 3, 4].map((n) => insert(n).then(() => answered.push(n)));
    await until(async () => (await numbers()).length === 4);
    expect(waiting).toHaveLength(1);
    expect(answered).toEqual([]);
    const settled = jest.fn();
    void database.settled()?.then(settled);
    waiting.shift()?.();
    await first;
    await until(() => waiting.length === 1);
    expect(answered).toEqual([1]);
    expect(settled).not.toHaveBeenCalled();
    waiting.shift()?.();
    await Promise.all(others);
    expect(answered.toSorted()).toEqual([1, 2, 3, 4]);
    expect(waiting).toEqual([]);
    expect(settled).toHaveBeenCalled();
    expect(database.settled()).toBeUndefined();
  });

  it('are not answered when the disk fails; later ones are', async () => {
    const failed = insert(1);
    await until(() => waiting.length === 1);
    const second = insert(2);
    await until(async () => (await numbers()).length === 2);
    waiting.shift()?.(new Error('EIO'));
    await expect(failed).rejects.toThrow(DatabaseError);
    await expect(failed).rejects.toThrow('EIO');
    await until(() => waiting.length === 1);
    waiting.shift()?.();
    await expect(second).resolves.toBe(1);
  });

  it('of a write that fails alone leave the others', async () => {
    const writes = [1, 2, 3].map((n) =>
      database.write(async (db) => {
        await db.run(sql`INSERT INTO t VALUES (${n})`);
        if (n === 2) throw new Error('refused');
      }),
    );
    await expect(writes[1]).rejects.toThrow('refused');
    await until(async () => (await numbers()).length === 2);
    while (waiting.length > 0) {
      waiting.shift()?.();
      await new Promise(setImmediate);
    }
    await Promise.all([writes[0], writes[2]]);
    expect(await numbers()).toEqual([{ n: 1 }, { n: 3 }]);
  });
});

test('Calls are answered, reads included, when what they did or saw is durable', async () => {
  const kind = databases.find(({ dialect }) => dialect === 'sqlite');
  if (!kind) throw new Error('SQLite is not tested');
  const hub = await startRawHub(kind);
  const file = await open(path.join(hub.folder, 'hub.conf'), 'a');
  const methods = Object.getPrototypeOf(file) as Pick<FileHandle, 'datasync'>;
  await file.close();
  const session = headersOf(await loginAs(hub, 'root'));
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  const spy = jest.spyOn(methods, 'datasync').mockImplementation(() => held);
  try {
    const answered: string[] = [];
    const made = post(hub.api, 'createTag', ['made'], session).finally(() => answered.push('createTag'));
    while (spy.mock.calls.length === 0) await new Promise(setImmediate);
    const seen = hub.database.read((db) => db.all(sql`SELECT 1 FROM tag WHERE name = 'made'`));
    expect(await seen).toHaveLength(1);
    const read = post(hub.api, 'getTag', ['made'], session).finally(() => answered.push('getTag'));
    // A call that touches no database is answered after both had their time.
    for (let i = 0; i < 20; i++) valueOf(await post(hub.api, 'getAPIVersion', []));
    expect(answered).toEqual([]);
    end();
    expect(valueOf(await made)).toEqual(expect.any(Number));
    expect(valueOf(await read)).toMatchObject({ name: 'made' });
  } finally {
    end();
    spy.mockRestore();
    await hub.drop();
  }
});
