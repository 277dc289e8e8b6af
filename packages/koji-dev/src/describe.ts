// Prints as JSON what the plugin in a folder brings, and what is wrong with it. A process of its own, so that no code of the
// plugin runs in the one that keeps the others going.
import { argv } from 'node:process';
import { describeProblem, loadPlugins } from '@koji/plugin-sdk/host';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import { argumentText } from '@koji/core/api';
import type { Method } from '@koji/core/api';
import { demoBuild, demoTag } from './trials.js';
import type { Description, Trial } from './trials.js';
import type { Part } from './plugin.js';

const [folder = '', name = '', ...parts] = argv.slice(2);

async function describe(): Promise<Description> {
  const all = { trials: [] as Trial[], problems: [] as string[] };
  for (const part of parts as Part[]) {
    const { plugins, problems } = await loadPlugins({
      part,
      names: [name],
      folders: [`${folder}/loaded`],
      from: folder,
    });
    all.trials.push(...plugins.flatMap(trialsOf));
    all.problems.push(...problems.map(describeProblem));
  }
  return all;
}

function trialsOf(plugin: LoadedPlugin): Trial[] {
  return [
    ...plugin.methods.map((method) => ({
      brings: `method ${method.name}${argumentText(method.declaration)}`,
      command: `call ${method.name}${wordsFor(method.declaration)}`,
    })),
    ...plugin.callbacks.map(({ events }) => ({
      brings: `callback ${events.join(', ')}`,
      command: events.some((event) => /^(pre|post)Tag$/.test(event))
        ? `tag-build ${demoTag} ${demoBuild}`
        : null,
    })),
    ...plugin.tasks.map(({ methods, signature }) => ({
      brings: `task ${methods.join(', ')}${argumentText(signature.declaration)}`,
      command: `make-task --watch ${methods[0] ?? ''}${wordsFor(signature.declaration)}`,
    })),
    ...plugin.commands.map((command) => ({
      brings: `command ${command.name}`,
      command: `${command.name} --help`,
    })),
    ...plugin.policyTests.map((test) => ({ brings: `policy test ${test.name}`, command: null })),
    ...plugin.webPages.map((page) => ({ brings: `web page ${page.name}`, command: null })),
  ];
}

/** Words for the arguments that a call needs: the demo tag for a tag, else the argument's name in capitals. */
function wordsFor({ args }: Method): string {
  return args
    .filter(({ optional }) => !optional)
    .map(({ name: called }) => ` ${called === 'tag' ? demoTag : called.toUpperCase()}`)
    .join('');
}

process.stdout.write(`${JSON.stringify(await describe())}\n`);
// A plugin may have left timers.
process.exit();
