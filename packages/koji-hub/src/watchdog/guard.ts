/** Keeps code of plugins from ending or blocking the process that serves everybody. */
import path from 'node:path';
import { GenericError, logFormatter } from '@koji/core';
import type { Logger } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { currentPluginCode } from '@koji/plugin-sdk/host';
import { folderOf, storeOf } from '../config.js';
import type { RunningHub } from '../hub.js';
import { guardBuiltIns } from './built-ins.js';
import { watchHeap } from './heap-watch.js';
import type { Leak } from './heap-watch.js';
import { leaveNote } from './notes.js';
import { notesFolder } from './switches.js';
import { startWatchdog } from './watchdog.js';
import { pluginInStack, placesOf } from './whose.js';
import type { PluginPlace } from './whose.js';

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
  const plugins = placesOf([...hub.plugins(), ...hub.webPlugins]);
  const notes = notesFolder(storeOf(config));
  const watchdog =
    limit > 0 && plugins.length > 0
      ? startWatchdog({
          limit,
          replaced,
          plugins,
          notes,
          logFile: LogFile === null ? null : path.resolve(folderOf(config), LogFile),
          format: logFormatter(LogFormat),
        })
      : null;
  const ends = [release, nameStrays(plugins, hub.log)];
  if (plugins.length > 0)
    ends.push(
      guardBuiltIns(plugins, hub.log),
      watchHeap({
        places: plugins,
        full: (leak, share) => endFull(hub.log, { leak, share, notes, replaced }),
      }),
    );
  return {
    async stop() {
      for (const end of ends) end();
      await watchdog?.stop();
    },
  };
}

/** Calls have borders of their own: an error that gets here is of a stray timer or promise, and no reason to go down. */
function nameStrays(places: readonly PluginPlace[], log: Logger): () => void {
  const tell = (error: unknown): void => {
    const code = currentPluginCode();
    const line = pluginInStack(places, error);
    const of = code
      ? `, in ${code.part} of plugin ${code.plugin}`
      : line
        ? `, of plugin ${line.plugin} (${line.line})`
        : '';
    log.error(`an error outside of any call${of}`, error);
  };
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  for (const event of events) process.on(event, tell);
  return () => events.forEach((event) => process.removeListener(event, tell));
}

/** Ends a process whose memory is full, which would soon answer nobody; another one takes its place. */
function endFull(
  log: Logger,
  {
    leak,
    share,
    notes,
    replaced,
  }: {
    readonly leak: Leak | null;
    readonly share: number;
    readonly notes: string;
    readonly replaced: boolean;
  },
): void {
  const whose = leak
    ? `plugin ${leak.plugin} holds most of what was allocated since it got scarce, at least ${Math.round(leak.bytes / 1e6)} MB, by ${leak.part}`
    : 'no plugin holds much of it';
  const message = `memory runs out, ${Math.round(share * 100)} % of the heap are in use: ${whose}${replaced ? '; another process takes the place of this one' : ''}`;
  log.error(message);
  if (!replaced) return;
  if (leak) leaveNote(notes, { plugin: leak.plugin, part: leak.part, message, at: new Date().toISOString() });
  // The log is written by then, and nothing else would end it: calls that run may be what fills the memory.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
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
