import fs from 'node:fs';
import path from 'node:path';
import type { PluginProblem } from './problems.js';

/** Where to look for plugins. */
export interface PluginPlaces {
  /** Folders with loose plugin files and plugin packages. */
  readonly folders: readonly string[];
  /** Where to begin the walk upward through `node_modules`: the folder of the configuration file. */
  readonly from: string;
}

/** A plugin's file or package folder. */
export interface FoundPlugin {
  readonly name: string;
  readonly path: string;
  readonly isPackage: boolean;
}

const extensions = ['.js', '.mjs', '.cjs'];
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
    remedy: 'keep one of them',
    topic: 'found-twice',
  };
}

/**
 * The names of all plugins in folders, for programs that load whatever lies there; packages that say what parts they have
 * only when `part` is among them.
 */
export function listPlugins(folders: readonly string[], part: string): string[] {
  const names = folders.filter(isFolder).flatMap((folder) =>
    fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const manifest = path.join(folder, entry.name, 'package.json');
      if (isFile(manifest)) return mayHave(manifest, part) ? [entry.name] : [];
      const { name, ext } = path.parse(entry.name);
      return extensions.includes(ext) && isFile(path.join(folder, entry.name)) ? [name] : [];
    }),
  );
  return [...new Set(names)].sort();
}

function mayHave(manifest: string, part: string): boolean {
  try {
    const { koji } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { koji?: object };
    return koji === undefined || part in koji;
  } catch {
    // Loading it says what is wrong.
    return true;
  }
}

function inFolder(name: string, folder: string): FoundPlugin[] {
  const files = extensions.map((extension) => path.join(folder, name + extension)).filter(isFile);
  const packages = isFile(path.join(folder, name, 'package.json')) ? [path.join(folder, name)] : [];
  return [
    ...files.map((file) => ({ name, path: file, isPackage: false })),
    ...packages.map((found) => ({ name, path: found, isPackage: true })),
  ];
}

/** The package names that a plugin may have. Koji's plugins are modules of Python, so their names have underscores. */
export function packageNames(name: string): string[] {
  return [...new Set([name, hyphened(name)].flatMap(namesOf))];
}

function hyphened(name: string): string {
  return name.replaceAll('_', '-');
}

function namesOf(name: string): string[] {
  if (!name.startsWith('@')) return [name, `koji-plugin-${name}`];
  const [scope = '', rest] = name.split('/');
  return rest === undefined ? [`${scope}/koji-plugin`] : [name, `${scope}/koji-plugin-${rest}`];
}

function inNodeModules(name: string, from: string): FoundPlugin[] {
  // Koji's own plugins have the names that they have always had: `Plugins = sidetag`.
  const official = name.startsWith('@') ? [] : [`@koji/plugin-${name}`, `@koji/plugin-${hyphened(name)}`];
  const candidates = [...new Set([...packageNames(name), ...official])];
  for (const folder of nodeModules(from)) {
    const found = candidates
      .map((candidate) => path.join(folder, candidate))
      .filter((candidate) => isFile(path.join(candidate, 'package.json')));
    if (found.length > 0) return found.map((candidate) => ({ name, path: candidate, isPackage: true }));
  }
  return [];
}

function nodeModules(from: string): string[] {
  const folders: string[] = [];
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    folders.push(path.join(folder, 'node_modules'));
    if (folder === path.dirname(folder)) return folders;
  }
}

function notInstalled(name: string, { folders, from }: PluginPlaces): PluginProblem {
  const names = packageNames(name);
  const source = folders
    .flatMap((folder) => ['.ts', '.mts', '.cts'].map((extension) => path.join(folder, name + extension)))
    .find(isFile);
  if (source !== undefined)
    return {
      plugin: name,
      file: source,
      problem: 'is TypeScript, which is not run as it is',
      remedy: `compile it (npx tsc) and put the ${name}.js that comes out beside it`,
      topic: 'not-installed',
    };
  const bare = folders.map((folder) => path.join(folder, name)).find(isFolder);
  if (bare !== undefined)
    return {
      plugin: name,
      file: bare,
      problem: 'is a folder without a package.json',
      remedy: 'add a package.json, or put a single file beside the others in the plugin folder',
      topic: 'bad-package',
    };
  const looked = [
    ...folders.map((folder) => path.join(folder, `${name}{${extensions.join(',')}}`)),
    ...nodeModules(from).map((folder) => path.join(folder, `{${names.join(',')}}`)),
  ];
  return {
    plugin: name,
    file: null,
    problem: `is not installed; looked for ${looked.join(', ')}`,
    remedy: `npm install ${names.at(-1)} in ${path.resolve(from)}, or take it out of the configuration`,
    topic: 'not-installed',
  };
}

function isFile(file: string): boolean {
  return fs.existsSync(file) && fs.statSync(file).isFile();
}

function isFolder(file: string): boolean {
  return fs.existsSync(file) && fs.statSync(file).isDirectory();
}
