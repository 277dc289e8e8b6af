import { makeLogger, type Logger } from '@koji/core';

type OpenLog = (name: string) => Logger;

// All copies of this package must write to the log of the program that loads the plugins.
const key = Symbol.for('koji.plugin.log');
const holder = globalThis as { [key]?: { open: OpenLog | null } | undefined };
const shared = (holder[key] ??= { open: null });

/** Sets how logs of plugins are opened. The loader of plugins calls it before it imports. Returns the previous function. */
export function setPluginLog(open: OpenLog | null): OpenLog | null {
  const before = shared.open;
  shared.open = open;
  return before;
}

/** The name of a plugin's logger. */
export const loggerOf = (plugin: string): string => `koji.plugin.${plugin}`;

/**
 * Returns the log of a plugin. Its lines are in the hub's log or kojid.log as `koji.plugin.NAME`. It works in all code of a
 * plugin, also outside of calls: in `afterCommit` callbacks, in timers, and in callbacks of builders. In a program that loads
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
    debug: (message, ...values) => logger().debug(message, ...values),
    info: (message, ...values) => logger().info(message, ...values),
    warn: (message, ...values) => logger().warn(message, ...values),
    warning: (message, ...values) => logger().warn(message, ...values),
    error: (message, ...values) => logger().error(message, ...values),
  };
}

/** Used when no program has set where logs go. */
function openLast(name: string): Logger {
  return makeLogger((level, text) => {
    if (level === 'warn' || level === 'error')
      process.stderr.write(`[${level.toUpperCase()}] ${name} ${text()}\n`);
  });
}
