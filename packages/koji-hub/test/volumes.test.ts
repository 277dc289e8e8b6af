import { existsSync, realpathSync, statSync } from 'node:fs';
import {
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BuildInfo } from '@koji/core/api';
import { collectGarbage } from '../src/gc/run.js';
import { readGcConfig } from '../src/gc/config.js';
import { hubApi } from '../src/gc/hub-api.js';
import { backUp } from '../src/upkeep/backup.js';
import { fsck } from '../src/upkeep/fsck.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';
import { tinyRpm } from './support/tiny-rpm.js';

const day = 86_400;
const DELETED = 2;
/** A file system other than that of temporary folders, where there is one. */
const other = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

describe.each(databases)('a volume on another file system, on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let caller: Caller;
  let builder: Caller;
  /** The folder that the volume's link leads to. */
  let storage: string;

  beforeAll(async () => {
    hub = await startTestHub(
      kind,
      { DisableNotifications: 'yes' },
      { policies: { volume: 'package remote* :: second\nall :: DEFAULT' } },
    );
    caller = await hub.login('kojiadmin');
    admin = await asking(hub, 'kojiadmin');
    builder = await hub.builder('b1.example.com', ['x86_64']);
    storage = await mkdtemp(path.join(other, 'koji-volume-'));
    await mkdir(at('vol'), { recursive: true });
    await symlink(storage, at('vol/second'));
    await admin('addVolume', ['second']);
    await admin('createTag', ['f44', null, 'x86_64']);
    for (const name of ['local', 'remote', 'moved']) await importBuild(name);
    await admin('changeBuildVolume', ['moved-1-1', 'second']);
    await admin('applyVolumePolicy', ['remote-1-1'], { strict: true });
  });
  afterAll(async () => {
    await hub.stop();
    await rm(storage, { recursive: true, force: true });
  });

  const at = (place: string): string => path.join(hub.kojiDir, place);
  const rpmOf = (name: string): Buffer =>
    tinyRpm({ name, version: '1', release: '1', arch: 'noarch', sourcerpm: `${name}-1-1.src.rpm` });
  const get = async (place: string): Promise<Buffer | number> => {
    const answer = await fetch(`${hub.url.replace('kojihub', 'kojifiles')}/${place}`);
    const body = Buffer.from(await answer.arrayBuffer());
    return answer.ok ? body : answer.status;
  };

  async function importBuild(name: string): Promise<void> {
    await mkdir(at('work/up'), { recursive: true });
    await writeFile(
      at(`work/up/${name}-1-1.src.rpm`),
      tinyRpm({ name, version: '1', release: '1', arch: 'noarch' }),
    );
    await writeFile(at(`work/up/${name}-1-1.noarch.rpm`), rpmOf(name));
    for (const arch of ['src', 'noarch']) await admin('importRPM', ['up', `${name}-1-1.${arch}.rpm`]);
    await admin('packageListAdd', ['f44', name, 'kojiadmin']);
    await admin('tagBuildBypass', ['f44', `${name}-1-1`]);
  }

  const problems = async (repair = false): Promise<string[]> => {
    const found: string[] = [];
    await fsck(hub.config, { repair, quick: true }, (one) => found.push(`${one.kind} ${one.path}`));
    return found.sort();
  };

  it('has the builds that the policy and the command put there, each with a link on the default one', async () => {
    expect(await readlink(path.join(storage, 'toplink'))).toBe(hub.kojiDir);
    for (const name of ['remote', 'moved']) {
      expect((await admin<BuildInfo>('getBuild', [`${name}-1-1`])).volume_name).toBe('second');
      expect(await readlink(at(`packages/${name}/1/1`))).toBe(`../../../vol/second/packages/${name}/1/1`);
      const file = `packages/${name}/1/1/noarch/${name}-1-1.noarch.rpm`;
      expect(realpathSync(at(file))).toBe(realpathSync(path.join(storage, file)));
      expect(statSync(at(file)).dev).toBe(statSync(storage).dev);
    }
    expect((await lstat(at('packages/local/1/1'))).isDirectory()).toBe(true);
  });

  it('comes and goes with all files, and leaves nothing behind on either side', async () => {
    const file = 'packages/local/1/1/noarch/local-1-1.noarch.rpm';
    await admin('changeBuildVolume', ['local-1-1', 'second']);
    expect(await readFile(path.join(storage, file))).toEqual(rpmOf('local'));
    await admin('applyVolumePolicy', ['local-1-1'], { strict: true });
    expect(await readFile(at(file))).toEqual(rpmOf('local'));
    expect(existsSync(path.join(storage, 'packages/local'))).toBe(false);
    expect(await problems()).toEqual([]);
  });

  it('serves files under the address of the volume and of the default one', async () => {
    for (const name of ['remote', 'moved']) {
      const file = `packages/${name}/1/1/noarch/${name}-1-1.noarch.rpm`;
      expect(await get(file)).toEqual(rpmOf(name));
      expect(await get(`vol/second/${file}`)).toEqual(rpmOf(name));
    }
  });

  it('gives repos the packages of both volumes, at paths that exist on disk and at their address', async () => {
    const [id] = (await builder('host.repoInit', ['f44'])) as [number];
    const lines = (await readFile(at(`repos/f44/${id}/x86_64/pkglist`), 'utf8')).trim().split('\n');
    expect(lines.sort()).toEqual([
      'toplink/packages/local/1/1/noarch/local-1-1.noarch.rpm',
      'toplink/vol/second/packages/moved/1/1/noarch/moved-1-1.noarch.rpm',
      'toplink/vol/second/packages/remote/1/1/noarch/remote-1-1.noarch.rpm',
    ]);
    for (const [i, name] of ['local', 'moved', 'remote'].entries()) {
      const place = `repos/f44/${id}/x86_64/${lines[i]}`;
      expect(await readFile(at(place))).toEqual(rpmOf(name));
      expect(await get(place)).toEqual(rpmOf(name));
    }
  });

  it('gets copies where a repo for distribution is on another volume than its packages', async () => {
    const task = await admin<number>('distRepo', ['f44', []], { arch: ['x86_64'], volume: 'second' });
    await admin('assignTask', [task, builder.hostId], { force: true });
    await builder('host.openTask', [task]);
    const [repo] = await admin<{ id: number }[]>('repo.query', [
      [['dist', 'IS', true]],
      '**',
      { order: '-id', limit: 1 },
    ]);
    const uploads = `tasks/${task}/${task}`;
    const rpms: Record<string, object> = {};
    for (const name of ['local', 'remote'])
      rpms[`${name}-1-1.noarch.rpm`] = { ...(await admin('getRPM', [`${name}-1-1.noarch`])), sigkey: null };
    await mkdir(at(`work/${uploads}/repodata`), { recursive: true });
    await writeFile(at(`work/${uploads}/repo_manifest`), JSON.stringify(['repodata/repomd.xml']));
    await writeFile(at(`work/${uploads}/repodata/repomd.xml`), 'metadata');
    await writeFile(at(`work/${uploads}/kojipkgs`), JSON.stringify(rpms));
    await builder('host.distRepoMove', [repo?.id, uploads, 'x86_64']);
    await builder('host.repoDone', [repo?.id, {}]);
    const folder = `repos-dist/f44/${repo?.id}/x86_64`;
    expect(await readFile(path.join(storage, folder, 'repodata/repomd.xml'), 'utf8')).toBe('metadata');
    for (const name of ['local', 'remote']) {
      const place = `Packages/${name.charAt(0)}/${name}-1-1.noarch.rpm`;
      const copy = await stat(path.join(storage, folder, place));
      expect([copy.dev, copy.size]).toEqual([statSync(storage).dev, rpmOf(name).length]);
      expect(await get(`repos-dist/f44/latest/x86_64/${place}`)).toEqual(rpmOf(name));
    }
  });

  it('loses the files of builds that garbage collection deletes, with their links', async () => {
    await admin('createTag', ['trashcan']);
    await admin('untagBuildBypass', ['f44', 'moved-1-1']);
    const file = path.join(path.dirname(hub.kojiDir), 'koji-gc.conf');
    await writeFile(file, '[main]\nmail = no\n');
    const config = readGcConfig(hub.config, file);
    const api = hubApi((method, args, named) => caller(method, args, named));
    const lines: string[] = [];
    for (const [action, days] of [
      ['trash', 30],
      ['delete', 90],
    ] as const)
      await collectGarbage(api, {
        config,
        hubConfig: hub.config,
        actions: [action],
        apply: true,
        now: Date.now() / 1000 + days * day,
        print: (line) => lines.push(line),
      });
    expect(lines.join('\n')).toContain('moved-1-1');
    expect((await admin<BuildInfo>('getBuild', ['moved-1-1'])).state).toBe(DELETED);
    for (const place of [at('packages/moved'), path.join(storage, 'packages/moved')])
      await expect(lstat(place)).rejects.toThrow('ENOENT');
    expect(await get('packages/moved/1/1/noarch/moved-1-1.noarch.rpm')).toBe(404);
  });

  it('is in backups, and fsck finds and mends what is missing of it', async () => {
    const folder = path.join(path.dirname(hub.kojiDir), 'backup');
    await backUp(hub.config, folder);
    const list = (await readFile(path.join(folder, 'files.jsonl'), 'utf8')).trim().split('\n');
    const places = list.map((line) => (JSON.parse(line) as { path: string }).path);
    expect(places).toContain('vol/second/packages/remote/1/1/noarch/remote-1-1.noarch.rpm');
    await hub.halt();
    expect(await problems()).toEqual([]);
    await unlink(at('packages/remote/1/1'));
    await unlink(path.join(storage, 'toplink'));
    await mkdir(path.join(storage, 'packages/stray/1/1'), { recursive: true });
    const found = [
      // It held only the link.
      'extra packages/remote/1',
      'extra vol/second/packages/stray/1/1',
      'link packages/remote/1/1',
      'link vol/second/toplink',
    ];
    expect(await problems(true)).toEqual(found);
    expect(await problems()).toEqual([]);
    expect(existsSync(path.join(storage, 'packages/stray'))).toBe(false);
  });
});
