#!/usr/bin/env node
import { inspect, parseArgs } from 'node:util';
import path from 'node:path';
import { AuthError, ConfigError } from '@koji/core';
import { kojidOptions, readKojidConfig } from '@koji/core/config';
import { RequestError } from '@koji/client';
import { PluginLoadError } from '@koji/plugin-sdk/host';
import type { KojidOptions } from '@koji/core/config';
import { describePlugins, examinePlugins } from './plugin-doctor.js';
import { startBuilder } from './builder.js';

const usage = `usage: kojid [-c FILE] [--watch] [options]
       kojid [-c FILE] plugins [--check] [--json]

  -c, --config FILE   configuration (default /etc/kojid/kojid.conf)
  -f, --fg            stay in the foreground (kojid always does)
      --force-lock    take over from another builder of this name (kojid always does)
      --watch         for development: new tasks run plugins as they were saved last
  -v, --verbose       log more (log_level = INFO)
  -d, --debug         log everything (log_level = DEBUG)
      --user NAME, --password TEXT, -s, --server URL, --plugin NAME, --maxjobs N, ...
                      any option of kojid.conf, over what the file says

plugins says what each plugin is, brings, reads and did, and what is wrong with it; with --check only the last.
`;

async function main(): Promise<void> {
  const { config, overrides, help, command, check, json, watch } = readArgs(process.argv.slice(2));
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const file = path.resolve(config ?? '/etc/kojid/kojid.conf');
  const options = readKojidConfig({ file, overrides });
  if (command === 'plugins') return showPlugins(options, path.dirname(file), { check, json });
  const builder = await startBuilder(options, path.dirname(file), { watch });
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Asked twice, it waits for nobody.
      builder.stop(asked ? 0 : undefined).catch(() => undefined);
      asked = true;
    });
  }
  await builder.stopped;
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

function readArgs(argv: string[]): {
  config: string | undefined;
  overrides: Record<string, string>;
  help: boolean;
  command: 'plugins' | null;
  check: boolean;
  json: boolean;
  watch: boolean;
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
    },
  });
  const given: Record<string, unknown> = values;
  const overrides: Record<string, string> = {};
  for (const [flag, name] of named) if (typeof given[flag] === 'string') overrides[name] = given[flag];
  if (values.verbose) overrides.log_level = 'INFO';
  if (values.debug) overrides.log_level = 'DEBUG';
  const [command = null, ...more] = positionals;
  if ((command !== null && command !== 'plugins') || more.length > 0)
    throw new ConfigError(`no such command: ${positionals.join(' ')} (kojid --help)`);
  const { check, json, watch } = values;
  return { config: values.config, overrides, help: values.help === true, command, check, json, watch };
}

function report(error: unknown): void {
  process.exitCode = 1;
  const expected = [ConfigError, PluginLoadError, AuthError, RequestError];
  const isError = error instanceof Error;
  const text = expected.some((kind) => error instanceof kind) && isError ? error.message : inspect(error);
  process.stderr.write(`kojid: ${text}\n`);
}

await main().catch(report);
// A call that still tries to reach a hub would hold the process for as long as it tries.
process.exit();
