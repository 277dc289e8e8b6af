import { argumentText } from '@koji/core/api';
import type { ConfigReport } from '../config.js';
import type { LoadedPlugin } from './collect.js';
import { describeLimits } from './limits.js';
import type { LimitRules } from './limits.js';
import { sdkVersion } from './package.js';

/** Information about a plugin for operators. */
export interface PluginReport {
  readonly name: string;
  readonly version: string | null;
  readonly file: string;
  readonly sdk: { readonly wanted: string | null; readonly present: string };
  /** All that it brings, a line each: `method add(a, b=1)`. */
  readonly brings: readonly string[];
  readonly configs: readonly ConfigReport[];
  /** Its own time limits, a line each. */
  readonly limits: readonly string[];
  /** Whether it runs in a thread of its own. */
  readonly isolated: boolean;
  /** Hints for its author, one per line. */
  readonly notes: readonly string[];
}

/** How often a part of a plugin ran, in the form of `koji-hub plugins --json`. */
export interface ReportedActivity {
  readonly kind: string;
  readonly name: string;
  readonly runs: number;
  readonly failures: number;
  readonly ignored: number;
  readonly timeouts: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly last_failure: string | null;
  /** As text. */
  readonly last_failure_time: string | null;
  readonly off_until: string | null;
}

/**
 * Describes a plugin and its contents.
 *
 * @param rules the administrator's time limits
 */
export function reportOf(plugin: LoadedPlugin, rules: LimitRules): PluginReport {
  const { name, version, file, sdkRange, configs } = plugin;
  return {
    name,
    version,
    file,
    sdk: { wanted: sdkRange, present: sdkVersion },
    brings: [
      ...plugin.methods.map((method) => `method ${method.name}${argumentText(method.declaration)}`),
      ...plugin.callbacks.map((callback) => {
        const how = [
          ...(callback.afterCommit ? ['after the commit'] : []),
          ...(callback.ignoreError ? ['may fail'] : []),
        ];
        return `callback ${callback.events.join(', ')}${how.length > 0 ? ` (${how.join(', ')})` : ''}`;
      }),
      ...plugin.policyTests.map((test) => `policy test ${test.name}`),
      ...plugin.outboxes.map((outbox) => `outbox ${outbox.name}`),
      ...plugin.tables.flatMap(({ names }) => names.map((one) => `table ${one}`)),
      ...plugin.routes.map(
        (one) =>
          `route /kojihub/plugin/${name}/${one.name}${one.signed ? ` signed by ${one.signed.by}` : ''}`,
      ),
      ...plugin.schedules.map(({ name: own, cron, zone }) => `schedule ${own}: ${cron} (${zone})`),
      ...plugin.tasks.map(
        (task) => `task ${task.methods.join(', ')}${argumentText(task.signature.declaration)}`,
      ),
      ...plugin.commands.map((command) => `command ${command.name}`),
      ...plugin.webPages.map((page) => `web page ${page.name}`),
      ...plugin.webPanels.map((panel) => `web panel ${panel.title} on ${panel.on}`),
    ],
    configs: configs.map((config) => config.report()),
    limits: describeLimits(plugin.limits, rules),
    notes: plugin.notes,
    isolated: plugin.isolated,
  };
}

/** A report as an operator reads it. */
export function describeReport(report: PluginReport, activity: readonly ReportedActivity[]): string[] {
  const { name, version, file, sdk } = report;
  const made = sdk.wanted === null ? 'for any version' : `for ${sdk.wanted}`;
  return [
    `${name}${version === null ? '' : ` ${version}`}`,
    `  from ${file}`,
    `  made ${made} of @koji/plugin-sdk; this is ${sdk.present}`,
    ...report.brings.map((line) => `  brings ${line}`),
    ...(report.isolated ? ['  runs in a thread of its own'] : []),
    ...report.limits.map((line) => `  ${line}`),
    ...report.notes.map((line) => `  note: ${line}`),
    ...report.configs.flatMap(describeConfig),
    ...activity.map((entry) =>
      entry.kind === 'block'
        ? `  blocked the hub in ${entry.name} ${entry.failures} times, last ${entry.last_failure_time ?? ''}`
        : `  ran ${describeActivity(entry)}`,
    ),
  ];
}

function describeConfig({ file, exists, settings, unknown }: ConfigReport): string[] {
  return [
    `  reads ${file}${exists ? '' : ', which is not there'}`,
    ...settings.map(
      ({ section, name, value, given, doc }) =>
        `    [${section}] ${name} = ${value}${given ? '' : ' (default)'}: ${doc}`,
    ),
    ...unknown.map((what) => `    ${what} means nothing to it`),
  ];
}

function describeActivity(entry: ReportedActivity): string {
  const { kind, name, runs, failures, ignored, timeouts, skipped, seconds } = entry;
  const failed = failures + ignored;
  const each = runs === 0 ? '' : `, ${((seconds / runs) * 1000).toFixed(1)} ms each`;
  const last =
    entry.last_failure === null ? '' : `, last ${entry.last_failure_time ?? ''}: ${entry.last_failure}`;
  return [
    `${kind} ${name}: ${runs} times${each}`,
    ...(failed > 0
      ? [`${failed} failed${timeouts > 0 ? ` (${timeouts} by the time limit)` : ''}${last}`]
      : []),
    ...(skipped > 0 ? [`${skipped} left out while it was switched off`] : []),
  ].join(', ');
}

/** Whether something is switched off at this moment. */
export function isOff({ off_until: until }: ReportedActivity): boolean {
  return until !== null && Date.parse(until) > Date.now();
}
