import { basename, dirname, resolve } from 'node:path';
import { PluginLoadError, listPlugins, loadPlugins, showTaskArguments } from '@koji/plugin-sdk/host';
import type { CliOption, CliTools, PluginCommand } from '@koji/plugin-sdk/host';
import { categories } from './categories.js';
import type { Category } from './categories.js';
import { command } from './command.js';
import type { Command, Run } from './command.js';
import type { GlobalOptions } from './global-options.js';
import { int } from './options.js';
import type { OptionDef, OptionTable } from './options.js';
import { pluginFolders } from './plugin-folders.js';
import { watchTasks } from './watch.js';

/**
 * Loads the commands of plugins: from files and packages in `~/.koji/plugins` and the folders of `plugin_paths`, and from the
 * installed packages in the profile's option `plugins`.
 *
 * @throws PluginLoadError with every problem of every plugin
 */
export async function loadPluginCommands(global: GlobalOptions): Promise<Command[]> {
  const folders = pluginFolders(global);
  const names = [...new Set([...listPlugins(folders, 'cli'), ...global.plugins])];
  if (names.length === 0) return [];
  // Never the current folder, because the user did not choose its contents.
  const from = global.configFile === null ? import.meta.dirname : dirname(resolve(global.configFile));
  const { plugins, problems } = await loadPlugins({ part: 'cli', names, folders, from });
  if (problems.length > 0) throw new PluginLoadError(problems);
  showTaskArguments(plugins);
  return plugins.flatMap((plugin) => plugin.commands.map(asCommand));
}

function asCommand(plugin: PluginCommand): Command {
  const { name, help, group, usage, login } = plugin;
  return command({
    name,
    category: Object.hasOwn(categories, group) ? (group as Category) : 'misc',
    summary: help,
    usage: usage ? `${name} ${usage}` : name,
    options: tableOf(plugin.options ?? {}),
    ownArguments: plugin.options === undefined,
    interspersed: plugin.interspersed,
    anonymous: !login,
    async run(run) {
      await (login ? run.login() : run.connect());
      const { program, ...options } = run.global;
      const code = await plugin.run(
        { ...options, profile: options.profile, program },
        run.session,
        run.args,
        toolsOf(run),
      );
      return typeof code === 'number' ? code : 0;
    },
  });
}

function tableOf(declared: NonNullable<PluginCommand['options']>): OptionTable {
  const optionOf = ({ action = 'text', ...option }: CliOption): OptionDef<unknown> =>
    action === 'int'
      ? int(option.flags, option.help, option)
      : { action, ...option, ...(action === 'list' ? { initial: [] } : {}) };
  return Object.fromEntries(
    Object.entries(declared).map(([name, option]) => [
      name,
      'flags' in option ? optionOf(option) : option.map(optionOf),
    ]),
  );
}

function toolsOf(run: Run): CliTools {
  const { session, global } = run;
  return {
    print: run.print,
    write: run.write,
    warn: run.warn,
    // The values of options declared with `tableOf` have these types.
    options: run.options as CliTools['options'],
    usageError: run.usageError,
    login: async () => {
      await run.login();
    },
    atInterrupt: run.atInterrupt,
    async upload(file, directory) {
      await session.upload(file, directory);
      return `${directory}/${basename(file)}`;
    },
    taskOutput: (taskId, name) => session.readTaskOutput(taskId, name),
    watchTasks: (ids, { quiet = global.quiet } = {}) => watchTasks(run, ids, quiet),
  };
}
