import { categories } from './categories.js';
import type { Command, ListedCommand } from './command.js';
import { dataOptions } from './data.js';
import { epilog } from './global-options.js';
import { OptionParser } from './options.js';
import type { OptionTable } from './options.js';
import type { Output } from './output.js';
import { byText, sortTexts } from '@koji/core';

/** Prints the commands of some or all categories. */
export function listCommands(
  out: Output,
  commands: readonly ListedCommand[],
  program: string,
  chosen: readonly string[] = Object.keys(categories),
): void {
  const included = chosen.includes('all') ? Object.keys(categories) : [...new Set(chosen)];
  const sorted = [...commands].sort(byText(({ name }) => name));
  const list = (heading: string, shown: readonly ListedCommand[]): void => {
    out.print(`\n${heading}:`);
    for (const { name, summary } of shown) out.print(`        ${name.padEnd(25)} ${summary}`);
  };
  out.print('Available commands:');
  for (const category of sortTexts(included))
    list(
      categories[category as keyof typeof categories],
      sorted.filter((command) => command.category === category && !command.extra),
    );
  // Programs that parse the list expect only Koji's commands.
  const extras = sorted.filter((command) => command.extra && included.includes(command.category));
  if (process.stdout.isTTY && extras.length > 0) list('commands that Koji does not have', extras);
  out.write(epilog(program));
}

const globalHelp = '\n(Specify the --help global option for a list of other help options)';

/** Returns the parser for a command's arguments, which also writes its help. */
export function parserOf(command: Command, program: string): OptionParser<OptionTable> {
  const { usage, options, data, interspersed = true, description, hint = globalHelp } = command;
  return new OptionParser(
    `${program} ${usage.replaceAll('%prog', program)}${hint}`,
    data ? { ...options, ...dataOptions } : options,
    {
      interspersed,
      ...(description === undefined ? {} : { description }),
      examples: examplesOf(command, program),
    },
  );
}

function examplesOf({ examples = [] }: Command, program: string): string {
  if (examples.length === 0) return '';
  const heading = examples.length === 1 ? 'Example' : 'Examples';
  return `\n${heading}:\n${examples.map((example) => `  ${program} ${example}\n`).join('')}`;
}
