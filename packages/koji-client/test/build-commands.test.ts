import { writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { uploadLine } from '../src/cli/progress.js';
import type { ClientSession } from '../src/index.js';
import { errorOf, runKoji, useHub } from './support/hub.js';
import type { Ran, RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;

useHub(
  async (opened) => {
    ({ hub, admin } = opened);
    await admin.call('createTag', ['f44'], { arches: 'x86_64', maven_support: true });
    await admin.call('createTag', ['f44-build'], { parent: 'f44', arches: 'x86_64', maven_support: true });
    await admin.call('createTag', ['locked'], { locked: true });
    await admin.call('createBuildTarget', ['f44', 'f44-build', 'f44']);
    await admin.call('createBuildTarget', ['closed', 'f44-build', 'locked']);
    await admin.call('createBuildTarget', ['apart', 'f44-build', 'f44-build']);
  },
  { EnableMaven: 'yes', EnableWin: 'yes' },
);

const started = (ran: Ran, before = ''): number => {
  const id = Number(/Created task: (\d+)\n/.exec(ran.stdout)?.[1]);
  const page = `Created task: ${id}\nTask info: http://localhost/koji/taskinfo?taskID=${id}\n`;
  expect({ ...ran, stderr: ran.stderr }).toEqual({ code: 0, stdout: before + page, stderr: '' });
  return id;
};

const source = fileURLToPath(
  new URL('../../koji-core/test/fixtures/rpms/pkgc-1.2-3.src.rpm', import.meta.url),
);

test('build sends what was asked for and says where to see the task', async () => {
  const url = 'git+https://git.example.com/pkg?#abc';
  const id = started(
    await hub.koji('build', '--background', '--wait-build=a-1-1', '--fail-fast', 'f44', url),
  );
  expect(await admin.getTaskRequest(id)).toEqual([
    url,
    'f44',
    { fail_fast: true, wait_builds: ['a-1-1'], custom_user_metadata: {} },
  ]);
  expect(await admin.getTaskInfo(id)).toMatchObject({ method: 'build', priority: 25 });
  const metadata = '--custom-user-metadata={"a": [1, 2.0]}';
  const scratch = ['--scratch', '--arch-override=x86_64,i686', '--no-rebuild-srpm', metadata];
  const other = started(await hub.koji('build', ...scratch, 'f44', url));
  expect(await admin.getTaskRequest(other)).toEqual([
    url,
    'f44',
    {
      arch_override: 'x86_64 i686',
      scratch: true,
      rebuild_srpm: false,
      wait_builds: [],
      custom_user_metadata: { a: [1, 2] },
    },
  ]);
});

test('build uploads a source rpm, and says nothing when it is told to be quiet', async () => {
  const ran = await hub.koji('build', '--scratch', 'f44', source);
  const id = started(ran, `Uploading srpm: ${source}\n\n`);
  const [path] = (await admin.getTaskRequest(id)) as [string];
  expect(path).toMatch(/^cli-build\/\d+\.\d{7}\.[A-Za-z]{8}\/pkgc-1\.2-3\.src\.rpm$/);
  expect(readFileSync(join(hub.kojiDir, 'work', path))).toEqual(readFileSync(source));
  expect(await hub.koji('build', '--quiet', '--scratch', 'f44', 'git://example.com/a#1')).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
});

test('on a terminal an upload shows how far it is, as in Koji', async () => {
  const args = ['-c', join(hub.folder, 'koji.conf'), '--user=kojiadmin', '--password=kojiadmin'];
  const ran = await runKoji([...args, 'build', '--nowait', '--scratch', 'f44', source], { terminal: true });
  expect(ran.stdout).toMatch(/\[={36}\] 100% 00:00:\d\d {3}7\.82 KiB +\S+ [KMi]*B\/sec\r/);
  expect(ran.code).toBe(0);
});

test('a progress bar has the columns of Koji', () => {
  const start = { done: 0, total: 3_000_000, piece: 0, pieceTime: 0, time: 0 };
  expect(uploadLine(start)).toBe(`[${' '.repeat(36)}]  00% 00:00:00     0.00 B        - B/sec`);
  const half = { done: 1_500_000, total: 3_000_000, piece: 1_048_576, pieceTime: 0.5, time: 3700 };
  expect(uploadLine(half)).toBe(
    `[${'='.repeat(18)}${' '.repeat(18)}]  50% 01:01:40   1.43 MiB   2.00 MiB/sec`,
  );
});

test('targets that take no builds are wrong use', async () => {
  const url = 'git://example.com/a#1';
  expect(errorOf(await hub.koji('build', 'nosuch', url))).toEqual([2, 'No such build target: nosuch\n']);
  expect(errorOf(await hub.koji('build', 'closed', url))).toEqual([2, 'Destination tag locked is locked\n']);
  const withoutTarget = started(await hub.koji('build', '--repo-id=7', 'none', url));
  expect(await admin.getTaskRequest(withoutTarget)).toEqual([
    url,
    null,
    { skip_tag: true, repo_id: 7, wait_builds: [], custom_user_metadata: {} },
  ]);
});

test('chain-build parts its sources into levels', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => `git://example.com/${name}#1`) as [string, string, string];
  const id = started(await hub.koji('chain-build', 'f44', a, b, ':', 'x-1-1', ':', ':', c));
  expect(await admin.getTaskRequest(id)).toEqual([[[a, b], ['x-1-1'], [c]], 'f44', {}]);
  expect(errorOf(await hub.koji('chain-build', 'f44', a, b))).toEqual([
    2,
    'You must specify at least one dependency between builds with : (colon)\n' +
      'If there are no dependencies, use the build command instead\n',
  ]);
  expect(await hub.koji('chain-build', 'f44', 'a/b', ':', c)).toMatchObject({
    code: 1,
    stderr: '"a/b" is not a SCM URL or package N-V-R\n',
  });
});

test('maven-build takes its parameters from options or from a file', async () => {
  const url = 'git://example.com/app#1';
  const given = ['-G', 'test', '-D', 'a=b', '-D', 'flag', '-E', 'c=d=e', '-p', 'gcc', '--debug'];
  const id = started(await hub.koji('maven-build', 'f44', url, ...given));
  expect(await admin.getTaskRequest(id)).toEqual([
    url,
    'f44',
    {
      goals: ['test'],
      packages: ['gcc'],
      properties: { a: 'b', flag: null },
      envs: { c: 'd=e' },
      maven_options: ['--debug'],
    },
  ]);
  const file = join(hub.folder, 'maven.ini');
  await writeFile(
    file,
    `[app]\nscmurl = ${url}\ngoals = a b\nproperties =\n  x=1\n  y\nbuildrequires = lib\n[lib]\nscmurl = ${url}\n`,
  );
  const ini = `--ini=${file}`;
  const fromFile = started(await hub.koji('maven-build', ini, '--section=app', '--scratch', 'f44'));
  expect(await admin.getTaskRequest(fromFile)).toEqual([
    url,
    'f44',
    { goals: ['a', 'b'], properties: { x: '1', y: null }, scratch: true },
  ]);
  expect(errorOf(await hub.koji('maven-build', ini, 'f44'))).toEqual([
    2,
    `Multiple sections in: ${file}, you must specify the section\n`,
  ]);
  const chain = started(await hub.koji('maven-chain', 'f44', file));
  const [builds] = (await admin.getTaskRequest(chain)) as [Record<string, unknown>];
  expect(builds).toMatchObject({ app: { buildrequires: ['lib'] }, lib: { scmurl: url } });
  const circle = join(hub.folder, 'circle.ini');
  await writeFile(circle, `[a]\nscmurl=${url}\nbuildrequires=b\n[b]\nscmurl=${url}\nbuildrequires=a\n`);
  expect(errorOf(await hub.koji('maven-chain', 'f44', circle))).toEqual([
    2,
    'No possible build order, missing/circular dependencies\n',
  ]);
});

test('win-build, image builds and dist-repo send their parameters by name', async () => {
  const win = started(await hub.koji('win-build', '--cpus=2', 'f44', 'git://example.com/w#1', 'vm'));
  expect(await admin.getTaskRequest(win)).toEqual(['vm', 'git://example.com/w#1', 'f44', { cpus: 2 }]);
  const image = ['--ksurl=git://example.com/ks#1', '--kickstart=a.ks', '--distro=Fedora-44', '--scratch'];
  const parameter = ['--factory-parameter', 'docker_cmd', '[ "x" ]'];
  const id = started(
    await hub.koji(
      'image-build',
      ...image,
      ...parameter,
      'img',
      '1',
      'f44',
      'http://example.com/t',
      'x86_64',
    ),
  );
  const request = await admin.getTaskRequest(id);
  expect(request.at(-1)).toMatchObject({
    distro: 'Fedora-44',
    disk_size: 10,
    format: [],
    factory_parameter: [['docker_cmd', '[ "x" ]']],
    optional_arches: '',
  });
  const ran = await hub.koji('dist-repo', 'f44', '--allow-missing-signatures', '-a', 'x86_64', '--with-src');
  expect(ran).toEqual({ code: 0, stdout: 'Creating dist repo for tag f44\n', stderr: '' });
  const [task] = await admin.listTasks({ method: 'distRepo' }, {});
  const [, , keys, opts] = await admin.getTaskRequest((task as { id: number }).id);
  expect(keys).toEqual([]);
  expect(opts).toMatchObject({ arch: ['x86_64', 'src'], inherit: true, latest: true, delta: [] });
});

test('repos are requested, and a timeout ends the command', async () => {
  const ran = await hub.koji('request-repo', 'f44-build', '--debuginfo');
  expect(ran.stdout).toMatch(/^Got request: 1\n/);
  const asked = await hub.koji('wait-repo-request', '--timeout=0', '1');
  expect([asked.code, asked.stdout]).toEqual([1, '']);
  expect(asked.stderr).toMatch(
    /^Failed to get repo -- Unsuccessfully waited \d:\d\d for a new f44-build repo\n$/,
  );
  const waited = await hub.koji('wait-repo', '--target', 'f44', '--timeout=0', '--quiet');
  expect(waited).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'The --request option is recommended for faster results\n' +
      'This tag is not configured for automatic regeneration\n',
  });
  expect(
    started(
      await hub.koji('regen-repo', '--make-task', 'f44-build'),
      'Regenerating repo for tag: f44-build\n',
    ),
  ).toBeGreaterThan(0);
});

test('tasks are freed, given a priority and submitted again', async () => {
  const id = await admin.makeTask('sleep', [1]);
  expect(await hub.koji('set-task-priority', '--priority=7', String(id))).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
  expect(await admin.getTaskInfo(id)).toMatchObject({ priority: 7 });
  await admin.cancelTask(id);
  const again = await hub.koji('resubmit', String(id));
  expect(again.stdout).toMatch(
    new RegExp(
      `^Resubmitting the following task:\nTask: ${id}\nType: sleep\n[^]*\nResubmitted task ${id} as new task ${id + 1}\n$`,
    ),
  );
  expect((await hub.koji('free-task', String(id))).code).toBe(1);
  expect(errorOf(await hub.koji('free-task', 'x'))).toEqual([2, 'task_id must be an integer\n']);
});
