import {
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { RepoInfo } from '@koji/core/api';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

describe.each(databases)('repos that are made on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let builder: Caller;

  const store = (...names: string[]): string => path.join(hub.kojiDir, ...names);
  const read = (...names: string[]): string => readFileSync(store(...names), 'utf8');
  const json = (...names: string[]): unknown => JSON.parse(read(...names));
  const repoFile = (id: number, ...names: string[]): string =>
    read('repos', 'f44-build', String(id), ...names);
  const upload = (name: string, text: string): void => {
    const file = store('work', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const taskOf = async (method: string, params: unknown[]): Promise<number> => {
    const id = await admin<number>('makeTask', [method, params]);
    await open(id);
    return id;
  };
  const open = async (id: number): Promise<void> => {
    await admin('assignTask', [id, builder.hostId], { force: true });
    expect(await builder('host.openTask', [id])).toMatchObject({ id });
  };
  const init = async (named: object = {}, tag = 'f44-build'): Promise<number> =>
    ((await builder('host.repoInit', [tag], named)) as [number, number])[0];
  const rpm = (name: string, arch: string) =>
    hub.database.write((db) =>
      db.run(
        sql`INSERT INTO rpminfo (build_id, draft, name, version, release, arch, external_repo_id, payloadhash, size, buildtime)
            SELECT build.id, FALSE, ${name}, '1', '2', ${arch}, 0, 'ab', 3, 1 FROM build WHERE build.version = '1'`,
      ),
    );

  beforeAll(async () => {
    hub = await startTestHub(kind, { RunInterval: '0', SourceTags: '*-with-src' });
    admin = await asking(hub, 'kojiadmin');
    builder = await hub.builder('b1.example.com', ['x86_64']);
    await admin('createTag', ['f44']);
    await admin('createTag', ['f44-build'], { parent: 'f44', arches: 'x86_64 i686' });
    for (const name of ['tool', 'blocked & gone']) await admin('packageListAdd', ['f44', name, 'kojiadmin']);
    await admin('packageListBlock', ['f44-build', 'blocked & gone']);
    await admin('createEmptyBuild', ['tool', '1', '2', null]);
    await admin('tagBuildBypass', ['f44', 'tool-1-2']);
    for (const arch of ['src', 'x86_64', 'i686', 'aarch64']) await rpm('tool', arch);
    await rpm('tool-doc', 'noarch');
    await rpm('tool-debuginfo', 'x86_64');
    await admin('groupListAdd', ['f44-build', 'build']);
    await admin('groupListAdd', ['f44-build', 'base'], { description: 'a <small> base' });
    await admin('groupPackageListAdd', ['f44-build', 'base', 'bash']);
    await admin('groupReqListAdd', ['f44-build', 'build', 'base']);
    await admin('groupReqListAdd', ['f44-build', 'build', 'build']);
  });
  afterAll(() => hub.stop());

  it('have lists of their rpms, blocked packages and groups', async () => {
    const id = await init({ task_id: null });
    const below = 'toplink/packages/tool/1/2';
    expect(repoFile(id, 'x86_64', 'pkglist').trim().split('\n').sort()).toEqual([
      `${below}/noarch/tool-doc-1-2.noarch.rpm`,
      `${below}/x86_64/tool-1-2.x86_64.rpm`,
    ]);
    expect(repoFile(id, 'i386', 'pkglist')).toContain(`${below}/i686/tool-1-2.i686.rpm\n`);
    const rows = repoFile(id, 'x86_64', 'rpmlist.jsonl').trim().split('\n');
    const rpms = rows.map((line) => JSON.parse(line) as { name: string });
    expect(rpms.map(({ name }) => name).sort()).toEqual(['tool', 'tool-doc']);
    expect(rpms[0]).toMatchObject({ version: '1', release: '2', payloadhash: 'ab', size: 3, draft: false });
    expect(repoFile(id, 'x86_64', 'blocklist')).toBe('blocked & gone\n');
    const folder = store('repos', 'f44-build', String(id));
    expect(readdirSync(folder).sort()).toEqual(['groups', 'i386', 'repo.json', 'x86_64']);
    expect(realpathSync(path.join(folder, 'x86_64', 'toplink'))).toBe(realpathSync(hub.kojiDir));
    expect(json('repos', 'f44-build', String(id), 'repo.json')).toMatchObject({
      id,
      tag: 'f44-build',
      task_id: null,
      opts: { src: false, debuginfo: false, separate_src: false, maven: false },
      custom_opts: {},
      with_src: false,
    });
    const comps = repoFile(id, 'groups', 'comps.xml');
    expect(comps).toContain('<description>a &lt;small&gt; base</description>');
    expect(comps.match(/<packagereq type="mandatory">bash<\/packagereq>/g)).toHaveLength(2);
    expect(comps).toContain('<!-- Expanding Group: base -->');
  });

  it('have sources and debuginfo only when they are asked for, or the configuration says so', async () => {
    const id = await init({ opts: { src: true, debuginfo: 1, nope: true } });
    const list = repoFile(id, 'x86_64', 'pkglist');
    for (const file of ['src/tool-1-2.src.rpm', 'x86_64/tool-debuginfo-1-2.x86_64.rpm'])
      expect(list).toContain(file);
    const separate = await init({ opts: { separate_src: true } });
    expect(repoFile(separate, 'src', 'pkglist')).toBe('toplink/packages/tool/1/2/src/tool-1-2.src.rpm\n');
    expect(repoFile(separate, 'x86_64', 'pkglist')).not.toContain('src.rpm');
    await admin('createTag', ['f44-with-src'], { arches: 'x86_64' });
    const configured = await init({}, 'f44-with-src');
    expect(await admin('repoInfo', [configured])).toMatchObject({ opts: { src: true }, custom_opts: {} });
  });

  it('tell between which events their tag is the same', async () => {
    const before = await admin<number>('tagLastChangeEvent', ['f44-build']);
    const id = await init();
    await admin('editTag2', ['f44-build'], { extra: { note: 1 } });
    const after = await admin<number>('tagLastChangeEvent', ['f44-build']);
    expect(await admin('repoInfo', [id])).toMatchObject({ begin_event: before, end_event: null });
    const { create_event: event } = await admin<{ create_event: number }>('repoInfo', [id]);
    const again = await init({ event });
    expect(await admin('repoInfo', [again])).toMatchObject({ create_event: event, end_event: after });
  });

  it('are ready with their metadata, and the latest', async () => {
    const task = await taskOf('newRepo', ['f44-build']);
    const id = await init({ task_id: task });
    const part = await builder('host.subtask', ['createrepo', [id, 'i386', null], task]);
    const uploads = `tasks/${String(part)}/${String(part)}/repo`;
    upload(`${uploads}/repomd.xml`, 'metadata');
    await builder('host.repoDone', [id, { i686: [uploads, ['repomd.xml']] }, false, { num: 7 }]);
    expect(repoFile(id, 'i386', 'repodata', 'repomd.xml')).toBe('metadata');
    expect(() => statSync(store('work', uploads, 'repomd.xml'))).toThrow('ENOENT');
    expect(json('repos', 'f44-build', String(id), 'repo.json')).toMatchObject({ id, num: 7 });
    expect(await admin<RepoInfo>('getRepo', ['f44-build'])).toMatchObject({ id, state: 1 });
    const latest = store('repos', 'f44-build', 'latest');
    expect(readlinkSync(latest)).toBe(String(id));
    const custom = await init({ opts: { src: true } });
    await builder('host.repoDone', [custom, {}]);
    expect(readlinkSync(latest)).toBe(String(id));
    const newer = await init();
    const { create_event: event } = await admin<RepoInfo>('repoInfo', [id]);
    const older = await init({ event });
    await builder('host.repoDone', [newer, {}]);
    await builder('host.repoDone', [older, {}]);
    expect(readlinkSync(latest)).toBe(String(newer));
  });

  it('stay as they were when a file is missing or leads elsewhere', async () => {
    const task = await taskOf('newRepo', ['f44-build']);
    const id = await init();
    const uploads = `tasks/${task}/${task}`;
    upload(`${uploads}/repomd.xml`, 'first');
    const faults = [
      [{ x86_64: [uploads, ['repomd.xml', 'gone.xml']] }, 'uploaded file missing: '],
      [{ ppc64: [uploads, []] }, 'Repo arch directory missing: '],
      [{ '../../..': [uploads, []] }, 'Invalid arch: '],
      [{ x86_64: [uploads, ['../../../../etc/passwd']] }, 'No such file: '],
      [{ x86_64: uploads }, 'Invalid files of an arch'],
    ] as const;
    for (const [data, text] of faults) {
      const [code, found] = await faultOf(builder('host.repoDone', [id, data]));
      expect([code, found]).toEqual([1000, expect.stringContaining(text)]);
    }
    expect(read('work', uploads, 'repomd.xml')).toBe('first');
    expect(await admin('repoInfo', [id])).toMatchObject({ state: 0 });
    expect(() => repoFile(id, 'x86_64', 'repodata', 'repomd.xml')).toThrow('ENOENT');
    await builder('host.repoDone', [id, {}, true]);
    expect(await admin('repoInfo', [id])).toMatchObject({ state: 2 });
    expect(await faultOf(builder('host.repoDone', [id, {}]))).toEqual([
      1000,
      `Repo ${id} not in INIT state (got 2)`,
    ]);
  });

  it('leave nothing behind when they can not begin', async () => {
    const before = readdirSync(store('repos', 'f44-build')).sort();
    const faults = [
      [['nope'], {}, 1000, "No such tagInfo: 'nope'"],
      [['f44-build'], { event: 987654 }, 1000, 'query returned no rows'],
      [['f44-build'], { task_id: 987654 }, 1000, 'No such task: 987654'],
      [
        ['f44-build'],
        { task_id: 'x' },
        1019,
        "Invalid type for value 'x': <class 'str'>, expected type <class 'int'>",
      ],
    ] as const;
    for (const [args, named, code, text] of faults)
      expect(await faultOf(builder('host.repoInit', args, named))).toEqual([code, text]);
    // The tag's own option asks for maven, which this hub has not enabled.
    await admin('createTag', ['f44-java'], { arches: 'x86_64' });
    expect(await faultOf(builder('host.repoInit', ['f44-java'], { opts: { maven: true } }))).toEqual([
      1000,
      'Maven support not enabled',
    ]);
    expect(() => readdirSync(store('repos', 'f44-java'))).toThrow('ENOENT');
    expect(readdirSync(store('repos', 'f44-build')).sort()).toEqual(before);
  });

  describe('for distribution', () => {
    interface Row {
      readonly id: number;
      readonly arch: string;
    }

    it('are begun by a request, with the folder and the task', async () => {
      upload('comps/mine.xml', '<comps/>');
      const task = await admin('distRepo', ['f44', ['ABCD']], {
        arch: ['x86_64', 'i686'],
        comps: 'comps/mine.xml',
      });
      const [repo] = await admin<RepoInfo[]>('repo.query', [
        [['dist', 'IS', true]],
        '**',
        { order: '-id', limit: 1 },
      ]);
      const { request, ...info } = await admin('getTaskInfo', [task], { request: true });
      expect(info).toMatchObject({ method: 'distRepo', priority: 15 });
      expect(request).toMatchObject([
        'f44',
        repo!.id,
        ['ABCD'],
        { event: repo!.create_event, comps: 'comps/mine.xml' },
      ]);
      const folder = store('repos-dist', 'f44', String(repo!.id));
      expect(readdirSync(folder).sort()).toEqual(['groups', 'i386', 'repo.json', 'x86_64']);
      expect(json('repos-dist', 'f44', String(repo!.id), 'repo.json')).toMatchObject({
        keys: ['ABCD'],
        volume: null,
      });
      expect(readFileSync(path.join(folder, 'groups', 'comps.xml'), 'utf8')).toBe('<comps/>');
    });

    it('get metadata and packages of each arch', async () => {
      await open(await admin<number>('distRepo', ['f44', []], { arch: ['x86_64'] }));
      const [repo] = await admin<RepoInfo[]>('repo.query', [
        [['dist', 'IS', true]],
        '**',
        { order: '-id', limit: 1 },
      ]);
      const id = repo!.id;
      const task = (await admin<{ id: number }[]>('listTasks', [{ method: 'distRepo', state: [1] }]))[0]!.id;
      const uploads = `tasks/${task}/${task}`;
      const rpms = await admin<Row[]>('listRPMs', [1]);
      const { id: rpmId } = rpms.find(({ arch }) => arch === 'x86_64')!;
      const entry = { ...(await admin('getRPM', [rpmId])), sigkey: null };
      const move = () => builder('host.distRepoMove', [id, uploads, 'x86_64']);
      expect(await faultOf(move())).toEqual([1000, 'Missing repo manifest']);
      upload(`${uploads}/repo_manifest`, JSON.stringify(['repodata/repomd.xml']));
      expect(await faultOf(move())).toEqual([1000, 'Missing kojipkgs file']);
      upload(`${uploads}/kojipkgs`, '{}');
      truncateSync(store('work', uploads, 'kojipkgs'), 2 ** 32);
      expect((await faultOf(move()))[1]).toContain('has 4294967296 bytes, more than the 134217728');
      upload(`${uploads}/kojipkgs`, JSON.stringify({ 'tool-1-2.x86_64.rpm': { ...entry, size: 4 } }));
      expect((await faultOf(move()))[1]).toContain('uploaded file missing: ');
      upload(`${uploads}/repodata/repomd.xml`, 'metadata');
      expect(await faultOf(move())).toEqual([
        1000,
        'kojipkgs entry does not match db: file tool-1-2.x86_64.rpm, key size',
      ]);
      upload(`${uploads}/kojipkgs`, JSON.stringify({ 'tool-1-2.x86_64.rpm': entry }));
      expect((await faultOf(move()))[1]).toContain('Not a regular file: ');
      expect(read('work', uploads, 'repodata/repomd.xml')).toBe('metadata');
      const file = store('packages/tool/1/2/x86_64/tool-1-2.x86_64.rpm');
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, 'rpm');
      await move();
      const folder = store('repos-dist', 'f44', String(id), 'x86_64');
      expect(readFileSync(path.join(folder, 'repodata/repomd.xml'), 'utf8')).toBe('metadata');
      expect(statSync(path.join(folder, 'Packages/t/tool-1-2.x86_64.rpm')).ino).toBe(statSync(file).ino);
      await builder('host.repoDone', [id, {}]);
      expect(readlinkSync(store('repos-dist', 'f44', 'latest'))).toBe(String(id));
      expect(await faultOf(move())).toEqual([1000, 'Repo is in state: READY']);
    });

    it('cancel each other where the tag says so', async () => {
      await admin('createTag', ['f44-dist'], { extra: { 'distrepo.cancel_others': true } });
      const first = await admin('distRepo', ['f44-dist', []], { arch: ['x86_64'] });
      await admin('distRepo', ['f44-dist', []], { arch: ['x86_64'] });
      expect(await admin('getTaskInfo', [first])).toMatchObject({ state: 3 });
    });

    it('are refused without arches, with a strange file or arch', async () => {
      const faults = [
        [{}, 'The arch option must be a list of arches'],
        [{ arch: 'x86_64' }, 'The arch option must be a list of arches'],
        [{ arch: ['../x'] }, 'Invalid arch'],
        [{ arch: ['x86_64'], comps: '../../secret' }, 'No such file'],
      ] as const;
      for (const [named, text] of faults)
        expect((await faultOf(admin('distRepo', ['f44', []], named)))[1]).toContain(text);
    });
  });
});
