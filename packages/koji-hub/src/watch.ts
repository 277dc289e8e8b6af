/** Development: the hub takes up a plugin's new code when its files are saved. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { ConfigError, messageOf } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { foldersToWatch, installModuleHooks, wantedPlugins, watchFolders } from '@koji/plugin-sdk/host';
import { folderOf } from './config.js';
import type { RunningHub } from './hub.js';

/**
 * Reloads all plugins whenever a file of one of them, or of their configuration, is saved. If that fails, the old plugins stay
 * and the log has the reason.
 */
export function watchPlugins(hub: RunningHub, config: HubConfig): { stop(): void } {
  // Relative imports of a plugin's module are its own files, and as new as it is.
  installModuleHooks();
  const { log } = hub;
  const { Plugins, PluginPath } = config.options;
  const from = folderOf(config);
  const places = { folders: PluginPath.map((folder) => path.resolve(from, folder)), from };
  // One that did not load at the start may load once it is mended.
  const folders = (): Map<string, boolean> =>
    foldersToWatch(wantedPlugins(Plugins, 'hub', places), path.join(from, 'plugins'));
  let count = 0;
  const changed = async (): Promise<void> => {
    count += 1;
    for (const folder of folders().keys()) forgetModules(folder);
    try {
      await hub.reload(String(count));
      const names = hub.plugins().map(({ name }) => name);
      log.warn(`the plugins are reloaded: ${names.join(', ')}`);
    } catch (error) {
      const why = error instanceof ConfigError ? error.message : messageOf(error);
      log.error(`the plugins stay as they were: ${why}`);
    }
  };
  return watchFolders({ folders, changed, log });
}

/** CommonJS modules are kept by their files: those of plugins are to be read again. */
function forgetModules(folder: string): void {
  const { cache } = createRequire(import.meta.url);
  for (const file of Object.keys(cache))
    if (file.startsWith(folder + path.sep)) Reflect.deleteProperty(cache, file);
}
