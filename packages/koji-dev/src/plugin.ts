import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, messageOf } from '@koji/core';

/** The programs that a plugin has modules for. */
export type Part = 'hub' | 'builder' | 'cli' | 'web';

/** The plugin that somebody works on. */
export interface Plugin {
  /** As in `Plugins = NAME`, without the scope of its package. */
  readonly name: string;
  readonly folder: string;
  /** The module of each part, by its path in the folder. */
  readonly modules: Readonly<Partial<Record<Part, string>>>;
  /** The compiler's file, when the plugin is compiled TypeScript. */
  readonly compiler: string | null;
}

interface Manifest {
  readonly name?: string;
  readonly koji?: Readonly<Partial<Record<Part, string>>>;
}

/**
 * Reads the package of the plugin in a folder.
 *
 * @throws ConfigError when the folder has none
 */
export function readPlugin(folder: string): Plugin {
  const file = path.join(folder, 'package.json');
  if (!existsSync(file))
    throw new ConfigError(`${folder} has no package.json: run koji-dev in the folder of a plugin`);
  const { name = '', koji } = manifestOf(file);
  if (koji === undefined || Object.keys(koji).length === 0)
    throw new ConfigError(`${file} names no module of a plugin: add "koji": {"hub": "./src/hub.js"}`);
  return {
    name: shortName(name),
    folder: realpathSync(folder),
    modules: koji,
    compiler: isCompiled(folder, Object.values(koji)) ? compilerOf(folder) : null,
  };
}

function manifestOf(file: string): Manifest {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch (error) {
    throw new ConfigError(`${file} can't be read: ${messageOf(error)}`, { cause: error });
  }
}

/** `@us/koji-plugin-greet` is `greet`, `@us/koji-plugin` is `us`. */
function shortName(packageName: string): string {
  const [, scope = '', rest = ''] = /^(?:@([^/]+)\/)?(.*)$/.exec(packageName) ?? [];
  return rest === 'koji-plugin' ? scope : rest.replace(/^(koji-)?plugin-/, '') || 'plugin';
}

/** TypeScript that Koji loads as it is needs no compiler. */
function isCompiled(folder: string, modules: readonly string[]): boolean {
  return existsSync(path.join(folder, 'tsconfig.json')) && modules.some((file) => /\.[cm]?js$/.test(file));
}

/** The packages that have one; version 7 is beside version 6, which lint needs. */
const compilers = ['typescript-7', 'typescript'];

/** Finds the compiler that the plugin's own build uses. */
function compilerOf(folder: string): string | null {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const files = compilers.map((name) => path.join(at, 'node_modules', name, 'bin', 'tsc'));
    const found = files.find((file) => existsSync(file));
    if (found !== undefined) return found;
    if (at === path.dirname(at)) return null;
  }
}
