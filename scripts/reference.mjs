// npm run docs: writes docs/reference from the tables in the code and the SDK's doc comments, and the list of commands; with
// --check it only reports whether they are up to date. A public name of the SDK without a doc comment is an error.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { defaultText, hubOptions, kojidOptions, clientOptions } from '@koji/core/config';
import { api } from '@koji/core/api';
import { loadBuiltInCommands, makeCatalog } from '../packages/koji-client/dist/cli/commands/index.js';
import { categories } from '../packages/koji-client/dist/cli/categories.js';
import { parserOf } from '../packages/koji-client/dist/cli/help.js';
import { sdkReference } from './sdk-reference.mjs';
import { root } from './setup.mjs';

const cell = (text) => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');

function optionsPage(title, intro, table) {
  const rows = Object.entries(table).map(
    ([name, { kind, default: value, doc }]) =>
      `| \`${name}\` | ${cell(kind)} | ${defaultText(value) ? `\`${cell(defaultText(value))}\`` : ''} | ${cell(doc)} |`,
  );
  return `# ${title}\n\n${intro}\n\n| option | type | default | what it does |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function methodsPage() {
  const argument = ({ name, optional, default: value }) =>
    optional ? `${name}=${JSON.stringify(value)}` : name;
  const parts = Object.entries(api)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { doc, needs, args, rest, keywords, result, returns, faults }]) => {
      const all = [...args.map(argument), ...(rest ? ['*args'] : []), ...(keywords ? ['**kwargs'] : [])];
      const lines = [
        `## ${name}`,
        `\`${name}(${all.join(', ')})\``,
        doc,
        [
          ...args.map(({ name: arg, type }) => `- \`${arg}\`: ${type.name}`),
          `- answers ${returns ? `${returns} (${result.name})` : result.name}`,
          `- needs ${needs === 'none' ? 'no login' : needs.replace(':', ' ')}`,
          ...(faults?.length ? [`- faults: ${faults.join(', ')}`] : []),
        ].join('\n'),
      ];
      return lines.join('\n\n');
    });
  return `# Methods of the hub\n\nEvery method that this hub answers. Plugins add their own.\n\n${parts.join('\n\n')}\n`;
}

/** Tells what `--json` of a command prints. */
function dataText({ of, adds = {}, one }) {
  const method = of ? `the fields of [\`${of}\`](methods.md#${of.toLowerCase().replaceAll('.', '')})` : '';
  const fields = Object.entries(adds).map(([name, text]) => `- \`${name}\`: ${text}`);
  const what = one ? 'one object' : 'a list of objects';
  const beside = of && fields.length > 0 ? ', and besides:' : of ? '.' : ':';
  return `\`--json\` prints ${what} with ${method}${of ? '' : 'these fields'}${beside}\n\n${fields.join('\n')}`;
}

function commandsPage(commands) {
  const byName = (a, b) => (a.name < b.name ? -1 : 1);
  const parts = Object.entries(categories).flatMap(([category, title]) => [
    `## ${title.charAt(0).toUpperCase()}${title.slice(1)}`,
    ...commands
      .filter((command) => command.category === category)
      .sort(byName)
      .flatMap((command) => [
        `### ${command.name}`,
        `${command.summary}.${command.extra ? ' Not in Koji.' : ''}`,
        `\`\`\`text\n${parserOf({ ...command, hint: '' }, 'koji')
          .help(100, true)
          .trimEnd()}\n\`\`\``,
        ...(command.data ? [dataText(command.data)] : []),
      ]),
  ]);
  return `# Commands of koji

Every command with its options, as Koji has them. Commands of plugins come on top.

Commands that read have two options that Koji does not have. Like everything that is not in Koji, \`--help\` shows them on a terminal only, and they can't be abbreviated.

- \`--json\` prints JSON in place of text: all fields, as the hub answers them, or with \`--json=nvr,extra.image\` those named. A name with dots leads into a struct. Below, each command says which fields there are.
- \`--format\` prints a line for each thing: \`koji list-builds --package bash --format '%-30{nvr} %{owner_name}'\`. As in \`rpm --queryformat\`, a number pads the field, to the left or, with a minus, to the right; \`%%\` is a percent sign, \`\\t\` a tab and \`\\n\` a line break.

A field that is not there is an error with exit code 2 that names those there are. Messages go to standard error, and exit codes stay as they are without these options.

${parts.join('\n\n')}\n`;
}

/** The list of commands that `koji help` and completion read, so that they need not load the commands themselves. */
function catalogFile(entries) {
  return `// Generated from the declarations of the commands by \`npm run docs\`.\nexport const catalog = ${JSON.stringify(entries)} as const;\n`;
}

const sdk = sdkReference();
const pages = {
  'hub-conf.md': optionsPage(
    'hub.conf',
    'Section `[hub]`. Files of `hub.conf.d` beside it are read first, in the order of their names. Section `[policy]` holds the policies. Options from `Listen` on are not in Koji.',
    hubOptions,
  ),
  'kojid-conf.md': optionsPage(
    'kojid.conf',
    'Section `[kojid]`. An option that is not in this table stops the start, as in Koji. `logfile` and `waitfortasks` are not in Koji.',
    kojidOptions,
  ),
  'koji-conf.md': optionsPage(
    'koji.conf',
    'A section for each profile; `koji` is the default one. Read from /etc/koji.conf.d, /etc/koji.conf, ~/.koji/config.d and ~/.koji/config, later ones over earlier ones. `user`, `password` and `plugins` are not in Koji.',
    clientOptions,
  ),
  'methods.md': methodsPage(),
  'commands.md': commandsPage(await loadBuiltInCommands()),
  ...sdk.pages,
};

const check = process.argv.includes('--check');
const files = {
  'packages/koji-client/src/cli/commands/catalog.ts': catalogFile(await makeCatalog()),
  ...Object.fromEntries(Object.entries(pages).map(([name, text]) => [`docs/reference/${name}`, text])),
};
mkdirSync(path.join(root, 'docs', 'reference'), { recursive: true });
for (const problem of sdk.problems) console.error(problem);
let wrong = sdk.problems.length > 0;
for (const [name, text] of Object.entries(files)) {
  const file = path.join(root, name);
  const wanted = await format(text, { ...(await resolveConfig(file)), filepath: file });
  let there = '';
  try {
    there = readFileSync(file, 'utf8');
  } catch {
    // it is new
  }
  if (there === wanted) continue;
  if (check) {
    wrong = true;
    console.error(`${name} is not what the code says: npm run docs`);
  } else writeFileSync(file, wanted);
}
process.exitCode = wrong ? 1 : 0;
