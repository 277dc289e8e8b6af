import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { faultToWire } from '@koji/core';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';
import { tinyRpm } from './support/tiny-rpm.js';

/** Names that no door takes, wherever a name becomes a folder. */
const hostile = [
  '..',
  '.',
  '../../../../evil',
  'a/../../../../../evil',
  'a/..',
  '/abs',
  'a//b',
  'a\nb',
  '.hidden',
  'a/.hidden',
  'x'.repeat(300),
  `${'y'.repeat(300)}/z`,
];
/** Paths that lead out of the folder they are below, or that no upload can have made. */
const leadingOut = ['..', '../x', '../../../../evil', 'a/../../../../../evil', '/abs', '.user', 'a/.user'];

const app = { group_id: 'org.example', artifact_id: 'app', version: '1' };

type Door = (name: string) => Promise<unknown>;

// Names are judged before any SQL, so one database is enough.
const [sqlite] = databases;
if (!sqlite) throw new Error('no database to test on');

describe('hostile names', () => {
  let hub: TestHub;
  let admin: Caller;
  let builder: Caller;
  let folder = '';
  let store = '';
  let taskId = 0;
  let repoId = 0;
  let outside: string[] = [];

  beforeAll(async () => {
    const options = {
      KojiDir: 'a/b/c/d/store',
      DisableNotifications: 'yes',
      EnableMaven: 'yes',
      EnableWin: 'yes',
      RunInterval: '0',
    };
    hub = await startTestHub(sqlite, options, {
      async prepare(made) {
        folder = made;
        store = path.join(made, 'a/b/c/d/store');
        await mkdir(path.join(store, 'vol/a'), { recursive: true });
      },
    });
    admin = await hub.login('kojiadmin');
    builder = await hub.builder('b1.example.com', ['x86_64']);
    await admin('createTag', ['tag', null, 'x86_64']);
    await admin('createTag', ['other']);
    await admin('createBuildTarget', ['target', 'tag', 'tag']);
    await admin('addChannel', ['channel']);
    await admin('createUser', ['user']);
    await admin('createExternalRepo', ['repo', 'http://example.com/']);
    await admin('grantCGAccess', ['kojiadmin', 'gen', true]);
    for (const name of ['app', 'win', 'img']) await admin('createEmptyBuild', [name, '1', '1', null]);
    await admin('createMavenBuild', ['app-1-1', app]);
    await admin('createWinBuild', ['win-1-1', { platform: 'x64' }]);
    await admin('createImageBuild', ['img-1-1']);
    taskId = (await admin('makeTask', ['build', ['git://example.com/x#1', null]])) as number;
    await admin('assignTask', [taskId, builder.hostId], { force: true });
    await builder('host.openTask', [taskId]);
    const newRepo = (await admin('newRepo', ['tag'])) as number;
    await admin('assignTask', [newRepo, builder.hostId], { force: true });
    await builder('host.openTask', [newRepo]);
    [repoId] = (await builder('host.repoInit', ['tag', newRepo])) as [number];
    await writeUpload('up/app-1.jar', 'jar');
    await writeUpload('up/x.zip', 'zip');
    await writeUpload('up/x.qcow2', 'disk');
    outside = await around();
  });
  afterAll(() => hub.stop());

  const writeUpload = async (relative: string, content: string | Buffer): Promise<void> => {
    const file = path.join(store, 'work', relative);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  };
  /** Everything near the store that is not in it, and not the database's. */
  const around = async (below = ''): Promise<string[]> => {
    const found: string[] = [];
    for (const entry of await readdir(path.join(folder, below), { withFileTypes: true })) {
      const name = path.join(below, entry.name);
      if (!name.startsWith('koji.db')) found.push(name);
      if (entry.isDirectory() && path.join(folder, name) !== store) found.push(...(await around(name)));
    }
    return found.sort();
  };
  /** The fault of a call as code and text; null when it answered. */
  const faultIn = async (call: Promise<unknown>): Promise<[number, string] | null> =>
    call.then(
      () => null,
      (thrown: unknown) => {
        const { faultCode, faultString } = faultToWire(thrown);
        return [faultCode, faultString];
      },
    );
  const build = (part: object) => ({ name: 'made', version: '1', release: '1', epoch: null, ...part });

  const doors: Record<string, Door> = {
    createTag: (name) => admin('createTag', [name]),
    editTag2: (name) => admin('editTag2', ['other'], { name }),
    'getTagID create': (name) => admin('getTagID', [name], { create: true }),
    snapshotTag: (name) => admin('snapshotTag', ['tag', name]),
    createBuildTarget: (name) => admin('createBuildTarget', [name, 'tag', 'tag']),
    editBuildTarget: (name) => admin('editBuildTarget', ['target', name, 'tag', 'tag']),
    addChannel: (name) => admin('addChannel', [name]),
    editChannel: (name) => admin('editChannel', ['channel'], { name }),
    'addHostToChannel create': (name) =>
      admin('addHostToChannel', ['b1.example.com', name], { create: true }),
    createUser: (name) => admin('createUser', [name]),
    editUser: (name) => admin('editUser', ['user', name]),
    newGroup: (name) => admin('newGroup', [name]),
    addHost: (name) => admin('addHost', [name, ['x86_64']]),
    addBType: (name) => admin('addBType', [name]),
    addArchiveType: (name) => admin('addArchiveType', [name, 'd', 'ext']),
    addVolume: (name) => admin('addVolume', [name]),
    createExternalRepo: (name) => admin('createExternalRepo', [name, 'http://example.com/']),
    editExternalRepo: (name) => admin('editExternalRepo', ['repo', name]),
    'getPackage create': (name) => admin('getPackage', [name], { create: true }),
    packageListAdd: (name) => admin('packageListAdd', ['tag', name, 'user']),
    groupListAdd: (name) => admin('groupListAdd', ['tag', name]),
    'grantPermission create': (name) => admin('grantPermission', ['user', name, true]),
    'grantCGAccess create': (name) => admin('grantCGAccess', ['user', name, true]),
    createEmptyBuild: (name) => admin('createEmptyBuild', [name, '1', '1', null]),
    createImageBuild: (name) => admin('createImageBuild', [build({ name })]),
    createMavenBuild: (name) => admin('createMavenBuild', [build({ name }), app]),
    createWinBuild: (name) => admin('createWinBuild', [build({ name }), { platform: 'x' }]),
    CGInitBuild: (name) => admin('CGInitBuild', ['gen', build({ name })]),
    'host.initBuild': (name) => builder('host.initBuild', [build({ name, task_id: taskId })]),
    'host.initMavenBuild': (name) => builder('host.initMavenBuild', [taskId, build({ name }), app]),
    'host.initWinBuild': (name) => builder('host.initWinBuild', [taskId, build({ name }), { platform: 'x' }]),
    'host.initImageBuild': (name) => builder('host.initImageBuild', [taskId, build({ name })]),
    'artifact of a build': (artifact_id) =>
      admin('createMavenBuild', [build({ version: '2' }), { ...app, artifact_id }]),
    'folder of an artifact': (artifact_id) =>
      admin('importArchive', ['up/app-1.jar', 'app-1-1', 'maven', { ...app, artifact_id }]),
    'version of an artifact': (version) =>
      admin('importArchive', ['up/app-1.jar', 'app-1-1', 'maven', { ...app, version }]),
    'arch of a tag': (arch) => admin('createTag', [`arch-${Math.random()}`, null, [arch]]),
    'arch of a dist repo': (arch) => admin('distRepo', ['tag', []], { arch: [arch] }),
    'arch of a repo': (arch) => builder('host.repoDone', [repoId, { [arch]: ['up', ['x.zip']] }]),
  };
  /** Harmless where a tag's or a build's part is not one of several folders. */
  const harmless: Record<string, readonly string[]> = {
    // Folders of artifacts may be any below the build's own.
    'folder of an artifact': ['.hidden', 'a/.hidden'],
    'version of an artifact': ['.hidden', 'a/.hidden'],
    'artifact of a build': ['.hidden', 'a/.hidden'],
    // No folder is made for it before there is a repo, which refuses it then.
    'arch of a tag': ['x'.repeat(300)],
  };

  test.each(Object.keys(doors))('%s refuses each of them with a clear fault', async (door) => {
    for (const name of hostile) {
      if (harmless[door]?.includes(name)) continue;
      const fault = await faultIn((doors[door] as Door)(name));
      expect([name, fault]).toEqual([name, [expect.any(Number), expect.any(String)]]);
      expect(fault?.[0]).toBeGreaterThanOrEqual(1000);
      expect(fault?.[1]).not.toMatch(/ENAMETOOLONG|ENOENT|EISDIR/);
      expect(fault?.[1].length).toBeLessThan(1000);
    }
    expect(await around()).toEqual(outside);
  });

  const parts: Record<string, Door> = {
    'version of a build': (version) => admin('createImageBuild', [build({ version })]),
    'release of a build': (release) => admin('createImageBuild', [build({ release })]),
    'version of a reservation': (version) => admin('CGInitBuild', ['gen', build({ version })]),
    'release of a task’s build': (release) => builder('host.initImageBuild', [taskId, build({ release })]),
    'name in an rpm': (name) => importTiny({ name }),
    'version in an rpm': (version) => importTiny({ version }),
    'release in an rpm': (release) => importTiny({ release }),
    'arch in an rpm': (arch) => importTiny({ arch, sourcerpm: 'app-1-1.src.rpm' }),
  };
  const importTiny = async (part: object): Promise<unknown> => {
    const fields = { name: 'tiny', version: '1', release: '1', arch: 'src', ...part };
    const { name, version, release, arch } = fields;
    const file = `${name}-${version}-${release}.${arch}.rpm`;
    const asFile = file.replaceAll('/', '_').slice(0, 200);
    await writeUpload(`rpms/${asFile}`, tinyRpm(fields));
    return admin('importRPM', ['rpms', asFile]);
  };

  test.each(Object.keys(parts))('the %s is one part of a path and no more', async (door) => {
    for (const part of [...hostile.filter((name) => !name.includes('hidden')), 'a/b', 'a/.hidden']) {
      const fault = await faultIn((parts[door] as Door)(part));
      expect([part, fault]).toEqual([part, [expect.any(Number), expect.any(String)]]);
      expect(fault?.[0]).toBeGreaterThanOrEqual(1000);
    }
    expect(await around()).toEqual(outside);
  });

  const metadata = (part: { build?: object; output?: object }) => ({
    metadata_version: 0,
    build: {
      ...build({ source: null, start_time: 1, end_time: 2, extra: { typeinfo: { image: {} } } }),
      ...part.build,
    },
    buildroots: [
      {
        id: 1,
        host: { os: 'o', arch: 'a' },
        content_generator: { name: 'gen', version: '2' },
        container: { type: 'docker', arch: 'a' },
        tools: [],
        components: [],
      },
    ],
    output: [
      {
        buildroot_id: 1,
        filename: 'b.log',
        filesize: 1,
        checksum_type: 'md5',
        checksum: '0cc175b9c0f1b6a831c399e269772661',
        type: 'log',
        ...part.output,
      },
    ],
  });
  const cg = async (part: object): Promise<unknown> => {
    await writeUpload('cg/b.log', 'a');
    return admin('CGImport', [metadata(part), 'cg']);
  };
  const paths: Record<string, Door> = {
    'uploadFile’s folder': (name) => admin('uploadFile', [name, 'f', 1, null, 0, 'YQ==']),
    'uploadFile’s name': (name) => admin('uploadFile', ['d', name, 1, null, 0, 'YQ==']),
    'checkUpload’s folder': (name) => admin('checkUpload', [name, 'f']),
    'checkUpload’s name': (name) => admin('checkUpload', ['d', name]),
    'downloadTaskOutput’s name': (name) => admin('downloadTaskOutput', [taskId, name]),
    'getRPMHeaders’ path': (filepath) =>
      admin('getRPMHeaders', [], { taskID: taskId, filepath, strict: true }),
    'getChangelogEntries’ path': (filepath) =>
      admin('getChangelogEntries', [], { taskID: taskId, filepath, strict: true }),
    'importRPM’s folder': (name) => admin('importRPM', [name, 'x.rpm']),
    'importRPM’s name': (name) => admin('importRPM', ['d', name]),
    'importArchive’s path': (name) => admin('importArchive', [name, 'img-1-1', 'image', { arch: 'x' }]),
    'host.importArchive’s path': (name) => builder('host.importArchive', [name, { id: 1 }, 'maven', app]),
    'relpath of a file for Windows': async (relpath) => {
      if (relpath.startsWith('/') || relpath.includes('.user')) return Promise.reject(new Error('harmless'));
      return admin('importArchive', ['up/x.zip', 'win-1-1', 'win', { relpath, platforms: ['x'], flags: [] }]);
    },
    'metadata of a content generator': (name) => admin('CGImport', [`${name}.json`, 'cg']),
    'folder of a content generator': (name) => admin('CGImport', [metadata({}), name]),
    'relpath of a content generator': (relpath) => cg({ output: { relpath } }),
    'filename of a content generator': (filename) => cg({ output: { filename } }),
    'subdir of a content generator': async (subdir) => {
      if (subdir.includes('.user')) return Promise.reject(new Error('harmless'));
      return cg({ output: { subdir } });
    },
    'name of a content generator': (name) => cg({ build: { name } }),
    'host.completeBuild’s srpm': (name) => builder('host.completeBuild', [taskId, 1, name, []]),
    'host.completeBuild’s rpms': (name) => builder('host.completeBuild', [taskId, 1, 'up/x.zip', [name]]),
    'host.moveBuildToScratch’s srpm': (name) => builder('host.moveBuildToScratch', [taskId, name, []]),
    'host.moveBuildToScratch’s logs': async (name) => {
      await writeUpload('up/s.src.rpm', 'x');
      return builder('host.moveBuildToScratch', [taskId, 'up/s.src.rpm', [], { noarch: [name] }]);
    },
    'host.repoDone’s files': (name) => builder('host.repoDone', [repoId, { x86_64: ['up', [name]] }]),
    'host.repoDone’s folder': (name) => builder('host.repoDone', [repoId, { x86_64: [name, ['x.zip']] }]),
    'distRepo’s comps': (comps) => admin('distRepo', ['tag', []], { arch: ['x86_64'], comps }),
  };

  test.each(Object.keys(paths))('%s leads nowhere else', async (door) => {
    for (const name of leadingOut) {
      const fault = await faultIn((paths[door] as Door)(name));
      expect([name, fault]).toEqual([name, [expect.any(Number), expect.any(String)]]);
      if (fault?.[1] !== 'Error: harmless') expect(fault?.[0]).toBeGreaterThanOrEqual(1000);
    }
    expect(await around()).toEqual(outside);
  });

  test('a name with a slash in it may stay, and its folders are in the store', async () => {
    await admin('createTag', ['a/b', null, 'x86_64']);
    await admin('createImageBuild', [build({ name: 'p/q', release: '5' })]);
    await admin('importArchive', ['up/x.qcow2', 'p/q-1-5', 'image', { arch: 'x86_64' }]);
    expect(await readdir(path.join(store, 'packages/p/q/1/5/images'))).toEqual(['x.qcow2']);
    const task = (await admin('newRepo', ['a/b'])) as number;
    await admin('assignTask', [task, builder.hostId], { force: true });
    await builder('host.openTask', [task]);
    const [id] = (await builder('host.repoInit', ['a/b', task])) as [number];
    expect(await readdir(path.join(store, 'repos/a/b', String(id)))).toContain('repo.json');
    expect(await around()).toEqual(outside);
  });
});
