import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeConfig } from '../src/config.js';
import { migrate } from '../src/db/migrate.js';
import { sql } from '../src/db/sql.js';
import { backUp } from '../src/upkeep/backup.js';
import { fsck } from '../src/upkeep/fsck.js';
import type { FsckOptions, Problem } from '../src/upkeep/fsck.js';
import { restore } from '../src/upkeep/restore.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const fixtures = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms', import.meta.url));
const app = { group_id: 'org.example', artifact_id: 'app', version: '1.0' };
const aside = '0123456789ab';

describe.each(databases)('upkeep on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let store: string;
  let folder: string;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes', EnableMaven: 'yes', EnableWin: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    store = hub.kojiDir;
    folder = path.dirname(store);
    await fill();
  });
  afterAll(() => hub.stop());

  const at = (place: string): string => path.join(store, place);

  const upload = async (name: string, content: Buffer | string): Promise<void> => {
    await mkdir(at('work/up'), { recursive: true });
    await writeFile(at(`work/up/${name}`), content);
  };

  /** Fills the hub with a build of each type, on two volumes, with repos and tasks. */
  async function fill(): Promise<void> {
    for (const name of ['pkgc-1.2-3.src.rpm', 'pkgc-1.2-3.x86_64.rpm']) {
      await upload(name, await readFile(path.join(fixtures, name)));
      await admin('importRPM', ['up', name]);
    }
    await admin('createEmptyBuild', ['app', '1.0', '1', null]);
    await admin('createMavenBuild', ['app-1.0-1', app]);
    await upload('app-1.0.jar', 'a jar');
    await admin('importArchive', ['up/app-1.0.jar', 'app-1.0-1', 'maven', app]);
    await admin('createEmptyBuild', ['tool', '1', '1', null]);
    await admin('createWinBuild', ['tool-1-1', { platform: 'x64' }]);
    await upload('tool.exe', 'a tool');
    await admin('importArchive', [
      'up/tool.exe',
      'tool-1-1',
      'win',
      { relpath: 'bin', platforms: ['x64'], flags: [] },
    ]);
    await mkdir(at('vol/second'), { recursive: true });
    await admin('addVolume', ['second']);
    for (const release of ['1', '2', '3', '4']) {
      await admin('createEmptyBuild', ['disk', '1', release, null]);
      await admin('createImageBuild', [`disk-1-${release}`]);
      await upload(`disk${release}.qcow2`, `disk ${release}`);
      const wanted = [`up/disk${release}.qcow2`, `disk-1-${release}`, 'image', { arch: 'noarch' }];
      await admin('importArchive', wanted);
    }
    for (const release of ['1', '2']) await admin('changeBuildVolume', [`disk-1-${release}`, 'second']);
    await addModule();
    await admin('createTag', ['base', null, 'x86_64']);
    await hub.database.write((db) =>
      db.run(
        sql`INSERT INTO repo (id, create_event, tag_id, state, dist)
            SELECT 7, (SELECT max(id) FROM events), id, 1, FALSE FROM tag WHERE name = 'base'`,
      ),
    );
    await mkdir(at('repos/base/7/x86_64'), { recursive: true });
    await symlink('7', at('repos/base/latest'));
    const task = await admin<number>('makeTask', ['sleep', [1]]);
    await mkdir(at(`work/tasks/${task}/${task}`), { recursive: true });
  }

  /** A build of a newer type, whose files may be in any folder. */
  async function addModule(): Promise<void> {
    const id = await admin<number>('createEmptyBuild', ['mod', '1', '1', null]);
    const sum = createHash('sha1').update('a module').digest('hex');
    await admin('addBType', ['module']);
    await hub.database.write((db) =>
      db.run(
        sql`INSERT INTO archiveinfo (type_id, btype_id, build_id, filename, size, checksum, checksum_type)
            SELECT (SELECT min(id) FROM archivetypes), id, ${id}, 'm.yaml', 8, ${sum}, 1 FROM btype
            WHERE name = 'module'`,
      ),
    );
    await mkdir(at('packages/mod/1/1/files/module/some/where'), { recursive: true });
    await writeFile(at('packages/mod/1/1/files/module/some/where/m.yaml'), 'a module');
    await mkdir(at('packages/mod/1/1/data/logs'), { recursive: true });
    await writeFile(at('packages/mod/1/1/data/logs/any.log'), 'a log');
  }

  const check = async (options: Partial<FsckOptions> = {}): Promise<Problem[]> => {
    const problems: Problem[] = [];
    await fsck(hub.config, { repair: false, quick: false, ...options }, (one) => problems.push(one));
    return problems;
  };
  const found = (problems: readonly Problem[]): string[] =>
    problems.map(({ kind: what, path: place }) => `${what} ${place}`).sort();

  it('backs up while the hub answers, and lists every file', async () => {
    expect(await check()).toEqual([]);
    const ended = new AbortController();
    const writing = (async () => {
      for (let n = 0; !ended.signal.aborted; n += 1) await admin('createTag', [`during-${n}`]);
    })();
    const made = await backUp(hub.config, path.join(folder, 'backup')).finally(() => ended.abort());
    await writing;
    expect(made.database.kind).toBe(kind.dialect);
    const list = (await readFile(path.join(folder, 'backup/files.jsonl'), 'utf8')).trim().split('\n');
    expect(list).toHaveLength(made.store.files);
    const entries = new Map(
      list
        .map((line) => JSON.parse(line) as { path: string; size?: number; link?: string })
        .map((one) => [one.path, one]),
    );
    expect(entries.get('packages/tool/1/1/win/bin/tool.exe')).toMatchObject({ size: 6 });
    expect(entries.get('vol/second/packages/disk/1/1/images/disk1.qcow2')).toMatchObject({ size: 6 });
    expect(entries.get('packages/disk/1/1')?.link).toBe('../../../vol/second/packages/disk/1/1');
    await expect(backUp(hub.config, path.join(folder, 'backup'))).rejects.toThrow('is not empty');
    await expect(backUp(hub.config, at('backup'))).rejects.toThrow('is in KojiDir');
    await rm(at('backup'), { recursive: true });
    await expect(restore(hub.config, path.join(folder, 'backup'))).rejects.toThrow(
      /serves from|the database has tables/,
    );
    await expect(fsck(hub.config, { repair: true, quick: false }, () => undefined)).rejects.toThrow(
      'serves from',
    );
  });

  it('finds each of twenty damages, and mends those that can be mended', async () => {
    await hub.halt();
    const pkgc = 'packages/pkgc/1.2/3';
    const header = `${pkgc}/data/sigcache/x86_64/pkgc-1.2-3.x86_64.rpm.sig`;
    const damages: Record<string, () => Promise<unknown>> = {
      [`missing ${pkgc}/src/pkgc-1.2-3.src.rpm`]: () => unlink(at(`${pkgc}/src/pkgc-1.2-3.src.rpm`)),
      [`checksum ${pkgc}/x86_64/pkgc-1.2-3.x86_64.rpm`]: () =>
        flipLastByte(at(`${pkgc}/x86_64/pkgc-1.2-3.x86_64.rpm`)),
      [`checksum ${header}`]: () => appendFile(at(header), 'x'),
      [`extra ${pkgc}/x86_64/other.rpm`]: () => writeFile(at(`${pkgc}/x86_64/other.rpm`), 'x'),
      [`size packages/app/1.0/1/maven/org/example/app/1.0/app-1.0.jar`]: () =>
        appendFile(at('packages/app/1.0/1/maven/org/example/app/1.0/app-1.0.jar'), 'x'),
      [`checksum packages/tool/1/1/win/bin/tool.exe`]: () =>
        writeFile(at('packages/tool/1/1/win/bin/tool.exe'), 'a tOOl'),
      [`missing packages/mod/1/1/files/module/m.yaml`]: () =>
        unlink(at('packages/mod/1/1/files/module/some/where/m.yaml')),
      [`extra packages/mod/1/1/metadata.json`]: () => writeFile(at('packages/mod/1/1/metadata.json'), '{}'),
      [`link packages/disk/1/1`]: () => unlink(at('packages/disk/1/1')),
      [`link packages/disk/1/2`]: async () => {
        await unlink(at('packages/disk/1/2'));
        await symlink('elsewhere', at('packages/disk/1/2'));
      },
      [`missing packages/disk/1/3`]: () => rm(at('packages/disk/1/3'), { recursive: true }),
      [`extra vol/second/packages/disk/1/4`]: async () => {
        await mkdir(at('vol/second/packages/disk/1/4/images'), { recursive: true });
        await writeFile(at('vol/second/packages/disk/1/4/images/disk4.qcow2'), 'disk 4');
      },
      [`half-done packages/disk/1/.5.${aside}`]: () => mkdir(at(`packages/disk/1/.5.${aside}`)),
      [`half-done packages/disk/1/4/images/.disk4.qcow2.${aside}`]: () =>
        writeFile(at(`packages/disk/1/4/images/.disk4.qcow2.${aside}`), 'x'),
      [`extra packages/stray/1/1`]: () => mkdir(at('packages/stray/1/1'), { recursive: true }),
      [`extra packages/empty`]: () => mkdir(at('packages/empty')),
      [`link vol/second/toplink`]: () => unlink(at('vol/second/toplink')),
      [`missing repos/base/7`]: () => rename(at('repos/base/7'), at('repos/base/8')),
      [`extra repos/base/8`]: () => Promise.resolve(),
      [`extra repos/base/latest`]: () => Promise.resolve(),
      [`extra work/tasks/99/99`]: () => mkdir(at('work/tasks/99/99'), { recursive: true }),
      // Folders of files that are missing.
      [`extra ${pkgc}/src`]: () => Promise.resolve(),
      [`extra packages/mod/1/1/files/module/some/where`]: () => Promise.resolve(),
      [`half-done work/up/.x.${aside}`]: () => writeFile(at(`work/up/.x.${aside}`), 'x'),
    };
    for (const damage of Object.values(damages)) await damage();
    expect(Object.keys(damages).length).toBeGreaterThanOrEqual(20);
    expect(found(await check())).toEqual(Object.keys(damages).sort());

    const unseen = Object.keys(damages).filter((name) => name.startsWith('checksum'));
    const quick = found(await check({ quick: true }));
    expect(quick).toEqual(
      Object.keys(damages)
        .filter((name) => !unseen.includes(name))
        .sort(),
    );

    const repaired = await check({ repair: true });
    const forPeople = /^(missing|size|checksum) /;
    expect(found(repaired.filter(({ mended }) => mended === null))).toEqual(
      Object.keys(damages)
        .filter((name) => forPeople.test(name))
        .sort(),
    );
    expect(found(await check())).toEqual(
      Object.keys(damages)
        .filter((name) => forPeople.test(name))
        .sort(),
    );
    expect(await readlink(at('packages/disk/1/2'))).toBe('../../../vol/second/packages/disk/1/2');
    const [time = ''] = await readdir(at('.fsck'));
    expect(existsSync(at(`.fsck/${time}/${pkgc}/x86_64/other.rpm`))).toBe(true);
    const [other = ''] = await readdir(at('vol/second/.fsck'));
    expect(existsSync(at(`vol/second/.fsck/${other}/packages/disk/1/4/images/disk4.qcow2`))).toBe(true);
    expect(existsSync(at('packages/stray'))).toBe(false);
  });

  it('restores into an empty database what was acknowledged before the backup', async () => {
    const empty = await kind.create({ empty: true });
    const backup = path.join(folder, 'backup');
    try {
      const config = makeConfig(empty.folder, { Database: empty.url, KojiDir: store });
      await expect(restore(config, path.join(folder, 'nothing'))).rejects.toThrow('is no complete backup');
      const copy = path.join(backup, kind.dialect === 'sqlite' ? 'koji.db' : 'koji.dump');
      await copyFile(copy, `${copy}.good`);
      await flipLastByte(copy);
      await expect(restore(config, backup)).rejects.toThrow('is damaged');
      await rename(`${copy}.good`, copy);
      await restore(config, backup);
      const database = await empty.open();
      expect(await migrate(database)).toEqual([]);
      const names = await database.read((db) =>
        db.all<{ name: string }>(
          sql`SELECT package.name FROM build JOIN package ON package.id = build.pkg_id`,
        ),
      );
      expect(new Set(names.map(({ name }) => name))).toEqual(new Set(['app', 'disk', 'mod', 'pkgc', 'tool']));
      await expect(restore(config, backup)).rejects.toThrow(/exists|the database has tables/);
    } finally {
      await empty.drop();
    }
  });
});

async function flipLastByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(file, bytes);
}
