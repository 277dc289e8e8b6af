import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { System, root } from './support/system.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-typescript-'));

/** Writes files below the folder. */
function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

const load = `
import { describeProblem, listPlugins, loadPlugins } from '@koji/plugin-sdk/host';
const [folder, ...more] = process.argv.slice(2);
const folders = [folder + '/plugins'];
const names = [...listPlugins(folders, 'hub'), ...more];
const { plugins, problems } = await loadPlugins({ part: 'hub', names, folders, from: folder });
const answers = {};
for (const { methods } of plugins)
  for (const { name, run } of methods) {
    try { answers[name] = await run('A'); } catch (error) { answers[name] = error.stack.split('\\n').slice(0, 2).join(' '); }
  }
const told = Object.fromEntries(problems.map((problem) => [problem.plugin, describeProblem(problem)]));
console.log(JSON.stringify({ node: process.version, answers, problems: told }));
`;

write({
  // As `npm init` makes it: JavaScript is CommonJS here.
  'package.json': '{ "name": "site", "type": "commonjs" }',
  'load.mjs': load,
  'plugins/plain.ts': `
    import { exported, type CallbackName } from '@koji/plugin-sdk';
    import { word } from './lib/word.ts';
    import { other } from './lib/other.js';
    export const plain = exported((a: string, event: CallbackName = 'preTag'): string => [word, other, a, event].join(' '));`,
  'plugins/lib/word.ts': `export interface Word { a: string }\nexport const word: string = 'word';`,
  'plugins/lib/other.ts': `export const other = 'other' as const;`,
  'plugins/enums.ts': `import { exported } from '@koji/plugin-sdk';
enum Colour { Red = 'red', Green = 'green' }
class Point { constructor(private readonly x: number) {} get(): number { return this.x; } }
namespace Deep { export const z = 1; }
export const enums = exported((): string => [Colour.Green, new Point(3).get(), Deep.z].join(' '));
export const enumFails = exported((): never => { throw new Error('on line 6'); });`,
  'plugins/fails.ts': `import { exported } from '@koji/plugin-sdk';
interface Long {
  readonly a: string;
}
export const fails = exported((): Long => { throw new Error('on line 5'); });`,
  'plugins/untold.ts': `
    import { exported, CallbackName, TaskRuntime } from '@koji/plugin-sdk';
    import { Word, word } from './lib/word.js';
    export const untold = exported((a: CallbackName, b: Word): string => word);`,
  'plugins/module.mts': `
    import { exported } from '@koji/plugin-sdk';
    const late: string = await Promise.resolve('late');
    export const module = exported((): string => late);`,
  'plugins/old.cts': `
    import sdk = require('@koji/plugin-sdk');
    const helper = require('./lib/helper.cts');
    export = { old: sdk.exported(function old(a: string): string { return helper.name + a; }) };`,
  'plugins/lib/helper.cts': `exports.name = 'helper' as string;`,
  'plugins/script.ts': `
    const sdk = require('@koji/plugin-sdk');
    exports.script = sdk.exported((a: string): string => a);`,
  'plugins/mixed.mjs': `
    import { exported } from '@koji/plugin-sdk';
    import { word } from './lib/word.ts';
    export const mixed = exported(() => word);`,
  'plugins/types.d.ts': 'export declare const nothing: string;',
  'plugins/wrong.ts': `export const a: number = 1;\nexport const b: = 2;`,
  'plugins/decorated.ts': `import { exported } from '@koji/plugin-sdk';\nexport class A {\n  @exported\n  m(): void {}\n}`,
  'plugins/both.ts': 'export const a: number = 1;',
  'plugins/both.js': 'exports.a = 1;',
  'node_modules/koji-plugin-below/package.json': JSON.stringify({
    name: 'koji-plugin-below',
    version: '1.0.0',
    type: 'module',
    koji: { hub: './src/index.ts' },
    peerDependencies: { '@koji/plugin-sdk': '*' },
  }),
  'node_modules/koji-plugin-below/src/index.ts': `
    import { exported } from '@koji/plugin-sdk';
    import { word } from './word.js';
    export const below = exported((): string => word);`,
  'node_modules/koji-plugin-below/src/word.ts': `export const word: string = 'below';`,
  'tasks/typed.ts': `
    import { BaseTaskHandler, ExitStatus } from '@koji/plugin-sdk';
    enum Word { One = 'one' }
    export class Typed extends BaseTaskHandler {
      static override readonly Methods: readonly string[] = ['typed'];
      async handler(a: string): Promise<string> { return Word.One + a; }
    }`,
  'commands/greet.ts': `
    import { exportCli } from '@koji/plugin-sdk';
    interface Options { readonly profile: string }
    export const handle_greet = exportCli({ login: false })(
      async (_options: Options, _session: unknown, args: readonly string[], tools: { print(line: string): void }): Promise<void> => {
        tools.print('hello ' + args.join(' '));
      },
    );`,
});
symlinkSync(path.join(root, 'node_modules', '@koji'), path.join(folder, 'node_modules', '@koji'));

const env = { ...process.env, NODE_OPTIONS: '' };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the program of a Node.js version, which npx keeps. */
function nodeOf(major: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const args = ['--yes', '--package', `node@${major}`, '--', 'node', '-p', 'process.execPath'];
  return execFileSync('npx', args, { encoding: 'utf8', env }).trim();
}

// The hub runs on the Node.js that SQLite's driver was compiled for, whichever one the others run on.
let system: System;
beforeAll(async () => {
  system = await System.create({
    hub: { Plugins: 'fails', PluginPath: path.join(folder, 'plugins') },
    kojid: { plugins: 'typed', pluginpath: path.join(folder, 'tasks') },
  });
  const conf = system.path('koji.conf');
  writeFileSync(conf, `${readFileSync(conf, 'utf8')}plugin_paths = ${folder}/commands\n`);
  await system.startHub();
});
afterAll(() => system.stop());

describe.each(['20', '22', '24'])('on Node.js %s', (major) => {
  const node = nodeOf(major);

  test('a TypeScript file in a plugin folder just loads, and so does a package below node_modules', () => {
    const said = execFileSync(node, ['load.mjs', folder, 'below'], { cwd: folder, env, encoding: 'utf8' });
    const {
      node: version,
      answers,
      problems,
    } = JSON.parse(said) as {
      node: string;
      answers: Record<string, string>;
      problems: Record<string, string>;
    };
    expect(version).toMatch(new RegExp(`^v${major}\\.`));
    const at = (file: string, line: number): unknown =>
      expect.stringMatching(`${path.join(folder, 'plugins', file)}(\\?[^:]*)?:${line}:`);
    expect(answers).toEqual({
      plain: 'word other A preTag',
      enums: 'green 3 1',
      enumFails: at('enums.ts', 6),
      fails: at('fails.ts', 5),
      untold: 'word',
      module: 'late',
      old: 'helperA',
      script: 'A',
      mixed: 'word',
      below: 'below',
    });
    expect(Object.keys(problems).sort()).toEqual(['both', 'decorated', 'wrong']);
    expect(problems['wrong']).toContain(`syntax error at ${path.join(folder, 'plugins/wrong.ts')}:2`);
    expect(problems['decorated']).toContain('Node.js does not run decorators: call them');
    expect(problems['both']).toContain('keep one of them; TypeScript loads as it is');
  });

  test('kojid runs a task of a TypeScript file, and koji a command', async () => {
    system.node = node;
    await system.startBuilder();
    try {
      const id = /\d+/.exec(system.koji('make-task', 'typed', 'A'))?.[0] ?? '';
      system.koji('watch-task', id);
      expect(system.koji('call', '--json-output', 'getTaskResult', id)).toContain('"oneA"');
      expect(system.tryKoji('call', 'fails').stderr).toContain('on line 5');
      expect(system.koji('greet', 'everybody')).toBe('hello everybody\n');
    } finally {
      await system.kill('kojid', 'SIGTERM');
    }
  });
});
