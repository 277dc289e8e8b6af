import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RpmHeader } from '@koji/core/rpm';
import { WaitingReasons } from '@koji/core/text';
import { waitingQuestions } from '../src/cli/waiting-questions.js';
import { ClientSession } from '../src/index.js';
import { runKoji, useHub } from './support/hub.js';
import type { Ran, RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;

const { koji } = useHub((opened) => {
  ({ hub, admin } = opened);
});

const failed = (ran: Ran): [number, string, string] => [
  ran.code,
  ran.stdout,
  ran.stderr.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/, 'TIME'),
];

async function finishTask(id: number, state: 'CLOSED' | 'FAILED', host = 'b1.example.com'): Promise<void> {
  const builder = new ClientSession(hub.url);
  await builder.login(host, host);
  await builder.exclusiveSession(true);
  await builder.call('host.openTask', [id]);
  const answer =
    state === 'CLOSED'
      ? "<?xml version='1.0'?><methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>"
      : "<?xml version='1.0'?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1005</int></value></member><member><name>faultString</name><value><string>no luck</string></value></member></struct></value></fault></methodResponse>";
  await builder.call(state === 'CLOSED' ? 'host.closeTask' : 'host.failTask', [id, answer]);
  await builder.logout();
  await builder.close();
}

test('on a terminal the command says that it repeats a call, why and until when', async () => {
  const profile = join(hub.folder, 'retrying.conf');
  const gone = hub.url.replace(/:\d+/, ':1');
  await writeFile(
    profile,
    `[koji]\nserver = ${gone}\nanon_retry = yes\nmax_retries = 2\nretry_interval = 0\n`,
  );
  const args = ['-c', profile, '--noauth', 'call', 'getAPIVersion'];
  const piped = await runKoji(args);
  expect(piped.stderr).not.toContain('retrying');
  const onTerminal = await runKoji(args, { terminal: true });
  const lines = onTerminal.stdout.split(/\r?\n/);
  const line = (count: number) =>
    expect.stringMatching(
      new RegExp(
        `^try ${count} of getAPIVersion failed: no answer from ${gone}: .*ECONNREFUSED.*; retrying now, until \\d\\d:\\d\\d:\\d\\d \\(Ctrl-C ends it\\)$`,
      ),
    ) as string;
  expect(lines.slice(0, 2)).toEqual([line(1), line(2)]);
});

test('hello says who is logged in, and where', async () => {
  const lines = (await koji('hello')).split('\n');
  expect(lines[0]).toMatch(/^.+, kojiadmin!$/);
  expect(lines.slice(1)).toEqual([
    '',
    `You are using the hub at ${hub.url} (Koji ${await admin.hubVersion()})`,
    'Authenticated via password',
    '',
  ]);
  expect(await koji('--noauth', 'hi')).toContain('Not authenticated\n');
});

test('users, permissions and builders are added', async () => {
  expect(await koji('add-user', 'alice')).toMatch(/^Added user alice \(\d+\)\n$/);
  expect(await koji('add-user', 'bob', '--disable', '--principal=bob@EXAMPLE.COM')).toMatch(
    /^Added user bob/,
  );
  expect(await koji('grant-permission', '--new', 'sign', 'alice', 'bob')).toBe('');
  expect(await koji('call', 'getUserPerms', 'alice')).toBe("['sign']\n");
  expect(await koji('call', '--json', 'getUser', '"bob"')).toContain('"status": 1');
  expect(await koji('add-host', 'b1.example.com', 'x86_64', 'noarch')).toBe('b1.example.com added: id 1\n');
  expect(failed(await hub.koji('add-host', 'b1.example.com', 'x86_64'))).toEqual([
    1,
    '',
    'b1.example.com is already in the database\n',
  ]);
  await hub.setPassword('b1.example.com', 'b1.example.com');
});

test('a fault of the hub is a log line and exit code 1', async () => {
  expect(failed(await hub.koji('add-user', 'alice'))).toEqual([
    1,
    '',
    'TIME [ERROR] koji: GenericError: user already exists: alice\n',
  ]);
  expect(failed(await hub.koji('--password=wrong', 'hello'))).toEqual([
    1,
    '',
    'TIME [ERROR] koji: AuthError: invalid username or password\n',
  ]);
});

test('tags and packages are added and told twice', async () => {
  expect(await koji('add-tag', 'f44', '--arches=x86_64,noarch', '-x', 'n=5', '--extra=t=text')).toBe('');
  expect(await admin.getTag('f44')).toMatchObject({ arches: 'x86_64 noarch', extra: { n: 5, t: 'text' } });
  expect(await koji('add-tag', 'f44-build', '--parent', 'f44')).toBe('');
  expect(await koji('add-pkg', '--owner=alice', 'f44', 'bash', 'pkgc', 'test-deps')).toBe(
    'Adding 3 packages to tag f44\n',
  );
  expect(await koji('add-pkg', '--own=alice', 'f44', 'bash')).toBe(
    'Package bash already exists in tag f44\nAdding 0 packages to tag f44\n',
  );
  expect(failed(await hub.koji('add-pkg', '--owner=nobody', 'f44', 'x'))).toEqual([
    1,
    '',
    'No such user: nobody\n',
  ]);
});

test('call takes Python and JSON and prints them, and the list of methods is there', async () => {
  expect(await koji('call', 'echo', '1', '2.0', 'None', 'text')).toBe("[1, 2.0, None, 'text']\n");
  expect(await koji('call', 'getTag', 'nosuch', 'strict=False')).toBe('None\n');
  expect(await koji('call', '-p', 'echo', "{'a': [1, (2.5,)]}")).toBe("[{'a': [1, [2.5]]}]\n");
  expect(await koji('call', '-j', 'echo', '{"a": 2.0}', '"é"')).toBe(
    '[\n  {\n    "a": 2.0\n  },\n  "\\u00e9"\n]\n',
  );
  expect(failed(await hub.koji('call', '-p', 'echo', 'bare'))[2]).toContain(
    "koji: error: Invalid value: 'bare'\n",
  );
  expect(await koji('call', '-p', '-b', 'echo', 'bare')).toBe("['bare']\n");
  expect(await koji('list-api', 'hello')).toMatch(/^hello\(\*args\)\ndescription: /);
  expect((await koji('list-api')).split('\n')).toContain(
    'getTag(tagInfo, strict=False, event=None, blocked=False)',
  );
});

test('make-task sends NAME=VALUE arguments by name', async () => {
  const made = await koji('make-task', 'mytask', 'a', 'b', 'kwarg1=7', 'other=text');
  const id = Number(/^Created task id (\d+)\n$/.exec(made)?.[1]);
  expect(await admin.getTaskRequest(id)).toEqual(['a', 'b', { kwarg1: 7, other: 'text', __starstar: true }]);
  expect(failed(await hub.koji('make-task', 'mytask', 'x=1', 'y'))[2]).toContain(
    "koji: error: 'y' follows a NAME=VALUE argument: give named arguments last",
  );
});

test('make-task takes JSON, so that a text may hold an equals sign', async () => {
  const ids = [
    await koji('make-task', '--json', 'mytask', '"a=b"', 'x=[1, 2.0]'),
    await koji('call', '-j', 'makeTask', '"m"', '["a=b"]'),
  ];
  const [first, second] = ids.map((text) => Number(/(\d+)\n$/.exec(text)?.[1]));
  expect(await admin.getTaskRequest(first!)).toEqual(['a=b', { x: [1, 2], __starstar: true }]);
  expect(await admin.getTaskRequest(second!)).toEqual(['a=b']);
  const piped = await runKoji(
    [
      '-c',
      join(hub.folder, 'koji.conf'),
      '--user=kojiadmin',
      '--password=kojiadmin',
      'make-task',
      '--json',
      'mytask',
      '-',
    ],
    { input: '["from", "a=pipe"]' },
  );
  expect(await admin.getTaskRequest(Number(/(\d+)\n$/.exec(piped.stdout)?.[1]))).toEqual(['from', 'a=pipe']);
});

test('tasks are listed, shown and canceled', async () => {
  const id = await admin.makeTask('newRepo', ['f44']);
  const list = await koji('list-tasks', '--method=newRepo');
  expect(list).toBe(
    'ID       Pri  Owner                State    Arch       Name\n' +
      `${String(id).padEnd(8)} 20   kojiadmin            FREE     noarch     newRepo (f44)\n`,
  );
  const info = await koji('taskinfo', '-v', String(id));
  expect(info).toContain(
    `Task: ${id}\nType: newRepo\nRequest Parameters:\n  Tag: f44\nOwner: kojiadmin\nState: free\nCreated: `,
  );
  expect(info).toContain('Log Files:\n  No outputs reported [1]\nOutput:\n');
  expect(await koji('cancel', String(id))).toBe('');
  expect(await koji('list-tasks', '--method=newRepo')).toBe('(no tasks)\n');
  expect(failed(await hub.koji('cancel', '99999'))[0]).toBe(1);
  expect(failed(await hub.koji('taskinfo', '99999'))).toEqual([
    1,
    '',
    'TIME [ERROR] koji: GenericError: No such task: 99999\n',
  ]);
});

test('watch-task reports changes as they come, long before the next look, and its exit code is the outcome', async () => {
  const host = 'watched.example.com';
  await admin.addHost(host, ['noarch']);
  await hub.setPassword(host, host);
  const good = await admin.makeTask('sleep', [1]);
  const bad = await admin.makeTask('sleep', [2]);
  const profile = join(hub.folder, 'slow.conf');
  await writeFile(profile, `[koji]\nserver = ${hub.url}\npoll_interval = 300\n`);
  const start = Date.now();
  let shown: () => void = () => undefined;
  const areShown = new Promise<void>((resolve) => (shown = resolve));
  const watching = runKoji(['-c', profile, '--noauth', 'watch-task', String(good), String(bad)], {
    onOutput: (text) => {
      if (text.includes(`${bad} sleep (noarch): free`)) shown();
    },
  });
  await Promise.race([areShown, watching]);
  await finishTask(good, 'CLOSED', host);
  await finishTask(bad, 'FAILED', host);
  const ran = await watching;
  expect(ran.code).toBe(1);
  expect(Date.now() - start).toBeLessThan(100_000);
  expect(ran.stdout).toMatch(/^Watching tasks \(this may be safely interrupted\)\.\.\.\n/);
  expect(ran.stdout).toContain(`${good} sleep (noarch): free`);
  expect(ran.stdout).toMatch(/-> FAILED: BuildError: no luck\n/);
  expect(ran.stdout).toContain(
    `\n${good} sleep (noarch) completed successfully\n${bad} sleep (noarch) failed\n`,
  );
});

test('on a terminal watch-task says why a task waits, once for each reason', async () => {
  const channel = await admin.call<number>('addChannel', ['lonely']);
  const id = await admin.call<number>('makeTask', ['sleep', [1]], { channel: 'lonely' });
  const profile = join(hub.folder, 'waiting.conf');
  await writeFile(profile, `[koji]\nserver = ${hub.url}\npoll_interval = 1\n`);
  const steps: { seen: string; act: () => Promise<unknown> }[] = [
    {
      seen: 'no host is in channel lonely',
      act: () => admin.call('disableChannel', [channel], { comment: 'moving' }),
    },
    { seen: 'channel lonely is disabled (moving)', act: () => admin.call('cancelTask', [id]) },
  ];
  const acts: Promise<unknown>[] = [];
  const ran = await runKoji(['-c', profile, '--noauth', 'watch-task', String(id)], {
    terminal: true,
    onOutput: (text) => {
      const step = steps[acts.length];
      if (step && text.includes(step.seen)) acts.push(step.act());
    },
  });
  await Promise.all(acts);
  expect(ran.stdout.split(/\r?\n/).slice(1, 5)).toEqual([
    `${id} sleep (noarch): free`,
    `${id} sleep (noarch): free, waiting: no host is in channel lonely`,
    `${id} sleep (noarch): free, waiting: channel lonely is disabled (moving)`,
    `${id} sleep (noarch): free -> canceled`,
  ]);
});

test('why a task waits is found out from what hosts told the hub', async () => {
  const name = 'picky.example.com';
  const channel = await admin.call<number>('addChannel', ['picky']);
  await admin.call('addHost', [name, ['x86_64']]);
  await admin.call('addHostToChannel', [name, 'picky']);
  await hub.setPassword(name, name);
  const id = await admin.call<number>('makeTask', ['sleep', [1]], { channel: 'picky' });
  const task = { id, channel_id: channel, arch: 'noarch', method: 'sleep' };
  const reason = async (): Promise<string | undefined> =>
    (await new WaitingReasons().find(waitingQuestions(admin), [task])).get(id)?.text;
  const builder = new ClientSession(hub.url);
  await builder.login(name, name);
  await builder.exclusiveSession(true);
  await builder.call('host.updateHost', [0, true, { methods: ['build'] }]);
  expect(await reason()).toBe(`no host in channel picky has the method sleep (${name}: lacks the method)`);
  await builder.call('host.updateHost', [2.5, false, { methods: ['sleep'] }]);
  expect(await reason()).toBe(`no host in channel picky is ready (${name}: load 2.5 of 2.0)`);
  await builder.call('host.updateHost', [0, true, { methods: ['sleep'] }]);
  expect(await reason()).toBeUndefined();
  await admin.call('assignTask', [id, name]);
  await builder.call('host.refuseTask', [id, false, 'not today']);
  expect(await reason()).toBe(`no host in channel picky accepts it (${name}: refused it, not today)`);
  await builder.logout();
  await builder.close();
  await admin.call('cancelTask', [id]);
});

test('watch-logs prints what tasks wrote', async () => {
  const id = await admin.makeTask('sleep', [3]);
  const output = join(hub.kojiDir, `work/tasks/${id % 10_000}/${id}`);
  await mkdir(output, { recursive: true });
  await writeFile(join(output, 'root.log'), 'one\ntwo\n');
  await finishTask(id, 'CLOSED');
  expect(await koji('watch-logs', String(id))).toBe(
    `Watching logs (this may be safely interrupted)...\n==> ${id}:DEFAULT:root.log: <==\none\ntwo\n`,
  );
  expect(failed(await hub.koji('watch-logs', '99999')).slice(0, 2)).toEqual([
    1,
    'Watching logs (this may be safely interrupted)...\nNo such task id: 99999\n',
  ]);
});

const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms/', import.meta.url));

test('rpms without an MD5 are imported once, and another one of their name is told apart', async () => {
  const files = ['src', 'noarch'].map((arch) => join(rpms, `nomd5-1.0-1.${arch}.rpm`));
  const [source = '', binary = ''] = files;
  expect(await koji('import', ...files)).toBe(
    [source, binary].map((file) => `uploading ${file}... done\nimporting ${file}... done\n`).join(''),
  );
  expect(await koji('import', binary)).toBe(`RPM already imported: ${binary}\nSkipping import\n`);
  const folder = await mkdtemp(join(tmpdir(), 'koji-import-'));
  const other = join(folder, 'nomd5-1.0-1.noarch.rpm');
  const bytes = await readFile(binary);
  const [before, after] = [(await RpmHeader.read(binary)).info().payloadhash, '0'.repeat(64)];
  bytes.write(after, bytes.indexOf(before));
  await writeFile(other, bytes);
  const again = await hub.koji('import', other);
  expect([again.stdout, again.stderr]).toEqual([
    'Skipping import\n',
    `sha256sum mismatch for ${other}\n` +
      '  A different rpm with the same name has already been imported\n' +
      `  Existing payloadhash is '${before}', your import has '${after}'\n`,
  ]);
  await rm(folder, { recursive: true });
});

test('rpms are imported, builds shown, tagged, listed and untagged', async () => {
  const source = join(rpms, 'pkgc-1.2-3.src.rpm');
  expect(await koji('import', source)).toBe(`uploading ${source}... done\nimporting ${source}... done\n`);
  expect(await koji('import', source)).toBe(`RPM already imported: ${source}\nSkipping import\n`);
  const binary = join(rpms, 'test-deps-1-1.fc24.x86_64.rpm');
  expect(await koji('import', binary)).toBe('Missing build or srpm: test-deps-1-1.fc24\nAborting import\n');
  expect(await koji('import', '--create-build', binary)).toContain(
    'Creating empty build: test-deps-1-1.fc24\n',
  );
  const info = await koji('buildinfo', 'pkgc-1.2-3');
  expect(info).toMatch(/^BUILD: pkgc-1\.2-3 \[\d+\]\nState: COMPLETE\nBuilt by: kojiadmin\n/);
  expect(info).toContain(`RPMs:\n${hub.kojiDir}/packages/pkgc/1.2/3/src/pkgc-1.2-3.src.rpm\n`);
  expect(failed(await hub.koji('buildinfo', 'no-such-build'))).toEqual([
    1,
    '',
    'No such build: no-such-build\n\n',
  ]);

  expect(await koji('tag-build', '--nowait', 'f44', 'pkgc-1.2-3')).toMatch(/^Created task \d+\n$/);
  await admin.tagBuildBypass('f44', 'pkgc-1.2-3');
  await admin.tagBuildBypass('f44', 'test-deps-1-1.fc24');
  expect(await koji('list-tagged', 'f44')).toBe(
    'Build                                     Tag                   Built by\n' +
      '----------------------------------------  --------------------  ----------------\n' +
      'pkgc-1.2-3                                f44                   kojiadmin\n' +
      'test-deps-1-1.fc24                        f44                   kojiadmin\n',
  );
  expect(await koji('list-tagged', '--quiet', '--rpms', 'f44', 'pkgc')).toBe('pkgc-1.2-3.src\n');
  expect(await koji('list-tagged', '--quiet', '--inherit', '--paths', 'f44-build', 'test-deps')).toContain(
    `${hub.kojiDir}/packages/test-deps/1/1.fc24  f44`,
  );
  expect(await koji('untag-build', '-v', 'f44', 'pkgc-1.2-3')).toBe('untagging pkgc-1.2-3\n');
  expect(await koji('untag-build', '--all', '-n', 'f44', 'test-deps')).toBe(
    'would have untagged test-deps-1-1.fc24\n',
  );
  expect(await koji('untag', '--non-latest', '-v', 'f44', 'test-deps')).toBe(
    'Leaving latest build for package test-deps: test-deps-1-1.fc24\n',
  );
  expect(failed(await hub.koji('untag-build', 'f44', 'pkgc-1.2-3'))[2]).toBe(
    'Build pkgc-1.2-3 not in tag f44\n',
  );
});

describe('plugins', () => {
  const plugin = `
const { exportCli } = await import(SDK);
export const anon_handle_shout = exportCli({ help: 'Print loudly', group: 'info', usage: '<words>' })(
  async (options, session, args, { print }) => { print(args.join(' ').toUpperCase()); print(await session.hello()); return 3; },
);`;

  test('bring commands of their own from the folders of plugin_paths', async () => {
    const folder = join(hub.folder, 'plugins');
    await mkdir(folder, { recursive: true });
    const sdk = JSON.stringify(import.meta.resolve('@koji/plugin-sdk'));
    await writeFile(join(folder, 'shout.mjs'), plugin.replace('SDK', sdk));
    const ran = await hub.koji(`--plugin-paths=${folder}`, 'shout', 'so', '--loud');
    expect(ran).toEqual({ code: 3, stdout: 'SO --LOUD\nHello World\n', stderr: '' });
    expect(await koji(`--plugin-paths=${folder}`, 'help', 'info')).toContain(
      '        shout                     Print loudly\n',
    );
  });

  test('that cannot be loaded are an error that says which and why', async () => {
    const folder = join(hub.folder, 'broken');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'bad.mjs'), 'export const x = ;');
    const ran = await hub.koji(`--plugin-paths=${folder}`, 'hello');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('bad.mjs');
  });
});
