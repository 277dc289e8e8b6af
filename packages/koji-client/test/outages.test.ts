import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeResponse } from '@koji/core/wire';
import { freePort } from '../../../scripts/ports.mjs';
import { ClientSession } from '../src/index.js';
import { Commands } from './support/commands.js';
import { runKoji } from './support/hub.js';

const program = fileURLToPath(new URL('support/hub-process.mjs', import.meta.url));
const host = 'b1.example.com';
let folder: string;
let port: number;
let hub: ChildProcess;
let admin: ClientSession;
let builder: ClientSession;
const commands = new Commands();

/** Starts the hub on what an earlier one left. */
async function startHub(): Promise<void> {
  hub = spawn(process.execPath, [program, folder, String(port)], {
    env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (hub.stdout) await once(hub.stdout, 'data');
}

async function killHub(): Promise<void> {
  const gone = once(hub, 'exit');
  hub.kill('SIGKILL');
  await gone;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'koji-outages-'));
  port = await freePort();
  await startHub();
  const url = `http://127.0.0.1:${port}/kojihub`;
  const profile = (name: string, retries: number, poll: number): string =>
    `[${name}]\nserver = ${url}\nauthtype = password\nuser = kojiadmin\npassword = kojiadmin\n` +
    `poll_interval = ${poll}\nmax_retries = ${retries}\nretry_interval = 1\n\n`;
  await writeFile(
    join(folder, 'koji.conf'),
    profile('koji', 100, 1) + profile('hasty', 1, 1) + profile('slow', 100, 600),
  );
  admin = new ClientSession(url);
  await admin.login('kojiadmin', 'kojiadmin');
  await admin.call('createTag', ['f44-build'], { arches: 'x86_64' });
  builder = new ClientSession(url);
  await builder.login(host, host);
  await builder.exclusiveSession(true);
});

afterAll(async () => {
  await commands.stop();
  await killHub();
  await builder.close();
  await admin.close();
  await rm(folder, { recursive: true, force: true });
});

const inFolder = (args: readonly string[]): string[] => ['-c', join(folder, 'koji.conf'), ...args];
/** Runs a command, without a process of its own if it is the only one. */
const koji = (...args: readonly string[]) =>
  commands.isBusy
    ? runKoji(inFolder(args))
    : commands.run(inFolder(args), { cwd: folder, home: '/nonexistent' });

/** Runs a command, on a terminal unless that is said; `seen` resolves when it has printed a text. */
function watched(args: readonly string[], terminal = true) {
  let output = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  const ran = runKoji(inFolder(args), {
    terminal,
    term: 'xterm',
    onOutput(stdout) {
      output = stdout;
      for (const { text, resolve } of waiting) if (output.includes(text)) resolve();
    },
  });
  const seen = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ text, resolve });
      if (output.includes(text)) resolve();
      void ran.then((end) => reject(new Error(`never printed '${text}': ${JSON.stringify(end)}`)));
    });
  return { ran, seen };
}

test('waits outlast a hub that is killed and started again, and tell how they ended', async () => {
  const [good, canceled] = [await admin.makeTask('sleep', [1]), await admin.makeTask('sleep', [2])];
  await builder.call('host.openTask', [good]);
  const tree = watched(['watch-task', String(good)]);
  const wait = watched(['wait', String(canceled), String(good)]);
  const repo = watched(['wait-repo', '--request', '--verbose', 'f44-build']);
  const lines = watched(['watch-task', String(good)], false);
  const hasty = watched(['-p', 'hasty', 'watch-task', String(good)], false);
  for (const one of [tree, lines, hasty]) await one.seen('open (b1.example.com)');
  await repo.seen('Got request: ');
  await killHub();
  for (const one of [tree, wait, repo]) await one.seen("The hub can't be reached since ");
  expect(await hasty.ran).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(
      /HubUnreachable: the hub has not answered since [\d:]+, so the state is unknown: /,
    ) as string,
  });
  await startHub();
  await builder.call('host.closeTask', [good, encodeResponse(['done'])]);
  await admin.cancelTask(canceled);
  const [id] = await builder.call<[number, number]>('host.repoInit', ['f44-build']);
  await builder.call('host.repoDone', [id, {}]);
  expect(await wait.ran).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^The hub can't be .*\r\nThe hub answers again\.\r\n$/) as string,
  });
  expect(await repo.ran).toMatchObject({ code: 0 });
  expect((await tree.ran).stdout).toMatch(/\r\n\r\n\d+ sleep \(noarch\) completed successfully\r\n$/);
  expect(await lines.ran).toEqual({
    code: 0,
    stderr: '',
    stdout:
      'Watching tasks (this may be safely interrupted)...\n' +
      `${good} sleep (noarch): open (${host})\n` +
      `${good} sleep (noarch): open (${host}) -> closed\n` +
      '  0 free  0 open  1 done  0 failed\n' +
      `\n${good} sleep (noarch) completed successfully\n`,
  });
});

test('a wait for a repo ends when the hub tells that it is there, long before the next look', async () => {
  await admin.call('editTag2', ['f44-build'], { extra: { changed: true } });
  const { ran, seen } = watched(['-p', 'slow', 'wait-repo', '--request', '--verbose', 'f44-build']);
  await seen('Got request: ');
  const [id] = await builder.call<[number, number]>('host.repoInit', ['f44-build']);
  await builder.call('host.repoDone', [id, {}]);
  expect(await ran).toMatchObject({ code: 0, stdout: expect.stringContaining(`Got repo ${id}`) as string });
});

test('a wait tells by its exit code and on standard error what is wrong with its tasks', async () => {
  const failed = await admin.makeTask('sleep', [3]);
  await builder.call('host.openTask', [failed]);
  expect(await koji('wait', '--timeout=0.1s', String(failed))).toEqual({
    code: 5,
    stdout: '',
    stderr: `Not done after 0.1s: ${failed}\n`,
  });
  await builder.call('host.failTask', [failed, encodeResponse(['no'])]);
  expect(await koji('wait', String(failed))).toEqual({ code: 1, stdout: '', stderr: '' });
  expect(await koji('wait', '98765')).toEqual({ code: 2, stdout: '', stderr: 'No such task: 98765\n' });
});
