import { existsSync, realpathSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import path from 'node:path';
import type { Logger } from '@koji/core';
import { findPlugin } from './find.js';
import type { PluginPlaces } from './find.js';
import { readPackage } from './package.js';
import type { PluginEntry, PluginPart } from './package.js';

/** Milliseconds in which further saves belong to the same change. */
const gathering = 100;
const code = /\.([cm]?[jt]s|json|conf)$/;

/** Options of {@link watchFolders}. */
export interface WatchParts {
  /** The folders to watch now, and whether with those in them; asked again after each change. */
  readonly folders: () => ReadonlyMap<string, boolean>;
  /** Called when files were saved, never twice at once. */
  readonly changed: () => Promise<void>;
  readonly log: Logger;
}

/** Development: says when code or configuration of plugins is saved. */
export function watchFolders({ folders, changed, log }: WatchParts): { stop(): void } {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  const soon = (): void => {
    if (timer) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      running = running.then(changed).then(follow);
    }, gathering);
  };
  const follow = (): void => {
    for (const [folder, recursive] of folders()) {
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

/** The folders of plugins and of their configuration, as {@link watchFolders} wants them. */
export function foldersToWatch(
  plugins: readonly { readonly file: string; readonly version: string | null }[],
  configFolder: string,
): Map<string, boolean> {
  const found = new Map<string, boolean>(
    existsSync(configFolder) ? [[realpathSync(configFolder), false]] : [],
  );
  for (const { file, version } of plugins) {
    const folder = folderOf(file);
    // A plugin that is one file has no version; what lies beside it is none of its business.
    if (folder !== null) found.set(folder, version !== null);
  }
  return found;
}

/**
 * The plugins that a configuration names, whether they load or not. Of a package whose module is missing, such as one that was
 * not built yet, `file` is its package.json and `version` empty; plugins that are not installed are left out.
 */
export function wantedPlugins(
  names: readonly string[],
  part: PluginPart,
  places: PluginPlaces,
): Pick<PluginEntry, 'file' | 'version'>[] {
  return names.flatMap((name) => {
    const found = findPlugin(name, places);
    if ('problem' in found) return [];
    const entry = readPackage(found, part);
    return [
      'problem' in entry
        ? { file: path.join(found.path, 'package.json'), version: '' }
        : { file: entry.file, version: entry.version },
    ];
  });
}

/** The real folder of a file, which may have been removed a moment ago, and its folder with it. */
function folderOf(file: string): string | null {
  if (existsSync(file)) return path.dirname(realpathSync(file));
  return existsSync(path.dirname(file)) ? realpathSync(path.dirname(file)) : null;
}
