import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../scripts/ports.mjs';
import { root, until } from './support/system.js';

const packed = mkdtempSync(path.join(tmpdir(), 'koji-packed-'));
const folder = mkdtempSync(path.join(tmpdir(), 'koji-installed-'));
let hub: ChildProcess | undefined;

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: { path: string }[];
}

const places = readdirSync(path.join(root, 'packages')).map((name) => path.join('packages', name));
const plugins = readdirSync(path.join(root, 'examples'))
  .filter((name) => name.startsWith('koji-plugin-'))
  .map((name) => path.join('examples', name));
/** A command under its own name, whose file is called like that of the package in a scope: koji-hub-0.1.0.tgz. */
const isCommand = (place: string): boolean => path.basename(place).startsWith('command-');
const others = places.filter((place) => !isCommand(place));
let tarballs: (Packed & { readonly file: string })[];

/** Packs packages into a folder of their own. */
function pack(name: string, all: readonly string[]): typeof tarballs {
  const place = path.join(packed, name);
  mkdirSync(place);
  const words = ['pack', '--json', '--pack-destination', place, ...all.flatMap((one) => ['-w', one])];
  const made = JSON.parse(npm(root, ...words)) as Packed[];
  return made.map((one) => ({ ...one, file: path.join(place, one.filename) }));
}

beforeAll(() => {
  tarballs = [...pack('commands', places.filter(isCommand)), ...pack('others', [...others, ...plugins])];
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ name: 'somebody', private: true, type: 'module' }),
  );
  const files = tarballs.map(({ file }) => file);
  npm(
    folder,
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...files,
  );
  // Compiling SQLite takes a minute and shows nothing about our packages: the one that was compiled here is the same.
  const sqlite = path.join('node_modules', 'better-sqlite3-12', 'build');
  if (existsSync(path.join(root, sqlite)))
    cpSync(path.join(root, sqlite), path.join(folder, sqlite), { recursive: true });
});

afterAll(async () => {
  if (hub && hub.exitCode === null) {
    hub.kill('SIGTERM');
    await once(hub, 'exit');
  }
  rmSync(packed, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

test('a package holds what it needs and nothing else', () => {
  for (const { name, files } of tarballs) {
    const strays = files
      .map((file) => file.path)
      .filter(
        (file) =>
          !/^(dist\/|bin\/|programs\/|src\/|templates\/|testing\/|index\.[cm]?js$|package\.json$|README\.md$|LICENSE$)/.test(
            file,
          ),
      );
    expect({ name, strays }).toEqual({ name, strays: [] });
    expect(files.map((file) => file.path)).toContain('README.md');
    expect(
      files.some((file) => !file.path.startsWith('templates/') && /\.test\.|tsbuildinfo/.test(file.path)),
    ).toBe(false);
  }
});

const doors = places.flatMap((place) => {
  const { name, exports } = JSON.parse(readFileSync(path.join(root, place, 'package.json'), 'utf8')) as {
    name: string;
    exports?: Record<string, unknown>;
  };
  return Object.keys(exports ?? {})
    .filter((door) => door !== './package.json')
    .map((door) => path.posix.join(name, door));
});

test('every door of every package opens', () => {
  const lines = doors.map(
    (door, i) =>
      `import * as door${i} from '${door}';\nif (Object.keys(door${i}).length === 0) throw new Error('${door}');`,
  );
  writeFileSync(path.join(folder, 'doors.mjs'), lines.join('\n'));
  execFileSync(process.execPath, ['doors.mjs'], { cwd: folder });
});

test.each(['koji', 'kojid', 'koji-hub', 'koji-dev'])(
  'the package %s is the command of that name, for npx',
  (name) => {
    const command = path.join(folder, 'node_modules', name, 'bin', `${name}.js`);
    const { status, stdout } = spawnSync(command, ['--help'], { cwd: folder, encoding: 'utf8' });
    expect(stdout.toLowerCase()).toContain(`usage: ${name} `);
    expect(status).toBe(0);
  },
);

describe('in a project that sets no types and checks the declarations of libraries', () => {
  const compilers = path.join(folder, 'compilers');
  const projects = doors.map((door, i) => ({
    file: `door-${i}.mts`,
    text: `export * as door from '${door}';\n`,
  }));
  const plugin = `
    import fs from 'node:fs';
    import { BaseTaskHandler, callback, exported } from '@koji/plugin-sdk';
    export class Task extends BaseTaskHandler {
      static override readonly Methods = ['task'];
      handler(file: string): string { return fs.readFileSync(file, 'utf8'); }
    }
    export const method = exported((a: string) => a.length);
    export const guard = callback('preTag')((_event, { tag }) => void tag.name);\n`;

  beforeAll(() => {
    mkdirSync(compilers);
    writeFileSync(path.join(compilers, 'package.json'), '{ "private": true }');
    const wanted = [5, 6, 7].map((major) => `typescript-${major}@npm:typescript@${major}`);
    npm(compilers, 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...wanted);
    for (const { file, text } of projects) writeFileSync(path.join(folder, file), text);
    writeFileSync(path.join(folder, 'plugin.mts'), plugin);
    writeFileSync(path.join(folder, 'leaky.mts'), 'declare const a: number;\nexport const b: string = a;\n');
  });

  const settings = { strict: true, noEmit: true, module: 'nodenext', target: 'es2023', lib: ['es2023'] };
  const tsc = (major: number, ...args: string[]): string => {
    const program = path.join(compilers, 'node_modules', `typescript-${major}`, 'bin', 'tsc');
    // TypeScript 7 is a Go program: fewer collections of garbage take a quarter less processor time.
    const env = { ...process.env, GOGC: '400' };
    return spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8', env }).stdout;
  };

  /** A file that no compiler takes, which shows that each of them looks. */
  const leaky = 'leaky.mts';
  const onlyLeaky = (said: string): void =>
    expect(said.trim().split('\n')).toEqual([expect.stringContaining(leaky) as unknown]);
  const files = ['plugin.mts', ...projects.map(({ file }) => file), leaky];

  test.each([5, 6, 7])('a plugin and all packages compile with TypeScript %i', (major) => {
    const config = path.join(folder, 'tsconfig.json');
    writeFileSync(config, JSON.stringify({ compilerOptions: settings, files }));
    onlyLeaky(tsc(major, '-p', config));
  });

  test('each door compiles by itself', () => {
    const references = files.map((file) => {
      const config = path.join(folder, `tsconfig.${file}.json`);
      writeFileSync(config, JSON.stringify({ compilerOptions: settings, files: [file] }));
      return { path: config };
    });
    const config = path.join(folder, 'tsconfig.each.json');
    writeFileSync(config, JSON.stringify({ files: [], references }));
    // Several checkers for each project would each look at all declarations again.
    onlyLeaky(tsc(7, '--build', config, '--checkers', '1'));
  });
});

test('a hub without a driver for SQLite says what to do', () => {
  const modules = path.join(folder, 'node_modules');
  const drivers = readdirSync(modules).filter((name) => name.startsWith('better-sqlite3'));
  const hide = (name: string): string => path.join(modules, `.without-${name}`);
  for (const name of drivers) renameSync(path.join(modules, name), hide(name));
  const config = path.join(folder, 'no-driver.conf');
  writeFileSync(config, '[hub]\nDatabase = sqlite:none.db\n');
  const { status, stderr } = spawnSync(
    path.join(modules, '.bin', 'koji-hub'),
    ['--config', config, 'migrate'],
    {
      encoding: 'utf8',
    },
  );
  for (const name of drivers) renameSync(hide(name), path.join(modules, name));
  expect(stderr).toContain('no driver for SQLite works here (');
  expect(stderr).toContain('install python3, make and g++ and run npm install again');
  expect(status).toBe(1);
});

test('ports of plugins of Koji load from their packages, each part in its program', () => {
  const bin = (name: string): string => path.join(folder, 'node_modules', '.bin', name);
  const names = ['fedoramessaging', 'image-builder', 'rekor', 'sign'];
  const hubConf = `[hub]\nDatabase = sqlite:ported.db\nKojiDir = ${folder}/ported\nPlugins = ${names.join(' ')}\n`;
  writeFileSync(path.join(folder, 'ported.conf'), hubConf);
  mkdirSync(path.join(folder, 'plugins'), { recursive: true });
  const bus = '[fedoramessaging]\namqp_url = amqp://localhost\nbase_url = http://localhost\n';
  writeFileSync(path.join(folder, 'plugins/fedoramessaging.conf'), bus);
  execFileSync(bin('koji-hub'), ['--config', 'ported.conf', 'migrate'], { cwd: folder });
  const listed = execFileSync(bin('koji-hub'), ['--config', 'ported.conf', 'plugins'], {
    cwd: folder,
    encoding: 'utf8',
  });
  for (const name of names) expect(listed).toMatch(new RegExp(`^${name} \\d`, 'm'));
  expect(listed).toMatch(/brings method imageBuilderBuild\(target, arches, types, name, version/);
  expect(listed).not.toContain('PROBLEM');
  writeFileSync(
    path.join(folder, 'ported-cli.conf'),
    '[koji]\nserver = http://localhost/kojihub\nplugins = image-builder\n',
  );
  const help = ['-c', 'ported-cli.conf', 'image-builder-build', '--help'];
  expect(execFileSync(bin('koji'), help, { cwd: folder, encoding: 'utf8' })).toContain('--bootc-ref');
  const builder = `import { readFileSync } from 'node:fs';
    const { koji } = JSON.parse(readFileSync('node_modules/koji-plugin-image-builder/package.json', 'utf8'));
    const part = await import('./node_modules/koji-plugin-image-builder/' + koji.builder);
    console.log(Object.values(part).flatMap(({ Methods }) => Methods).sort().join());`;
  writeFileSync(path.join(folder, 'builder-part.mjs'), builder);
  const methods = execFileSync(process.execPath, ['builder-part.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(methods.trim()).toBe('imageBuilderBuild,imageBuilderBuildArch');
});

test('the installed hub starts with an installed plugin, and the installed command calls it', async () => {
  const bin = (name: string): string => path.join(folder, 'node_modules', '.bin', name);
  const port = await freePort();
  execFileSync(bin('koji-hub'), ['init', '.'], { cwd: folder });
  expect(existsSync(path.join(folder, 'hub.conf'))).toBe(true);
  writeFileSync(
    path.join(folder, 'hub.conf'),
    `[hub]\nListen = 127.0.0.1:${port}\nDatabase = sqlite:koji.db\nKojiDir = ${folder}/koji\nPlugins = mymethod\n`,
  );
  execFileSync(bin('koji-hub'), ['user', 'passwd', 'admin', 'secret'], { cwd: folder });
  hub = spawn(bin('koji-hub'), ['--config', 'hub.conf'], { cwd: folder, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/kojihub`;
  await until('the hub answers', () =>
    fetch(url).then(
      (reply) => reply.status === 405,
      () => false,
    ),
  );
  const profile = { server: url, authtype: 'password', user: 'admin', password: 'secret' };
  const lines = Object.entries(profile).map(([key, value]) => `${key} = ${value}`);
  writeFileSync(path.join(folder, 'koji.conf'), `[koji]\n${lines.join('\n')}\n`);
  const call = ['-c', 'koji.conf', 'call', 'mymethod', 'one', 'two', 'kwarg1=three'];
  const said = execFileSync(bin('koji'), call, { cwd: folder, encoding: 'utf8' });
  expect(said).toMatch(/one.*two.*three/s);
});
