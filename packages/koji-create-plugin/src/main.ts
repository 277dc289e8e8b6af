import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '@koji/core';
import { CreateError, createPlugin, packageName, parts } from './create.js';
import type { NewPlugin, Part, TypeScriptVersion } from './create.js';

const usage = `Usage: npm create @koji/plugin NAME -- [options]

  --parts LIST        what to begin with, with commas between: ${parts.join(',')} (the default)
  --language ts|js    TypeScript (the default) or JavaScript
  --typescript 5|6|7  the compiler's version (default: 6)
  --scope @SCOPE      for a package @SCOPE/koji-plugin-NAME
  --folder DIR        the folder to make (default: koji-plugin-NAME)
  --yes               ask nothing
`;

/** The command line makes no sense: exit status 2. */
class UsageError extends Error {}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        parts: { type: 'string' },
        language: { type: 'string' },
        typescript: { type: 'string', default: '6' },
        scope: { type: 'string' },
        folder: { type: 'string' },
        yes: { type: 'boolean', short: 'y', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function partsOf(text: string): Part[] {
  const words = text.split(/[\s,]+/).filter(Boolean);
  const strange = words.find((word) => !parts.some((part) => part === word));
  if (strange !== undefined) throw new UsageError(`no such part: ${strange}; there are ${parts.join(', ')}`);
  return parts.filter((part) => words.includes(part));
}

function languageOf(text: string): NewPlugin['language'] {
  if (text === 'ts' || text === 'js') return text;
  throw new UsageError(`no such language: ${text}; there are ts and js`);
}

function versionOf(text: string): TypeScriptVersion {
  const found = ([5, 6, 7] as const).find((version) => String(version) === text);
  if (found !== undefined) return found;
  throw new UsageError(`no such version of TypeScript: ${text}; there are 5, 6 and 7`);
}

/** Answers a question, or with its default where nobody can be asked. */
type Ask = (question: string, fallback: string) => Promise<string>;

async function run(ask: Ask): Promise<void> {
  const { values, positionals } = readArguments();
  if (values.help) return void process.stdout.write(usage);
  if (positionals.length > 1) throw new UsageError(`one name, not ${positionals.join(' ')}`);
  const asked: Ask = values.yes ? async (_, fallback) => fallback : ask;
  const given = positionals[0] ?? (await asked('Name of the plugin', ''));
  if (given === '') throw new UsageError('name the plugin');
  const name = given.replace(/^koji-plugin-/, '');
  const plugin = {
    name,
    scope: values.scope ?? null,
    parts: partsOf(values.parts ?? (await asked(`Parts (${parts.join(', ')})`, parts.join(',')))),
    language: languageOf(values.language ?? (await asked('Language (ts, js)', 'ts'))),
    typescript: versionOf(values.typescript),
    folder: values.folder ?? `koji-plugin-${name}`,
  };
  const files = await createPlugin(plugin);
  console.log(`made ${packageName(plugin)} in ${plugin.folder}:`);
  for (const file of files) console.log(`  ${file}`);
  console.log(`\nNext: cd ${plugin.folder}, npm install, npm test`);
}

async function main(): Promise<void> {
  if (!process.stdin.isTTY) return run(async (_, fallback) => fallback);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    await run(async (question, fallback) => {
      const answer = await terminal.question(`${question}${fallback === '' ? '' : ` [${fallback}]`}: `);
      return answer.trim() || fallback;
    });
  } finally {
    terminal.close();
  }
}

await main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError;
  const known = isUsage || error instanceof CreateError;
  process.stderr.write(
    `create-plugin: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`,
  );
  if (isUsage) process.stderr.write(usage);
  process.exitCode = isUsage ? 2 : 1;
});
