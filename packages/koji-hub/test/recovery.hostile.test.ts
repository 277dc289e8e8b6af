import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { makeConfig } from '../src/config.js';
import { migrate } from '../src/db/migrate.js';
import { sql } from '../src/db/sql.js';
import { startHub } from '../src/hub.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const process1 = 'a'.repeat(16);
const token = '1'.padStart(12, '0') + 'b'.repeat(24);

/** The text of a journal with these records, as the process with the key writes it. */
function journalText(key: Buffer, records: readonly unknown[]): string {
  return records
    .map((record, number) => {
      const text = JSON.stringify(record);
      const code = createHmac('sha256', key).update(`${token} ${number} ${text}`).digest('hex');
      return `${code} ${text}\n`;
    })
    .join('');
}

describe.each(databases)('on $name, a start', ({ create }) => {
  let made: TestDatabase;
  let store: string;
  let outside: string;
  let key: Buffer;

  beforeEach(async () => {
    made = await create();
    store = path.join(made.folder, 'store');
    outside = await mkdtemp(path.join(os.tmpdir(), 'koji-outside-'));
    key = randomBytes(32);
    for (const folder of ['packages/kept/1', 'work/u', '.hub'])
      await mkdir(path.join(store, folder), { recursive: true });
    await writeFile(path.join(store, 'packages/kept/1/file'), 'kept');
    await writeFile(path.join(outside, 'file'), 'kept');
  });
  afterEach(async () => {
    await made.drop();
    await rm(outside, { recursive: true, force: true });
  });

  /** Starts a hub, stops it, and tells what it logged. */
  async function started(): Promise<string> {
    const values = {
      Database: made.url,
      KojiDir: 'store',
      Listen: '127.0.0.1:0',
      LogFile: 'hub.log',
      LogLevel: 'INFO',
    };
    const hub = await startHub(makeConfig(made.folder, values));
    await hub.stop();
    return readFile(path.join(made.folder, 'hub.log'), 'utf8');
  }

  /** Leaves a journal as a process that was cut off does, and lets the database know the process. */
  async function leave(text: string, { known = true } = {}): Promise<string> {
    const folder = path.join(store, '.hub/journal', process1);
    await mkdir(folder, { recursive: true });
    const file = path.join(folder, `${token}.journal`);
    await writeFile(file, text);
    const database = await made.open();
    await migrate(database);
    if (known)
      await database.write((db) =>
        db.run(
          sql`INSERT INTO hub_process (id, journal_key, host, pid)
              VALUES (${process1}, ${key.toString('hex')}, 'gone', 1)`,
        ),
      );
    return file;
  }

  const removesKept = { kind: 'write', to: 'packages/kept/1/file', aside: null, made: null };
  const isKept = (): Promise<string> => readFile(path.join(store, 'packages/kept/1/file'), 'utf8');

  test('acts on a journal of a process that the database knows', async () => {
    const file = await leave(journalText(key, [removesKept]));
    expect(await started()).toContain('took back 1 file changes');
    await expect(isKept()).rejects.toThrow('ENOENT');
    expect(existsSync(file)).toBe(false);
  });

  test('does nothing that a journal where users can write says, and warns of it', async () => {
    const old = path.join(store, 'work/.journal');
    await mkdir(old);
    const change = { kind: 'write', to: path.join(store, 'packages/kept/1/file'), aside: null, made: null };
    await writeFile(path.join(old, `${'c'.repeat(32)}.json`), JSON.stringify([change]));
    await writeFile(path.join(old, `${token}.journal`), journalText(key, [removesKept]));
    expect(await started()).toContain(`${old} is of an older version of the hub and is not used`);
    expect(await isKept()).toBe('kept');
    expect((await readdir(old)).length).toBe(2);
  });

  test('does nothing that a journal of an unknown process says', async () => {
    const file = await leave(journalText(key, [removesKept]), { known: false });
    expect(await started()).toContain('is of no process that the database knows');
    expect(await isKept()).toBe('kept');
    expect(existsSync(file)).toBe(true);
  });

  const spoilt: [string, (text: string) => string][] = [
    ['of another key', () => journalText(randomBytes(32), [removesKept])],
    ['whose record was changed', (text) => text.replace('"made":null', '"made":"x"')],
    ['without codes', () => `${JSON.stringify(removesKept)}\n`],
    [
      'with its lines in another order',
      () => journalText(key, [removesKept, removesKept]).split('\n').reverse().join('\n').trim() + '\n',
    ],
  ];
  test.each(spoilt)('does nothing that a journal %s says', async (_, spoil) => {
    const file = await leave(spoil(journalText(key, [removesKept])));
    expect(await started()).toContain('was not written by this hub');
    expect(await isKept()).toBe('kept');
    expect(existsSync(file)).toBe(true);
  });

  const strange: [string, object][] = [
    ['leads up', { kind: 'write', to: 'packages/../../x/file', aside: null, made: null }],
    ['is absolute', { kind: 'write', to: '/packages/kept/1/file', aside: null, made: null }],
    ['is a whole folder at the top', { kind: 'write', to: 'packages', aside: null, made: null }],
    ['is the hub’s own', { kind: 'write', to: '.hub/journal', aside: null, made: null }],
    ['has a field more', { ...removesKept, more: 1 }],
    ['has a field less', { kind: 'write', to: 'packages/kept/1/file', aside: null }],
    ['has a kind of its own', { ...removesKept, kind: 'constructor' }],
    ['sets aside what is elsewhere', { kind: 'remove', path: 'packages/x/y', aside: 'packages/kept/1/file' }],
    ['has made what it is not in', { ...removesKept, made: 'work/u' }],
  ];
  test.each(strange)('does nothing for a record that %s', async (_, record) => {
    const file = await leave(journalText(key, [removesKept, record]));
    expect(await started()).toContain('was not written by this hub');
    expect(await isKept()).toBe('kept');
    expect(existsSync(file)).toBe(true);
  });

  test('leaves out a last line that is not all there, since its change was not begun', async () => {
    const other = { ...removesKept, to: 'packages/kept/1/other' };
    await writeFile(path.join(store, 'packages/kept/1/other'), 'new');
    const file = await leave(journalText(key, [other, removesKept]).slice(0, -10));
    expect(await started()).toContain('took back 1 file changes');
    expect(await readdir(path.join(store, 'packages/kept/1'))).toEqual(['file']);
    expect(existsSync(file)).toBe(false);
  });

  test('does not go through a link that leads out of the store', async () => {
    await symlink(outside, path.join(store, 'packages/kept/out'));
    await leave(journalText(key, [{ ...removesKept, to: 'packages/kept/out/file' }]));
    expect(await started()).toContain('a link leads out of the file store: packages/kept/out/file');
    expect(await readFile(path.join(outside, 'file'), 'utf8')).toBe('kept');
  });

  test('refuses a folder of its own that is a link, and closes one that is open to others', async () => {
    await started();
    expect((await lstat(path.join(store, '.hub'))).mode & 0o077).toBe(0);
    await rm(path.join(store, '.hub'), { recursive: true });
    await symlink(outside, path.join(store, '.hub'));
    await expect(started()).rejects.toThrow('must be a directory of the user that the hub runs as');
    expect(await readdir(outside)).toEqual(['file']);
  });
});
