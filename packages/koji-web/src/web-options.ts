import type { IncomingMessage } from 'node:http';
import type { Logger } from '@koji/core';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import type { Calls } from './calls.js';
import type { LoginOptions } from './login/logins.js';
import type { PluginRules } from './plugins/run.js';
import type { Site } from './site.js';

/** Access of a web page to its hub. */
export interface WebOptions {
  readonly site: Site;
  /** Runs work with the methods of the hub, all of it on one snapshot where that is possible. */
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  /** Logins of visitors; null if nobody can log in. */
  readonly login: LoginOptions | null;
  /** The path of the web page, such as `/koji`. */
  readonly path: string;
  /** Plugins that add pages and panels. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Default: runs are not counted, and a plugin that fails five times in a row is off for five minutes. */
  readonly pluginRules?: PluginRules;
  /** Returns the address of who asks, which limits count by. */
  readonly address: (request: IncomingMessage) => string;
  /** Heavy pages that an address may request per minute; 0 means no limit. */
  readonly heavyPages: number;
  readonly log: Logger;
  /** Aborted when the server stops, so that running answers end. */
  readonly stopping: AbortSignal;
}
