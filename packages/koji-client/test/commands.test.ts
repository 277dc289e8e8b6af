import { readFileSync } from 'node:fs';
import type { Command } from '../src/cli/command.js';
import { catalog } from '../src/cli/commands/catalog.js';
import { builtInCommands, loadBuiltInCommands, makeCatalog } from '../src/cli/commands/index.js';
import type { OptionDef } from '../src/cli/options.js';

/** The list of Koji's commands, without the texts of their help. */
interface Known {
  readonly name: string;
  readonly category: string;
  readonly anonymous: boolean;
  readonly usage: readonly string[];
  readonly options: readonly {
    readonly flags: readonly string[];
    readonly action: string;
    readonly metavar?: string;
    readonly hidden?: boolean;
  }[];
}

const fromPlugins = ['runroot', 'save-failed-tree', 'dud-build', 'kiwi-build'];
const known = (
  JSON.parse(readFileSync(new URL('fixtures/commands.json', import.meta.url), 'utf8')) as Known[]
).filter(({ name }) => !fromPlugins.includes(name) && !name.includes('sidetag') && name !== 'help');
const commands = await loadBuiltInCommands();
const ours = new Map(commands.filter(({ extra }) => !extra).map((command) => [command.name, command]));
const beyondKoji = new Set(['make-task --json']);

function optionsOf(command: Command): OptionDef<unknown>[] {
  return Object.values(command.options).flatMap((defs) => defs);
}

test('koji has all commands of Koji, and no others but extras', () => {
  expect([...ours.keys()].sort()).toEqual(known.map(({ name }) => name).sort());
});

test('the generated list of commands says what the declarations say, and each command is loaded from its file', async () => {
  expect(catalog).toEqual(await makeCatalog());
  const loaded = await Promise.all(builtInCommands.map((listed) => listed.load()));
  expect(loaded).toEqual(commands);
});

test.each(known)('$name has the category, the login, the usage and the options of Koji', (expected) => {
  const command = ours.get(expected.name) as Command;
  expect(command.category).toBe(expected.category);
  expect(command.anonymous ?? false).toBe(expected.anonymous);
  for (const usage of expected.usage) expect(command.usage).toContain(usage);
  const shown = optionsOf(command)
    .filter(({ flags }) => !beyondKoji.has(`${command.name} ${flags[0]}`))
    .map(({ flags, action, help }) => ({
      flags: [...flags].sort(),
      action: {
        true: 'store_true',
        false: 'store_false',
        list: 'append',
        pairs: 'append',
        text: 'store',
        optional: 'store',
      }[action],
      hidden: help === undefined,
    }));
  const wanted = expected.options.map(({ flags, action, hidden = false }) => ({
    flags: [...flags].sort(),
    action: action === 'store_const' ? 'store_true' : action,
    hidden,
  }));
  expect(shown).toEqual(wanted);
});

test('every command has an example of itself, and says what its arguments are', () => {
  for (const { name, examples = [], arguments: declared = [], usage } of commands) {
    expect(examples).not.toHaveLength(0);
    const called = name === 'moshimoshi' ? 'hello' : name;
    for (const example of examples) expect(example.split(' ')[0]).toBe(called);
    // Options and what they take do not count.
    const [line = ''] = usage.replace(/--\w+[= ]<\w+>|<options>/g, '').split('\n');
    expect([name, declared.length > 0]).toEqual([
      name,
      /[<[](?!options)/.test(line.replaceAll('[options]', '')),
    ]);
  }
});
