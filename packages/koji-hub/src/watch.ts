/** Development: the hub takes up a plugin's new code when its files are saved. */
import { existsSync, realpathSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { createRequire, register } from 'node:module';
import path from 'node:path';
import { ConfigError, messageOf } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import { folderOf } from './config.js';
import type { RunningHub } from './hub.js';

/** Milliseconds in which further saves belong to the same change. */
const gathering = 100;
const code = /\.([cm]?js|json|conf)$/;

/**
 * Loads all plugins anew whenever a file of one of them, or of their configuration, is saved. What can't be loaded leaves the
 * old plugins as they are, and says why in the log.
 */
export function watchPlugins(hub: RunningHub, config: HubConfig): { stop(): void } {
  // Relative imports of a plugin's module are its own files, and as new as it is.
  register(new URL('watch-hooks.js', import.meta.url));
  const log = hub.log;
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | null = null;
  let count = 0;
  let running: Promise<void> = Promise.resolve();

  const load = async (): Promise<void> => {
    count += 1;
    for (const folder of watchers.keys()) forgetModules(folder);
    try {
      await hub.reload(String(count));
      log.warn(
        `the plugins are loaded anew: ${hub
          .plugins()
          .map(({ name }) => name)
          .join(', ')}`,
      );
    } catch (error) {
      const why = error instanceof ConfigError ? error.message : messageOf(error);
      log.error(`the plugins stay as they were: ${why}`);
    }
    follow();
  };
  const soon = (): void => {
    if (timer) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      running = running.then(load);
    }, gathering);
  };
  const follow = (): void => {
    for (const [folder, recursive] of foldersOf(hub.plugins(), config)) {
      if (watchers.has(folder)) continue;
      const watcher = watch(folder, { recursive }, (_event, name) => {
        if (name === null || (code.test(name) && !name.split(path.sep).includes('node_modules'))) soon();
      });
      watcher.on('error', (error) => log.error(`${folder} is not watched any more`, error));
      watchers.set(folder, watcher);
    }
  };
  follow();
  log.warn(`watching ${[...watchers.keys()].join(', ')}`);
  return {
    stop() {
      if (timer) clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** The folders to watch, and whether with those in them. */
function foldersOf(plugins: readonly LoadedPlugin[], config: HubConfig): Map<string, boolean> {
  const settings = path.join(folderOf(config), 'plugins');
  const found = new Map<string, boolean>(existsSync(settings) ? [[realpathSync(settings), false]] : []);
  for (const { file, version } of plugins) found.set(path.dirname(realpathSync(file)), version !== null);
  return found;
}

/** CommonJS modules are kept by their files: those of plugins are to be read again. */
function forgetModules(folder: string): void {
  const { cache } = createRequire(import.meta.url);
  for (const file of Object.keys(cache))
    if (file.startsWith(folder + path.sep)) Reflect.deleteProperty(cache, file);
}
