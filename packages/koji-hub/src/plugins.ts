import { ConfigError, GenericError, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import type { HubConfig, HubOptions } from '@koji/core/config';
import {
  describeCopies,
  describeProblem,
  loadPlugins,
  runInContext,
  runPluginMethod,
  showTaskArguments,
  switchedOff,
  TimeLimitError,
  withTimeLimit,
} from '@koji/plugin-sdk/host';
import type {
  ActivityLog,
  LimitRules,
  LoadOptions,
  LoadedPlugin,
  PluginManifest,
  PluginMethod,
  PluginPolicyTest,
  PluginProblem,
} from '@koji/plugin-sdk/host';
import path from 'node:path';
import type { Call, ServedMethod } from './call.js';
import { folderOf, storeOf } from './config.js';
import type { PluginTest } from './domain/policy/policy.js';
import { readCron } from './schedules/cron.js';
import { noteThrower } from './server/faults.js';
import { RunningCall } from './server/running-call.js';

/** The plugins of a hub and what is wrong with those that did not load. */
export interface HubPlugins {
  readonly plugins: readonly LoadedPlugin[];
  /** A paragraph each: plugin, file, problem, remedy. */
  readonly problems: readonly string[];
}

/** Warnings about the plugins of hub.conf, which do not prevent them from working. */
export function pluginWarnings(config: HubConfig): string[] {
  const { Plugins, WebPlugins, PluginPath } = config.options;
  const from = folderOf(config);
  const folders = PluginPath.map((folder) => path.resolve(from, folder));
  return describeCopies([...Plugins, ...WebPlugins], { folders, from });
}

/** Loads the plugins that hub.conf names, where `given` has not their modules. `taken` are the hub's own methods. */
export async function findPlugins(
  config: HubConfig,
  {
    taken,
    given,
    manifests = {},
    load,
    logger,
  }: {
    taken: Iterable<string>;
    given: Readonly<Record<string, object>>;
    manifests?: Readonly<Record<string, PluginManifest>>;
    /** Marks a later load, for which files are read again. */
    load?: string | undefined;
    /** Opens the plugins' own logs. */
    logger?: (name: string) => Logger;
  },
): Promise<HubPlugins> {
  const { Plugins, PluginPath } = config.options;
  const from = folderOf(config);
  const folders = PluginPath.map((folder) => path.resolve(from, folder));
  const { plugins, problems } = await loadPlugins({
    part: 'hub',
    names: Plugins,
    folders,
    from,
    modules: given,
    manifests,
    ...(load === undefined ? {} : { load }),
    ...(logger ? { logger, wall: wallFor(config) } : {}),
    taken: { methods: taken },
  });
  const wrong = await scheduleProblems(plugins);
  const bad = new Set(wrong.map(({ plugin }) => plugin));
  return {
    plugins: plugins.filter(({ name }) => !bad.has(name)),
    problems: [...problems, ...wrong].map(describeProblem),
  };
}

const reasonOf = (error: unknown): string =>
  error instanceof GenericError ? error.message : messageOf(error);

/** Problems of the times of schedules. */
async function scheduleProblems(plugins: readonly LoadedPlugin[]): Promise<PluginProblem[]> {
  const problems: PluginProblem[] = [];
  for (const { name: plugin, file, schedules } of plugins)
    for (const schedule of schedules)
      await readCron(schedule).catch((error: unknown) =>
        problems.push({
          ...{ plugin, file, problem: `schedule ${schedule.name}: ${reasonOf(error)}` },
          remedy: "write five fields as cron has them, '*/5 * * * *' for every five minutes",
          topic: 'bad-export',
          cause: error,
        }),
      );
  return problems;
}

/**
 * Loads the plugins of the web page that hub.conf names.
 *
 * @throws ConfigError with all their problems, unless `PluginFailure = skip`
 */
export async function findWebPlugins(
  config: HubConfig,
  {
    given,
    logger,
  }: { readonly given: Readonly<Record<string, object>>; readonly logger: (name: string) => Logger },
): Promise<readonly LoadedPlugin[]> {
  const { Web, WebPlugins, PluginPath } = config.options;
  if (!Web || WebPlugins.length === 0) return [];
  const from = folderOf(config);
  const { pageNames } = await import('@koji/web');
  const { plugins, problems } = await loadPlugins({
    part: 'web',
    names: WebPlugins,
    folders: PluginPath.map((folder) => path.resolve(from, folder)),
    from,
    modules: given,
    logger,
    taken: { webPages: pageNames },
  });
  checkPlugins(config, { plugins, problems: problems.map(describeProblem) }, logger('koji.plugins'));
  showTaskArguments(plugins);
  return plugins;
}

/**
 * Reports the problems of plugins. A plugin that did not load may have been a guard, so the hub does not start without it
 * unless `PluginFailure = skip`.
 *
 * @throws ConfigError with every problem
 */
export function checkPlugins(config: HubConfig, { problems }: HubPlugins, log: Logger): void {
  if (problems.length === 0) return;
  if (config.options.PluginFailure !== 'skip') throw new ConfigError(problems.join('\n'));
  for (const problem of problems) log.error(`starting without it: ${problem}`);
}

/** How plugins are isolated that ask for it. */
function wallFor(config: HubConfig): NonNullable<LoadOptions['wall']> {
  const { BlockLimit } = config.options;
  // Without a limit a day is patience enough.
  return { patience: (BlockLimit || 86_400) * 1000, topdir: storeOf(config), options: { ...config.options } };
}

/** How long code of plugins may run. */
export function limitRules({ CallbackTimeout: usual, MaxCallbackTimeout: most }: HubOptions): LimitRules {
  return { usual, most };
}

/** How methods of plugins are served. */
interface Serving {
  /** Milliseconds that one may take. */
  readonly timeLimit: number;
  readonly activity: ActivityLog;
  /** Until when all of a plugin is switched off. */
  readonly offUntil: (plugin: string) => Date | null;
}

/** A plugin's method as the dispatcher serves it: counted, bounded in time, refused while the plugin is switched off. */
export function serveMethod(method: PluginMethod, { timeLimit, activity, offUntil }: Serving): ServedMethod {
  const { plugin, name } = method;
  const handler = (args: Record<string, unknown>, call: Call): unknown => {
    const until = offUntil(plugin);
    if (until) throw new GenericError(`${name}() of plugin ${plugin}: ${switchedOff(until)}`);
    return activity.measure({ plugin, kind: 'method', name }, () =>
      runPluginMethod(method, args, ambientOf(call), timeLimit).catch((error: unknown) => {
        if (error instanceof Error && error.cause instanceof TimeLimitError)
          call.hub.logger('koji.plugins').warn(error.message);
        noteThrower(error, 'plugin');
        throw error;
      }),
    );
  };
  return { declared: method.declaration, handler, plugin };
}

/** A plugin's policy test, which may use the context of the call that asks the policy. */
export function asPolicyTest({ name, plugin, run }: PluginPolicyTest, timeLimit: number): PluginTest {
  const part = `policy test ${name}`;
  return {
    name,
    run: (call, data, words) =>
      runInContext(ambientOf(call), { plugin, part }, () =>
        withTimeLimit(timeLimit, async () => run(data, ...words)),
      ).catch((error: unknown) => {
        if (!(error instanceof TimeLimitError)) throw error;
        const text = `${part} of plugin ${plugin} ${error.message}`;
        call.hub.logger('koji.plugins').warn(text);
        throw new GenericError(text, { cause: error });
      }),
  };
}

function ambientOf(call: Call): RunningCall {
  if (!(call instanceof RunningCall)) throw new Error('a plugin is called by a call of this hub only');
  return call;
}
