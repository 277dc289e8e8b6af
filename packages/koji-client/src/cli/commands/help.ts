import { categories } from '../categories.js';
import { command } from '../command.js';
import type { Command, ListedCommand } from '../command.js';
import { listCommands } from '../help.js';
import { flag } from '../options.js';

/** The `help` command, which needs the list of all other commands. */
export function helpCommand(commands: () => readonly ListedCommand[]): Command {
  return command({
    name: 'help',
    category: 'info',
    arguments: ['category...'],
    examples: ['help build'],
    summary: 'List available commands',
    usage: 'help <category> ...',
    anonymous: true,
    long: true,
    options: { admin: flag('--admin') },
    run({ args, options, global, print, write, warn }) {
      const chosen = [...new Set([...args, ...(options.admin ? ['admin'] : [])])];
      const wrong = chosen.filter((name) => name !== 'all' && !Object.hasOwn(categories, name));
      for (const name of wrong) print(`No such help category: ${name}`);
      const out = { print, write, warn };
      const right = chosen.filter((name) => !wrong.includes(name));
      if (wrong.length > 0) warn(`The categories are: all, ${Object.keys(categories).join(', ')}`);
      if (chosen.length > 0 && right.length === 0) print('Available commands:');
      else listCommands(out, commands(), global.program, right.length > 0 ? right : undefined);
      return Promise.resolve(wrong.length > 0 ? 1 : 0);
    },
  });
}
