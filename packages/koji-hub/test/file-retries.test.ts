import { jest } from '@jest/globals';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PathInfo, makeLogger } from '@koji/core';
import type { Call, Hub } from '../src/call.js';
import { migrate } from '../src/db/migrate.js';
import { sql } from '../src/db/sql.js';
import { FinishedCalls } from '../src/domain/files/finished.js';
import { openJournals } from '../src/domain/files/recovery.js';
import { FileRetries } from '../src/domain/files/retries.js';
import { stageRemoval, stageRename } from '../src/domain/files/files.js';
import { databases } from './support/databases.js';

const quiet = makeLogger(() => undefined);

async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  for (let n = 0; n < 1000 && !(await isTrue()); n++) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(databases)('on $name, changes of files that cannot be taken back at once', ({ create }) => {
  test('are taken back by the running hub as soon as they can be', async () => {
    const made = await create();
    const database = await made.open();
    await migrate(database);
    const top = path.join(made.folder, 'top');
    const at = (...names: string[]): string => path.join(top, ...names);
    await mkdir(at('packages/draft/1'), { recursive: true });
    await writeFile(at('packages/draft/1/b.log'), 'log');
    const said: string[] = [];
    const log = makeLogger((_, text) => said.push(text()));
    const hub = { database, paths: new PathInfo(top), journals: null, logger: () => log } as unknown as Hub;
    const own = await openJournals(hub);
    try {
      Object.assign(hub, { journals: own.folder });
      const undo: (() => Promise<void>)[] = [];
      const call = {
        hub,
        afterCommit: () => undefined,
        beforeRollback: (action: never) => undo.push(action),
      };
      const failing = database.write(async (db) => {
        await stageRename({ ...call, db } as unknown as Call, at('packages/draft/1'), at('packages/real/1'));
        throw new Error('rolled back');
      });
      await expect(failing).rejects.toThrow('rolled back');
      // A file is in the way of the folder that the change came from.
      await rm(at('packages/draft'), { recursive: true, force: true });
      await writeFile(at('packages/draft'), 'in the way');
      expect(undo).toHaveLength(1);
      await expect(undo[0]!()).rejects.toThrow(/ENOTDIR/);
      expect(await readdir(own.folder.path)).toHaveLength(1);
      await rm(at('packages/draft'));
      await mkdir(at('packages/draft'));
      await until(() => said.some((text) => text.includes('could not be completed are')));
      expect(await readFile(at('packages/draft/1/b.log'), 'utf8')).toBe('log');
      expect(await readdir(own.folder.path)).toEqual([]);
    } finally {
      await own.close();
      await database.close();
      await made.drop();
    }
  });
});

describe.each(databases)(
  'on $name, changes of files of a call whose commit was answered by an error',
  ({ create }) => {
    test.each([true, false])(
      'follow the database, which says whether it was committed: %s',
      async (commits) => {
        const made = await create();
        const database = await made.open();
        await migrate(database);
        const top = path.join(made.folder, 'top');
        await mkdir(path.join(top, 'packages/a/1'), { recursive: true });
        const hub = {
          database,
          paths: new PathInfo(top),
          journals: null,
          logger: () => quiet,
        } as unknown as Hub;
        const own = await openJournals(hub);
        try {
          Object.assign(hub, { journals: own.folder });
          const restores: ((end: string) => Promise<void>)[] = [];
          const call = {
            hub,
            afterCommit: () => undefined,
            beforeRollback: (action: never) => restores.push(action),
          };
          const writing = database.write(async (db) => {
            await stageRemoval({ ...call, db } as unknown as Call, path.join(top, 'packages/a/1'));
            if (!commits) throw new Error('rolled back');
          });
          await writing.catch(() => undefined);
          await restores[0]!('unknown');
          // The folder of the package goes with its last build.
          expect(await readdir(path.join(top, 'packages'))).toEqual(commits ? [] : ['a']);
          expect(await readdir(own.folder.path)).toEqual([]);
          expect(await database.read((db) => db.all(sql`SELECT token FROM file_intent`))).toEqual([]);
        } finally {
          await own.close();
          await database.close();
          await made.drop();
        }
      },
    );
  },
);

test.each(databases)('calls whose files are finished are forgotten together on $name', async ({ create }) => {
  const made = await create();
  const database = await made.open();
  try {
    await migrate(database);
    const folder = path.join(made.folder, 'journals');
    const tokens = () => database.read((db) => db.all(sql`SELECT token FROM file_intent ORDER BY token`));
    const writes = jest.spyOn(database, 'write');
    await database.write(async (db) => {
      for (const token of ['a', 'b', 'c', 'd'])
        await db.run(sql`INSERT INTO file_intent (token) VALUES (${token})`);
    });
    const said: string[] = [];
    const log = makeLogger((_, text) => said.push(text()));
    const soon = new FinishedCalls(folder, database, log, 1);
    // Without its folder synced, nothing of it may be forgotten.
    soon.add('d');
    await soon.close();
    expect(said).toEqual([expect.stringContaining('could not be forgotten')]);
    await mkdir(folder);
    for (const token of ['a', 'b']) soon.add(token);
    await until(async () => (await tokens()).length === 2);
    expect(await tokens()).toEqual([{ token: 'c' }, { token: 'd' }]);
    expect(writes).toHaveBeenCalledTimes(2);
    const late = new FinishedCalls(folder, database, log, 1_000_000);
    // The journal of a call stays until the folders of its links are synced; one that is gone needs no sync.
    await writeFile(path.join(folder, 'c.finished'), 'journal');
    late.add('c', [made.folder, path.join(made.folder, 'gone')]);
    expect(await readdir(folder)).toEqual(['c.finished']);
    await late.close();
    expect(await readdir(folder)).toEqual([]);
    expect(await tokens()).toEqual([{ token: 'd' }]);
  } finally {
    await database.close();
    await made.drop();
  }
});

test('what fails is tried until it succeeds, and no more once the hub stops', async () => {
  const retries = new FileRetries(quiet, [1, 5]);
  let tries = 0;
  const failing = (most: number) => (): Promise<void> =>
    ++tries < most ? Promise.reject(new Error('still failing')) : Promise.resolve();
  await expect(retries.run(failing(4), failing(4))).rejects.toThrow('still failing');
  await until(() => tries === 4);
  expect(tries).toBe(4);
  await expect(retries.run(failing(Infinity), failing(Infinity))).rejects.toThrow('still failing');
  await until(() => tries > 7);
  await retries.close();
  const last = tries;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(tries).toBe(last);
});
