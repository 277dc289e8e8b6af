import { named } from '@koji/core/wire';
import { ClientSession } from '../src/index.js';
import { useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;
let buildroot: number;

const host = 'b1.example.com';

const { koji, failed } = useHub(async (opened) => {
  ({ hub, admin } = opened);
  await admin.addHost(host, ['x86_64', 'i686']);
  await admin.addHost('b2.example.com', ['aarch64']);
  await admin.editHost('b2.example.com', named({ description: 'two\nlines', comment: 'x'.repeat(60) }));
  await admin.addChannel('images', 'for images');
  await admin.addHostToChannel(host, 'images');
  await admin.createTag('f44-build', null, 'x86_64');
  await hub.setPassword(host, host);
  const builder = new ClientSession(hub.url);
  await builder.login(host, host);
  await builder.exclusiveSession(true);
  await builder.call('host.updateHost', [0.5, true, { methods: ['build'] }]);
  const repoTask = await admin.call<number>('makeTask', ['newRepo', ['f44-build']]);
  await admin.call('assignTask', [repoTask, host]);
  await builder.call('host.openTask', [repoTask]);
  const [repo] = await builder.call<[number, number]>('host.repoInit', ['f44-build'], { task_id: repoTask });
  const task = await admin.call<number>('makeTask', ['build', ['src']]);
  await admin.call('assignTask', [task, host]);
  await builder.call('host.openTask', [task]);
  buildroot = await builder.call<number>('host.newBuildRoot', [repo, 'x86_64', task]);
  await builder.logout();
  await builder.close();
});

test('hosts are listed with what they do and could do, and by what was asked for', async () => {
  const [titles, rule, first, second, end] = (await koji('list-hosts')).split('\n');
  expect(titles).toMatch(/^Hostname {7}Enb Rdy Load\/Cap {2}Arches {11}Last Update {25}$/);
  expect(rule).toBe('-'.repeat(titles?.length ?? 0));
  expect(first).toMatch(/^b1\.example\.com Y {3}Y {4}0\.5\/2\.0 {2}x86_64,i686 {6}\w{3}, \d\d \w{3} \d{4} /);
  expect(second).toBe(`b2.example.com Y   N    0.0/2.0  aarch64          ${'-'.padEnd(35)}`);
  expect(end).toBe('');
  const more = await koji(
    'list-hosts',
    '--quiet',
    '--not-ready',
    '--comment',
    '--description',
    '--show-channels',
  );
  expect(more).toContain(` ${'two lines'.padEnd(50)} ${'x'.repeat(47)}... default\n`);
  expect(await koji('list-hosts', '--quiet', '--arch=aarch64', '--enabled')).toMatch(/^b2\S+ .*\n$/);
  expect(await hub.koji('list-hosts', '--disabled')).toEqual({
    code: 0,
    stdout: '',
    stderr: 'No hosts found.\n',
  });
  expect(await failed('list-hosts', '--channel=nosuch')).toEqual([2, 'No such channel: nosuch\n']);
});

test('a host is shown with its channels and buildroots, a missing one told', async () => {
  const shown = await hub.koji('hostinfo', host, 'nosuch', 'b2.example.com');
  expect([shown.code, shown.stderr]).toEqual([1, 'No such host: nosuch\n\n']);
  expect(shown.stdout).toMatch(
    /^Name: b1\.example\.com\nID: \d+\nArches: x86_64 i686\nCapacity: 2\.0\nTask Load: 0\.50\nDescription:\nComment:\n/,
  );
  expect(shown.stdout).toContain('Channels: default images\nActive Buildroots:\nNAME ');
  expect(shown.stdout).toMatch(
    new RegExp(`\\nf44-build-${buildroot}-\\d+ +INIT {7}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\n`),
  );
  expect(shown.stdout).toContain(`Description: two\n${' '.repeat(13)}lines\nComment: xx`);
  expect(shown.stdout).toMatch(/Last Update: never\nChannels: default\nActive Buildroots:\nNone\n$/);
});

test('channels are listed with the hosts in them', async () => {
  const list = await koji('list-channels', '--description');
  expect(list).toMatch(
    /^Channel {3}Enabled {2}Ready Disbld {3}Load {4}Cap {3}Perc {4}Description {42}\n-+\n/,
  );
  expect(list).toContain(
    `images          1      1      0      0      2     25%   ${'for images'.padEnd(50)}\n`,
  );
  await admin.disableChannel('images');
  expect(await koji('list-channels', '--simple', '--quiet', '--disabled')).toBe('images [disabled]\n');
  expect(await koji('list-hosts', '--quiet', '--ready', '--show-channels')).toMatch(/ \*images,default\n$/);
  expect(await failed('list-channels', '--nosuch')).toEqual([2, 'no such option: --nosuch\n']);
});

test('hosts are restarted once at a time', async () => {
  expect(await koji('restart-hosts', '--nowait', '--channel=default', '-a', 'x86_64', '--timeout=5')).toBe(
    '',
  );
  const [task] = await admin.listTasks({ method: 'restartHosts' });
  expect(await admin.getTaskRequest(task?.id ?? 0)).toEqual([
    { channel: 'default', arches: ['x86_64'], timeout: 5 },
  ]);
  expect(await hub.koji('restart-hosts')).toEqual({
    code: 1,
    stdout: '',
    stderr: `Found other restartHosts tasks running.\nTask ids: [${task?.id}]\nUse --force to run anyway\n`,
  });
  expect(await koji('restart-hosts', '--force', '--nowait')).toBe('');
});

test('what the scheduler did is listed, and what a host told it', async () => {
  const info = await koji('scheduler-info', `--host=${host}`, '--limit=1');
  expect(info).toMatch(
    /^Task {6}Host {17}State {3}Created {11}Started {11}Ended {12}\n-+\n\d+ +b1\.example\.com {7}OPEN {4}\d\d-\d\d-\d\d \d\d:\d\d:\d\d /,
  );
  expect(info).toMatch(/\nHost data for b1\.example\.com:\n\{'methods': \['build'\]\}\n$/);
  expect(info.split('\n')).toHaveLength(6);
  expect(await failed('scheduler-info', '--state=LOST')).toEqual([
    2,
    "option --state: invalid choice: 'LOST' (choose from 'FREE', 'OPEN', 'CLOSED', 'CANCELED', 'ASSIGNED', 'FAILED')\n",
  ]);
  const logs = await koji('scheduler-logs', `--host=${host}`);
  expect(logs).toMatch(/^Task {7}Host {17}Time {22}Message {23}\n-+\n/);
  expect(await koji('scheduler-logs', '--to=1')).toMatch(/^Task.*\n-+\n$/);
  expect(await failed('scheduler-logs', '--from=1', '--to=2', '--limit=1')).toEqual([
    2,
    "If both --from and --to are used, --limit shouldn't be used\n",
  ]);
});

test('a buildroot gives its contents and the configuration of mock', async () => {
  expect(await koji('list-buildroot', String(buildroot))).toBe('');
  expect(await failed('list-buildroot', 'x')).toEqual([
    1,
    "TIME [ERROR] koji: RangeError: invalid literal for int() with base 10: 'x'\n",
  ]);
  const config = await koji('mock-config', `--buildroot=${buildroot}`, '--topdir=/mnt', 'mine');
  expect(config).toContain("config_opts['root'] = 'mine'\n");
  expect(config).toMatch(/baseurl=file:\/\/\/mnt\/repos\/f44-build\/\d+\/x86_64\\n/);
  await admin.editTag2('f44-build', named({ extra: { 'rpm.macro.dist': '.f44', 'mock.yum.best': 1 } }));
  const latest = await koji(
    'mock-config',
    '--tag=f44-build',
    '-a',
    'x86_64',
    '--latest',
    '--topurl=http://k',
  );
  expect(latest).toContain("config_opts['root'] = 'f44-build-repo_latest'\n");
  expect(latest).toContain('baseurl=http://k/repos/f44-build/latest/x86_64\\nbest=1\\n');
  expect(latest).toContain("config_opts['macros']['%dist'] = '.f44'\n");
  expect(await failed('mock-config', '--tag=f44-build')).toEqual([1, 'Please specify an arch\n']);
  expect(await failed('mock-config', '--tag=nosuch', '-a', 'noarch')).toEqual([2, 'No such tag: nosuch\n']);
  expect(await failed('mock-config', '--task=99')).toEqual([
    1,
    'No buildroots for task 99 (or no such task)\n',
  ]);
});

test('a repo is shown with its buildroots', async () => {
  const shown = await hub.koji('repoinfo', '1', '99', '--buildroots');
  expect(shown).toMatchObject({ code: 0, stderr: 'No such repo: 99\n\n' });
  expect(shown.stdout).toMatch(
    /^ID: 1\nTag ID: \d+\nTag name: f44-build\nState: INIT\nCreated: .*\nCreated event: \d+\nURL: \S+\/kojifiles\/repos\/f44-build\/1\nRepo json: \S+\/1\/repo\.json\nDist repo\?: no\nTask ID: \d+\n/,
  );
  expect(shown.stdout).toContain(`Number of buildroots: 1\nBuildroots ID:\n${' '.repeat(15)}${buildroot}\n`);
  expect(await failed('repoinfo')).toEqual([2, 'Please specify a repo ID\n']);
});

test('versions of both sides are told, also without a hub', async () => {
  expect(await koji('version')).toBe('Client: 1.35.3\nHub:    1.35.3\n');
  const alone = await hub.koji(`--server=${hub.url.replace(/:\d+/, ':1')}`, 'version');
  expect(alone).toEqual({
    code: 1,
    stdout: 'Client: 1.35.3\n',
    stderr: 'Error: Unable to connect to server\n',
  });
});
