import { mkdir, mkdtemp, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GenericError } from '@koji/core';
import { api } from '@koji/core/api';

/** The parts of a new plugin. */
export type Part = 'method' | 'callback' | 'task' | 'command';

/** Major versions of TypeScript that a plugin can be compiled by. */
export type TypeScriptVersion = 5 | 6 | 7;

/** All parts, in the order of their presentation. */
export const parts: readonly Part[] = ['method', 'callback', 'task', 'command'];

/** A plugin to begin. */
export interface NewPlugin {
  /** As in `Plugins = NAME`: lower case letters, digits and hyphens. */
  readonly name: string;
  /** `@us`, for the package `@us/koji-plugin-NAME`. */
  readonly scope?: string | null;
  readonly parts: readonly Part[];
  readonly language: 'ts' | 'js';
  /** The major version of the compiler. Default: 6. */
  readonly typescript?: TypeScriptVersion;
  /** The folder to make. */
  readonly folder: string;
}

/** The plugin can't be made as it is asked for. */
export class CreateError extends GenericError {
  override name = 'CreateError';
}

const templates = fileURLToPath(new URL('../templates/', import.meta.url));
const manifest = fileURLToPath(new URL('../package.json', import.meta.url));

/** The modules of each program, and what it is enabled by. */
const programs = [
  { program: 'hub', parts: ['method', 'callback'], enable: 'Plugins = NAME` in hub.conf' },
  { program: 'builder', parts: ['task'], enable: 'plugins = NAME` in kojid.conf' },
  { program: 'cli', parts: ['command'], enable: 'plugins = NAME` in koji.conf' },
] as const;

/**
 * Makes a folder with a plugin in it. Creates either all of it or nothing.
 *
 * @returns the files, by their paths in the folder
 * @throws CreateError for a name that can't be one, or a folder that has something in it
 */
export async function createPlugin(plugin: NewPlugin): Promise<string[]> {
  check(plugin);
  const target = path.resolve(plugin.folder);
  const there = await readdir(target).catch(() => null);
  if (there !== null && there.length > 0)
    throw new CreateError(
      `${plugin.folder} already exists and is not empty: choose another one with --folder`,
    );
  const files = await filesOf(plugin);
  await mkdir(path.dirname(target), { recursive: true });
  const made = await mkdtemp(`${target}.new-`);
  try {
    for (const [name, text] of files) {
      const file = path.join(made, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    if (there !== null) await rmdir(target);
    await rename(made, target);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
  return [...files.keys()].sort();
}

/** The package's name. */
export function packageName({ name, scope = null }: Pick<NewPlugin, 'name' | 'scope'>): string {
  return `${scope === null ? '' : `${scope}/`}koji-plugin-${name}`;
}

function check({ name, scope = null, parts: wanted }: NewPlugin): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 60)
    throw new CreateError(
      `'${name}' can't be the name of a plugin: use lower case letters, digits and hyphens, as in greet-all`,
    );
  if (scope !== null && !/^@[a-z0-9~-][a-z0-9._~-]*$/.test(scope))
    throw new CreateError(`'${scope}' can't be a scope of npm: write it as @us`);
  if (wanted.length === 0) throw new CreateError(`no part is wanted: name some of ${parts.join(', ')}`);
  const method = camel(name);
  if (Object.hasOwn(api, method) || reserved.has(method))
    throw new CreateError(`'${name}' can't be the name of a plugin: ${method} is taken; choose another one`);
}

const reserved = new Set(
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof undefined var void while with yield callback context exported option plugin'.split(
    ' ',
  ),
);

const camel = (name: string): string =>
  name.replace(/-([a-z0-9])/g, (_, first: string) => first.toUpperCase());

async function filesOf(plugin: NewPlugin): Promise<Map<string, string>> {
  const { language, parts: wanted } = plugin;
  const files = new Map<string, string>();
  const take = async (from: string, to: string): Promise<void> => {
    files.set(to, fill(await readFile(path.join(templates, from), 'utf8'), plugin));
  };
  for (const part of parts.filter((one) => wanted.includes(one))) {
    await take(`${language}/src/${part}.${language}`, `src/${part}.${language}`);
    await take(`test/${part}.test.js`, `test/${part}.test.js`);
  }
  const hub = wanted.filter((part) => part === 'method' || part === 'callback');
  if (hub.length > 0)
    files.set(`src/hub.${language}`, hub.map((part) => `export * from './${part}.js';\n`).join(''));
  await take(`${language}/eslint.config.js`, 'eslint.config.js');
  if (language === 'ts') await take('ts/tsconfig.json', 'tsconfig.json');
  await take('common/gitignore', '.gitignore');
  await take('common/launch.json', '.vscode/launch.json');
  files.set('package.json', `${JSON.stringify(await packageOf(plugin), null, 2)}\n`);
  files.set('README.md', readmeOf(plugin));
  return files;
}

function fill(text: string, { name, language }: NewPlugin): string {
  const method = camel(name);
  const values: Readonly<Record<string, string>> = {
    __plugin__: name,
    __command__: name,
    __name__: method,
    __Name__: method.charAt(0).toUpperCase() + method.slice(1),
    __snake__: name.replaceAll('-', '_'),
    __code__: codeFolder(language),
  };
  return text.replace(/__(plugin|command|name|Name|snake|code)__/g, (mark) => values[mark] ?? mark);
}

const codeFolder = (language: NewPlugin['language']): string => (language === 'ts' ? 'dist' : 'src');

const moduleOf = (program: string): string =>
  ({ hub: 'hub', builder: 'task', cli: 'command' })[program] ?? program;

function programsOf({ parts: wanted }: NewPlugin): (typeof programs)[number][] {
  return programs.filter((one) => one.parts.some((part) => wanted.includes(part)));
}

/** The compilers by version. That of 7 has no API for lint, which therefore keeps version 6. */
const compilers = {
  5: { compiler: { typescript: '~5.9.3' }, build: 'tsc' },
  6: { compiler: { typescript: '~6.0.3' }, build: 'tsc' },
  7: {
    compiler: { typescript: '~6.0.3', 'typescript-7': 'npm:typescript@~7.0.2' },
    build: 'node node_modules/typescript-7/bin/tsc',
  },
} as const;

async function packageOf(plugin: NewPlugin): Promise<object> {
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const range = `^${version}`;
  const { name, language } = plugin;
  const code = codeFolder(language);
  const entries = programsOf(plugin).map(({ program }) => [program, `./${code}/${moduleOf(program)}.js`]);
  const { compiler, build } = compilers[plugin.typescript ?? 6];
  const compiled = { build, dev: 'koji-dev', lint: 'eslint .', test: 'npm run build && node --test' };
  // The types of the API, which the plugin's own are added to, are in @koji/core.
  const types = {
    '@koji/core': range,
    '@types/node': '^20.19.0',
    ...compiler,
    'typescript-eslint': '^8.73.0',
  };
  return {
    name: packageName(plugin),
    version: '0.1.0',
    description: `The plugin ${name} of Koji`,
    keywords: ['koji', 'koji-plugin'],
    license: 'UNLICENSED',
    type: 'module',
    engines: { node: '>=20.19.0' },
    files: [code],
    koji: Object.fromEntries(entries) as object,
    scripts: {
      ...(language === 'ts' ? compiled : { dev: 'koji-dev', lint: 'eslint .', test: 'node --test' }),
      prepublishOnly: 'npm run lint && npm test',
    },
    peerDependencies: { '@koji/plugin-sdk': range },
    devDependencies: {
      '@koji/client': range,
      '@koji/dev': range,
      '@koji/hub': range,
      '@koji/plugin-sdk': range,
      eslint: '^10.15.0',
      ...(language === 'ts' ? types : {}),
    },
  };
}

const tries: Readonly<Record<Part, (plugin: NewPlugin) => string>> = {
  method: ({ name }) => `\`koji call ${camel(name)} world\` greets, for whoever is logged in`,
  callback: () => 'every build that gets into a tag is a line in the log of the hub',
  task: ({ name }) =>
    `\`koji make-task ${camel(name)} TAG\` lists the latest builds of a tag in \`builds.txt\``,
  command: ({ name }) => `\`koji ${name} TAG\` prints the latest builds of a tag`,
};

function readmeOf(plugin: NewPlugin): string {
  const { name, language, parts: wanted } = plugin;
  const enabled = programsOf(plugin).map(({ enable }) => `- \`${enable.replace('NAME', name)}`);
  const brings = parts.filter((part) => wanted.includes(part)).map((part) => `- ${tries[part](plugin)}`);
  const settings = wanted.includes('method')
    ? `\nSettings are in \`plugins/${name}.conf\` beside hub.conf: \`word\` in section \`[greeting]\`.\n`
    : '';
  return `# ${packageName(plugin)}

A plugin of Koji.

${brings.join('\n')}

\`npm install ${packageName(plugin)}\` beside the configuration, and in it

${enabled.join('\n')}
${settings}
## Working on it

\`\`\`sh
npm install
npm run dev     # a hub, a builder and demo data around it, which take up what you save
npm test        # ${language === 'ts' ? 'compiles, then runs' : 'runs'} test/ with a hub of its own
npm run lint
npm publish     # does both before; choose a license in package.json first
\`\`\`
`;
}
