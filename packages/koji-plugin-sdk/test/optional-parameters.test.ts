import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { transform } from 'esbuild';
import { argumentText } from '@koji/core/api';
import { loadPlugins } from '../src/host/index.js';
import type { LoadedPlugin } from '../src/host/index.js';

const sdk = path.resolve(import.meta.dirname, '../dist/index.js');

const source = `import { BaseTaskHandler, exported } from '${sdk}';
import { other } from './other.js';

export { other };
export const add = exported((a: number, b?: number, c: Map<string, number> = new Map()) => [a, b, c.size]);
export const same = exported((a: string, b: string) => add(Number(a), a ? 1 : 2));
export const named = exported({ access: 'read' })(async (tag: string, opts?: { strict?: boolean }) => [tag, opts]);
export function plain(this: void, nvr: string, ...more: string[]) { return [nvr, more]; }
plain.exported = true;
export class Methods {
  static look(tag: string, event?: number | null): unknown { return [tag, event ?? 'none']; }
}
exported(Methods.look);
export class One extends BaseTaskHandler {
  static override readonly Methods = ['one'];
  handler(arg1: string, kwarg1?: string): string { return arg1 + (kwarg1 ?? ''); }
}
export class Two extends BaseTaskHandler {
  static override readonly Methods = ['two'];
  handler(arg1: string, kwarg1: string): string { return arg1 + kwarg1; }
}
`;
const other = `import { exported } from '${sdk}';
export const other = exported((x?: string) => x ?? 'nothing');
`;

const expected = {
  add: '(a, b=None, c=None)',
  look: '(tag, event=None)',
  named: '(tag, opts=None)',
  other: '(x=None)',
  plain: '(nvr, *args)',
  same: '(a, b)',
};

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-optional-'));
  fs.writeFileSync(path.join(root, 'package.json'), '{ "type": "module" }');
});
afterEach(() => fs.rmSync(root, { recursive: true }));

/** Loads a plugin, and tells the arguments of its methods, its tasks and what is noted of it. */
async function load(given: Readonly<Record<string, string>>): Promise<LoadedPlugin> {
  fs.mkdirSync(path.join(root, 'stripped'), { recursive: true });
  for (const [name, text] of Object.entries(given)) {
    fs.writeFileSync(path.join(root, name), text);
    if (/(?<!\.d)\.ts$/.test(name))
      fs.writeFileSync(path.join(root, 'stripped', name.replace('.ts', '.js')), compile(text).code);
  }
  const { plugins, problems } = await loadPlugins({
    ...{ part: 'hub', names: ['mine'], folders: [root], from: root },
    // Node.js 20 has no hooks for TypeScript within Jest: what they make of the file is beside it.
    moved: (file) =>
      file.endsWith('.ts') ? path.join(root, 'stripped', `${path.basename(file, '.ts')}.js`) : file,
  });
  expect(problems).toEqual([]);
  return plugins[0]!;
}

const argumentsOf = ({ methods }: LoadedPlugin): Record<string, string> =>
  Object.fromEntries(methods.map(({ name, declaration }) => [name, argumentText(declaration)]));
const tasksOf = ({ tasks }: LoadedPlugin): string[] =>
  tasks.map(({ methods, signature }) => `${methods[0]!}${argumentText(signature.declaration)}`);

/** Compiles a file. */
function compile(text: string): { readonly code: string } {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 };
  return { code: ts.transpileModule(text, { compilerOptions }).outputText };
}

test("parameters that TypeScript's ? makes optional may be left out, in a plugin that loads as it was written", async () => {
  const plugin = await load({ 'mine.ts': source, 'other.ts': other });
  expect(argumentsOf(plugin)).toEqual(expected);
  expect(tasksOf(plugin)).toEqual(['one(arg1, kwarg1=None)', 'two(arg1, kwarg1)']);
  expect(plugin.notes).toEqual([]);
});

/** Declarations as a compiler with types writes them. */
const declarations = `import { BaseTaskHandler } from '${sdk}';
import { other } from './other.js';
export { other };
export declare const add: (a: number, b?: number, c?: Map<string, number>) => number[];
export declare const same: (a: string, b: string) => unknown;
export declare const named: (tag: string, opts?: {
    strict?: boolean;
}) => Promise<unknown[]>;
export declare function plain(this: void, nvr: string, ...more: string[]): unknown[];
export declare class Methods {
    static look(tag: string, event?: number | null): unknown;
}
export declare class One extends BaseTaskHandler {
    static readonly Methods: string[];
    handler(arg1: string, kwarg1?: string): string;
}
export declare class Two extends BaseTaskHandler {
    static readonly Methods: string[];
    handler(arg1: string, kwarg1: string): string;
}
`;

test('also in one that was compiled, by its declarations, and minified with its names kept', async () => {
  const files = {
    'mine.js': compile(source).code,
    'mine.d.ts': declarations,
    'other.js': compile(other).code,
    'other.d.ts': 'export declare const other: (x?: string) => string;\n',
  };
  const plugin = await load(files);
  expect(argumentsOf(plugin)).toEqual(expected);
  expect(tasksOf(plugin)).toEqual(['one(arg1, kwarg1=None)', 'two(arg1, kwarg1)']);
  const small = await transform(files['mine.js'], {
    minifyWhitespace: true,
    minifySyntax: true,
    format: 'esm',
  });
  const minified = await load({ ...files, 'mine.js': small.code });
  expect(argumentsOf(minified)).toEqual(expected);
  expect(minified.notes).toEqual([]);
});

test('what can’t be told is noted: no declarations, functions that differ, names of a minifier', async () => {
  const { code } = compile(source);
  const map = JSON.stringify({ version: 3, sources: ['../src/mine.ts'], mappings: '' });
  const files = { 'mine.js': code, 'mine.js.map': map, 'other.js': compile(other).code };
  const bare = await load(files);
  expect(argumentsOf(bare)['add']).toBe('(a, b, c=None)');
  expect(bare.notes).toEqual([
    "whether parameters of other, One, Two, add, same, named, plain, look may be left out can't be told, since it has no .d.ts: give those that may be left out a default (`= undefined`), or declare them: exported({ args: ['a', 'b?'] })",
  ]);
  const differing = `import { exported } from '${sdk}';
    const inner = { go(a: string, b?: string) { return [a, b]; } };
    class Hidden { static go(a: string, b: string) { return [a, b]; } }
    export const go = exported(inner.go);
    export const hidden = Hidden;
    export const good = exported((x: string, y?: string) => [x, y]);`;
  fs.rmSync(path.join(root, 'mine.js'));
  const unsure = await load({ 'mine.ts': differing });
  expect(argumentsOf(unsure)).toEqual({ go: '(a, b)', good: '(x, y=None)' });
  expect(unsure.notes).toEqual([expect.stringMatching(/^whether parameters of go may be left out/)]);
  fs.rmSync(path.join(root, 'mine.ts'));
  const { code: minified } = await transform(code, { minify: true, format: 'esm' });
  const { notes } = await load({ ...files, 'mine.js': minified });
  expect(notes.at(-1)).toMatch(
    /^it is minified, and callers would have to know the names in .*: say other ones/,
  );
});

test('a JavaScript author says it by a default, and nothing is noted', async () => {
  const plugin = await load({
    'mine.js': `export const f = (a, b, c = null) => [a, b, c]; f.exported = true;`,
  });
  expect(argumentsOf(plugin)).toEqual({ f: '(a, b, c=None)' });
  expect(plugin.notes).toEqual([]);
});
