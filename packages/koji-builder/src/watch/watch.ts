import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf, type Logger } from '@koji/core';
import { foldersToWatch, watchFolders } from '@koji/plugin-sdk/host';
import type { PluginEntry } from '@koji/plugin-sdk/host';
import type { Loaded, Setup, Snapshot } from '../daemon/protocol.js';
import { takeSnapshot } from './snapshot.js';

/**
 * Development: new tasks run the plugins' new code when their files are saved. Every task's process loads from a copy of
 * the last files that loaded, so that a broken save leaves the old code to tasks that begin after it.
 */
export class PluginWatch {
  private count = 0;

  private constructor(
    private readonly setup: Setup,
    private readonly top: string,
    private plugins: readonly PluginEntry[],
  ) {}

  /** @param plugins those that have loaded, from where they are */
  static async open(setup: Setup, plugins: readonly PluginEntry[]): Promise<PluginWatch> {
    const top = await mkdtemp(path.join(await realpath(tmpdir()), 'kojid-watch-'));
    return new PluginWatch(setup, top, plugins);
  }

  /** The start options of task processes. */
  async firstSetup(): Promise<Setup> {
    const { top } = await this.snapshot();
    return { ...this.setup, snapshot: { top, plugins: this.plugins } };
  }

  /**
   * Watches from now on.
   *
   * @param renew loads new code; throws if that fails
   * @param loaded called with its contents
   */
  start(
    renew: (setup: Setup) => Promise<Loaded>,
    loaded: (what: Loaded) => void,
    log: Logger,
  ): { stop(): void } {
    const folders = (): Map<string, boolean> => foldersToWatch(this.plugins, this.configFolder);
    const changed = async (): Promise<void> => {
      let snapshot: Snapshot | null = null;
      try {
        snapshot = await this.snapshot();
        const what = await renew({ ...this.setup, snapshot });
        this.plugins = what.plugins;
        loaded(what);
        log.warn(`the plugins are reloaded: ${what.plugins.map(({ name }) => name).join(', ')}`);
      } catch (error) {
        log.error(`the plugins stay as they were: ${messageOf(error)}`);
        if (snapshot) await rm(snapshot.top, { recursive: true, force: true });
      }
    };
    return watchFolders({ folders, changed, log });
  }

  /** Removes all copies. */
  close(): Promise<void> {
    return rm(this.top, { recursive: true, force: true });
  }

  private get configFolder(): string {
    return path.join(this.setup.folder, 'plugins');
  }

  private async snapshot(): Promise<Snapshot> {
    const top = path.join(this.top, String((this.count += 1)));
    const folders = new Map(existsSync(this.configFolder) ? [[this.configFolder, false]] : []);
    for (const plugin of this.plugins) folders.set(rootOf(plugin), plugin.version !== null);
    await takeSnapshot(top, folders);
    return { top };
  }
}

/** The folder of a plugin's package, or that in which its file lies. */
function rootOf({ file, version }: PluginEntry): string {
  const folder = path.dirname(file);
  if (version === null) return folder;
  for (let at = folder; at !== path.dirname(at); at = path.dirname(at))
    if (existsSync(path.join(at, 'package.json'))) return at;
  return folder;
}
