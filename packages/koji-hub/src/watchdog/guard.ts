/** Keeps code of plugins from ending or blocking the process that serves everybody. */
import path from 'node:path';
import { GenericError, logFormatter } from '@koji/core';
import type { Logger } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { currentPluginCode } from '@koji/plugin-sdk/host';
import { folderOf, storeOf } from '../config.js';
import type { RunningHub } from '../hub.js';
import { notesFolder } from './switches.js';
import { startWatchdog } from './watchdog.js';

/**
 * Refuses plugins what would end this process, and watches for code that holds up all calls.
 *
 * @param replaced whether another process takes the place of this one when it ends
 */
export function guardProcess(
  hub: RunningHub,
  config: HubConfig,
  { replaced }: { readonly replaced: boolean },
): { stop(): Promise<void> } {
  const release = refuseExit(hub.log);
  const { BlockLimit: limit, LogFile, LogFormat } = config.options;
  const plugins = [...hub.plugins(), ...hub.webPlugins].map(({ name, file }) => ({
    name,
    folder: path.isAbsolute(file) ? path.dirname(file) : '\0',
  }));
  const watchdog =
    limit > 0 && plugins.length > 0
      ? startWatchdog({
          limit,
          replaced,
          plugins,
          notes: notesFolder(storeOf(config)),
          logFile: LogFile === null ? null : path.resolve(folderOf(config), LogFile),
          format: logFormatter(LogFormat),
        })
      : null;
  return {
    async stop() {
      release();
      await watchdog?.stop();
    },
  };
}

/** The functions of `process` that end it, or replace what the hub made of a signal. */
const endings = ['exit', 'reallyExit', 'abort', 'kill'] as const;

/** Makes those functions fail in a call of a plugin's code, which the log then names; the result ends that. */
function refuseExit(log: Logger): () => void {
  const own = process as unknown as Record<string, (...args: unknown[]) => unknown>;
  const originals = endings.map((name) => [name, own[name]] as const);
  for (const [name, original] of originals) {
    if (!original) continue;
    own[name] = (...args) => {
      const code = currentPluginCode();
      const isOther = name === 'kill' && args[0] !== process.pid && args[0] !== 0;
      if (!code || isOther) return original.apply(process, args);
      const text = `process.${name}() in ${code.part} of plugin ${code.plugin}: a plugin must not end the hub; throw an error instead`;
      const error = new GenericError(text);
      log.error(text, error);
      throw error;
    };
  }
  return () => {
    for (const [name, original] of originals) if (original) own[name] = original;
  };
}
