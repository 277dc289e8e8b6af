import { GenericError, LockError, ParameterError } from '@koji/core';
import { takeLock } from '../src/db/locks.js';
import { lookupName } from '../src/domain/values/lookup.js';
import type { Opened } from '../src/db/database.js';
import { openWake } from '../src/wake.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

describe.each(databases)('on $name', ({ create, dialect }) => {
  let made: TestDatabase;
  let database: Opened;
  beforeAll(async () => {
    made = await create();
    database = await made.open();
  });
  afterAll(() => made.drop());

  test('a row is found by id, name or a struct with either', async () => {
    const admin = { id: 1, name: 'admin' };
    await database.read(async (db) => {
      for (const info of [1, 'admin', { id: 1 }, { id: '1', name: 'x' }, { name: 'admin' }, true])
        expect(await lookupName({ db }, 'permissions', info)).toEqual(admin);
      for (const info of [99, 'x', 2 ** 40, -1, ''])
        expect(await lookupName({ db }, 'permissions', info)).toBeNull();
    });
  });

  test('what names nothing is refused in the words of Koji', async () => {
    await database.read(async (db) => {
      for (const [info, shown] of [
        [null, 'None'],
        [[1], '[1]'],
        [{}, '{}'],
        [{ id: 'x' }, "{'id': 'x'}"],
        [1.5, '1.5'],
      ] as const)
        await expect(lookupName({ db }, 'tag', info)).rejects.toThrow(
          new ParameterError(`Invalid name or id value: ${shown}`),
        );
      await expect(lookupName({ db }, 'tag', 'nope', { strict: true })).rejects.toThrow(
        new GenericError('No such entry in table tag: nope'),
      );
    });
  });

  test('a missing row is made on demand, once, and by name only', async () => {
    const make = () => database.write((db) => lookupName({ db }, 'package', 'bash', { create: true }));
    const made = await Promise.all([make(), make(), make()]);
    expect(made[0]).toMatchObject({ name: 'bash' });
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    await expect(database.write((db) => lookupName({ db }, 'package', 99, { create: true }))).rejects.toThrow(
      'Name must be a string',
    );
  });

  test('a lock is held until its transaction ends', async () => {
    await expect(database.write((db) => takeLock(db, 'nope'))).rejects.toBeInstanceOf(LockError);
    await database.write(async (db) => {
      expect(await takeLock(db, 'scheduler')).toBe(true);
      if (dialect === 'sqlite') return;
      const other = await made.open();
      expect(await other.write((second) => takeLock(second, 'scheduler', { wait: false }))).toBe(false);
    });
    expect(await database.write((db) => takeLock(db, 'scheduler', { wait: false }))).toBe(true);
  });

  test('a waiter is woken by its channel only, or gives up in time', async () => {
    const wake = openWake(database);
    const waits = [wake.wait('task:1', 5000), wake.wait('task:1', 5000), wake.wait('task:2', 60)];
    await wake.notify('task:1');
    expect(await Promise.all(waits)).toEqual([true, true, false]);
    const stop = new AbortController();
    const stopped = wake.wait('task:3', 5000, stop.signal);
    stop.abort();
    expect(await stopped).toBe(false);
    const closed = wake.wait('task:4', 5000);
    wake.close();
    expect(await closed).toBe(false);
  });
});
