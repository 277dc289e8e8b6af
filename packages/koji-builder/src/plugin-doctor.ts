import type { KojidOptions } from '@koji/core/config';
import { describeProblem, describeReport, reportOf } from '@koji/plugin-sdk/host';
import type { PluginReport } from '@koji/plugin-sdk/host';
import { readActivity } from './daemon/activity.js';
import type { StoredActivity } from './daemon/activity.js';
import { findPlugins } from './tasks/load.js';

/** All about the plugins of a builder. */
export interface PluginsReport {
  readonly plugins: readonly (PluginReport & { readonly activity: readonly StoredActivity[] })[];
  /** Problems that need attention. */
  readonly problems: readonly string[];
}

/** Loads the plugins that kojid.conf names and reads what their tasks did on this builder. */
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

/** The report as an operator reads it. */
export function describePlugins({ plugins, problems }: PluginsReport): string[] {
  return [
    ...(plugins.length === 0 ? ['no plugin is enabled'] : []),
    ...plugins.flatMap((plugin) => describeReport(plugin, plugin.activity)),
    ...problems.map((problem) => `PROBLEM ${problem}`),
  ];
}
