#!/usr/bin/env node
import { inspect, parseArgs } from 'node:util';
import path from 'node:path';
import { AuthError, ConfigError, onReloadSignal, onStopSignal, openServiceNotices } from '@koji/core';
import { kojidOptions, readKojidConfig } from '@koji/core/config';
import { RequestError } from '@koji/client';
import { PluginLoadError } from '@koji/plugin-sdk/host';
import type { KojidOptions } from '@koji/core/config';
import { describeHost, examineHost } from './doctor.js';
import { describePlugins, examinePlugins } from './plugin-doctor.js';
import { startBuilder, type Builder } from './builder.js';
import { followFirst, startAgain } from './daemon/start-again.js';

const usage = `usage: kojid [-c FILE] [--once] [--watch] [options]
       kojid [-c FILE] plugins [--check] [--json]
       kojid [-c FILE] doctor [--check] [--json]

  -c, --config FILE   configuration (default /etc/kojid/kojid.conf)
  -f, --fg            stay in the foreground (kojid always does)
      --once          exit if the hub cannot be reached at the start, instead of waiting for it
      --force-lock    take over from another builder of this name (kojid always does)
      --watch         for development: run each new task with the plugins as they are on disk
  -v, --verbose       log more (log_level = INFO)
  -d, --debug         log everything (log_level = DEBUG)
      --user NAME, --password TEXT, -s, --server URL, --plugin NAME, --maxjobs N, ...
                      any option of kojid.conf, which it overrides

plugins lists plugins with what they provide, their settings, activity and problems; with --check it prints only problems.
doctor reports what each buildroot back end needs and what is missing, with the remedy; with --check it prints only problems
and exits with status 1 if tasks that need a buildroot would be refused.
`;

async function main(): Promise<void> {
  const { config, overrides, help, command, check, json, watch, once } = readArgs(process.argv.slice(2));
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const file = path.resolve(config ?? '/etc/kojid/kojid.conf');
  const options = readKojidConfig({ file, overrides });
  if (command === 'doctor') return showHost(options, { check, json });
  if (command === 'plugins') return showPlugins(options, path.dirname(file), { check, json });
  const notices = openServiceNotices();
  const starting = new AbortController();
  let builder: Builder | null = null;
  // A second signal stops it without waiting.
  onStopSignal((before) => {
    starting.abort();
    void notices.stopping();
    void builder?.stop(before > 0 ? 0 : undefined).catch(() => undefined);
  });
  onReloadSignal(() => builder?.reload());
  followFirst();
  try {
    builder = await startBuilder(options, path.dirname(file), { watch, once, signal: starting.signal });
  } catch (error) {
    if (starting.signal.aborted) return;
    throw error;
  }
  await notices.ready();
  // The stop was requested during the start.
  if (starting.signal.aborted) void builder.stop();
  if (await builder.stopped) await startAgain();
}

async function showPlugins(
  options: KojidOptions,
  folder: string,
  { check, json }: { check: boolean; json: boolean },
): Promise<void> {
  const report = await examinePlugins(options, folder);
  const { problems } = report;
  const lines = check ? problems : describePlugins(report);
  if (json) console.log(JSON.stringify(report, null, 2));
  else for (const line of lines) console.log(line);
  if (check && problems.length > 0) process.exitCode = 1;
  else if (check && !json) console.log('nothing is wrong');
}

async function showHost(
  options: KojidOptions,
  { check, json }: { check: boolean; json: boolean },
): Promise<void> {
  const report = await examineHost(options);
  const lines = describeHost(report, check);
  if (json) console.log(JSON.stringify(report, null, 2));
  else for (const line of lines) console.log(line);
  if (check && report.problem !== null) process.exitCode = 1;
  else if (check && !json && lines.length === 0) console.log('nothing is wrong');
}

function readArgs(argv: string[]): {
  config: string | undefined;
  overrides: Record<string, string>;
  help: boolean;
  command: 'plugins' | 'doctor' | null;
  check: boolean;
  json: boolean;
  watch: boolean;
  once: boolean;
} {
  const named = Object.keys(kojidOptions).map((name) => [name.replaceAll('_', '-'), name] as const);
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      ...Object.fromEntries(named.map(([flag]) => [flag, { type: 'string' as const }])),
      config: { type: 'string', short: 'c' },
      server: { type: 'string', short: 's' },
      'force-lock': { type: 'boolean' },
      fg: { type: 'boolean', short: 'f' },
      verbose: { type: 'boolean', short: 'v' },
      debug: { type: 'boolean', short: 'd' },
      help: { type: 'boolean', short: 'h' },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
      once: { type: 'boolean', default: false },
    },
  });
  const given: Record<string, unknown> = values;
  const overrides: Record<string, string> = {};
  for (const [flag, name] of named) if (typeof given[flag] === 'string') overrides[name] = given[flag];
  if (values.verbose) overrides.log_level = 'INFO';
  if (values.debug) overrides.log_level = 'DEBUG';
  const [command = null, ...more] = positionals;
  if ((command !== null && command !== 'plugins' && command !== 'doctor') || more.length > 0)
    throw new ConfigError(`no such command: ${positionals.join(' ')} (kojid --help)`);
  const { check, json, watch, once } = values;
  const help = values.help === true;
  return { config: values.config, overrides, help, command, check, json, watch, once };
}

function report(error: unknown): void {
  process.exitCode = 1;
  const expected = [ConfigError, PluginLoadError, AuthError, RequestError];
  const isError = error instanceof Error;
  const text = expected.some((kind) => error instanceof kind) && isError ? error.message : inspect(error);
  process.stderr.write(`kojid: ${text}\n`);
}

await main().catch(report);
// A call that is still retrying would keep the process alive.
process.exit();
