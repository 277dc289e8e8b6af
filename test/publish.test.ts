import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Copy, Registry, strangersEnvironment, tools } from './support/registry.js';
import { blocksOf, runBlocks, stopDaemons } from './support/pages.js';
import { System, root } from './support/system.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const manifestOf = (place: string): Manifest => readJson(path.join(root, place, 'package.json')) as Manifest;
const placesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder))
    .map((name) => path.join(folder, name))
    .filter((place) => existsSync(path.join(root, place, 'package.json')));

const isPublic = (place: string): boolean => !manifestOf(place).private;
const ours = placesIn('packages').filter(isPublic).map(manifestOf);
const examples = placesIn('examples').filter(isPublic);
const plugins = ['koji-plugin-mymethod', 'koji-plugin-mytask'];

const temp = realpathSync(mkdtempSync(path.join(tmpdir(), 'koji-published-')));
const stranger = path.join(temp, 'stranger');
const loaded = path.join(temp, 'loaded');
let registry: Registry | undefined;
let copy: Copy | undefined;
let system: System | undefined;

beforeAll(async () => {
  registry = await Registry.start(path.join(temp, 'registry'));
  copy = new Copy(path.join(temp, 'copy'), registry);
  await copy.publishPackages();
  copy.publishPlugins(examples);
});

afterAll(async () => {
  await system?.stop({ keep: true });
  await registry?.stop();
  rmSync(temp, { recursive: true, force: true });
});

/** Keeps the file that the registry hands out, and answers its name. */
async function download(name: string): Promise<string> {
  const published = await registry?.find(name);
  if (!registry || !published) throw new Error(`${name} is not published`);
  const file = path.join(temp, `${name.replace('/', '-')}.tgz`);
  writeFileSync(file, await registry.tarball(published));
  return file;
}

test('lerna publishes every package that is not private, with the version of the tree', async () => {
  const found = await Promise.all(ours.map(async ({ name }) => registry?.find(name)));
  const versions = found.map((published) => [published?.name, published?.version]);
  expect(versions).toEqual(ours.map(({ name, version }) => [name, version]));
});

/** Findings of publint and attw about packages, by file. */
async function complaints(...files: string[]): Promise<Record<string, string[]>> {
  const options = { cwd: temp, env: strangersEnvironment() };
  const args = [path.join(tools, 'check.mjs'), ...files];
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  return JSON.parse(stdout) as Record<string, string[]>;
}

test('publint and attw find nothing wrong with any package as it is published', async () => {
  const names = [...ours, ...examples.map(manifestOf)].map(({ name }) => name);
  const files = await Promise.all(names.map(download));
  expect(await complaints(...files)).toEqual(Object.fromEntries(files.map((file) => [file, []])));
});

test('publint and attw find what is wrong with a package', async () => {
  const bad = path.join(temp, 'bad');
  mkdirSync(bad);
  const manifest = {
    name: 'bad',
    version: '1.0.0',
    type: 'module',
    exports: { types: './a.d.cts', default: './a.js' },
  };
  writeFileSync(path.join(bad, 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(bad, 'a.js'), 'module.exports = 1;\n');
  writeFileSync(path.join(bad, 'a.d.cts'), 'declare const a: number;\nexport = a;\n');
  execFileSync('npm', ['pack', './bad'], { cwd: temp, env: strangersEnvironment(), stdio: 'pipe' });
  const file = path.join(temp, 'bad-1.0.0.tgz');
  const { [file]: said = [] } = await complaints(file);
  expect(said.join('\n')).toMatch(/^publint: /m);
  expect(said.join('\n')).toMatch(/^attw: /m);
});

test('the plugin that docs/plugins/publish.md makes passes both, too', async () => {
  const author = path.join(temp, 'author');
  mkdirSync(author);
  symlinkSync(path.join(root, 'node_modules'), path.join(author, 'node_modules'));
  const page = readFileSync(path.join(root, 'docs', 'plugins', 'publish.md'), 'utf8');
  const [, commands = ''] = /^```sh\n([^]*?)^```$/m.exec(page) ?? [];
  const env = strangersEnvironment();
  env['PATH'] = `${path.join(root, 'node_modules', '.bin')}:${env['PATH'] ?? ''}`;
  const options = { cwd: author, env, encoding: 'utf8', stdio: 'pipe' } as const;
  execFileSync('sh', ['-e', '-c', `${commands}npm pack ./koji-plugin-greet`], options);
  const file = path.join(author, 'koji-plugin-greet-1.0.0.tgz');
  expect(await complaints(file)).toEqual({ [file]: [] });
});

/**
 * A stranger's environment, where better-sqlite3 finds a binary instead of compiling for a minute what is compiled here, and npm
 * what it has fetched before.
 */
function withPrebuiltSqlite(): NodeJS.ProcessEnv {
  const source = path.join(root, 'node_modules', 'better-sqlite3-12');
  const { version } = readJson(path.join(source, 'package.json')) as Manifest;
  const prebuilds = path.join(temp, 'prebuilds');
  mkdirSync(prebuilds, { recursive: true });
  const env = {
    ...strangersEnvironment(),
    npm_config_better_sqlite3_local_prebuilds: prebuilds,
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
  };
  const built = path.join('build', 'Release', 'better_sqlite3.node');
  if (!existsSync(path.join(source, built))) return env;
  const target = `node-v${process.versions.modules}-${process.platform}-${process.arch}`;
  const file = path.join(prebuilds, `better-sqlite3-v${version}-${target}.tar.gz`);
  execFileSync('tar', ['-czf', file, '-C', source, built]);
  return env;
}

test('the ten minutes of docs/plugins/ten-minutes.md lead from an empty folder to a plugin that runs', async () => {
  const folder = path.join(temp, 'author-in-a-hurry');
  const home = path.join(temp, 'home');
  mkdirSync(folder);
  mkdirSync(home);
  const own = path.join(homedir(), '.npmrc');
  const settings = existsSync(own) ? readFileSync(own, 'utf8') : '';
  writeFileSync(path.join(home, '.npmrc'), `${settings}\n@koji:registry=${registry!.url}\n`);
  const usual = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim();
  // npm's cache, without an earlier @koji/create-plugin of this version from `npm create`.
  const cache = path.join(temp, 'cache');
  mkdirSync(cache);
  symlinkSync(path.join(usual, '_cacache'), path.join(cache, '_cacache'));
  const env = {
    ...withPrebuiltSqlite(),
    HOME: home,
    npm_config_userconfig: path.join(home, '.npmrc'),
    npm_config_cache: cache,
  };
  const page = readFileSync(path.join(root, 'docs', 'plugins', 'ten-minutes.md'), 'utf8');
  const blocks = blocksOf(page);
  const started = performance.now();
  try {
    const said = await runBlocks(blocks, folder, env);
    const seconds = Math.round((performance.now() - started) / 1000);
    // For `npm run ten-minutes`: a slow machine is no reason to fail.
    process.stderr.write(`ten minutes: the commands took ${seconds} s, of 60 that they may take\n`);
    blocks.forEach(({ printed }, i) => {
      for (const line of printed) expect(said[i]).toContain(line);
    });
  } finally {
    await stopDaemons(folder);
  }
});

/** Does what the README says to somebody with an empty folder; only @koji packages come from our registry. */
function install({ url }: Registry): void {
  mkdirSync(stranger);
  writeFileSync(path.join(stranger, '.npmrc'), `@koji:registry=${url}\n`);
  const env = withPrebuiltSqlite();
  const npm = (...args: string[]): string =>
    execFileSync('npm', args, { cwd: stranger, env, encoding: 'utf8', stdio: 'pipe' });
  npm('init', '--yes');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  npm('install', ...quiet, '@koji/hub', '@koji/builder', '@koji/client');
  // Their registry knows nothing else, so that this fails if a plugin brings anything that Koji has not.
  npm('install', ...quiet, '--registry', url, ...plugins);
}

test('a stranger installs hub, builder, client and plugins, and runs a method and a task of the plugins', async () => {
  install(registry!);
  // V8 writes down which scripts each process loaded, when it ends in order.
  const npx = { ...strangersEnvironment(), NODE_V8_COVERAGE: loaded };
  system = await System.create({
    folder: stranger,
    npx,
    hub: { Plugins: 'mymethod' },
    kojid: { plugins: 'mytask' },
  });
  await system.startHub();
  await system.startBuilder();
  const answer: unknown = JSON.parse(
    system.koji('call', '--json-output', 'mymethod', 'one', 'two', 'kwarg1=three'),
  );
  expect(answer).toEqual({ arg1: 'one', arg2: 'two', kwarg1: 'three', user: 'kojiadmin' });
  const id = Number(/\d+/.exec(system.koji('make-task', 'mytask', 'hello', 'world', 'kwarg1=seven'))?.[0]);
  system.koji('watch-task', String(id));
  const result: unknown = JSON.parse(system.koji('call', '--json-output', 'getTaskResult', String(id)));
  expect(result).toEqual({ arg1: 'hello', arg2: 'world', kwarg1: 'seven', task: id });
  const output = path.join(stranger, 'koji/work/tasks', String(id), String(id), 'mytask.txt');
  expect(readFileSync(output, 'utf8')).toBe('hello\nworld\nseven\n');
  await system.stop({ keep: true });
});

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => !lstatSync(path.join(folder, file)).isDirectory())
    .sort();

test('what was installed is what was published, byte for byte, and nothing of it is a link out of the folder', async () => {
  const modules = path.join(stranger, 'node_modules');
  for (const file of filesBelow(modules)) {
    const full = path.join(modules, file);
    if (lstatSync(full).isSymbolicLink()) expect(realpathSync(full)).toContain(`${modules}/`);
  }
  const lock = readJson(path.join(stranger, 'package-lock.json')) as {
    packages: Record<string, { integrity?: string; link?: boolean }>;
  };
  const names = readdirSync(path.join(modules, '@koji')).map((name) => `@koji/${name}`);
  expect(names).toEqual([
    '@koji/builder',
    '@koji/client',
    '@koji/core',
    '@koji/hub',
    '@koji/plugin-sdk',
    // npm leaves this package out on releases of Node.js that have Node-API 10.
    ...(Number(process.versions['napi']) < 10 ? ['@koji/sqlite-node20'] : []),
    '@koji/web',
  ]);
  for (const name of [...names, ...plugins]) {
    const file = await download(name);
    const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
    expect(lock.packages[`node_modules/${name}`]?.integrity).toBe(integrity);
    const unpacked = path.join(temp, 'unpacked', name);
    mkdirSync(unpacked, { recursive: true });
    execFileSync('tar', ['-xzf', file, '-C', unpacked, '--strip-components=1']);
    const installed = path.join(modules, name);
    expect(filesBelow(installed)).toEqual(filesBelow(unpacked));
    for (const one of filesBelow(unpacked))
      expect(readFileSync(path.join(installed, one)).equals(readFileSync(path.join(unpacked, one)))).toBe(
        true,
      );
  }
});

test('hub, builder, client and plugins ran nothing of this repository', () => {
  const scripts = new Set<string>();
  for (const report of readdirSync(loaded)) {
    const { result } = readJson(path.join(loaded, report)) as { result: { url: string }[] };
    for (const { url } of result) if (url.startsWith('file:')) scripts.add(fileURLToPath(url));
  }
  const modules = path.join(stranger, 'node_modules');
  for (const file of [
    '@koji/hub/dist/bundle/main.js',
    '@koji/builder/dist/bundle/main.js',
    '@koji/client/dist/bundle/main.js',
  ])
    expect(scripts).toContain(path.join(modules, file));
  for (const name of plugins)
    expect([...scripts].some((file) => file.startsWith(path.join(modules, name, '/')))).toBe(true);
  expect([...scripts].filter((file) => file.startsWith(`${root}/`))).toEqual([]);
});

test('a new version is one command away from being published, and its packages want one another', async () => {
  const [major = '', minor] = ours[0]!.version.split('.');
  const next = `${major}.${Number(minor) + 1}.0`;
  copy!.bump(next);
  await copy!.publishPackages();
  for (const { name } of ours) {
    const published = await registry?.find(name);
    expect([name, published?.version]).toEqual([name, next]);
    const wanted = Object.entries({ ...published?.dependencies, ...published?.peerDependencies })
      .filter(([dependency]) => dependency.startsWith('@koji/'))
      .map(([, range]) => range.replace('^', ''));
    expect(new Set([...wanted, next])).toEqual(new Set([next]));
  }
  const url = 'https://git.example/owner/name';
  const refused = copy!.gate(`v${ours[0]!.version}`, url);
  expect(refused).toContain(`lerna.json says ${next}`);
  expect(refused).toContain('@koji/hub does not name its repository');
  copy!.nameRepository(url);
  expect(copy!.gate(`v${next}`, url)).toBe('');
});
