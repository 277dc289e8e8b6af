import { execFile, execFileSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { PathInfo, makeLogger } from '@koji/core';
import type { Hub } from '../src/call.js';
import { openDatabase } from '../src/db/database.js';
import type { Opened } from '../src/db/database.js';
import { sql } from '../src/db/sql.js';
import { recoverFiles } from '../src/domain/files/recovery.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const here = import.meta.dirname;
const quiet = makeLogger(() => undefined);

/** The files that the call of staged-call.mjs finds. */
async function prepare(folder: string): Promise<void> {
  const top = path.join(folder, 'top');
  await rm(top, { recursive: true, force: true });
  for (const directory of [
    'work/in',
    'packages/old',
    'packages/stray',
    'packages/draft/1',
    'repos',
    'vol/v/packages',
  ])
    await mkdir(path.join(top, directory), { recursive: true });
  await writeFile(path.join(top, 'work/in/a.rpm'), 'rpm');
  await writeFile(path.join(top, 'packages/old/kept'), 'old');
  await writeFile(path.join(top, 'packages/stray/left'), 'stray');
  await writeFile(path.join(top, 'packages/draft/1/b.log'), 'log');
}

interface Ended {
  readonly killed: boolean;
  readonly output: string;
}

async function stagedCall(test: TestDatabase, killAt: number, outcome: string, copies = ''): Promise<Ended> {
  const args = [
    path.join(here, 'support/staged-call.mjs'),
    path.join(here, '../dist'),
    test.folder,
    test.url,
  ];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...args,
      String(killAt),
      outcome,
      copies,
    ]);
    return { killed: false, output: stdout.trim() };
  } catch (error) {
    if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
    return { killed: true, output: '' };
  }
}

/** Everything below a folder, but for what is the hub's own: names with contents, links with targets, empty folders. */
async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  // Entry by entry: a recursive readdir would go through links.
  for (const name of await readdir(folder)) {
    if (name === '.hub') continue;
    const full = path.join(folder, name);
    const info = await lstat(full);
    if (info.isSymbolicLink()) found[name] = `-> ${await readlink(full)}`;
    else if (info.isFile()) found[name] = await readFile(full, 'utf8');
    else {
      const inner = Object.entries(await tree(full));
      if (inner.length === 0) found[`${name}/`] = '';
      for (const [below, content] of inner) found[`${name}/${below}`] = content;
    }
  }
  return found;
}

const before = {
  'work/in/a.rpm': 'rpm',
  'packages/old/kept': 'old',
  'packages/stray/left': 'stray',
  'packages/draft/1/b.log': 'log',
  'repos/': '',
  'vol/v/packages/': '',
};
const after = {
  'work/in/a.rpm': '-> ../../packages/a/1/1/src/a.rpm',
  'packages/a/1/1/src/a.rpm': 'rpm',
  'packages/a/1/1/data/a.sig': 'new',
  'packages/old/kept': 'new',
  'packages/draft': '-> real',
  'packages/real/1/b.log': 'log',
  'vol/v/packages/real/1/b.log': 'log',
  'repos/tag/1/repo.json': '{}',
};

/** The parts of a hub that recovery uses. */
function hubOn(database: Opened, top: string, log = quiet): Hub {
  return { database, paths: new PathInfo(top), journals: null, logger: () => log } as unknown as Hub;
}

describe.each(databases)('files of a call on $name', ({ create }) => {
  let test: TestDatabase;

  beforeEach(async () => {
    test = await create();
  });
  afterEach(() => test.drop());

  /** Starts a hub's recovery and tells what it left: the files, and whether the call counts. */
  async function recovered(): Promise<{ files: Record<string, string>; committed: boolean; tokens: number }> {
    const database = await test.open();
    const top = path.join(test.folder, 'top');
    const hub = hubOn(database, top);
    await recoverFiles(hub);
    await recoverFiles(hub);
    const rows = await database.read((db) => db.all(sql`SELECT name FROM package WHERE name = 'committed'`));
    const tokens = await database.read((db) => db.all(sql`SELECT token FROM file_intent`));
    return { files: await tree(top), committed: rows.length > 0, tokens: tokens.length };
  }

  it('are all changed once the call is committed', async () => {
    await prepare(test.folder);
    await stagedCall(test, 0, 'succeeds');
    expect(await recovered()).toEqual({ files: after, committed: true, tokens: 0 });
  });

  it('are all as before once the call has failed, folders included', async () => {
    await prepare(test.folder);
    await stagedCall(test, 0, 'fails');
    expect(await recovered()).toEqual({ files: before, committed: false, tokens: 0 });
    await expect(readdir(path.join(test.folder, 'top/packages'))).resolves.toEqual(['draft', 'old', 'stray']);
  });
});

describe('files of a call that is cut off', () => {
  const sqlite = databases.find(({ dialect }) => dialect === 'sqlite');

  it.each(['succeeds', 'fails'])(
    'agree with the database at whatever moment that is, when it %s',
    async (outcome) => {
      const test = (await sqlite?.create()) as TestDatabase;
      const copies = await mkdtemp(path.join(os.tmpdir(), 'koji-moments-'));
      try {
        await prepare(test.folder);
        const moments = Number((await stagedCall(test, 0, outcome, copies)).output);
        expect(moments).toBeGreaterThan(20);
        const seen = { committed: 0, undone: 0 };
        for (let moment = 1; moment <= moments; moment += 1) {
          await rm(test.folder, { recursive: true, force: true });
          execFileSync('cp', ['-a', path.join(copies, String(moment)), test.folder]);
          seen[(await checked(test, moment)) ? 'committed' : 'undone'] += 1;
        }
        expect(seen.undone).toBeGreaterThan(5);
        if (outcome === 'succeeds') expect(seen.committed).toBeGreaterThan(5);
        else expect(seen.committed).toBe(0);
      } finally {
        await rm(copies, { recursive: true, force: true });
        await test.drop();
      }
    },
  );

  it.each([55])(
    'agree with the database also when its recovery is cut off in turn, at whatever moment that is, after change %i',
    async (moment) => {
      const test = (await sqlite?.create()) as TestDatabase;
      const copies = await mkdtemp(path.join(os.tmpdir(), 'koji-moments-'));
      try {
        await prepare(test.folder);
        expect((await stagedCall(test, moment, 'succeeds')).killed).toBe(true);
        const moments = Number((await stagedCall(test, 0, 'recovers', copies)).output);
        expect(moments).toBeGreaterThan(5);
        for (let again = 1; again <= moments; again += 1) {
          await rm(test.folder, { recursive: true, force: true });
          execFileSync('cp', ['-a', path.join(copies, String(again)), test.folder]);
          await checked(test, again);
        }
      } finally {
        await rm(copies, { recursive: true, force: true });
        await test.drop();
      }
    },
  );

  it.each([6, 20, 40, 60])(
    'agree with the database when the process is killed before change %i',
    async (moment) => {
      const test = (await sqlite?.create()) as TestDatabase;
      try {
        await prepare(test.folder);
        expect((await stagedCall(test, moment, 'succeeds')).killed).toBe(true);
        await checked(test, moment);
      } finally {
        await test.drop();
      }
    },
  );

  /** Recovers, checks that files and database agree, and tells whether the call counts. */
  async function checked(test: TestDatabase, moment: number): Promise<boolean> {
    const database = await openDatabase(test);
    try {
      const top = path.join(test.folder, 'top');
      await recoverFiles(hubOn(database, top));
      const rows = await database.read((db) =>
        db.all(sql`SELECT name FROM package WHERE name = 'committed'`),
      );
      const tokens = await database.read((db) => db.all(sql`SELECT token FROM file_intent`));
      const committed = rows.length > 0;
      const files = committed ? after : before;
      expect({ moment, files: await tree(top), tokens }).toEqual({ moment, files, tokens: [] });
      return committed;
    } finally {
      await database.close();
    }
  }
});
