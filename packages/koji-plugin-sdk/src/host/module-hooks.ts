// Hooks of Node.js' module loader for the modules of plugins. They strip the types of TypeScript, find the `x.ts` that an
// import of `./x.js` means, and load a plugin's own files again with it. Where Node.js has no synchronous hooks, this file
// runs on the thread of its loader.
import { existsSync, readFileSync } from 'node:fs';
import type { LoadFnOutput, LoadHook, ResolveFnOutput, ResolveHook } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { isTypeScript, stripTypes } from './typescript.js';

/** Query parameters of a module's URL that its relative imports inherit. */
export const loadMark = 'koji-load';
export const elideMark = 'koji-elide';

type Next<Context, Output> = (name: string, context?: Partial<Context>) => Output;
type ResolveContext = Parameters<ResolveHook>[1];
type LoadContext = Parameters<LoadHook>[1];

/** Hooks as `module.registerHooks` takes them. */
export const hooks = {
  resolve(
    specifier: string,
    context: ResolveContext,
    next: Next<ResolveContext, ResolveFnOutput>,
  ): ResolveFnOutput {
    try {
      return marked(next(specifier, context), specifier, context);
    } catch (error) {
      const source = sourceOf(specifier, context, error);
      if (source === null) throw error;
      return marked(next(source, context), specifier, context);
    }
  },
  load(url: string, context: LoadContext, next: Next<LoadContext, LoadFnOutput>): LoadFnOutput {
    return named(url, loadTypeScript(url, context) ?? next(url, context));
  },
};

/** The same for `module.register`, whose hooks are asynchronous. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return marked(await next(specifier, context), specifier, context);
  } catch (error) {
    const source = sourceOf(specifier, context, error);
    if (source === null) throw error;
    return marked(await next(source, context), specifier, context);
  }
};

/** Loads a module, TypeScript without its types. */
export const load: LoadHook = async (url, context, next) =>
  named(url, loadTypeScript(url, context) ?? (await next(url, context)));

// In two parts, or what reads such marks would take this file's own line for one.
const nameMark = ['source', 'URL'].join('');

/** Lets debuggers and stacks know a module that is loaded again by its file: a breakpoint in it stays. */
function named(url: string, loaded: LoadFnOutput): LoadFnOutput {
  const { searchParams } = new URL(url);
  const { source } = loaded;
  if (!searchParams.has(loadMark) || loaded.format !== 'module' || source === undefined) return loaded;
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  const { href } = pathToFileURL(fileURLToPath(url));
  return { ...loaded, source: `${text}\n//# ${nameMark}=${href}\n` };
}

/** Hands the marks of a module on to a file that it imports by a relative path. */
function marked(found: ResolveFnOutput, specifier: string, { parentURL }: ResolveContext): ResolveFnOutput {
  if (!parentURL?.startsWith('file:') || !isRelative(specifier) || !found.url.startsWith('file:'))
    return found;
  const given = new URL(parentURL).searchParams;
  const url = new URL(found.url);
  for (const mark of [loadMark, elideMark]) {
    const value = given.get(mark);
    if (value !== null) url.searchParams.set(mark, value);
  }
  return { ...found, url: url.href };
}

const isRelative = (specifier: string): boolean => /^\.\.?\//.test(specifier);

/** TypeScript may name the JavaScript that a compiler would make of a file: `./x.js` for `./x.ts`. */
function sourceOf(specifier: string, { parentURL }: ResolveContext, error: unknown): string | null {
  const { code } = error as { code?: string };
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return null;
  if (!isRelative(specifier) || !parentURL?.startsWith('file:')) return null;
  if (!isTypeScript(fileURLToPath(parentURL)) || !/\.[cm]?js$/.test(specifier)) return null;
  return specifier.replace(/js$/, 'ts');
}

function loadTypeScript(url: string, { conditions }: Partial<LoadContext>): LoadFnOutput | null {
  if (!url.startsWith('file:')) return null;
  const file = fileURLToPath(url);
  if (!isTypeScript(file)) return null;
  const elide = new URL(url).searchParams.has(elideMark);
  const source = stripTypes(readFileSync(file, 'utf8'), file, { elide });
  if (isModule(file, source)) return { format: 'module', source, shortCircuit: true };
  // Node.js 20 does not say them; its hooks are for imports only.
  if (conditions?.includes('require')) return { format: 'commonjs', source, shortCircuit: true };
  return { format: 'module', source: required(file), shortCircuit: true };
}

/** Returns a module that requires CommonJS: not every Node.js can import such source and let it require ES modules. */
function required(file: string): string {
  return `import { createRequire } from 'node:module';
export default createRequire(import.meta.url)(${JSON.stringify(file)});\n`;
}

/**
 * Tells the format of a file by its extension and its package.json, then by its code. Where JavaScript has to be CommonJS, in
 * TypeScript `import` and `export` are as usual.
 */
function isModule(file: string, source: string): boolean {
  if (file.endsWith('.mts')) return true;
  if (file.endsWith('.ts') && packageType(path.dirname(file)) === 'module') return true;
  try {
    compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname']);
    return false;
  } catch {
    // The loader reports code that is neither.
    return true;
  }
}

function packageType(folder: string): unknown {
  const manifest = path.join(folder, 'package.json');
  if (existsSync(manifest)) {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { type?: unknown }).type;
  }
  const above = path.dirname(folder);
  return above === folder || path.basename(folder) === 'node_modules' ? null : packageType(above);
}
