/// <reference types="node" preserve="true" />
/** A hub for the tests of plugins; their authors have it through `@koji/plugin-sdk/testing`. */
import type { CallbackName, CallbackPayloads } from '@koji/plugin-sdk';
import type { PluginManifest } from '@koji/plugin-sdk/host';
import { hashPassword, testCost } from './auth/passwords.js';
import { putUser } from './commands.js';
import { makeConfig } from './config.js';
import { openHub, serve } from './hub.js';

/** Options of a hub for tests. */
export interface TestParts {
  /** An empty folder for database, file store and `plugins/NAME.conf`. */
  readonly folder: string;
  readonly options: Readonly<Record<string, string>>;
  readonly policies: Readonly<Record<string, string>>;
  /** Modules of plugins by name. */
  readonly plugins: Readonly<Record<string, object>>;
  /** The `koji` sections of the plugins' package.json, by name. */
  readonly manifests?: Readonly<Record<string, PluginManifest>>;
  /** Modules of plugins of the web page by name. */
  readonly webPlugins?: Readonly<Record<string, object>>;
  /** Takes the log's lines; without it they go where the options say. */
  readonly onLog?: (line: string) => void;
}

/** A hub that answers, and what no client could ask of it. */
export interface HubForTests {
  readonly url: string;
  readonly topdir: string;
  /**
   * Creates a user, or gives an existing one this password and additionally these permissions. The stored hash is a weak one.
   */
  addUser(name: string, password: string, permissions: readonly string[]): Promise<void>;
  /** Runs the callbacks of an event in a transaction; `begun` is called once it has one. */
  fire<E extends CallbackName>(event: E, payload: CallbackPayloads[E], begun?: () => void): Promise<void>;
  /** Runs a schedule at once; throws when the run fails. */
  runSchedule(plugin: string, name: string): Promise<void>;
  /** Moves the clock of schedules, which stands still otherwise; runs what becomes due, one after the other. */
  passTime(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a hub with plugins that are loaded already.
 *
 * @throws ConfigError with everything that is wrong with options, policies and plugins
 */
export async function openForTests({
  folder,
  plugins,
  webPlugins = {},
  manifests = {},
  onLog,
  ...parts
}: TestParts): Promise<HubForTests> {
  const values = {
    Listen: '127.0.0.1:0',
    KojiDir: 'store',
    LogLevel: 'INFO',
    // No tasks but those that the plugin or its test makes.
    RepoManager: 'external',
    Plugins: Object.keys(plugins).join(' '),
    WebPlugins: Object.keys(webPlugins).join(' '),
    ...parts.options,
  };
  const given = { plugins, manifests, webPlugins, serves: true, ...(onLog ? { onLog } : {}) };
  const open = await openHub(makeConfig(folder, values, parts.policies), given);
  let clock = Date.now();
  const running = await serve(open, { now: () => clock });
  return {
    url: running.url,
    topdir: open.hub.paths.topdir,
    addUser: (name, password, permissions) =>
      open.runOwn('addUser', (call) => putUser(call, name, { password, permissions, hash: quickHash })),
    fire: (event, payload, begun) =>
      open.runOwn(`fire ${event}`, (call) => {
        begun?.();
        return call.runCallbacks(event, payload);
      }),
    runSchedule: (plugin, name) => running.schedules.runNow(plugin, name),
    async passTime(seconds) {
      const end = clock + seconds * 1000;
      let next = await running.schedules.catchUp();
      // One that is due still is run by another hub.
      while (next !== null && next > clock && next <= end) {
        clock = next;
        next = await running.schedules.catchUp();
      }
      clock = end;
    },
    stop: () => running.stop(),
  };
}

const quickHash = (password: string): Promise<string> => hashPassword(password, testCost);
