import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GlobalOptions } from './global-options.js';

/** Returns the folders whose plugins a profile loads. As in Koji, the first folder in `plugin_paths` takes precedence. */
export function pluginFolders(global: GlobalOptions): string[] {
  return [...global.plugin_paths, join(homedir(), '.koji', 'plugins')];
}

/** Returns whether there may be plugins. The plugin loader is loaded only in this case. */
export function mayHavePlugins(global: GlobalOptions): boolean {
  return global.plugins.length > 0 || pluginFolders(global).some(mayHoldFiles);
}

/** A folder that exists and cannot be read counts, too: the plugin loader reports why. */
function mayHoldFiles(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
