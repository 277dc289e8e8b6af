import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { hubOptions, kojidOptions, parseIni } from '@koji/core/config';
import { freePort } from '../scripts/ports.mjs';
import { databases } from './support/databases.js';
import { program, root, until } from './support/system.js';

const run = promisify(execFile);
const deploy = path.join(root, 'deploy');
const read = (...names: string[]): Promise<string> => readFile(path.join(deploy, ...names), 'utf8');
const programs: Readonly<Record<string, string>> = {
  'koji-hub': program('koji-hub'),
  kojid: program('kojid'),
  'koji-web': path.join(root, 'packages/koji-web/dist/bundle/main.js'),
};
const env = { ...process.env, NODE_OPTIONS: '' };
// `npm test` installs these programs on Debian and Ubuntu; elsewhere they may be missing.
const has = (file: string) => (existsSync(file) ? test : test.skip);

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'koji-deploy-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

has('/usr/bin/systemd-analyze')('systemd finds nothing wrong with the units', async () => {
  const units = (await readdir(path.join(deploy, 'systemd'))).filter((name) => name.endsWith('.service'));
  expect(units.sort()).toEqual(['koji-hub.service', 'koji-web.service', 'kojid.service']);
  for (const unit of units) {
    const text = await read('systemd', unit);
    expect(
      [...text.matchAll(/^ExecStart(?:Pre)?=\/opt\/koji\/node_modules\/\.bin\/([\w-]+)/gm)].length,
    ).toBeGreaterThan(0);
    // They are not installed here.
    await writeFile(
      path.join(folder, unit),
      text.replaceAll(/\/opt\/koji\/node_modules\/\.bin\/[\w-]+/g, process.execPath),
    );
  }
  const said = await run('systemd-analyze', ['verify', ...units.map((unit) => path.join(folder, unit))]);
  expect(said.stderr).toBe('');
});

/** Collects what programs tell the service manager. */
async function listen(
  name: string,
): Promise<{ socket: string; told: () => string[]; stop: () => Promise<void> }> {
  const socket = path.join(folder, `notify-${name}`);
  const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True: print(s.recv(4096).decode(), flush=True)`;
  const listener = spawn('python3', ['-c', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  listener.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  await until('the listener', () => text.includes('listening') || undefined);
  return {
    socket,
    told: () => text.split('\n').filter((line) => line.includes('=')),
    async stop() {
      const ended = once(listener, 'exit');
      listener.kill();
      await ended;
    },
  };
}

has('/usr/bin/systemd-notify')(
  'hub, builder and web page tell systemd that they are ready, live, and stop',
  async () => {
    const port = await freePort();
    const secret = path.join(folder, 'password');
    await writeFile(secret, 'secret\n');
    const hub = programs['koji-hub']!;
    const files = {
      'koji-hub': `[hub]\nListen = 127.0.0.1:${port}\nKojiDir = store\nLogFormat = json\nLogLevel = INFO\n`,
      kojid: `[kojid]\nserver = http://127.0.0.1:${port}/kojihub\ntopurl = http://127.0.0.1:${port}/kojifiles
user = builder\npassword = file:password\nworkdir = ${folder}/work\nlog_format = json\nlog_level = INFO\n`,
      'koji-web': `[web]\nKojiHubURL = http://127.0.0.1:${port}/kojihub\nListen = 127.0.0.1:0\n`,
    };
    for (const [name, text] of Object.entries(files))
      await writeFile(path.join(folder, `${name}.conf`), text);
    const command = (...words: string[]) =>
      run(process.execPath, [hub, '--config', path.join(folder, 'koji-hub.conf'), ...words], {
        cwd: folder,
        env,
      });
    const listeners: { stop: () => Promise<void> }[] = [];
    const running: ChildProcess[] = [];
    let toldOfHub: () => string[] = () => [];
    try {
      for (const name of ['koji-hub', 'kojid', 'koji-web']) {
        const notices = await listen(name);
        listeners.push(notices);
        const { told } = notices;
        const child = spawn(
          process.execPath,
          [programs[name]!, '--config', path.join(folder, `${name}.conf`)],
          {
            cwd: folder,
            env: { ...env, NOTIFY_SOCKET: notices.socket, WATCHDOG_USEC: '900000' },
          },
        );
        running.push(child);
        let said = '';
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding('utf8').on('data', (text: string) => (said += text));
        await until(`the watchdog of ${name}`, () => {
          if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`);
          return told().includes('WATCHDOG=1') || undefined;
        });
        expect(told()[0]).toBe('READY=1');
        // The others need it.
        if (name === 'koji-hub') {
          toldOfHub = told;
          await command('user', 'add', 'root', '--admin', '--password-file', secret);
          await addBuilder(port);
          continue;
        }
        await endOf(child, told);
        if (name === 'kojid')
          expect(
            said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as object] : [])),
          ).toContainEqual(
            expect.objectContaining({ level: 'INFO', name: expect.stringContaining('koji') as unknown }),
          );
      }
      await endOf(running[0]!, toldOfHub);
    } finally {
      for (const child of running) child.kill('SIGKILL');
      for (const listener of listeners) await listener.stop();
    }

    async function endOf(child: ChildProcess, told: () => string[]): Promise<void> {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      await until('the notice of the end', () => told().includes('STOPPING=1') || undefined);
    }

    async function addBuilder(at: number): Promise<void> {
      const { ClientSession } = await import('@koji/client');
      const session = new ClientSession(`http://127.0.0.1:${at}/kojihub`);
      await session.login('root', 'secret');
      await session.addHost('builder', ['x86_64']);
      await session.close();
      await command('user', 'passwd', 'builder', '--password-file', secret);
    }
  },
);

const nginxFiles = [
  ['nginx/koji.conf', ['127.0.0.1:8080', '127.0.0.1:8081']],
  ['container/nginx.conf', ['hub1:8080', 'hub2:8080']],
] as const;

has('/usr/sbin/nginx').each(nginxFiles)('nginx takes deploy/%s', async (name, servers) => {
  const text = await read(name);
  expect([...text.matchAll(/server (\S+:\d+)/g)].map(([, server]) => server)).toEqual(servers);
  // The names of containers mean nothing here.
  const known = text.replaceAll(/hub[12]:/g, '127.0.0.1:');
  await writeFile(path.join(folder, 'nginx.conf'), `pid ${folder}/pid; events {} http {\n${known}}`);
  const said = await run('/usr/sbin/nginx', [
    '-t',
    '-e',
    `${folder}/log`,
    '-c',
    path.join(folder, 'nginx.conf'),
  ]);
  expect(said.stderr).toContain('test is successful');
});

has('/usr/sbin/haproxy')('HAProxy takes deploy/haproxy/koji.cfg', async () => {
  const file = path.join(deploy, 'haproxy', 'koji.cfg');
  await expect(run('/usr/sbin/haproxy', ['-c', '-f', file])).resolves.toBeDefined();
});

has('/usr/sbin/logrotate')('logrotate takes deploy/logrotate.conf', async () => {
  const file = path.join(folder, 'logrotate.conf');
  await writeFile(file, await read('logrotate.conf'), { mode: 0o644 });
  const said = await run('/usr/sbin/logrotate', ['--debug', '--state', path.join(folder, 'state'), file]);
  expect(`${said.stdout}${said.stderr}`).not.toMatch(/error/i);
});

/** Rotates the logs of programs as deploy/logrotate.conf does, which reaches units of systemd; here they are processes. */
async function rotate(logs: string, children: readonly ChildProcess[]): Promise<void> {
  const file = path.join(folder, 'logrotate.conf');
  const text = (await read('logrotate.conf'))
    .replace(/^\/var.*\{$/m, `${logs} {`)
    .replace(/for unit in [^]*done\n/, children.map(({ pid }) => `kill -HUP ${pid}\n`).join(''));
  expect(text).toContain('kill -HUP');
  await writeFile(file, text, { mode: 0o644 });
  await run('/usr/sbin/logrotate', ['--force', '--state', path.join(folder, 'state'), file]);
}

has('/usr/sbin/logrotate').each(databases)(
  'logrotate rotates the logs of a hub on $name, a builder and a web page, which go on in new files',
  async ({ name: kind, create }) => {
    const database = await create();
    // Several processes share a log file.
    const workers = kind === 'sqlite' ? 1 : 2;
    const port = await freePort();
    await writeFile(path.join(folder, 'password'), 'secret\n');
    const files = {
      'koji-hub': `[hub]\nListen = 127.0.0.1:${port}\nKojiDir = store\nLogFile = log/hub.log\nLogLevel = DEBUG\nWorkers = ${workers}\nDatabase = ${database.setting}\n`,
      kojid: `[kojid]\nserver = http://127.0.0.1:${port}/kojihub\ntopurl = http://127.0.0.1:${port}/kojifiles
user = builder\npassword = file:password\nworkdir = ${folder}/work\nlogfile = ${folder}/log/kojid.log\nsleeptime = 1\nmaxload = 0\nminspace = 0\n`,
      'koji-web': `[web]\nKojiHubURL = http://127.0.0.1:${port}/kojihub\nListen = 127.0.0.1:0\nLogFile = log/web.log\n`,
    };
    for (const [name, text] of Object.entries(files))
      await writeFile(path.join(folder, `${name}.conf`), text);
    const running: ChildProcess[] = [];
    const start = async (name: keyof typeof files, ready: () => Promise<boolean>): Promise<ChildProcess> => {
      const words = [programs[name]!, '--config', path.join(folder, `${name}.conf`)];
      const child = spawn(process.execPath, words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      running.push(child);
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      await until(`the start of ${name}`, async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`);
        return said.includes('answers at') || (await ready()) || undefined;
      });
      return child;
    };
    const textOf = (name: string): Promise<string> =>
      readFile(path.join(folder, 'log', name), 'utf8').catch(() => '');
    try {
      const command = (...words: string[]) =>
        run(
          process.execPath,
          [programs['koji-hub']!, '--config', path.join(folder, 'koji-hub.conf'), ...words],
          {
            cwd: folder,
            env,
          },
        );
      await command('migrate');
      const hub = await start('koji-hub', () => Promise.resolve(false));
      await command('user', 'add', 'root', '--admin', '--password-file', path.join(folder, 'password'));
      const { ClientSession } = await import('@koji/client');
      const session = new ClientSession(`http://127.0.0.1:${port}/kojihub`);
      await session.login('root', 'secret');
      await session.addHost('builder', ['x86_64']);
      await command('user', 'passwd', 'builder', '--password-file', path.join(folder, 'password'));
      await start('kojid', async () => (await textOf('kojid.log')).includes('ready as'));
      await start('koji-web', () => Promise.resolve(false));
      const before = await Promise.all(['hub.log', 'kojid.log'].map(textOf));
      await rotate(path.join(folder, 'log', '*.log'), running);
      // Files that logrotate has moved aside are not changed, and new files get the following lines.
      for (const [i, name] of ['hub.log', 'kojid.log'].entries())
        expect((await textOf(`${name}.1`)).startsWith(before[i]!)).toBe(true);
      // Faults are lines of level DEBUG.
      for (let i = 0; i < 20; i++) await session.getTag(`none-${i}`, true).catch(() => null);
      await until('new lines of the hub', async () => (await textOf('hub.log')).length > 0 || undefined);
      const moved = await textOf('hub.log.1');
      const task = await session.makeTask('sleep', [0]);
      await until('the task', async () => ((await session.getTaskInfo(task))?.state ?? 0) === 2 || undefined);
      await until(
        'new lines of the builder',
        async () => (await textOf('kojid.log')).length > 0 || undefined,
      );
      expect(await textOf('hub.log.1')).toBe(moved);
      expect(running.map(({ exitCode, signalCode }) => [exitCode, signalCode])).toEqual(
        running.map(() => [null, null]),
      );
      await session.close();
      for (const child of running.reverse()) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      expect(hub.exitCode).toBe(0);
      // The last words of the builder are in its new file.
      expect(await textOf('kojid.log')).toContain('stopped');
      expect(await textOf('kojid.log.1')).not.toContain('stopped');
    } finally {
      for (const child of running) child.kill('SIGKILL');
      await database.remove();
    }
  },
);

async function parseYaml(name: string): Promise<Record<string, unknown>[]> {
  const script = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))';
  return JSON.parse(
    (await run('/usr/bin/python3', ['-c', script, path.join(deploy, name)])).stdout,
  ) as Record<string, unknown>[];
}

/** The values of a section that the program does not know. */
function unknownOptions(text: string, section: string, known: object): string[] {
  const values = parseIni([{ file: 'a file', text }]).get(section) ?? new Map<string, string>();
  expect(values.size).toBeGreaterThan(0);
  // Names are read without regard to their case.
  const names = Object.keys(known).map((name) => name.toLowerCase());
  return [...values.keys()].filter((name) => !names.includes(name.toLowerCase()));
}

const withYaml = has('/usr/lib/python3/dist-packages/yaml');

withYaml('the compose file agrees with the files beside it', async () => {
  const [{ services, secrets, volumes }] = (await parseYaml('container/compose.yaml')) as [
    Record<'services' | 'secrets' | 'volumes', Record<string, Record<string, unknown>>>,
  ];
  expect(Object.keys(services)).toEqual(['database', 'migrate', 'hub1', 'hub2', 'nginx', 'builder']);
  const usage = await usageOf('koji-hub');
  for (const [name, service] of Object.entries(services)) {
    for (const secret of (service['secrets'] ?? []) as string[]) expect(secrets).toHaveProperty(secret);
    for (const volume of (service['volumes'] ?? []) as string[]) {
      const [from = ''] = volume.split(':');
      if (from.startsWith('.'))
        expect([name, existsSync(path.join(deploy, 'container', from))]).toEqual([name, true]);
      else expect(volumes).toHaveProperty(from);
    }
    const [programName, option, , word = ''] = (service['command'] ?? []) as string[];
    if (programName === 'koji-hub')
      expect([option, usage.includes(`  ${word} `)]).toEqual(['--config', true]);
  }
  const hubConf = await read('container', 'hub.conf');
  expect(unknownOptions(hubConf, 'hub', hubOptions)).toEqual([]);
  expect(unknownOptions(await read('container', 'kojid.conf'), 'kojid', kojidOptions)).toEqual([]);
  expect(hubConf).toContain('Listen = 0.0.0.0:8080');
  const stop = Number(/StopDelay = (\d+)/.exec(hubConf)?.[1]);
  expect(Number.parseInt(String(services['hub1']?.['stop_grace_period']))).toBeGreaterThan(stop + 30);
  expect(await read('container', 'nginx.conf')).toContain('listen 8000;');
  expect(services['nginx']?.['ports']).toEqual(['8000:8000']);
});

withYaml('the objects for Kubernetes agree with each other', async () => {
  const objects = (await parseYaml('kubernetes/koji.yaml')) as unknown as {
    kind: string;
    data?: Record<string, string>;
    spec?: { template?: { spec: { containers: { command: string[] }[] } } };
  }[];
  expect(objects.map(({ kind }) => kind)).toEqual([
    'ConfigMap',
    'PersistentVolumeClaim',
    'Job',
    'Deployment',
    'Service',
  ]);
  const conf = objects[0]?.data?.['hub.conf'] ?? '';
  expect(unknownOptions(conf, 'hub', hubOptions)).toEqual([]);
  expect(conf).toContain('Listen = 0.0.0.0:8080');
  const text = await read('kubernetes', 'koji.yaml');
  expect(text).toContain('containerPort: 8080');
  const usage = await usageOf('koji-hub');
  const commands = objects.flatMap(
    ({ spec }) => spec?.template?.spec.containers.map(({ command }) => command) ?? [],
  );
  expect(commands.map(([name, , , word = '']) => [name, usage.includes(`  ${word} `)])).toEqual([
    ['koji-hub', true],
    ['koji-hub', true],
  ]);
});

async function usageOf(name: string): Promise<string> {
  return (await run(process.execPath, [programs[name]!, '--help'], { env })).stdout;
}
