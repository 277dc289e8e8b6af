import { categories } from './categories.js';
import type { Command } from './command.js';
import { epilog } from './global-options.js';
import type { Output } from './output.js';
import { byText, sortTexts } from '@koji/core';

/** Prints the commands there are, of some categories or of all. */
export function listCommands(
  out: Output,
  commands: readonly Command[],
  program: string,
  chosen: readonly string[] = Object.keys(categories),
): void {
  const shown = chosen.includes('all') ? Object.keys(categories) : [...new Set(chosen)];
  const sorted = [...commands].sort(byText(({ name }) => name));
  out.print('Available commands:');
  for (const category of sortTexts(shown)) {
    out.print(`\n${categories[category as keyof typeof categories]}:`);
    for (const { name, summary } of sorted.filter((command) => command.category === category))
      out.print(`        ${name.padEnd(25)} ${summary}`);
  }
  out.write(epilog(program));
}
