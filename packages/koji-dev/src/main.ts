#!/usr/bin/env node
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, messageOf, onStopSignal } from '@koji/core';
import { Dev } from './dev.js';
import { readPlugin } from './plugin.js';

const usage = `Usage: koji-dev [options] [PLUGIN-FOLDER]

Starts a hub with its web page, a builder and demo data around the plugin in this folder, and takes up what you save.

  --folder DIR        keep configuration, database and files in DIR instead of a folder that is removed at the end
  --port N            port of the hub (default 8080); any free one when it is taken
  --inspect           open the debuggers of hub and tasks, and print their addresses
  --inspect-port N    port of the hub's debugger (default 9229, 0 is any free one)
  --debug             set no time limits, for a debugger that attaches by itself, as that of VS Code does
  --no-compile        do not run the compiler of a plugin in TypeScript
`;

/** The command line makes no sense: exit status 2. */
class UsageError extends Error {}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      allowNegative: true,
      options: {
        folder: { type: 'string' },
        port: { type: 'string', default: '8080' },
        inspect: { type: 'boolean', default: false },
        'inspect-port': { type: 'string' },
        debug: { type: 'boolean', default: false },
        compile: { type: 'boolean', default: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (positionals.length > 1) throw new UsageError(`one folder, not ${positionals.join(' ')}`);
    return { ...values, place: path.resolve(positionals[0] ?? '.') };
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function portOf(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new UsageError(`--${name} '${text}': not a port`);
}

async function main(): Promise<void> {
  const values = readArguments();
  if (values.help) return void process.stdout.write(usage);
  const { 'inspect-port': inspectPort, folder, debug, compile } = values;
  const inspect = values.inspect || inspectPort !== undefined;
  const ports = {
    port: portOf('port', values.port),
    inspect: inspect ? portOf('inspect-port', inspectPort ?? '9229') : null,
  };
  const plugin = readPlugin(values.place);
  const opened = Dev.open({
    plugin: compile ? plugin : { ...plugin, compiler: null },
    folder: folder === undefined ? null : path.resolve(folder),
    ...ports,
    debug,
  });
  const stop = async (before: number): Promise<void> => {
    const dev = await opened;
    if (before > 0) dev.kill();
    await dev.stop();
    process.exit(0);
  };
  onStopSignal((before) => void stop(before).catch(fail));
  process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'));
  const dev = await opened;
  await dev.start().catch(async (error: unknown) => {
    await dev.stop();
    throw error;
  });
}

function fail(error: unknown): never {
  const isUsage = error instanceof UsageError;
  const known = isUsage || error instanceof ConfigError;
  process.stderr.write(`koji-dev: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
  if (isUsage) process.stderr.write(usage);
  process.exit(isUsage ? 2 : 1);
}

await main().catch(fail);
