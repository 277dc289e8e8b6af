import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PluginLoadError, describeProblem, loadPlugins } from '../src/host/index.js';
import { officialPlugins } from '../src/host/official.js';
import type { LoadOptions, LoadResult, LoadedPlugin, PluginProblem } from '../src/host/index.js';

const gallery = fileURLToPath(new URL('fixtures/plugins', import.meta.url));
const folder = path.join(gallery, 'folder');

function load(names: string[], options: Partial<LoadOptions> = {}): Promise<LoadResult> {
  return loadPlugins({ part: 'hub', names, folders: [folder], from: gallery, timeLimit: 2000, ...options });
}

async function problemOf(name: string, options: Partial<LoadOptions> = {}): Promise<PluginProblem> {
  const { plugins, problems } = await load([name], options);
  expect(plugins).toEqual([]);
  expect(problems).toHaveLength(1);
  return problems[0] as PluginProblem;
}

async function pluginOf(name: string, options: Partial<LoadOptions> = {}): Promise<LoadedPlugin> {
  const { plugins, problems } = await load([name], options);
  expect(problems.map(describeProblem)).toEqual([]);
  expect(plugins).toHaveLength(1);
  return plugins[0] as LoadedPlugin;
}

describe('a plugin that is not loaded says what is wrong and what to do:', () => {
  test.each<[string, PluginProblem['topic'], RegExp, RegExp]>([
    ['throws', 'throws-at-load', /threw while loading: no database here/, /the log has the stack/],
    ['throws-text', 'throws-at-load', /threw while loading: just words/, /log/],
    ['syntax', 'syntax-error', /has a syntax error/, /correct it/],
    ['missing', 'missing-import', /imports what is not there: .*koji-no-such-package/, /npm install in /],
    [
      'missing-required',
      'missing-import',
      /imports what is not there: .*koji-no-such-package/,
      /npm install/,
    ],
    ['no-such-export', 'missing-import', /inventMe/, /./],
    ['nothing', 'exports-nothing', /exports nothing that the hub could use/, /exported = true/],
    ['forever', 'never-loads', /did not end within 2 s while loading/, /await/],
    ['unnamed', 'bad-export', /has no name/, /exportAs/],
    ['bound', 'bad-export', /bound: its arguments can't be read/, /exported\(\{ args/],
    ['listed', 'bad-export', /listed: a caller can't name its parameter \[a, b\]/, /exported\(\{ args/],
    ['classy', 'bad-export', /Classy: its arguments can't be read from its source \(a class/, /./],
    ['wrong-event', 'bad-export', /onTag: "preTga" is not a valid callback type/, /events\.md/],
    ['decorated-task', 'bad-export', /NoBase: has Methods, but does not extend BaseTaskHandler/, /extend/],
    ['bare', 'bad-package', /is a folder without a package\.json/, /package\.json/],
    [
      'future',
      'wrong-sdk-version',
      /wants @koji\/plugin-sdk >=2 <3, and this is \d/,
      /install a version of koji-plugin-future/,
    ],
    ['nonsense', 'wrong-sdk-version', /'the newest one', which is not a range/, /install/],
    ['own-sdk', 'sdk-under-dependencies', /under "dependencies"/, /peerDependencies/],
    ['unbuilt', 'bad-package', /names \.\/dist\/index\.js, and there is no such file/, /npm run build/],
    ['escaping', 'bad-package', /outside of the package/, /./],
    ['numbered', 'bad-package', /"koji": \{"hub"\} is not a path/, /./],
    ['../folder/esm', 'not-installed', /is not the name of a plugin/, /without folder and extension/],
  ])('%s is %s', async (name, topic, text, remedy) => {
    const problem = await problemOf(name);
    expect(problem.topic).toBe(topic);
    expect(problem.problem).toMatch(text);
    expect(problem.remedy).toMatch(remedy);
    expect(describeProblem(problem)).toContain(`plugin ${name}`);
  });

  test('one that is nowhere names every place that was looked in, and no package', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-plugins-'));
    const { problem, remedy, topic } = await problemOf('unheard_of', { folders: [root], from: root });
    expect(topic).toBe('not-installed');
    expect(problem).toContain(path.join(root, 'unheard_of{.js,.mjs,.cjs,.ts,.mts,.cts}'));
    expect(problem).toContain(path.join(root, 'node_modules'));
    expect(problem + remedy).not.toMatch(/koji-plugin-|npm install|unheard-of/);
    expect(remedy).toContain('the package that its author names');
  });

  test.each([
    ['dud', '@koji/plugin-dud'],
    ['echo', '@koji/plugin-echo'],
    ['kiwi', '@koji/plugin-kiwi'],
    ['protonmsg', '@koji/plugin-messagebus'],
    ['rpm2maven', '@koji/plugin-rpm2maven'],
    ['runroot', '@koji/plugin-runroot'],
    ['runroot_hub', '@koji/plugin-runroot'],
    ['save_failed_tree', '@koji/plugin-save-failed-tree'],
    ['scmpolicy', '@koji/plugin-scmpolicy'],
    ['sidetag_cli', '@koji/plugin-sidetag'],
    ['sidetag_hub', '@koji/plugin-sidetag'],
    ['tag2distrepo', '@koji/plugin-tag2distrepo'],
  ])('%s of a configuration for Koji leads to %s, in the advice and once installed', async (name, pkg) => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-plugins-'));
    const { remedy } = await problemOf(name, { folders: [], from: root });
    expect(remedy).toBe(`npm install ${pkg} in ${root}, or take it out of the configuration`);
    const installed = path.join(root, 'node_modules', pkg);
    fs.mkdirSync(installed, { recursive: true });
    fs.writeFileSync(path.join(installed, 'package.json'), '{ "version": "1.0.0", "main": "./main.cjs" }');
    fs.writeFileSync(path.join(installed, 'main.cjs'), 'exports.it = () => 1; exports.it.exported = true;');
    const plugin = await pluginOf(name, { folders: [], from: root });
    expect([plugin.name, plugin.methods.map((method) => method.name)]).toEqual([name, ['it']]);
    fs.rmSync(root, { recursive: true });
  });

  test("the packages named in advice are this repository's", () => {
    const packages = fileURLToPath(new URL('../..', import.meta.url));
    const names = fs
      .readdirSync(packages)
      .flatMap((name) => /^koji-plugin-(?!sdk)(.*)/.exec(name)?.[1] ?? []);
    expect([...officialPlugins]).toEqual(names.sort());
  });

  test('a package that happens to have the name of a plugin is none unless it says so', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-plugins-'));
    const stray = path.join(root, 'node_modules', 'echo');
    fs.mkdirSync(stray, { recursive: true });
    const manifest = path.join(stray, 'package.json');
    fs.writeFileSync(manifest, '{ "name": "echo", "version": "1.0.0" }');
    fs.writeFileSync(path.join(stray, 'index.js'), "throw new Error('was run');");
    const { file, problem } = await problemOf('echo', { folders: [], from: root });
    expect([file, problem]).toEqual([manifest, expect.stringContaining('is a package, but no plugin')]);
    fs.writeFileSync(manifest, '{ "name": "echo", "version": "1.0.0", "koji": { "hub": "./index.js" } }');
    const said = await problemOf('echo', { folders: [], from: root });
    expect(said.problem).toContain('was run');
    fs.rmSync(root, { recursive: true });
  });

  test('one that is there twice names both', async () => {
    const { problem, topic } = await problemOf('twice');
    expect(topic).toBe('found-twice');
    expect(problem).toContain(path.join(folder, 'twice.js'));
    expect(problem).toContain(path.join(folder, 'twice.mjs'));
  });

  test('CommonJS code below a package.json of type module is told to be .cjs', async () => {
    const { problem, remedy, topic } = await problemOf('oldstyle', {
      folders: [path.join(gallery, 'esm-folder')],
    });
    expect(topic).toBe('module-format');
    expect(problem).toContain('CommonJS');
    expect(remedy).toBe('rename it to oldstyle.cjs');
  });

  test('one whose package.json is broken is distinguished from a missing one', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-plugins-'));
    fs.mkdirSync(path.join(root, 'broken'));
    fs.writeFileSync(path.join(root, 'broken', 'package.json'), '{ "name": ');
    const { problem, file, topic } = await problemOf('broken', { folders: [root] });
    fs.rmSync(root, { recursive: true });
    expect([topic, file]).toEqual(['bad-package', path.join(root, 'broken', 'package.json')]);
    expect(problem).toContain("can't be read: SyntaxError");
  });

  test('one without the part that is asked for says which it has', async () => {
    const { problem, topic } = await problemOf('packaged', { part: 'cli' });
    expect(topic).toBe('no-such-part');
    expect(problem).toBe('has no cli part; it has hub and builder');
  });
});

test('outside of a test runner, the module system of Node says the same', async () => {
  const host = new URL('../dist/host/index.js', import.meta.url).href;
  const names = [
    'throws',
    'syntax',
    'missing',
    'missing-file',
    'missing-required',
    'no-such-export',
    'forever',
    'sdk-commonjs',
  ];
  const options = { part: 'hub', names, folders: [folder], from: gallery, timeLimit: 500 };
  const script = `import { loadPlugins } from ${JSON.stringify(host)};
    const { plugins, problems } = await loadPlugins(${JSON.stringify(options)});
    console.log(JSON.stringify([plugins.map((p) => p.name), problems.map((p) => p.topic)]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(JSON.parse(stdout)).toEqual([
    ['sdk-commonjs'],
    [
      'throws-at-load',
      'syntax-error',
      'missing-import',
      'missing-import',
      'missing-import',
      'missing-import',
      'never-loads',
    ],
  ]);
});

describe('problems are gathered', () => {
  test('of all plugins, and the others are loaded anyway', async () => {
    const { plugins, problems } = await load(['throws', 'esm', 'nothing', 'commonjs', 'koji-unheard-of']);
    expect(plugins.map(({ name }) => name)).toEqual(['esm', 'commonjs']);
    expect(problems.map(({ plugin }) => plugin)).toEqual(['throws', 'nothing', 'koji-unheard-of']);
    const error = new PluginLoadError(problems);
    expect(error.faultCode).toBe(1016);
    expect(error.message.match(/remedy:/g)).toHaveLength(3);
    expect(error.message).toContain('docs/plugins/failures.md#throws-at-load');
  });

  test('of two plugins that bring one method, both have it', async () => {
    const { plugins, problems } = await load(['same-a', 'esm', 'same-b']);
    expect(plugins.map(({ name }) => name)).toEqual(['esm']);
    expect(problems.map(({ plugin, topic }) => [plugin, topic])).toEqual([
      ['same-a', 'duplicate-name'],
      ['same-b', 'duplicate-name'],
    ]);
    expect(problems[0]?.problem).toContain(path.join(folder, 'same-b.mjs'));
  });

  test("of a plugin that would replace one of Koji's methods", async () => {
    const { problem } = await problemOf('replaces', { taken: { methods: ['getTag'] } });
    expect(problem).toBe("brings the method getTag, which is also brought by Koji's own");
  });

  test('and a name that is configured twice is loaded once', async () => {
    const { plugins, problems } = await load(['esm', 'esm']);
    expect([plugins.length, problems.length]).toEqual([1, 0]);
  });
});

describe('a plugin may be', () => {
  const methods = (plugin: LoadedPlugin): string[] => plugin.methods.map(({ name }) => name);

  test('an ES module, whose function has the first name that it is exported under', async () => {
    expect(methods(await pluginOf('esm'))).toEqual([expect.stringMatching(/^(hello|goodDay)$/)]);
  });

  test('a CommonJS module with several exports', async () => {
    expect(methods(await pluginOf('commonjs'))).toEqual(['legacy']);
  });

  test('a CommonJS module that is one function', async () => {
    expect(methods(await pluginOf('single'))).toEqual(['lonely']);
  });

  test('an ES module in a folder of type module', async () => {
    const plugin = await pluginOf('esm', { folders: [path.join(gallery, 'esm-folder')] });
    expect(methods(plugin)).toEqual(['inEsmFolder']);
  });

  test('a package with parts, of which only the asked one is imported', async () => {
    const hub = await pluginOf('packaged');
    expect([hub.version, methods(hub), hub.callbacks.length]).toEqual(['3.2.1', ['fromPackage'], 0]);
    const builder = await pluginOf('packaged', { part: 'builder' });
    expect([methods(builder), builder.callbacks.map(({ events }) => events)]).toEqual([
      [],
      [['postSCMCheckout']],
    ]);
  });

  test('a package that says nothing of Koji but has exports', async () => {
    expect(methods(await pluginOf('with-exports'))).toEqual(['viaExports']);
  });

  test('TypeScript compiled to CommonJS, with a class of static methods', async () => {
    const plugin = await pluginOf('compiled');
    expect(methods(plugin)).toEqual(['compiledMethod']);
    expect(plugin.methods[0]?.declaration.args.map(({ name, optional }) => [name, optional])).toEqual([
      ['a', false],
      ['b', true],
    ]);
    const [onTag] = plugin.callbacks;
    expect(onTag?.events).toEqual(['postTag']);
    expect(onTag?.run('postTag', { tag: 1 })).toEqual(['holder', 'postTag', { tag: 1 }]);
  });

  test('made with another copy of the SDK, and bring everything that there is', async () => {
    const plugin = await pluginOf('sdk-all');
    expect(methods(plugin).sort()).toEqual(['other.name', 'sleepy.inside', 'whoami']);
    const whoami = plugin.methods.find(({ name }) => name === 'whoami');
    expect(whoami?.declaration).toMatchObject({ doc: 'Say who calls.', access: 'read' });
    expect(plugin.tasks.map(({ methods: names, Handler }) => [names, Handler._taskWeight])).toEqual([
      [['sleepy', 'drowsy'], 0.5],
    ]);
    expect(plugin.callbacks).toMatchObject([
      { events: ['preTag', 'postTag'], ignoreError: true, convertDatetime: true, afterCommit: false },
      { events: ['postTag'], ignoreError: false, convertDatetime: false, afterCommit: true },
    ]);
    expect(plugin.commands).toMatchObject([
      { name: 'say-hello', help: 'Greet', group: 'info', login: false },
    ]);
    expect(plugin.policyTests.map(({ name }) => name)).toEqual(['is_napping']);
    expect(await plugin.policyTests[0]?.run({ state: 'asleep' }, 'asleep')).toBe(true);
  });
});

describe('a package in node_modules', () => {
  let root: string;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-plugins-'));
  });

  afterEach(() => {
    fs.rmSync(root, { recursive: true });
  });

  function install(where: string, name: string): void {
    const target = path.join(root, where, 'node_modules', name);
    fs.mkdirSync(target, { recursive: true });
    fs.writeFileSync(
      path.join(target, 'package.json'),
      JSON.stringify({ name, version: '1.0.0', main: 'main.cjs' }),
    );
    fs.writeFileSync(
      path.join(target, 'main.cjs'),
      `exports.where = () => ${JSON.stringify(name)}; exports.where.exported = true;`,
    );
  }

  test.each([
    ['mysigner', 'mysigner'],
    ['mysigner', 'koji-plugin-mysigner'],
    ['koji-plugin-mysigner', 'koji-plugin-mysigner'],
    ['@us/mysigner', '@us/mysigner'],
    ['@us/mysigner', '@us/koji-plugin-mysigner'],
    ['@us', '@us/koji-plugin'],
    ['sidetag', '@koji/plugin-sidetag'],
    ['save_failed_tree', '@koji/plugin-save-failed-tree'],
    ['my_signer', 'koji-plugin-my-signer'],
    ['my_signer', 'my-signer'],
    ['my_signer', 'koji-plugin-my_signer'],
  ])('is found by the name %s as %s', async (name, installed) => {
    install('.', installed);
    const plugin = await pluginOf(name, { from: root });
    expect(plugin.file).toBe(path.join(root, 'node_modules', installed, 'main.cjs'));
  });

  test('is looked for upward, the nearest one first', async () => {
    install('.', 'near');
    install('etc/koji', 'koji-plugin-near');
    const plugin = await pluginOf('near', { from: path.join(root, 'etc/koji') });
    expect(plugin.file).toContain(path.join('etc', 'koji', 'node_modules'));
  });

  test('is found twice when it is there with and without the prefix', async () => {
    install('.', 'near');
    install('.', 'koji-plugin-near');
    expect((await problemOf('near', { from: root })).topic).toBe('found-twice');
  });
});
