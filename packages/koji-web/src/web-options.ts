import type { IncomingMessage } from 'node:http';
import type { Logger } from '@koji/core';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import type { Calls } from './calls.js';
import type { LoginOptions } from './login/logins.js';
import type { PluginRules } from './plugins/run.js';
import type { Site } from './site.js';

/** How a web page reads from its hub. */
export interface WebOptions {
  readonly site: Site;
  /** Runs work with the methods of the hub, all of it on one snapshot where that is possible. */
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  /** How visitors log in; null where nobody can. */
  readonly login: LoginOptions | null;
  /** The path below which it answers, such as `/koji`. */
  readonly path: string;
  /** Plugins that add pages and panels. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Default: nobody counts their runs, and one that fails five times in a row is off for five minutes. */
  readonly pluginRules?: PluginRules;
  /** Returns the address of who asks, which limits count by. */
  readonly address: (request: IncomingMessage) => string;
  /** Heavy pages that an address may ask for in a minute; 0 means no limit. */
  readonly heavyPages: number;
  readonly log: Logger;
  /** Aborted when the server stops, so that running answers end. */
  readonly stopping: AbortSignal;
}
