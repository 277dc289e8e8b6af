import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { ClientSession, Koji } from '@koji/client';
import { TASK_STATES } from '@koji/core';
import { encodeResponse } from '@koji/core/wire';
import { buildAndWait } from './examples/build-and-wait.js';
import { runKoji, startRealHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;
let builder: ClientSession;
const host = 'b1.example.com';

beforeAll(async () => {
  hub = await startRealHub();
  admin = new ClientSession(hub.url);
  await admin.login('kojiadmin', 'kojiadmin');
  await admin.call('addHost', [host, ['x86_64', 'noarch']]);
  await hub.setPassword(host, host);
  builder = new ClientSession(hub.url);
  await builder.login(host, host);
  await admin.call('createTag', ['f44']);
  await admin.call('createBuildTarget', ['f44', 'f44', 'f44']);
  await builder.exclusiveSession(true);
});

afterAll(async () => {
  for (const session of [builder, admin]) {
    await session.logout();
    await session.close();
  }
  await hub.stop();
});

const fault = (text: string): string =>
  `<?xml version='1.0'?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1005</int></value></member><member><name>faultString</name><value><string>${text}</string></value></member></struct></value></fault></methodResponse>`;

/** Makes a task with a child that failed and left a log, and lets both fail. */
async function failingTask(): Promise<{ parent: number; child: number }> {
  const parent = await admin.makeTask('sleep', [1]);
  await builder.call('host.openTask', [parent]);
  const child = await builder.call<number>('host.subtask', ['sleep', [2], parent], { label: 'x86_64' });
  await builder.call('host.openTask', [child]);
  const output = join(hub.kojiDir, `work/tasks/${child % 10_000}/${child}`);
  await mkdir(output, { recursive: true });
  const lines = Array.from({ length: 2000 }, (_, i) => `line ${i} of the build`);
  await writeFile(join(output, 'build.log'), `${lines.join('\n')}\nmake: *** [all] Error 2\x1b[0m\n`);
  await writeFile(join(output, 'state.log'), 'start\n');
  await builder.call('host.failTask', [child, fault('mock exited with status 1; see build.log for more')]);
  await builder.call('host.failTask', [parent, fault('a subtask failed')]);
  return { parent, child };
}

test('on a terminal a failed watch shows the tree, the end of the log that tells why and where it is', async () => {
  const { parent, child } = await failingTask();
  const args = ['-c', join(hub.folder, 'koji.conf'), '--noauth', 'watch-task', String(parent)];
  const ran = await runKoji(args, { terminal: true, term: 'xterm' });
  expect(ran.code).toBe(1);
  const lines = ran.stdout.split(/\r?\n/);
  const last = ran.stdout.lastIndexOf('\x1b[J');
  expect(ran.stdout.slice(last)).toMatch(
    new RegExp(
      `${parent} sleep \\(noarch\\)\\s+\\d:\\d\\d:\\d\\d  FAILED: BuildError: a subtask failed\r?\n  ${child} sleep `,
    ),
  );
  const from = lines.findIndex((line) => line.startsWith(`${child} sleep (noarch) failed: `));
  const files = hub.url.replace('/kojihub', '/kojifiles');
  expect(lines.slice(from)).toEqual([
    `${child} sleep (noarch) failed: BuildError: mock exited with status 1; see build.log for more`,
    'The end of build.log:',
    ...Array.from({ length: 14 }, (_, i) => `  line ${1986 + i} of the build`),
    '  make: *** [all] Error 2 [0m',
    `Whole log: ${files}/work/tasks/${child % 10_000}/${child}/build.log`,
    '',
    `${parent} sleep (noarch) failed`,
    '',
  ]);
});

test('without a terminal the same watch prints what Koji prints, and its exit code is 1', async () => {
  const { parent, child } = await failingTask();
  const ran = await hub.koji('watch-task', String(parent));
  const files = hub.url.replace('/kojihub', '/kojifiles');
  expect(ran).toEqual({
    code: 1,
    stderr: '',
    stdout:
      'Watching tasks (this may be safely interrupted)...\n' +
      `${parent} sleep (noarch): FAILED: BuildError: a subtask failed\n` +
      `  ${child} sleep (noarch): FAILED: BuildError: mock exited with status 1; see build.log for more\n` +
      '    Relevant logs:\n' +
      ['build.log', 'state.log']
        .map((log) => `    ${files}/work/tasks/${child % 10_000}/${child}/${log}\n`)
        .join('') +
      `\n${parent} sleep (noarch) failed\n`,
  });
});

/** A free task that its owner may cancel, and what a terminal needs to watch it. */
async function watchedTask(): Promise<{ id: number; args: string[] }> {
  const id = await admin.makeTask('sleep', [60]);
  const login = ['--user=kojiadmin', '--password=kojiadmin', '--authtype=password'];
  return { id, args: ['-c', join(hub.folder, 'koji.conf'), ...login, 'watch-task', String(id)] };
}

/** Types keys one after the other, each as soon as its prompt appears. */
function typing(...steps: readonly (readonly [prompt: string, keys: string])[]) {
  const left = [...steps];
  return (stdout: string, type: (keys: string) => void): void => {
    const [prompt = '', keys = ''] = left[0] ?? [];
    if (left.length === 0 || !stdout.includes(prompt)) return;
    left.shift();
    type(keys);
  };
}

test('on a terminal Ctrl-C tells how to come back, and a second one cancels after a question', async () => {
  const { id, args } = await watchedTask();
  const ran = await runKoji(args, {
    terminal: true,
    term: 'xterm',
    types: true,
    onOutput: typing(
      ['free  0 open', '\x03'],
      ['Press Ctrl-C again within 3 seconds', '\x03'],
      [`Cancel task ${id}? [y/N] `, 'y\n'],
    ),
  });
  expect(ran.stdout).toContain("You can continue to watch with the 'koji watch-task' command.");
  expect(ran.stdout).toMatch(new RegExp(`Canceled task ${id}\r\n$`));
  expect(ran.code).toBe(1);
  expect(await admin.getTaskInfo(id)).toMatchObject({ state: TASK_STATES.CANCELED });
});

test('after one Ctrl-C the command ends by itself and the task continues', async () => {
  const { id, args } = await watchedTask();
  const onOutput = typing(['free  0 open', '\x03']);
  const ran = await runKoji(args, { terminal: true, term: 'xterm', types: true, onOutput });
  expect(ran.code).toBe(1);
  expect(ran.stdout).not.toContain('Cancel task');
  expect(await admin.getTaskInfo(id)).toMatchObject({ state: TASK_STATES.FREE });
  await admin.cancelTask(id);
});

test('programs build and wait in one call, and see each step', async () => {
  const printed = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  const built = buildAndWait(admin, 'git+https://git.example/bash.git#main');
  let id = 0;
  while (id === 0) id = (await admin.listTasks({ method: 'build' }))[0]?.id ?? 0;
  await builder.call('host.openTask', [id]);
  while (!printed.mock.calls.some(([, state]) => state === 'open')) await new Promise(setImmediate);
  await builder.call('host.closeTask', [id, encodeResponse(['done'])]);
  expect(await built).toBe(id);
  expect(printed.mock.calls).toEqual([
    [id, 'free', ''],
    [id, 'open', host],
    [id, 'closed', ''],
  ]);
  printed.mockRestore();
  const { parent } = await failingTask();
  const failure = new Koji(admin).task(parent).finished();
  await expect(failure).rejects.toMatchObject({ name: 'TaskFailed', taskId: parent, state: 'failed' });
  await expect(failure).rejects.toThrow(`task ${parent} failed: `);
});

test('files of a task are downloaded a few at a time, and are reported in their order', async () => {
  const id = await admin.makeTask('sleep', [1]);
  await builder.call('host.openTask', [id]);
  const output = join(hub.kojiDir, `work/tasks/${id % 10_000}/${id}`);
  await mkdir(output, { recursive: true });
  const names = Array.from({ length: 9 }, (_, i) => `file-${i}.noarch.bin`);
  for (const [i, name] of names.entries())
    await writeFile(join(output, name), Buffer.alloc(300_000 / (i + 1), i));
  await builder.call('host.closeTask', [id, encodeResponse(['done'])]);
  const plain = await hub.koji('download-task', '--all', '--noprogress', String(id));
  const lines = names.map((name, i) => `Downloading [${i + 1}/9]: ${name}\n`).join('');
  expect(plain).toEqual({ code: 0, stdout: lines, stderr: '' });
  for (const [i, name] of names.entries())
    expect((await readFile(join(hub.folder, name))).equals(Buffer.alloc(300_000 / (i + 1), i))).toBe(true);
  const cwd = join(hub.folder, 'again');
  await mkdir(cwd);
  const args = ['-c', join(hub.folder, 'koji.conf'), '--noauth', 'download-task', '--all', String(id)];
  const shown = await runKoji(args, { terminal: true, term: 'xterm', cwd });
  const told = shown.stdout.split('\r\n').filter((line) => line.startsWith('Downloading'));
  expect(told).toEqual(names.map((name, i) => `Downloading [${i + 1}/9]: ${name}`));
  expect(shown.stdout).toMatch(/100% {2}292\.97 KiB \/ 292\.97 KiB/);
  expect(shown.stdout).toContain('(9 of 9 files, 828.80 KiB)');
});
