import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPlugin, parts } from '../src/create.js';
import type { Part } from '../src/create.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = path.join(root, 'packages/koji-create-plugin/bin/create-plugin.js');
const hub = path.join(root, 'packages/koji-hub/bin/koji-hub.js');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'koji-create-'));
  // The packages that `npm install` in the plugin's folder would install.
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], cwd = folder): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined };
    const child = execFile(file, args, { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

const create = (...args: string[]): Promise<Ran> => run(process.execPath, [program, ...args]);

/** Runs a script of the plugin as npm does; a failure shows what it said. */
async function script(name: string, plugin: string): Promise<void> {
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', name], path.join(folder, plugin));
  if (code !== 0) throw new Error(`npm run ${name} ended with ${code}:\n${stdout}${stderr}`);
}

test.each(['ts', 'js'])(
  'a plugin with all parts lints, tests green, packs and is taken by a hub: %s',
  async (language) => {
    const made = await create('greet-all', '--language', language);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain(`src/method.${language}`);
    const plugin = 'koji-plugin-greet-all';
    await script('lint', plugin);
    await script('test', plugin);
    const packed = await run(
      'npm',
      ['pack', '--json', '--dry-run', '--ignore-scripts'],
      path.join(folder, plugin),
    );
    const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
    const code = language === 'ts' ? 'dist' : 'src';
    expect(files.map((file) => file.path)).toEqual(
      expect.arrayContaining(['README.md', `${code}/hub.js`, `${code}/task.js`, `${code}/command.js`]),
    );
    expect(files.some((file) => file.path.startsWith('test/'))).toBe(false);
    await mkdir(path.join(folder, 'plugins'));
    symlinkSync(path.join(folder, plugin), path.join(folder, 'plugins', 'greet-all'));
    const options = [
      'Database = sqlite:koji.db',
      'KojiDir = store',
      'Plugins = greet-all',
      'PluginPath = plugins',
    ];
    writeFileSync(path.join(folder, 'hub.conf'), `[hub]\n${options.join('\n')}\n`);
    const told = await run(process.execPath, [hub, '--config', 'hub.conf', 'plugins']);
    expect(told.stdout).toContain('brings method greetAll(who)');
    expect(told.stdout).toContain('brings callback postTag');
    expect(told.stdout).toContain('[greeting] word = Hello (default)');
  },
);

describe.each(['ts', 'js'] as const)('each part alone, in %s,', (language) => {
  test.each(parts)('works: %s', async (part: Part) => {
    const place = path.join(folder, part);
    const files = await createPlugin({ name: 'alone', parts: [part], language, folder: place });
    expect(files).toContain(`src/${part}.${language}`);
    expect(files.filter((file) => file.startsWith('test/'))).toEqual([`test/${part}.test.js`]);
    const manifest = JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8')) as { koji: object };
    const program = { method: 'hub', callback: 'hub', task: 'builder', command: 'cli' }[part];
    expect(Object.keys(manifest.koji)).toEqual([program]);
    await script('test', part);
  });
});

test('parts, scope and folder are what was asked for', async () => {
  const made = await create(
    'greet',
    '--parts',
    'task,method',
    '--scope',
    '@us',
    '--folder',
    'here/greeter',
    '--yes',
  );
  expect(made.stdout).toContain('made @us/koji-plugin-greet in here/greeter:');
  expect(readdirSync(path.join(folder, 'here'))).toEqual(['greeter']);
  expect(readdirSync(path.join(folder, 'here/greeter/src')).sort()).toEqual([
    'hub.ts',
    'method.ts',
    'task.ts',
  ]);
  const readme = readFileSync(path.join(folder, 'here/greeter/README.md'), 'utf8');
  expect(readme).not.toContain('koji.conf');
});

test.each([
  [[], 2, 'name the plugin'],
  [['a', 'b'], 2, 'one name, not a b'],
  [['greet', '--parts', 'metod'], 2, 'no such part: metod; there are method, callback, task, command'],
  [['greet', '--language', 'py'], 2, 'no such language: py; there are ts and js'],
  [['greet', '--typescript', '4'], 2, 'no such version of TypeScript: 4; there are 5, 6 and 7'],
  [['greet', '--fast'], 2, "Unknown option '--fast'"],
  [['Greet'], 1, "'Greet' can't be the name of a plugin: use lower case letters, digits and hyphens"],
  [['../greet'], 1, "'../greet' can't be the name of a plugin"],
  [['delete'], 1, "'delete' can't be the name of a plugin: delete is taken"],
  [['hello'], 1, "'hello' can't be the name of a plugin: hello is taken"],
  [['greet', '--scope', 'us'], 1, "'us' can't be a scope of npm: write it as @us"],
  [['greet', '--parts', ','], 1, 'no part is wanted'],
])('%j is refused', async (args, code, message) => {
  const refused = await create(...args);
  expect(refused).toMatchObject({ code, stdout: '' });
  expect(refused.stderr).toMatch(/^create-plugin: /);
  expect(refused.stderr).toContain(message);
  expect(readdirSync(folder)).toEqual(['node_modules']);
});

test('a folder with something in it stays as it is, an empty one is filled', async () => {
  await mkdir(path.join(folder, 'koji-plugin-greet'));
  const file = path.join(folder, 'koji-plugin-greet', 'mine.txt');
  writeFileSync(file, 'mine');
  const refused = await create('greet');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain(
    'koji-plugin-greet already exists and is not empty: choose another one with --folder',
  );
  expect(readdirSync(path.dirname(file))).toEqual(['mine.txt']);
  rmSync(file);
  expect(await create('koji-plugin-greet')).toMatchObject({ code: 0 });
  expect(existsSync(path.join(folder, 'koji-plugin-greet', 'package.json'))).toBe(true);
});
