import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { id, now, sql } from '../src/db/sql.js';
import { housekeeping } from '../src/upkeep/housekeeping.js';
import { describeHousekept } from '../src/upkeep/keeping.js';
import { databases } from './support/databases.js';
import { fill } from './support/old-rows.js';
import { makeConfig } from '../src/config.js';
import type { TestDatabase } from './support/databases.js';

const old = '2024-01-01 00:00:00.000000+00:00';

describe.each(databases)('housekeeping on $name', ({ create }) => {
  let place: TestDatabase;
  beforeEach(async () => void (place = await create()));
  afterEach(() => place.drop());

  const config = (keep: Readonly<Record<string, string>>) =>
    makeConfig(place.folder, { Database: place.url, KojiDir: 'store', LogFile: 'hub.log', ...keep });
  const counts = async (keep: Readonly<Record<string, string>>, apply: boolean) =>
    Object.fromEntries(
      (await housekeeping(config(keep), { apply })).map(({ option, count }) => [option, count]),
    );

  test('removes old rows, and those alone, after it has told them', async () => {
    const database = await place.open();
    await fill(database);
    await database.write(async (db) => {
      await db.run(sql`UPDATE sessions SET update_time = ${old}`);
      await db.run(sql`INSERT INTO sessions (user_id, master, update_time) VALUES (1, 1, ${old})`);
      await db.run(sql`INSERT INTO web_login (key, session_id) VALUES ('hash', 1)`);
      await db.run(sql`INSERT INTO sessions (user_id, key) VALUES (1, 'used today')`);
      const soon = new Date(Date.now() + 3_600_000);
      await db.run(sql`INSERT INTO api_token (user_id, name, key, read_only, creator_id, expire_time, revoke_time)
        VALUES (1, 'expired', 'a', FALSE, 1, ${old}, NULL), (1, 'revoked', 'b', FALSE, 1, ${soon}, ${old}),
          (1, 'valid', 'c', FALSE, 1, ${soon}, NULL), (1, 'lately', 'd', FALSE, 1, ${soon}, ${now})`);
      await db.run(sql`INSERT INTO scheduler_log_messages (msg, msg_time) VALUES ('old', ${old})`);
      await db.run(sql`INSERT INTO scheduler_log_messages (msg) VALUES ('new')`);
      await db.run(sql`INSERT INTO build_reservations (build_id, token, created) VALUES (1, 't', ${old})`);
      await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('builder', 0, 1)`);
      await db.run(sql`INSERT INTO host (user_id, name) VALUES (2, 'builder')`);
      // The first one has the package that is kept, the second one is of a scratch build, the third one is in use.
      await db.run(sql`INSERT INTO buildroot (br_type) VALUES (0), (0)`);
      await db.run(sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id) VALUES (2, 1), (3, 1)`);
      await db.run(
        sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, retire_event, state)
            VALUES (1, 1, 1, 1, 1, 1, 3), (2, 1, 1, 1, 1, 1, 3), (3, 1, 1, 1, 1, NULL, 0)`,
      );
    });
    const keep = { KeepBuildrootLists: '30', KeepTokens: '30' };
    const expected = {
      KeepTokens: 2,
      KeepSessions: 1,
      KeepReservations: 1,
      KeepSchedulerLog: 1,
      KeepBuildrootLists: 1,
    };
    expect(await counts(keep, false)).toMatchObject(expected);
    expect(await counts(keep, false)).toMatchObject(expected);
    expect(await counts({}, false)).toMatchObject({ KeepBuildrootLists: 0 });
    // The session that the subsession belongs to goes with it.
    expect(await counts(keep, true)).toMatchObject({ ...expected, KeepSessions: 2 });
    expect(await counts(keep, true)).toMatchObject({
      KeepSessions: 0,
      KeepSchedulerLog: 0,
      KeepBuildrootLists: 0,
    });
    const left = await database.read(async (db) => ({
      sessions: await db.all(sql`SELECT key FROM sessions`),
      tokens: await db.all(sql`SELECT name FROM api_token ORDER BY id`),
      log: await db.all(sql`SELECT msg FROM scheduler_log_messages`),
      lists: await db.all(sql`SELECT buildroot_id FROM buildroot_listing ORDER BY 1`),
    }));
    expect(left).toEqual({
      sessions: [{ key: 'used today' }],
      tokens: [{ name: 'valid' }, { name: 'lately' }],
      log: [{ msg: 'new' }],
      lists: [{ buildroot_id: 1 }, { buildroot_id: 3 }],
    });
  });

  test('removes tasks with all of their subtasks, unless something refers to one of them', async () => {
    const database = await place.open();
    await fill(database);
    await database.write(async (db) => {
      await db.run(sql`UPDATE task SET completion_time = ${old}`);
      const add = (state: number, parent: number | null, ending: string | null) =>
        db.run(sql`INSERT INTO task (state, channel_id, owner, method, request, arch, parent, label, completion_time)
          VALUES (${state}, 1, 1, 'sleep', '<params/>', 'noarch', ${parent}, ${parent === null ? null : 'a'}, ${ending})`);
      // Task 1 made a build. 2 to 4 are a tree of a scratch build, 5 and 6 one whose subtask made a package, 7 and 8 one whose
      // subtask runs, 9 made a repository, 10 ended today, 11 failed.
      for (const [state, parent, ending] of [
        [2, null, old],
        [2, 2, old],
        [5, 3, old],
        [2, null, old],
        [2, 5, old],
        [3, null, old],
        [1, 7, null],
        [2, null, old],
        [2, null, new Date().toISOString()],
        [5, null, old],
      ] as const)
        await add(state, parent, ending);
      await db.run(sql`UPDATE repo SET task_id = 9`);
      await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('builder', 0, 1)`);
      await db.run(sql`INSERT INTO host (user_id, name) VALUES (2, 'builder')`);
      await db.run(sql`INSERT INTO buildroot (br_type) VALUES (0), (0)`);
      await db.run(sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id) VALUES (3, 1)`);
      await db.run(
        sql`INSERT INTO buildroot_tools_info (buildroot_id, tool, version) VALUES (2, 'make', '4')`,
      );
      await db.run(
        sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, retire_event, state)
            VALUES (1, 1, 1, 6, 1, 1, 3), (2, 1, 1, 3, 1, 1, 3), (3, 1, 1, 11, 1, 1, 3)`,
      );
      await db.run(sql`INSERT INTO scheduler_task_runs (task_id, host_id) VALUES (3, 1)`);
      await db.run(sql`INSERT INTO scheduler_task_refusals (task_id, host_id, by_host) VALUES (4, 1, TRUE)`);
      await db.run(sql`INSERT INTO scheduler_log_messages (task_id, msg) VALUES (2, 'text')`);
    });
    const idsOf = (table: 'task' | 'buildroot') =>
      database.read(async (db) =>
        (await db.all<{ id: number }>(sql`SELECT id FROM ${id(table)} ORDER BY id`)).map((row) => row.id),
      );
    expect(await counts({}, true)).toMatchObject({ KeepTasks: 0 });
    expect(await counts({ KeepTasks: '30' }, false)).toMatchObject({ KeepTasks: 1 });
    expect(await idsOf('task')).toHaveLength(11);
    expect(await counts({ KeepTasks: '30' }, true)).toMatchObject({ KeepTasks: 1 });
    expect(await idsOf('task')).toEqual([1, 5, 6, 7, 8, 9, 10, 11]);
    expect(await idsOf('buildroot')).toEqual([1, 3]);
    // Once its list of contents is gone, a buildroot keeps its task no longer.
    expect(await counts({ KeepTasks: '30', KeepBuildrootLists: '30' }, true)).toMatchObject({
      KeepBuildrootLists: 1,
      KeepTasks: 1,
    });
    expect(await idsOf('task')).toEqual([1, 5, 6, 7, 8, 9, 10]);
    expect(await idsOf('buildroot')).toEqual([1]);
  });

  test('removes folders of tasks that ended, and uploads that nobody touched, if told to', async () => {
    const database = await place.open();
    await fill(database);
    await database.write(async (db) => {
      await db.run(sql`UPDATE task SET completion_time = ${old}`);
      await db.run(
        sql`INSERT INTO task (state, channel_id, owner, method, request, arch) VALUES (1, 1, 1, 'build', '<params/>', 'noarch')`,
      );
      await db.run(sql`INSERT INTO volume (name) VALUES ('second')`);
    });
    const store = path.join(place.folder, 'store');
    const [tasks, scratch, uploads] = [
      ['work/tasks/1/1', 'work/tasks/2/2', 'work/tasks/9/9', 'vol/second/work/tasks/1/1'],
      ['scratch/alice/task_1', 'scratch/alice/task_2', 'scratch/alice/notes'],
      ['work/cli-build/old', 'work/cli-build/new', 'work/other/old', 'vol/second/work/cli-build/old'],
    ];
    for (const folder of [...tasks, ...scratch, ...uploads]) {
      await mkdir(path.join(store, folder), { recursive: true });
      await writeFile(path.join(store, folder, 'file'), 'text');
      if (folder.endsWith('old'))
        for (const name of ['file', '.']) await utimes(path.join(store, folder, name), 1, 1);
    }
    const keep = { KeepTaskFiles: '30', KeepScratchBuilds: '30', KeepUploads: '30' };
    const expected = { KeepTaskFiles: 2, KeepScratchBuilds: 1, KeepUploads: 2 };
    expect(await counts({}, true)).toMatchObject({ KeepTaskFiles: 0, KeepScratchBuilds: 0, KeepUploads: 0 });
    expect(await counts(keep, false)).toMatchObject(expected);
    const found = await housekeeping(config(keep), { apply: true });
    expect(describeHousekept(found, true)).toContain(
      'KeepScratchBuilds = 30: removed 1 files of scratch builds',
    );
    const there = [...tasks, ...scratch, ...uploads].filter((folder) => existsSync(path.join(store, folder)));
    expect(there).toEqual([
      ...['work/tasks/2/2', 'work/tasks/9/9', 'scratch/alice/task_2', 'scratch/alice/notes'],
      ...['work/cli-build/new', 'work/other/old'],
    ]);
  });
});
