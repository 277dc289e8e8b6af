// npm run docs: writes docs/reference from the tables in the code and the SDK's doc comments; with --check it only says
// whether they are up to date. A public name of the SDK without a doc comment is an error.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { defaultText, hubOptions, kojidOptions, clientOptions } from '@koji/core/config';
import { api } from '@koji/core/api';
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
  ...sdk.pages,
};

const check = process.argv.includes('--check');
const folder = path.join(root, 'docs', 'reference');
mkdirSync(folder, { recursive: true });
for (const problem of sdk.problems) console.error(problem);
let wrong = sdk.problems.length > 0;
for (const [name, text] of Object.entries(pages)) {
  const file = path.join(folder, name);
  const wanted = await format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
  let there = '';
  try {
    there = readFileSync(file, 'utf8');
  } catch {
    // it is new
  }
  if (there === wanted) continue;
  if (check) {
    wrong = true;
    console.error(`docs/reference/${name} is not what the code says: npm run docs`);
  } else writeFileSync(file, wanted);
}
process.exitCode = wrong ? 1 : 0;
