import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BuildrootInfo } from '@koji/core/api';
import { fakeMock } from '@koji/builder/testing';
import type { FakeMock, FakeMockOptions } from '@koji/builder/testing';
import { runCommand, runTaskOf, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TestHub } from '@koji/plugin-sdk/testing';
import { RunRootTask } from '../src/builder.js';
import { handle_runroot } from '../src/cli.js';
import * as hubPart from '../src/hub.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';

const folder = mkdtempSync(path.join(tmpdir(), 'runroot-'));
const rpms = new Map<string, string>();
let hub: TestHub;
let repoId: number;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { runroot: hubPart }, tags: ['other'] });
  await hub.admin.createTag('f44-build', null, 'x86_64 i686');
  for (const name of ['base', 'tool']) {
    const files = buildRpm(folder, name, { install: 'true', files: '' });
    rpms.set(name, files[1] ?? '');
    await hub.addBuild(`${name}-1.0-1`, { files, tags: ['f44-build'] });
  }
  await hub.builder();
  await hub.admin.call('addChannel', ['runroot']);
  await hub.admin.call('addHostToChannel', ['builder', 'runroot']);
  repoId = await newRepo('f44-build');
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function newRepo(tag: string): Promise<number> {
  const builder = await hub.builder();
  const [id] = (await builder.call('host.repoInit', [tag])) as [number];
  await builder.call('host.repoDone', [id, {}]);
  return id;
}

let count = 0;
const mockFor = (options: FakeMockOptions = {}): Promise<FakeMock> => {
  const place = path.join(folder, `mock-${(count += 1)}`);
  mkdirSync(place);
  return fakeMock(place, { packages: [rpms.get('base') ?? ''], ...options });
};

interface Asked {
  readonly command?: string | readonly string[];
  readonly tag?: string;
  readonly arch?: string;
  readonly named?: Record<string, unknown>;
  readonly config?: string;
  readonly mock?: FakeMock;
}

const taskOf = async ({ tag = 'f44-build', arch = 'x86_64', command = 'true', named = {} }: Asked) =>
  (await hub.admin.call('runroot', [tag, arch, command], named)) as number;

async function run(asked: Asked): Promise<TaskRecord> {
  const mock = asked.mock ?? (await mockFor());
  const id = await taskOf(asked);
  return runTaskOf(hub, id, RunRootTask, {
    options: mock.options,
    ...(asked.config === undefined ? {} : { config: { runroot: asked.config } }),
  });
}

const lastBuildroot = async (): Promise<BuildrootInfo> =>
  (
    (await hub.admin.call('listBuildroots', [], { queryOpts: { order: '-id', limit: 1 } })) as BuildrootInfo[]
  )[0]!;

test('a command runs in a fresh buildroot, and its output is kept', async () => {
  const mock = await mockFor();
  const { result, uploads } = await run({ mock, command: 'A=1 echo hello; echo "$0" >&2; pwd' });
  expect(result).toBe('echo completed successfully');
  expect(String(uploads.get('runroot.log'))).toMatch(/^hello\n.*\n.*\/root\n$/);
  expect([...uploads.keys()].sort()).toEqual([
    'mock_config.log',
    'mock_output.log',
    'root.log',
    'runroot.log',
  ]);
  const calls = (await mock.calls()).map(({ args }) => args);
  expect(calls).toEqual([
    ['--init'],
    ['--chroot', 'uname -r'],
    ['--chroot', '--', '/bin/sh', '-c', expect.stringContaining('/usr/bin/tee /builddir/runroot.log')],
  ]);
  const buildroot = await lastBuildroot();
  expect(buildroot).toMatchObject({ tag_name: 'f44-build', repo_id: repoId, arch: 'x86_64', state: 3 });
});

test('the hub is told what is installed, at the start and later', async () => {
  const mock = await mockFor({ available: { tool: rpms.get('tool') ?? '' } });
  await run({ mock, named: { packages: ['tool'] } });
  const { id } = await lastBuildroot();
  const rows = (await hub.admin.call('getBuildrootListing', [id])) as { name: string; is_update: boolean }[];
  expect(rows.map(({ name, is_update: isUpdate }) => [name, isUpdate]).sort()).toEqual([
    ['base', false],
    ['tool', true],
  ]);
});

test('a list of words is not read by the shell', async () => {
  const { uploads, result } = await run({ command: ['printf', '%s|', "it's", '$HOME', 'a  b'] });
  expect(String(uploads.get('runroot.log'))).toBe("it's|$HOME|a  b|");
  expect(result).toBe('printf completed successfully');
});

test.each<[string, Asked, string]>([
  ['a command that fails', { command: 'X=1 false' }, 'false exited with status 1'],
  ['a command without a program', { command: ['A=1'] }, '(none) exited with status 127'],
  [
    'a package that is not there',
    { named: { packages: ['nothing'] } },
    '--install nothing exited with status 30',
  ],
  [
    'a repo of another tag',
    { tag: 'other', named: { repo_id: 1 } },
    'build tag (other) does not match repo tag (f44-build)',
  ],
  [
    'a mount below no safe root',
    { named: { mounts: ['/safe/../etc'] } },
    'read-write mount point is not safe: /safe/../etc',
  ],
  ['a log that is not there', { named: { upload_logs: ['/builddir/none.log'] } }, 'no such file'],
])('%s fails the task', async (_, asked, message) => {
  await expect(run(asked)).rejects.toThrow(message);
  if ('packages' in (asked.named ?? {}) || asked.command) expect((await lastBuildroot()).state).toBe(3);
});

test('a root that mock cannot make fails the task, with the log to read', async () => {
  await expect(run({ mock: await mockFor({ fail: { init: 30 } }) })).rejects.toThrow(
    'could not init mock buildroot, mock exited with status 30; see root.log for more information',
  );
  expect((await lastBuildroot()).state).toBe(3);
});

test('logs are those of the buildroot, whatever links a command leaves', async () => {
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, 'of the host');
  const { uploads } = await run({
    command: `mkdir -p /builddir/real; echo inside > /builddir/real/a.log; ln -s /builddir/real "$FAKE_ROOT/builddir/link"`,
    named: { upload_logs: ['builddir/real/a.log'] },
  });
  expect(String(uploads.get('a.log'))).toBe('inside\n');
  for (const log of [secret, `/../../../../../../../..${secret}`, '/builddir/leak'])
    await expect(
      run({ command: `ln -s ${secret} /builddir/leak`, named: { upload_logs: [log] } }),
    ).rejects.toThrow(/ENOENT|no such file/);
});

describe('mounts', () => {
  const programs = path.join(folder, 'bin');
  const record = path.join(folder, 'mounts');
  const before = process.env.PATH;
  beforeAll(() => {
    mkdirSync(programs);
    for (const name of ['mount', 'umount']) {
      writeFileSync(
        path.join(programs, name),
        `#!/bin/sh\necho ${name} "$@" >> ${record}\ncase "$*" in *broken*) exit 32;; esac\n`,
      );
      chmodSync(path.join(programs, name), 0o755);
    }
    process.env.PATH = `${programs}:${before}`;
  });
  afterAll(() => {
    process.env.PATH = before;
  });

  const config = `[runroot]
internal_dev_setup = no
[paths]
default_mounts = /mnt/iso,/mnt/iso/deep
safe_roots = /safe,/broken
path_subs =
    /safe/old,/safe/new
[path1]
mountpoint = /mnt/iso/deep
path = server:/deep
fstype = nfs
options = ro,hard
[path0]
mountpoint = /mnt/iso/
path = ${folder}
fstype = none
options = bind,ro
[path2]
mountpoint = /safe
path = server:/safe
fstype = nfs
options = ro,hard
[path3]
mountpoint = /broken
path = server:/broken
fstype = nfs
options = hard
`;
  const mountsOf = (mock: FakeMock): string[] =>
    readFileSync(record, 'utf8').replaceAll(mock.options.mockdir, '').trim().split('\n');

  test('are made before the command and removed after it', async () => {
    const mock = await mockFor();
    const { uploads } = await run({ mock, config, named: { mounts: ['/safe/old/x/'] } });
    const { id } = await lastBuildroot();
    const root = `/f44-build-${id}-${repoId}/root`;
    expect(mountsOf(mock)).toEqual([
      `mount -t none -o bind,ro ${folder} ${root}/mnt/iso`,
      `mount -t none -o bind,ro ${folder}/deep ${root}/mnt/iso/deep`,
      `mount -t nfs -o rw,hard server:/safe/new/x ${root}/safe/new/x`,
      `umount -l ${root}/safe/new/x`,
      `umount -l ${root}/mnt/iso/deep`,
      `umount -l ${root}/mnt/iso`,
    ]);
    expect(String(uploads.get('do_mounts.log'))).toContain('$ mount -t nfs -o rw,hard server:/safe/new/x');
    expect((await mock.calls())[0]?.config).toContain("config_opts['internal_dev_setup'] = False\n");
  });

  test('that fail are undone, and so is the buildroot', async () => {
    rmSync(record);
    const mock = await mockFor();
    const asked = { mock, config, named: { mounts: ['/broken'] } };
    await expect(run(asked)).rejects.toThrow('mount exited with status 32');
    expect(mountsOf(mock).filter((line) => line.startsWith('umount'))).toHaveLength(2);
    expect((await lastBuildroot()).state).toBe(3);
  });

  test('never leave the buildroot, whatever links its packages have', async () => {
    rmSync(record);
    const mock = await mockFor();
    const id = (await lastBuildroot()).id + 1;
    const root = path.join(mock.options.mockdir, `f44-build-${id}-${repoId}`, 'root');
    mkdirSync(root, { recursive: true });
    symlinkSync('/etc', path.join(root, 'safe'));
    await run({ mock, config, named: { mounts: ['/safe/x'] } });
    expect(mountsOf(mock)).toContain(
      `mount -t nfs -o rw,hard server:/safe/x /f44-build-${id}-${repoId}/root/etc/x`,
    );
  });

  test.each([
    ['/safest/x', 'read-write mount point is not safe'],
    ['/safe/../etc', 'read-write mount point is not safe'],
    ['relative', 'read-write mount point is not safe'],
  ])('of %s are refused', async (mount, message) => {
    await expect(run({ config, named: { mounts: [mount] } })).rejects.toThrow(message);
  });

  test.each([
    ['[paths]\nsafe_roots = /a,b', "safe_roots = '/a,b': 'b' is not an absolute path"],
    ['[paths]\npath_subs = /a', 'bad runroot substitution: /a'],
    ['[path1]\nmountpoint = /a', 'is missing'],
    ['[path1]\nmountpoint = /a\npath = /b\nfstype = nfs\noptions = bg', 'background mount not allowed'],
  ])('of a wrong configuration are refused: %j', async (text, message) => {
    await expect(run({ config: text })).rejects.toThrow(message);
  });
});

describe('a task for noarch', () => {
  test('gets an arch that the tag and the host have', async () => {
    await run({ arch: 'noarch' });
    expect((await lastBuildroot()).arch).toBe('x86_64');
  });
});

test('without a repo the task waits for one', async () => {
  await hub.admin.createTag('empty-build', null, 'x86_64');
  const id = await taskOf({ tag: 'empty-build' });
  const mock = await mockFor();
  const running = runTaskOf(hub, id, RunRootTask, { options: mock.options });
  running.catch(() => undefined);
  let children: { id: number; method: string }[] = [];
  while (children.length === 0) children = (await hub.admin.call('getTaskChildren', [id])) as typeof children;
  expect(children[0]).toMatchObject({ method: 'waitrepo' });
  await hub.admin.call('cancelTask', [children[0]?.id]);
  await expect(running).rejects.toThrow('canceled');
});

describe('koji runroot', () => {
  test('prints what the command said', async () => {
    const mock = await mockFor();
    const finished = hub.admin.taskFinished.bind(hub.admin);
    const session = new Proxy(hub.admin, {
      get(target, name) {
        if (name !== 'taskFinished') return Reflect.get(target, name) as unknown;
        return async (id: number) => {
          await runTaskOf(hub, id, RunRootTask, { options: mock.options }).catch(() => undefined);
          return finished(id);
        };
      },
    });
    const flags = { package: [], mount: [], weight: 3, task_id: true } as const;
    const ran = await runCommand(handle_runroot, ['f44-build', 'x86_64', 'echo', 'a  b'], {
      hub,
      session,
      flags,
    });
    expect({ ...ran, written: String(ran.written) }).toEqual({
      code: 0,
      printed: [expect.stringMatching(/^\d+$/)],
      warned: [],
      written: 'a  b\n',
    });
    const failed = await runCommand(handle_runroot, ['f44-build', 'x86_64', 'echo x; exit 2'], {
      hub,
      session,
      flags: { package: [], mount: [], use_shell: true },
    });
    expect([failed.code, String(failed.written)]).toEqual([1, 'x\n']);
  });

  test('sends what it is told and can go at once', async () => {
    const flags = {
      package: ['a'],
      mount: ['/m'],
      repo_id: repoId,
      skip_setarch: true,
      new_chroot: false,
      wait: false,
      task_id: true,
    } as const;
    const { printed } = await runCommand(handle_runroot, ['f44-build', 'noarch', 'x', '-y'], { hub, flags });
    const info = (await hub.admin.call('getTaskInfo', [Number(printed[0])], { request: true })) as {
      request: unknown;
    };
    expect(info.request).toEqual([
      'f44-build',
      'noarch',
      ['x', '-y'],
      {
        __starstar: true,
        packages: ['a'],
        mounts: ['/m'],
        repo_id: repoId,
        skip_setarch: true,
        weight: null,
        new_chroot: false,
      },
    ]);
  });

  test('needs a tag, an arch and a command', async () => {
    expect(await runCommand(handle_runroot, ['f44-build', 'x86_64'], { hub })).toMatchObject({
      code: 2,
      warned: ['Incorrect number of arguments'],
    });
  });
});
