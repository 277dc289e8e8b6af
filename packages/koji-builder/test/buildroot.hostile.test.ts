import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TestHub } from '@koji/plugin-sdk/testing';
import { makeLogger } from '@koji/core';
import { kojidOptions, readOptions } from '@koji/core/config';
import { BuildRoot } from '../src/buildroot/index.js';
import { cleanBuildroots } from '../src/buildroot/cleanup.js';
import { unmount } from '../src/buildroot/mounts.js';
import { Scm } from '../src/scm/index.js';
import { fakeMock } from '../src/testing/index.js';
import type { FakeMock, FakeMockOptions } from '../src/testing/index.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';
import { gitSite } from './support/git.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-hostile-root-'));
let hub: TestHub;
let inner: string;
let repoId: number;

class InRoot extends BaseTaskHandler {
  static override readonly Methods = ['inRoot'];
  async handler(repo: number): Promise<unknown> {
    return act(await BuildRoot.create(this, { tag: 'f44-build', arch: 'x86_64', repoId: repo }), this);
  }
}

let act: (root: BuildRoot, task: BaseTaskHandler) => unknown = () => null;

beforeAll(async () => {
  hub = await startTestHub();
  await hub.admin.createTag('f44-build', null, 'x86_64');
  const files = buildRpm(folder, 'inner', { install: 'true', files: '' });
  inner = files[1] ?? '';
  await hub.addBuild('inner-1.0-1', { files, tags: ['f44-build'] });
  const builder = await hub.builder();
  [repoId] = (await builder.call('host.repoInit', ['f44-build'])) as [number];
  await builder.call('host.repoDone', [repoId, {}]);
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A folder of the host with something that nobody may get. */
function outsideOf(place: string): string {
  const outside = path.join(place, 'outside');
  mkdirSync(outside);
  writeFileSync(path.join(outside, 'dnf.log'), 'secret');
  return outside;
}

let count = 0;
async function run(
  what: (root: BuildRoot, outside: string, task: BaseTaskHandler) => unknown,
  mock: FakeMockOptions = {},
): Promise<TaskRecord & { mock: FakeMock }> {
  const place = path.join(folder, `mock-${(count += 1)}`);
  mkdirSync(place);
  const outside = outsideOf(place);
  const made = await fakeMock(place, { packages: [inner], ...mock });
  act = (root, task) => what(root, outside, task);
  const options = { ...made.options, allowed_scms: '*:*:no' };
  return { ...(await runTask(InRoot, [repoId], { hub, options })), mock: made };
}

const texts = ({ uploads }: TaskRecord): string => [...uploads.values()].map(String).join('\n');

test('logs of the package manager are uploaded, those that are links or behind one are not', async () => {
  const done = await run(async (root, outside) => {
    await root.init();
    const log = path.join(root.rootDir, 'var/log');
    writeFileSync(path.join(log, 'dnf.log'), 'plain');
    symlinkSync(path.join(outside, 'dnf.log'), path.join(log, 'dnf.rpm.log'));
    await root.run(['true']);
    rmSync(log, { recursive: true });
    symlinkSync(outside, log);
    await root.run(['true']);
  });
  expect(String(done.uploads.get('dnf.log'))).toBe('plain');
  expect(texts(done)).not.toContain('secret');
});

test('what is uploaded from a root or read in it is in the root', async () => {
  const done = await run(async (root, outside) => {
    await root.init();
    symlinkSync(outside, path.join(root.rootDir, 'out'));
    symlinkSync(path.join(outside, 'dnf.log'), path.join(root.rootDir, 'link.log'));
    await expect(root.uploadFile('/out/dnf.log')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(root.uploadFile('/link.log')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await root.list('/out')).toEqual([]);
  });
  expect(texts(done)).not.toContain('secret');
});

test("a database of rpms that is another one's is not read, nor is anything written there", async () => {
  const foreign = path.join(folder, 'foreign');
  let lists: unknown[] = [];
  await run(
    async (root) => {
      await root.init();
      const database = path.join(root.rootDir, 'var/lib/rpm');
      renameSync(database, foreign);
      const before = readdirSync(foreign).sort();
      symlinkSync(foreign, database);
      lists = [await root.packages().catch(String), before, readdirSync(foreign).sort()];
    },
    { databaseInside: 'var/lib/elsewhere' },
  );
  expect(lists[0]).toMatch(/^BuildrootError: no rpm is known to be installed in f44-build-/);
  expect(lists[1]).toEqual(lists[2]);
});

test('files of the database that are links are not followed', async () => {
  const found = await run(
    async (root, outside) => {
      await root.init();
      const database = path.join(root.rootDir, 'var/lib/rpm');
      for (const name of readdirSync(database)) {
        renameSync(path.join(database, name), path.join(outside, name));
        symlinkSync(path.join(outside, name), path.join(database, name));
      }
      return root.packages().then(() => 'read', String);
    },
    { databaseInside: 'var/lib/elsewhere' },
  );
  expect(found.result).toMatch(/^BuildrootError: no rpm is known .*rpmdb/);
});

test('a root in which rpm knows of nothing is no root, and the hub gets none', async () => {
  let id = 0;
  const making = run(
    async (root) => {
      id = root.id;
      await root.init();
    },
    { database: 'root/.rpmdb', databaseInside: 'var/lib/rpm' },
  );
  await expect(making).rejects.toThrow(
    /^no rpm is known to be installed in f44-build-.*%_dbpath is ~\/\.rpmdb/,
  );
  expect(await hub.admin.call('getBuildroot', [id])).toMatchObject({ state: 3 });
});

test('rpm in the root is asked where that of the host finds nothing', async () => {
  const { result, mock } = await run(
    async (root) => {
      await root.init();
      return (await root.packages()).map(({ name }) => name);
    },
    { database: 'opt/rpm' },
  );
  expect(result).toEqual(['inner']);
  expect((await mock.calls()).map(({ args }) => args.slice(-1)[0])).toContainEqual(
    expect.stringContaining('rpm '),
  );
});

test('a root whose folder for work has become a link is used no more', async () => {
  await run(async (root, outside, task) => {
    await root.init();
    rmSync(root.tmpDir, { recursive: true });
    symlinkSync(outside, root.tmpDir);
    await expect(root.run(['true'])).rejects.toThrow(`${root.tmpDir} is a symbolic link`);
    expect(task.id).toBeGreaterThan(0);
  });
});

test('a mount does not go where a link leads, and unmounting does not either', async () => {
  await run(async (root, outside) => {
    await root.init();
    symlinkSync(outside, path.join(root.rootDir, 'mnt'));
    const failed = await unmount(root.rootDir, [path.join(root.rootDir, 'mnt')]);
    expect(failed).toEqual([expect.stringContaining('is a symbolic link')]);
  });
});

test('sources are not checked out into a link', async () => {
  const site = await gitSite();
  try {
    site.commit('extra', { 'README.txt': 'read me' });
    await run(async (root, outside, task) => {
      await root.init();
      const empty = path.join(outside, 'empty');
      mkdirSync(empty);
      symlinkSync(empty, path.join(root.tmpDir, 'extra'));
      const scm = Scm.parse(`git+http://${site.host}/extra.git?#main`);
      await scm.assertAllowed(task, { scratch: true });
      await expect(scm.checkout(task, root.tmpDir, { buildTag: 'f44-build', scratch: true })).rejects.toThrow(
        'is a symbolic link',
      );
      expect(readdirSync(empty)).toEqual([]);
    });
  } finally {
    await site.stop();
  }
});

test('cleaning up removes deep trees and links, and nothing that these lead to; without mock it says nothing', async () => {
  const place = path.join(folder, 'cleaned');
  mkdirSync(path.join(place, 'configs'), { recursive: true });
  const outside = outsideOf(place);
  const top = path.join(place, 'roots/f44-build-7-1');
  mkdirSync(path.join(top, 'root'), { recursive: true });
  symlinkSync(outside, path.join(top, 'root/out'));
  symlinkSync(outside, path.join(top, 'result'));
  let deep = path.join(top, 'root');
  for (let n = 0; n < 18; n++) mkdirSync((deep = path.join(deep, 'd'.repeat(200))));
  const config = path.join(place, 'configs/f44-build-7-1.cfg');
  writeFileSync(config, '# Koji buildroot id: 7\n# Koji buildroot name: f44-build-7-1\n');
  const said: string[] = [];
  const options = {
    ...readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' }),
    mockdir: path.join(place, 'roots'),
    rootsdir: path.join(place, 'own'),
    mockconfigdir: path.join(place, 'configs'),
    buildroot_basic_cleanup_delay: -1,
  };
  const session = {
    host: { getID: async () => 1 },
    listBuildroots: async (about: Record<string, unknown>) =>
      'buildrootID' in about ? [{ id: 7, task_id: null, retire_ts: 1 }] : [],
  };
  const told = new Map<number, string>();
  const log = makeLogger((level, text) => said.push(`${level} ${text()}`));
  const parts = { session: session as never, options, log, isRunning: () => false, told };
  await cleanBuildroots(parts);
  expect(said).toEqual(['info buildroot 7 is emptied']);
  expect(readdirSync(path.join(top, 'root'))).toEqual([]);
  expect(readdirSync(outside)).toEqual(['dnf.log']);
  rmSync(path.join(place, 'roots'), { recursive: true });
  said.length = 0;
  await cleanBuildroots(parts);
  await cleanBuildroots(parts);
  expect(said.filter((line) => line.startsWith('warn'))).toEqual([]);
  expect(existsSync(outside)).toBe(true);
});
