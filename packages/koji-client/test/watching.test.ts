import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientSession } from '../src/index.js';
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
