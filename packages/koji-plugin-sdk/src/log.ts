import { inspect } from 'node:util';
import type { Logger } from '@koji/core';

type OpenLog = (name: string) => Logger;

// All copies of this package must write where the program that loads the plugins said.
const key = Symbol.for('koji.plugin.log');
const holder = globalThis as { [key]?: { open: OpenLog | null } | undefined };
const shared = (holder[key] ??= { open: null });

/** Says how logs of plugins are opened; who loads plugins does, before it imports. Answers what was said before. */
export function setPluginLog(open: OpenLog | null): OpenLog | null {
  const before = shared.open;
  shared.open = open;
  return before;
}

/** The name of a plugin's logger. */
export const loggerOf = (plugin: string): string => `koji.plugin.${plugin}`;

/**
 * The log of a plugin: lines of the hub's log or of kojid.log, as `koji.plugin.NAME`. It can be used wherever the plugin's
 * code runs, also outside of calls: in `afterCommit` callbacks, in timers, in callbacks of builders. In a program that loads
 * no plugins, warnings and errors go to standard error.
 *
 * @param name the plugin's name
 * @example
 * const log = pluginLog('greet');
 *
 * export const announce = afterCommit(
 *   callback('postTag', (event, { build, tag }) => log.info(`${build.nvr} is in ${tag.name}`)),
 * );
 */
export function pluginLog(name: string): Logger {
  const logger = (): Logger => (shared.open ?? openLast)(loggerOf(name));
  return {
    debug: (message, cause) => logger().debug(message, cause),
    info: (message, cause) => logger().info(message, cause),
    warn: (message, cause) => logger().warn(message, cause),
    error: (message, cause) => logger().error(message, cause),
  };
}

/** For when nobody has said where logs go. */
function openLast(name: string): Logger {
  const write = (level: string) => (message: string, cause?: unknown) => {
    const trace = cause === undefined ? '' : `\n${inspect(cause)}`;
    process.stderr.write(`[${level}] ${name} ${message}${trace}\n`);
  };
  return { debug: () => undefined, info: () => undefined, warn: write('WARN'), error: write('ERROR') };
}
