import path from 'node:path';
import type { Logger } from '@koji/core';
import { declaredConfigs, setConfigFolder } from '../config.js';
import type { DeclaredConfig } from '../config.js';
import { collect } from './collect.js';
import type { LoadedPlugin } from './collect.js';
import { checkTogether } from './check-together.js';
import { findPlugin } from './find.js';
import type { PluginPlaces } from './find.js';
import { configProblems, importPlugin } from './import.js';
import type { ImportedPlugin, PluginModule } from './import.js';
import { setPluginLog } from '../log.js';
import { givenEntry, readPackage } from './package.js';
import type { PluginEntry, PluginManifest, PluginPart } from './package.js';
import { loadBehindWall } from './isolation/wall.js';
import type { WallOptions } from './isolation/wall.js';
import { watchIntrusions } from './intrusions.js';
import type { PluginProblem } from './problems.js';

/** The plugins to load, with their part and locations. */
export interface LoadOptions extends PluginPlaces {
  readonly part: PluginPart;
  /** Names as the configuration has them, in the order in which their callbacks run. */
  readonly names: readonly string[];
  /** Where the plugins' own configuration files are. Default: `plugins` below `from`. */
  readonly configFolder?: string;
  /** The log for `pluginLog` of the plugins. */
  readonly logger?: (name: string) => Logger;
  /** Names that are taken: methods of the hub, commands of the CLI, policy tests, web pages. */
  readonly taken?: {
    readonly methods?: Names;
    readonly commands?: Names;
    readonly policyTests?: Names;
    readonly webPages?: Names;
  };
  /** Modules that are loaded already, by plugin. */
  readonly modules?: Readonly<Record<string, object>>;
  /** The `koji` sections of the package.json of such modules, by plugin. */
  readonly manifests?: Readonly<Record<string, PluginManifest>>;
  /** How plugins of a hub are isolated that ask for it; without, they run as the others do. */
  readonly wall?: Pick<WallOptions, 'patience' | 'topdir' | 'options'>;
  /** This is the thread of an isolated plugin. */
  readonly inThread?: boolean;
  /** Milliseconds that one plugin may take to load. Default 10,000. */
  readonly timeLimit?: number;
  /** Where to import a plugin's file from instead of its own place, such as a copy. */
  readonly moved?: (file: string) => string;
  /** Plugins that were found before: they are not looked for again. */
  readonly found?: readonly PluginEntry[];
  /** Identifies this load: a module that an earlier load has imported is imported again. */
  readonly load?: string;
}

type Names = Iterable<string>;

/** The plugins without a problem, in order, and all problems of the others. */
export interface LoadResult {
  readonly plugins: readonly LoadedPlugin[];
  readonly problems: readonly PluginProblem[];
}

/**
 * Loads plugins: find, read package.json, check, import, collect, check all together. Nothing is registered here, and
 * nothing of a plugin with a problem is in the result; the caller decides whether it starts without.
 */
export async function loadPlugins(options: LoadOptions): Promise<LoadResult> {
  setConfigFolder(options.configFolder ?? path.join(options.from, 'plugins'));
  if (options.logger) setPluginLog(options.logger);
  const plugins: LoadedPlugin[] = [];
  const problems: PluginProblem[] = [];
  for (const name of new Set(options.names)) {
    const intrusions = watchIntrusions();
    const loaded = await loadOne(name, options);
    for (const intrusion of intrusions())
      options.logger?.('koji.plugins').error(`plugin ${name} ${intrusion}`);
    if ('plugin' in loaded) {
      plugins.push(loaded.plugin);
      for (const note of loaded.plugin.notes)
        options.logger?.('koji.plugins').warn(`plugin ${name}: ${note}`);
    }
    if ('problems' in loaded) problems.push(...loaded.problems);
  }
  problems.push(...checkTogether(plugins, options.taken));
  const failed = new Set(problems.map(({ plugin }) => plugin));
  return { plugins: plugins.filter(({ name }) => !failed.has(name)), problems };
}

async function loadOne(
  name: string,
  options: LoadOptions,
): Promise<{ plugin: LoadedPlugin } | { problems: readonly PluginProblem[] }> {
  const given = options.modules && Object.hasOwn(options.modules, name) ? options.modules[name] : undefined;
  if (given) {
    const entry = givenEntry(name, options.manifests?.[name]);
    if ('problem' in entry) return { problems: [entry] };
    const configs = lastDeclared(name);
    const problems = configProblems(name, configs);
    return problems.length > 0
      ? { problems }
      : collected(entry, { module: given as PluginModule, configs }, options);
  }
  const entry = findEntry(name, options);
  if ('problem' in entry) return { problems: [entry] };
  const { timeLimit = 10_000, load, moved, wall, logger } = options;
  if (entry.isolated && wall && logger && !options.inThread) {
    const configFolder = options.configFolder ?? path.join(options.from, 'plugins');
    const { from, folders } = options;
    return loadBehindWall({ ...wall, entry, from, folders, configFolder, logger });
  }
  const file = moved ? moved(entry.file) : entry.file;
  const imported = await importPlugin(entry, { timeLimit, load, file });
  return 'problems' in imported ? imported : collected(entry, imported, options);
}

function findEntry(name: string, options: LoadOptions): PluginEntry | PluginProblem {
  const known = options.found?.find((entry) => entry.name === name);
  if (known) return known;
  const found = findPlugin(name, options);
  return 'problem' in found ? found : readPackage(found, options.part);
}

/** The configuration of a module that was imported before: its own, since it has the plugin's name. */
function lastDeclared(name: string): DeclaredConfig[] {
  return declaredConfigs()
    .filter((config) => config.name === name)
    .slice(-1);
}

function collected(
  entry: PluginEntry,
  imported: ImportedPlugin,
  { part }: LoadOptions,
): { plugin: LoadedPlugin } | { problems: readonly PluginProblem[] } {
  const { plugin, problems } = collect(entry, imported, part);
  return problems.length > 0 ? { problems } : { plugin };
}
