import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GlobalOptions } from './global-options.js';

/** Returns the folders whose plugins a profile loads. As in Koji, what stands first in `plugin_paths` counts most. */
export function pluginFolders(global: GlobalOptions): string[] {
  return [...global.plugin_paths, join(homedir(), '.koji', 'plugins')];
}

/** Returns whether there may be plugins, so that what loads them is loaded only then. */
export function mayHavePlugins(global: GlobalOptions): boolean {
  return global.plugins.length > 0 || pluginFolders(global).some(mayHoldFiles);
}

/** A folder that exists and cannot be read counts too: what loads plugins reports why. */
function mayHoldFiles(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
