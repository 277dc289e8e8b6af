import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { context, schedule } from '@koji/plugin-sdk';
import type { ScheduledRun } from '@koji/plugin-sdk';
import { claimLock } from '../src/db/locks.js';
import { readCron } from '../src/schedules/cron.js';
import type { Opened } from '../src/db/database.js';
import { sql } from '../src/db/sql.js';
import { readSchedules } from '../src/schedules/rows.js';
import type { ScheduleRow } from '../src/schedules/rows.js';
import { openForTests } from '../src/testing.js';
import type { HubForTests } from '../src/testing.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

/** Resolves once something is so; the test's own time limit ends it otherwise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** All runs; `work` is what each of them does. */
const runs: { name: string; run: ScheduledRun; user: string | undefined }[] = [];
let work: () => unknown = () => undefined;

const noted = (name: string, access: 'write' | 'none' = 'write') =>
  schedule(
    name,
    '*/5 * * * *',
    async (run) => {
      runs.push({ name, run, user: context.session.user?.name });
      await work();
    },
    { access },
  );
const plugin = { tick: noted('tick'), free: noted('free', 'none') };

let made: TestDatabase;
let database: Opened;
const hubs: HubForTests[] = [];
const folders: string[] = [];
const lines: string[] = [];

/** Starts a hub process on the test's database, as seen by the others. */
async function start(options: Readonly<Record<string, string>> = {}): Promise<HubForTests> {
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-schedules-'));
  folders.push(folder);
  const hub = await openForTests({
    folder,
    options: { Database: made.url.replace('koji.db', path.join(made.folder, 'koji.db')), ...options },
    policies: {},
    plugins: { clock: plugin },
    onLog: (line) => lines.push(line),
  });
  hubs.push(hub);
  return hub;
}

async function rowOf(name: string): Promise<ScheduleRow> {
  const row = (await database.read(readSchedules)).find((one) => one.name === name);
  if (!row) throw new Error(`no schedule ${name}`);
  return row;
}

const logged = (part: string): boolean => lines.some((line) => line.includes(part));
const dueOf = (name: string): number[] =>
  runs.filter((one) => one.name === name).map(({ run }) => run.due.getTime() / 1000);

beforeEach(() => {
  runs.length = lines.length = 0;
  work = () => undefined;
});
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
  await made.drop();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe.each(databases)('schedules of plugins on $name', (kind) => {
  beforeEach(async () => {
    made = await kind.create();
    database = await made.open();
  });

  test("run at their times, one after the other, in the name of the plugin's own user", async () => {
    const hub = await start();
    const { next } = await rowOf('tick');
    expect(next % 300).toBe(0);
    await hub.passTime(15 * 60);
    expect(dueOf('tick')).toEqual([next, next + 300, next + 600]);
    expect(dueOf('free')).toEqual(dueOf('tick'));
    expect(new Set(runs.map(({ user }) => user))).toEqual(new Set(['plugin-clock']));
    expect(await rowOf('tick')).toMatchObject({ next: next + 900, failures: 0, lastError: null });
    expect(lines.filter((line) => line.includes('schedule '))).toEqual([]);
  });

  test('a run is one transaction: what a failed one wrote is undone, and it is put off when it keeps failing', async () => {
    const hub = await start({ CallbackFailureLimit: '2', CallbackPause: '1200' });
    work = async () => {
      await context.callUnchecked('createTag', [`made-${runs.length}`]);
      if (runs.length === 1) return;
      throw new Error('not today');
    };
    await hub.runSchedule('clock', 'tick');
    const { next } = await rowOf('tick');
    await expect(hub.runSchedule('clock', 'tick')).rejects.toThrow(
      'schedule tick of clock failed: not today',
    );
    await expect(hub.runSchedule('clock', 'tick')).rejects.toThrow('not today');
    const tags = await database.read((db) => db.all<{ name: string }>(sql`SELECT name FROM tag`));
    expect(tags).toEqual([{ name: 'made-1' }]);
    expect(logged('schedule tick of clock failed 2 times in a row and is switched off for 1200 s')).toBe(
      true,
    );
    expect((await rowOf('tick')).next - next).toBe(1200);
  });

  test('one without a transaction has one in each call', async () => {
    const hub = await start();
    work = async () => {
      await context.callUnchecked('createTag', ['kept']);
      throw new Error('after that');
    };
    await expect(hub.runSchedule('clock', 'free')).rejects.toThrow('after that');
    expect(await database.read((db) => db.all(sql`SELECT name FROM tag`))).toEqual([{ name: 'kept' }]);
  });

  test('one that takes too long fails, and a plugin that is switched off has none', async () => {
    const hub = await start({ CallbackTimeout: '1' });
    work = () => new Promise(() => undefined);
    await expect(hub.runSchedule('clock', 'tick')).rejects.toThrow('did not end within 1 s');
    await expect(hub.runSchedule('clock', 'nosuch')).rejects.toThrow("plugin clock has no schedule 'nosuch'");
  });

  test('moments that passed without a hub are made up for by one run, and the log says so', async () => {
    await (await start()).stop();
    hubs.pop();
    const { next } = await rowOf('tick');
    const back = sql`UPDATE plugin_schedule SET next_ts = ${next - 3600} WHERE name = 'tick'`;
    await database.write((db) => db.run(back));
    // A process that ended in the middle of a run has left no end of it.
    await database.write((db) =>
      db.run(
        sql`UPDATE plugin_schedule SET start_ts = ${next - 600}, next_ts = ${next - 600} WHERE name = 'free'`,
      ),
    );
    const hub = await start();
    await hub.passTime(0);
    expect(dueOf('tick')).toEqual([next - 3600]);
    const { missed } = runs.find(({ name }) => name === 'tick')?.run ?? {};
    expect([10, 11, 12]).toContain(missed);
    const due = (seconds: number): string => new Date(seconds * 1000).toISOString();
    expect(
      logged(`schedule tick of clock: it did not run at ${due(next - 3600)} and ${missed} times after that`),
    ).toBe(true);
    expect(logged(`schedule free of clock: the process of its run for ${due(next - 600)} ended before`)).toBe(
      true,
    );
  });

  test('one that comes at other times from now on is due again', async () => {
    await (await start()).stop();
    hubs.pop();
    const { next } = await rowOf('tick');
    await database.write((db) =>
      db.run(sql`UPDATE plugin_schedule SET cron = '0 0 1 1 *', next_ts = ${next + 9e6}`),
    );
    await start();
    expect((await rowOf('tick')).next).toBeLessThanOrEqual(next + 300);
  });
});

describeOnPostgres('schedules of a hub of several processes', (kind) => {
  beforeEach(async () => {
    made = await kind.create();
    database = await made.open();
  });

  test('one of them does each run, however long it takes; when its connection is lost, another does', async () => {
    const [a, b] = [await start(), await start()];
    const ends: (() => void)[] = [];
    work = async () => {
      await context.callUnchecked('createTag', [`made-${runs.length}`]);
      await new Promise<void>((resolve) => ends.push(resolve));
    };
    const first = a.runSchedule('clock', 'tick');
    await until(() => ends.length === 1);
    await b.passTime(0);
    expect(runs).toHaveLength(1);
    // As if the process of the first one had died, according to the database.
    const lock = claimLock('schedule clock tick');
    const hangUp = sql`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
      AND (CAST(classid AS bigint) << 32) | CAST(objid AS bigint) = CAST(${lock} AS bigint)`;
    let second = Promise.resolve();
    while (ends.length < 2) {
      await database.write((db) => db.all(hangUp));
      second = b.passTime(0);
      await Promise.race([second, until(() => ends.length === 2)]);
    }
    expect(logged('the process of its run for')).toBe(true);
    ends[0]?.();
    await first;
    expect(logged('another process runs it now: the connection to the database was lost')).toBe(true);
    ends[1]?.();
    await second;
    const tags = await database.read((db) => db.all(sql`SELECT name FROM tag`));
    expect(tags).toEqual([{ name: 'made-2' }]);
  });
});

test('summer time moves what falls into the missing hour, and repeats nothing', async () => {
  const { after, count } = await readCron({ cron: '30 2 * * *', zone: 'Europe/Prague' });
  expect(after(new Date('2026-03-28T12:00:00Z')).toISOString()).toBe('2026-03-29T01:00:00.000Z');
  expect(after(new Date('2026-10-24T12:00:00Z')).toISOString()).toBe('2026-10-25T00:30:00.000Z');
  expect(after(new Date('2026-10-25T00:30:00Z')).toISOString()).toBe('2026-10-26T01:30:00.000Z');
  expect(count(new Date('2026-03-28T12:00:00Z'), new Date('2026-04-01T00:00:00Z'))).toBe(3);
});

test.each([
  ['61 * * * *', 'UTC', 'Invalid value for minute'],
  ['* * * *', 'UTC', 'invalid configuration format'],
  ['*/5 * * * * *', 'UTC', 'exactly 5 parts'],
  ['30 2 30 2 *', 'UTC', 'never comes'],
  ['* * * * *', 'Mars/Olympus', 'zone'],
])('a hub does not start with a schedule of %j in %s', async (cron, zone, problem) => {
  made = await databases[0]!.create();
  const bad = schedule('bad', cron, () => undefined, { zone });
  const folder = made.folder;
  const opening = openForTests({ folder, options: {}, policies: {}, plugins: { clock: { bad } } });
  await expect(opening).rejects.toThrow(`schedule bad: '${cron}' in zone '${zone}'`);
  await expect(opening).rejects.toThrow(problem);
});
