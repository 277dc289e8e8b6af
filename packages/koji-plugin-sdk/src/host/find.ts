import fs from 'node:fs';
import path from 'node:path';
import { officialPackage } from './official.js';
import { sdkName } from './package.js';
import type { FoundPlugin } from './package.js';
import type { PluginProblem } from './problems.js';
import { isTypeScript, typeScriptExtensions } from './typescript.js';

/** Where to look for plugins. */
export interface PluginPlaces {
  /** Folders with loose plugin files and plugin packages. */
  readonly folders: readonly string[];
  /** Where to begin the walk upward through `node_modules`: the folder of the configuration file. */
  readonly from: string;
}

const extensions = ['.js', '.mjs', '.cjs', ...typeScriptExtensions];
const pluginName = /^(@[a-z0-9~-][\w.~-]*(\/[a-z0-9~-][\w.~-]*)?|[a-z0-9~_-][\w.~-]*)$/i;

/**
 * Finds a plugin by the name in the configuration: in the plugin folders, then in the `node_modules` of the
 * configuration's folder and those above it.
 */
export function findPlugin(name: string, places: PluginPlaces): FoundPlugin | PluginProblem {
  if (!pluginName.test(name))
    return {
      plugin: name,
      file: null,
      problem: `'${name}' is not the name of a plugin`,
      remedy: 'write the name of a package or of a file in a plugin folder, without folder and extension',
      topic: 'not-installed',
    };
  const inFolders = places.folders.flatMap((folder) => inFolder(name, folder));
  const candidates = inFolders.length > 0 ? inFolders : inNodeModules(name, places.from);
  const [first, second] = candidates;
  if (!first) return notInstalled(name, places);
  if (!second) return first;
  return {
    plugin: name,
    file: first.path,
    problem: `found more than once: ${candidates.map((found) => found.path).join(', ')}`,
    remedy: candidates.some((found) => isTypeScript(found.path))
      ? 'keep one of them; TypeScript loads as it is, without what was compiled from it'
      : 'keep one of them',
    topic: 'found-twice',
  };
}

/**
 * The names of all plugins in folders, for programs that load all of them. Packages that declare their parts are included only
 * if `part` is one of these.
 */
export function listPlugins(folders: readonly string[], part: string): string[] {
  const names = folders.filter(isFolder).flatMap((folder) =>
    fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const manifest = path.join(folder, entry.name, 'package.json');
      if (isFile(manifest)) return mayHave(manifest, part) ? [entry.name] : [];
      const { name, ext } = path.parse(entry.name);
      return extensions.includes(ext) && isCode(path.join(folder, entry.name)) ? [name] : [];
    }),
  );
  return [...new Set(names)].sort();
}

interface Manifest {
  readonly koji?: object;
  readonly dependencies?: object;
  readonly peerDependencies?: object;
}

/** Reads a package.json; null when it can't be read, which loading the plugin reports. */
function readManifest(file: string): Manifest | null {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Manifest;
  } catch {
    return null;
  }
}

function mayHave(file: string, part: string): boolean {
  const { koji } = readManifest(file) ?? {};
  return koji === undefined || part in koji;
}

function inFolder(name: string, folder: string): FoundPlugin[] {
  const files = extensions.map((extension) => path.join(folder, name + extension)).filter(isCode);
  const packages = isFile(path.join(folder, name, 'package.json')) ? [path.join(folder, name)] : [];
  return [
    ...files.map((file) => ({ name, path: file, isPackage: false })),
    ...packages.map((found) => ({ name, path: found, isPackage: true })),
  ];
}

/**
 * The package names that a plugin may have. Koji's plugins are modules of Python, so their names have underscores, and Koji's
 * own ones have the names that they have always had: `Plugins = sidetag_hub`.
 */
function packageNames(name: string): string[] {
  const hyphened = name.replaceAll('_', '-');
  const official = name.startsWith('@') ? [] : [officialPackage(name) ?? `@koji/plugin-${hyphened}`];
  return [...new Set([...official, ...[name, hyphened].flatMap(namesOf)])];
}

function namesOf(name: string): string[] {
  if (!name.startsWith('@')) return [name, `koji-plugin-${name}`];
  const [scope = '', rest] = name.split('/');
  return rest === undefined ? [`${scope}/koji-plugin`] : [name, `${scope}/koji-plugin-${rest}`];
}

function inNodeModules(name: string, from: string): FoundPlugin[] {
  const candidates = packageNames(name);
  for (const folder of nodeModules(from)) {
    const found = candidates.filter((candidate) => isPlugin(candidate, path.join(folder, candidate)));
    if (found.length > 0)
      return found.map((candidate) => ({ name, path: path.join(folder, candidate), isPackage: true }));
  }
  return [];
}

/**
 * Returns whether a package can be meant. In `node_modules` is much that nobody chose: where a plugin of Koji has the name, a
 * package `echo` counts only if it says that it is a plugin.
 */
function isPlugin(name: string, folder: string): boolean {
  const file = path.join(folder, 'package.json');
  if (!isFile(file)) return false;
  if (officialPackage(name) === null) return true;
  const { koji, dependencies = {}, peerDependencies = {} } = readManifest(file) ?? {};
  return koji !== undefined || sdkName in peerDependencies || sdkName in dependencies;
}

function nodeModules(from: string): string[] {
  const folders: string[] = [];
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    folders.push(path.join(folder, 'node_modules'));
    if (folder === path.dirname(folder)) return folders;
  }
}

function notInstalled(name: string, { folders, from }: PluginPlaces): PluginProblem {
  const bare = folders.map((folder) => path.join(folder, name)).find(isFolder);
  if (bare !== undefined)
    return {
      plugin: name,
      file: bare,
      problem: 'is a folder without a package.json',
      remedy: 'add a package.json, or put a single file beside the others in the plugin folder',
      topic: 'bad-package',
    };
  const other = nodeModules(from)
    .map((folder) => path.join(folder, name))
    .find((folder) => isFile(path.join(folder, 'package.json')));
  if (other !== undefined)
    return {
      plugin: name,
      file: path.join(other, 'package.json'),
      problem: 'is a package, but no plugin: its package.json has neither "koji" nor the SDK as a peer',
      remedy: 'name the package of the plugin; in its own one, add "koji": {"hub": …} to package.json',
      topic: 'bad-package',
    };
  const official = officialPackage(name);
  const looked = [
    ...folders.map((folder) => path.join(folder, `${name}{${extensions.join(',')}}`)),
    ...nodeModules(from),
  ];
  // Anybody can publish a package under an unused name, so only Koji's own names are suggested.
  return {
    plugin: name,
    file: null,
    problem: `is not installed; looked for ${looked.join(', ')}`,
    remedy:
      official === null
        ? `install the package that its author names in ${path.resolve(from)}, or take it out of the configuration`
        : `npm install ${official} in ${path.resolve(from)}, or take it out of the configuration`,
    topic: 'not-installed',
  };
}

function isFile(file: string): boolean {
  return fs.existsSync(file) && fs.statSync(file).isFile();
}

function isCode(file: string): boolean {
  return isFile(file) && (!typeScriptExtensions.includes(path.extname(file)) || isTypeScript(file));
}

function isFolder(file: string): boolean {
  return fs.existsSync(file) && fs.statSync(file).isDirectory();
}
