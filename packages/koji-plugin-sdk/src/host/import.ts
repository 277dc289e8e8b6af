import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '@koji/core';
import { declaredConfigs } from '../config.js';
import type { DeclaredConfig } from '../config.js';
import type { PluginEntry } from './package.js';
import { installModuleHooks } from './install-hooks.js';
import { elideMark, loadMark } from './module-hooks.js';
import type { PluginProblem, ProblemTopic } from './problems.js';
import { TimeLimitError, withTimeLimit } from './time-limit.js';
import { isTypeScript } from './typescript.js';

/** The exports of a plugin's module. */
export type PluginModule = Readonly<Record<string, unknown>>;

/** A module and the configurations that it, or what it imports, declares. */
export interface ImportedPlugin {
  readonly module: PluginModule;
  readonly configs: readonly DeclaredConfig[];
  /** The file with the types of what was run, where it is a copy of the plugin's own. */
  readonly file?: string;
}

// A module runs, and declares, once only, however often it is imported.
const configsByUrl = new Map<string, readonly DeclaredConfig[]>();

/** Imports a plugin's module; what goes wrong is told apart by kind. */
export async function importPlugin(
  entry: PluginEntry,
  {
    timeLimit,
    load,
    file,
  }: { readonly timeLimit: number; readonly load: string | undefined; readonly file: string },
): Promise<ImportedPlugin | { problems: readonly PluginProblem[] }> {
  // A changed file is another module, or a reload would give the old one.
  const mark = load === undefined ? '' : `&${loadMark}=${encodeURIComponent(load)}`;
  const url = `${pathToFileURL(file).href}?mtime=${fs.statSync(file).mtimeMs}${mark}`;
  if (needsHooks(file)) installModuleHooks();
  const before = declaredConfigs().length;
  const declared = (): readonly DeclaredConfig[] => declaredConfigs().slice(before);
  try {
    const module = await withTimeLimit(timeLimit, () => importModule(url, file));
    const configs = configsByUrl.get(url) ?? declared();
    configsByUrl.set(url, configs);
    const problems = configProblems(entry.name, configs);
    if (problems.length > 0) return { problems };
    // The code compiled from the plugin's file has no types any more.
    return path.extname(file) === path.extname(entry.file) ? { module, configs, file } : { module, configs };
  } catch (cause) {
    // A wrong value may be why it threw, and is the better message.
    const problems = configProblems(entry.name, declared());
    if (problems.length > 0) return { problems };
    return { problems: [{ plugin: entry.name, file: entry.file, cause, ...diagnosis(entry, cause) }] };
  }
}

/** Returns whether a module is TypeScript, or imports a file that is. */
function needsHooks(file: string): boolean {
  return isTypeScript(file) || /(['"])\.\.?\/[^'"\n]*\.[cm]?ts\1/.test(fs.readFileSync(file, 'utf8'));
}

async function importModule(url: string, file: string): Promise<PluginModule> {
  try {
    return (await import(url)) as PluginModule;
  } catch (error) {
    // It may be a type, imported without saying so. Nothing of the modules ran when linking them failed.
    if (!isTypeScript(file) || !/does not provide an export named/.test(messageOf(error))) throw error;
    return (await import(`${url}&${elideMark}=1`)) as PluginModule;
  }
}

/** Problems of the plugin's configuration files. */
export function configProblems(plugin: string, configs: readonly DeclaredConfig[]): PluginProblem[] {
  return configs.flatMap((config) => {
    const { file, problems } = config.report();
    return problems.map((line) => ({
      plugin,
      file,
      problem: line.replace(`${file} `, ''),
      remedy: `correct ${file}`,
      topic: 'bad-config',
    }));
  });
}

interface Diagnosis {
  readonly problem: string;
  readonly remedy: string;
  readonly topic: ProblemTopic;
}

function diagnosis(entry: PluginEntry, cause: unknown): Diagnosis {
  const message = messageOf(cause).split('\n', 1)[0] ?? '';
  if (cause instanceof TimeLimitError)
    return {
      problem: `${message} while loading`,
      remedy: 'look for an `await` at the top level of its modules that nothing ends',
      topic: 'never-loads',
    };
  const { code, name, stack = '' } = (cause ?? {}) as { code?: string; name?: string; stack?: string };
  if (isModuleFormat(message, entry.file)) return moduleFormat(message, entry.file);
  if (isMissing(code, message))
    return {
      problem: `imports what is not there: ${message}`,
      remedy: `install what is missing: npm install in ${path.dirname(entry.file)}`,
      topic: 'missing-import',
    };
  if (name === 'SyntaxError') {
    // V8 puts the place above the message of a syntax error only.
    const place = /^(file:\S+:\d+|\/\S+:\d+)/.exec(stack)?.[1];
    const decorated =
      isTypeScript(entry.file) &&
      message.endsWith('Invalid or unexpected token') &&
      /^\s*@\w/m.test(fs.readFileSync(entry.file, 'utf8'));
    return {
      problem: `has a syntax error${place === undefined ? '' : ` at ${place}`}: ${message}`,
      remedy: decorated
        ? 'Node.js does not run decorators: call them, as in exported(fn), or compile the plugin with tsc'
        : 'correct it, or install the plugin again',
      topic: 'syntax-error',
    };
  }
  return {
    problem: `threw while loading: ${message}`,
    remedy: 'correct what it does at load; the log has the stack',
    topic: 'throws-at-load',
  };
}

function isMissing(code: string | undefined, message: string): boolean {
  if (
    code === 'ERR_MODULE_NOT_FOUND' ||
    code === 'MODULE_NOT_FOUND' ||
    code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
  )
    return true;
  return /^(SyntaxError: )?(Cannot find (module|package) |The requested module .* does not provide an export)/.test(
    message,
  );
}

function isModuleFormat(message: string, file: string): boolean {
  if (/(?:require|module|exports|__dirname|__filename) is not defined/.test(message)) return true;
  return (
    /Cannot use import statement outside a module|Unexpected token 'export'/.test(message) &&
    !file.endsWith('.mjs')
  );
}

function moduleFormat(message: string, file: string): Diagnosis {
  const isCommonJs = / is not defined/.test(message);
  const remedy = file.endsWith('.js')
    ? `rename it to ${path.basename(file, '.js')}${isCommonJs ? '.cjs' : '.mjs'}`
    : `write it as ${isCommonJs ? 'an ES module' : 'CommonJS'}, or give it another extension`;
  return {
    problem: isCommonJs
      ? `is CommonJS, but is loaded as an ES module since the package.json above it says "type": "module": ${message}`
      : `is an ES module, but is loaded as CommonJS: ${message}`,
    remedy,
    topic: 'module-format',
  };
}
