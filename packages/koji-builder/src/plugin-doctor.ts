import type { KojidOptions } from '@koji/core/config';
import { describeProblem, describeReport, reportOf } from '@koji/plugin-sdk/host';
import type { PluginReport } from '@koji/plugin-sdk/host';
import { readActivity } from './daemon/activity.js';
import type { StoredActivity } from './daemon/activity.js';
import { findPlugins } from './tasks/load.js';

/** Status of a builder's plugins. */
export interface PluginsReport {
  readonly plugins: readonly (PluginReport & { readonly activity: readonly StoredActivity[] })[];
  /** Problems that need attention. */
  readonly problems: readonly string[];
}

/** Loads the plugins of kojid.conf and reads the activity of their tasks on this builder. */
export async function examinePlugins(options: KojidOptions, folder: string): Promise<PluginsReport> {
  const { plugins, problems } = await findPlugins(options, folder);
  const { callback_timeout: usual, max_callback_timeout: most } = options;
  const activity = await readActivity(options);
  return {
    plugins: plugins.map((plugin) => ({
      ...reportOf(plugin, { usual, most }),
      activity: activity.filter((entry) => entry.plugin === plugin.name),
    })),
    problems: problems.map(describeProblem),
  };
}

/** Returns the report as text for operators. */
export function describePlugins({ plugins, problems }: PluginsReport): string[] {
  return [
    ...(plugins.length === 0 ? ['no plugin is enabled'] : []),
    ...plugins.flatMap((plugin) => describeReport(plugin, plugin.activity)),
    ...problems.map((problem) => `PROBLEM ${problem}`),
  ];
}
