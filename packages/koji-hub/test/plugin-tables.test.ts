import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { context, exported, tables } from '@koji/plugin-sdk';
import { loadPlugins } from '@koji/plugin-sdk/host';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { Opened } from '../src/db/database.js';
import { listPluginTables, migratePlugins, missingSteps } from '../src/db/plugin-tables.js';
import { openForTests } from '../src/testing.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const first = ['CREATE TABLE {note} (build_id integer PRIMARY KEY, word text NOT NULL)'];
const second = [
  {
    sqlite: 'ALTER TABLE {note} ADD COLUMN seen integer DEFAULT 0',
    postgres: 'ALTER TABLE {note} ADD COLUMN seen integer DEFAULT 0',
  },
  'CREATE INDEX {note_by_word} ON {note} (word)',
];
const store = tables(['note'], [first, second]);
const notes = {
  store,
  note: exported(async (build: number, word: string) => {
    const { db } = context;
    await db.run(db.sql`INSERT INTO ${store.note} (build_id, word) VALUES (${build}, ${word})`);
    if (word === 'undo') throw new Error('undone');
  }),
  wordOf: exported({ access: 'read' })((build: number) =>
    context.db.get<{ word: string; seen: number }>(
      context.db.sql`SELECT word, seen FROM ${store.note} WHERE build_id = ${build}`,
    ),
  ),
};

async function loaded(modules: Readonly<Record<string, object>>): Promise<readonly LoadedPlugin[]> {
  const { plugins, problems } = await loadPlugins({
    part: 'hub',
    names: Object.keys(modules),
    folders: [],
    from: tmpdir(),
    modules,
  });
  if (problems.length > 0) throw new Error(problems.map(({ problem }) => problem).join('\n'));
  return plugins;
}

describe.each(databases)('tables of plugins on $name', (kind) => {
  let made: TestDatabase;
  let database: Opened;
  let folder: string;
  beforeEach(async () => {
    made = await kind.create();
    database = await made.open();
    folder = await mkdtemp(path.join(tmpdir(), 'koji-tables-'));
  });
  afterEach(async () => {
    await made.drop();
    await rm(folder, { recursive: true });
  });

  test('are made step by step, each once, and a step that fails leaves nothing', async () => {
    const [old] = await loaded({ notes: { store: tables(['note'], [first]), note: notes.note } });
    const plugins = await loaded({ notes });
    if (!old) throw new Error('no plugin');
    expect(await migratePlugins(database, [old])).toEqual(['tables of plugin notes, step 1']);
    expect(await missingSteps(database, plugins)).toEqual(['tables of plugin notes, step 2']);
    const both = [migratePlugins(database, plugins), migratePlugins(database, plugins)];
    expect((await Promise.all(both)).flat()).toEqual(['tables of plugin notes, step 2']);
    expect(await migratePlugins(database, plugins)).toEqual([]);
    // The old version finds what a later one has made.
    await expect(migratePlugins(database, [old])).rejects.toThrow(
      'plugin notes: its tables are of a later version (step 2, and this one knows 1)',
    );
    const changed = await loaded({
      notes: { ...notes, store: tables(['note'], [['CREATE TABLE {note} (a integer)'], second]) },
    });
    await expect(migratePlugins(database, changed)).rejects.toThrow('step 1 of its tables was another one');
    const bad = await loaded({
      bad: {
        store: tables(['one'], [['CREATE TABLE {one} (a integer)', 'INSERT INTO {one} VALUES (nosuch)']]),
        f: exported(() => 1),
      },
    });
    await expect(migratePlugins(database, bad)).rejects.toThrow();
    expect(await database.read((db) => listPluginTables(db, 'bad'))).toEqual([]);
  });

  test('are in the transaction of a call, and only the plugin that runs is meant', async () => {
    const thief = {
      peek: exported({ access: 'read' })(() => context.db.all(context.db.sql`SELECT * FROM ${store.note}`)),
    };
    const modules = { notes, thief };
    const Database = made.url.replace('koji.db', path.join(made.folder, 'koji.db'));
    const start = () =>
      openForTests({ folder, options: { Database }, policies: {}, plugins: modules, onLog: () => undefined });
    if (kind.dialect === 'postgres') {
      await expect(start()).rejects.toThrow(
        'the database lacks tables of plugin notes, step 1, tables of plugin notes, step 2: run koji-hub migrate',
      );
      await migratePlugins(database, await loaded(modules));
    }
    const hub = await start();
    try {
      const { ClientSession } = await import('@koji/client');
      await hub.addUser('alice', 'test', []);
      const session = new ClientSession(`${hub.url}/kojihub`);
      await session.login('alice', 'test');
      await session.call('note', [7, 'good']);
      await expect(session.call('note', [8, 'undo'])).rejects.toThrow('undone');
      expect(await session.call('wordOf', [7])).toEqual({ word: 'good', seen: 0 });
      expect(await session.call('wordOf', [8])).toBeNull();
      await expect(session.call('peek', [])).rejects.toThrow();
      await session.close();
    } finally {
      await hub.stop();
    }
    expect(await database.read((db) => listPluginTables(db, 'notes'))).toEqual([
      { table: 'plugin_notes__note', rows: 1 },
    ]);
    expect(await database.read((db) => listPluginTables(db, 'note'))).toEqual([]);
  });
});

test.each([
  ['CREATE TABLE tag (a integer)', 'must create, alter'],
  ['DROP TABLE build', 'must create, alter'],
  ['DELETE FROM {note}; DROP TABLE build', 'has a semicolon'],
  ['INSERT INTO {note} SELECT id, name FROM tag', 'names a table that is not a {TABLE}'],
  ['CREATE TABLE {note} (a integer REFERENCES build (id))', 'names a table that is not a {TABLE}'],
  ['CREATE TABLE {other} (a integer)', 'names {other}, which is none of note'],
  ['SELECT 1', 'must create, alter'],
])('a step can not be %j', (statement, problem) => {
  expect(() => tables(['note'], [[statement]])).toThrow(problem);
});

test('a hub of a test has them at once', async () => {
  const hub = await startTestHub({ plugins: { notes } });
  await hub.admin.call('note', [1, 'word']);
  expect(await hub.admin.call('wordOf', [1])).toEqual({ word: 'word', seen: 0 });
  await hub.stop();
});

test('koji-hub migrate makes them, and only plugins drop-tables --yes takes them away', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-tables-'));
  const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
  const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;
  const run = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [program, ...args], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    });
  const configure = (plugins: string): Promise<void> =>
    writeFile(
      path.join(folder, 'hub.conf'),
      `[hub]\nDatabase = sqlite:koji.db\nKojiDir = store\nPluginPath = plugins\n${plugins}\n`,
    );
  await mkdir(path.join(folder, 'plugins'));
  const source = `import { exported, tables } from ${JSON.stringify(sdk)};
    export const store = tables(['note'], [['CREATE TABLE {note} (a integer)'], ['INSERT INTO {note} VALUES (1)']]);
    export const f = exported(() => 1);`;
  await writeFile(path.join(folder, 'plugins/notes.mjs'), source);
  await configure('Plugins = notes');
  expect((await run('migrate')).stdout).toContain(
    'tables of plugin notes, step 1, tables of plugin notes, step 2',
  );
  expect((await run('migrate')).stdout).toBe('the database is up to date\n');
  await expect(run('plugins', 'drop-tables', 'notes', '--yes')).rejects.toMatchObject({
    stderr: expect.stringContaining('plugin notes is enabled') as string,
  });
  await configure('');
  const refused = run('plugins', 'drop-tables', 'notes');
  await expect(refused).rejects.toMatchObject({
    code: 1,
    stdout: 'would drop plugin_notes__note with 1 rows\n',
  });
  expect((await run('plugins', 'drop-tables', 'notes', '--yes')).stdout).toBe(
    'dropped plugin_notes__note with 1 rows\n',
  );
  expect((await run('plugins', 'drop-tables', 'notes')).stdout).toBe('plugin notes has no tables\n');
  await rm(folder, { recursive: true });
});
