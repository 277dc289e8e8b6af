import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BuildRoot } from '@koji/builder/buildroot';
import { fakeMock } from '@koji/builder/testing';
import type { FakeMock } from '@koji/builder/testing';
import { BuildError } from '@koji/core';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { runCommand, runTask, runTaskOf, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TestHub } from '@koji/plugin-sdk/testing';
import { SaveFailedTreeTask } from '../src/builder.js';
import { handle_save_failed_tree } from '../src/cli.js';
import * as hubPart from '../src/hub.js';

const folder = mkdtempSync(path.join(tmpdir(), 'save-failed-tree-'));
let hub: TestHub;
let mock: FakeMock;

/** Fails with something left in its buildroots. */
class Failing extends BaseTaskHandler {
  static override readonly Methods = ['buildArch'];

  async handler(repoId: number, roots = 1): Promise<never> {
    for (let n = 0; n < roots; n++) {
      const root = await BuildRoot.create(this, { tag: 'f44-build', arch: 'x86_64', repoId });
      await root.init();
      mkdirSync(path.join(root.rootDir, 'builddir/build'), { recursive: true });
      writeFileSync(path.join(root.rootDir, 'builddir/build/core'), 'what went wrong');
      writeFileSync(path.join(root.rootDir, 'builddir/build/big.iso'), 'too much');
      writeFileSync(path.join(root.rootDir, 'etc/passwd'), 'root');
      await root.expire();
    }
    throw new BuildError('as ever');
  }
}

beforeAll(async () => {
  mock = await fakeMock(folder);
  hub = await startTestHub({ plugins: { save_failed_tree: hubPart } });
  await hub.admin.createTag('f44-build', null, 'x86_64');
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A failed task and its buildroots. */
async function failed(roots = 1): Promise<{ taskId: number; buildroots: number[] }> {
  const builder = await hub.builder();
  const [repo] = (await builder.call('host.repoInit', ['f44-build'])) as [number];
  await builder.call('host.repoDone', [repo, {}]);
  const running = runTask(Failing, [repo, roots], { hub, options: mock.options });
  await expect(running).rejects.toThrow('as ever');
  const found = (await hub.admin.call('listBuildroots', [], { repoID: repo })) as {
    id: number;
    task_id: number;
  }[];
  return { taskId: found[0]?.task_id ?? 0, buildroots: found.map(({ id }) => id) };
}

const save = async (id: number, full = false, config = ''): Promise<TaskRecord> => {
  const task = (await hub.admin.call('saveFailedTree', [id, full])) as number;
  const settings = { options: mock.options, config: { save_failed_tree: config } };
  return runTaskOf(hub, task, SaveFailedTreeTask, settings);
};

/** The files of an archive below the buildroot's folder. */
function filesIn({ uploads }: TaskRecord, id: number): string[] {
  const archive = path.join(folder, 'archive.tar.gz');
  writeFileSync(archive, uploads.get(`broot-${id}.tar.gz`) ?? '');
  const names = execFileSync('tar', ['tzf', archive], { encoding: 'utf8' }).trim().split('\n');
  const top = path.join(mock.options.mockdir, '/').slice(1);
  expect(names.every((name) => name.startsWith(top))).toBe(true);
  return names.filter((name) => !name.endsWith('/')).map((name) => name.replace(/^.*?\/root\//, ''));
}

test('the folder builddir of a failed buildroot is packed', async () => {
  const [id = 0] = (await failed()).buildroots;
  expect(filesIn(await save(id), id).sort()).toEqual([
    'builddir/.rpmmacros',
    'builddir/build/big.iso',
    'builddir/build/core',
  ]);
});

test('all of it is packed when it is asked for, without what the settings leave out', async () => {
  const [id = 0] = (await failed()).buildroots;
  const files = filesIn(await save(id, true, '[filters]\npaths = */*.iso *var/lib/rpm*'), id);
  expect(files.sort()).toEqual(['builddir/.rpmmacros', 'builddir/build/core', 'etc/passwd']);
});

test('a folder that is gone, another host and a buildroot that never was fail the task', async () => {
  const [id = 0] = (await failed()).buildroots;
  const refused = (on: string) =>
    runTask(SaveFailedTreeTask, [id], {
      calls: { getBuildroot: { id, host_id: 1 }, 'host.getHost': { id: 2, name: on } },
    });
  await expect(refused('other')).rejects.toThrow('Task is run on wrong builder');
  await expect(runTask(SaveFailedTreeTask, [9], { calls: { getBuildroot: null } })).rejects.toThrow(
    'Nonexistent buildroot: 9',
  );
  rmSync(mock.options.mockdir, { recursive: true });
  expect(existsSync(mock.options.mockdir)).toBe(false);
  await expect(save(id)).rejects.toThrow('Buildroot directory is missing: ');
});

describe('koji save-failed-tree', () => {
  const koji = (args: string[], flags: Record<string, unknown> = {}) =>
    runCommand(handle_save_failed_tree, args, { hub, flags, options: { weburl: 'http://web' } });

  test('takes the newest buildroot of a task', async () => {
    const { taskId, buildroots } = await failed(2);
    const newest = Math.max(...buildroots);
    const { code, printed } = await koji([String(taskId)], { nowait: true });
    expect([code, printed]).toEqual([
      0,
      [
        `Multiple buildroots for task. Choosing last one (${newest})`,
        expect.stringMatching(new RegExp(`^Created task \\d+ for buildroot ${newest}$`)),
        expect.stringMatching(/^Task info: http:\/\/web\/taskinfo\?taskID=\d+$/),
      ],
    ]);
  });

  test('takes a buildroot by its id', async () => {
    const [id = 0] = (await failed()).buildroots;
    const { printed } = await koji([String(id)], { buildroot: true, nowait: true, full: true });
    expect(printed[0]).toContain(`for buildroot ${id}`);
    const task = /Created task (\d+)/.exec(printed[0] ?? '')?.[1];
    expect(await hub.admin.call('getTaskInfo', [Number(task)], { request: true })).toMatchObject({
      request: [id, true],
    });
  });

  test('says what it needs and what is missing', async () => {
    expect(await koji([])).toMatchObject({ code: 2, warned: ['List exactly one task or buildroot ID'] });
    expect(await koji(['x'])).toMatchObject({ code: 2, warned: ['ID must be an integer'] });
    expect(await koji(['9999'])).toMatchObject({ code: 1, printed: ['No buildroots for task 9999'] });
  });
});
