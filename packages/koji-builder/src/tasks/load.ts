import { realpathSync } from 'node:fs';
import type { KojidOptions } from '@koji/core/config';
import type { Logger } from '@koji/core';
import {
  CallbackRegistry,
  PluginLoadError,
  limitOf,
  loadPlugins,
  signatureOf,
  type LoadOptions,
  type LoadResult,
  type PluginEntry,
  type PluginTask,
} from '@koji/plugin-sdk/host';
import { builtIn } from './index.js';

/** All task types that a builder can run, and the callbacks of its plugins. */
export interface Tasks {
  readonly byMethod: ReadonlyMap<string, PluginTask>;
  readonly callbacks: CallbackRegistry;
  /** Each with the real path of its file. */
  readonly plugins: readonly PluginEntry[];
}

/** Owner of the tasks that no plugin provides. */
export const ownTasks = 'koji';

const own: readonly PluginTask[] = builtIn.map((Handler) => ({
  plugin: ownTasks,
  methods: Handler.Methods,
  Handler,
  signature: signatureOf((Handler.prototype as { readonly handler: (...args: never[]) => unknown }).handler),
}));

/** Paths that may differ from the defaults, and the destination of the plugins' logs. */
export type Elsewhere = Pick<LoadOptions, 'configFolder' | 'found' | 'moved' | 'logger'>;

/** The plugins that kojid.conf names, and what is wrong with the others. */
export function findPlugins(
  options: KojidOptions,
  folder: string,
  elsewhere: Elsewhere = {},
): Promise<LoadResult> {
  const names = options.plugin;
  return loadPlugins({ part: 'builder', names, folders: options.pluginpath, from: folder, ...elsewhere });
}

/**
 * The built-in task types and those of the plugins that kojid.conf names; a plugin's replaces a built-in one.
 *
 * @throws PluginLoadError with every problem of every plugin
 */
export async function loadTasks(
  options: KojidOptions,
  { folder, elsewhere }: { readonly folder: string; readonly elsewhere?: Elsewhere },
  logger: (name: string) => Logger,
): Promise<Tasks> {
  const { plugins, problems } = await findPlugins(options, folder, { ...elsewhere, logger });
  if (problems.length > 0) throw new PluginLoadError(problems);
  const all: PluginTask[] = [...own, ...plugins.flatMap((plugin) => plugin.tasks)];
  const { callback_timeout: usual, max_callback_timeout: most } = options;
  const limits = new Map(plugins.map((plugin) => [plugin.name, plugin.limits]));
  const callbacks = new CallbackRegistry({
    logger: logger('koji.plugin'),
    timeLimit: (plugin) => limitOf(limits.get(plugin) ?? {}, 'callbacks', { usual, most }),
  });
  callbacks.add(plugins.flatMap((plugin) => plugin.callbacks));
  return {
    plugins: plugins.map(({ name, version, sdkRange, limits, isolated, file }) => {
      return { name, version, sdkRange, limits, isolated, file: realFile(file) };
    }),
    byMethod: new Map(all.flatMap((task) => task.methods.map((method) => [method, task] as const))),
    callbacks,
  };
}

/** Returns the real path of a file; a file that has disappeared was not a link. */
export function realFile(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
