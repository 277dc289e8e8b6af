/** The catalogue of plugins: packages with a keyword, in the registries that npm is set to. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GenericError, byText, messageOf } from '@koji/core';

/** A plugin that can be installed. */
export interface AvailablePlugin {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** The registry that has it. */
  readonly registry: string;
}

/** Search results, and the registries that could not be reached. */
export interface SearchResult {
  readonly plugins: readonly AvailablePlugin[];
  /** A sentence each. */
  readonly problems: readonly string[];
}

/** The keyword that plugins have in their package.json. */
const keyword = 'koji-plugin';
/** Maximum number of results from a registry. */
const limit = 250;
/** Milliseconds for the answer of a registry. */
const patience = 60_000;

/** A package as `npm search --json` prints it. */
interface Listed {
  readonly name: string;
  readonly version?: string;
  readonly 'dist-tags'?: { readonly latest?: string };
  readonly description?: string;
  readonly keywords?: readonly string[];
}

/**
 * Finds plugins that have all of some words in name, description or keywords. npm asks the registries, with the settings,
 * proxies and logins that it has: the usual one, and those of scopes.
 *
 * @param folder whose npm settings count
 * @throws GenericError when no registry answers
 */
export async function searchPlugins(folder: string, words: readonly string[]): Promise<SearchResult> {
  const found = new Map<string, AvailablePlugin>();
  const problems: string[] = [];
  const registries = await registriesOf(folder);
  for (const registry of registries) {
    try {
      for (const plugin of await searchIn(registry, folder, words))
        if (!found.has(plugin.name)) found.set(plugin.name, plugin);
    } catch (error) {
      problems.push(`${registry} could not be searched: ${reasonOf(error)}`);
    }
  }
  if (problems.length === registries.length) throw new GenericError(problems.join('\n'));
  return { plugins: [...found.values()].sort(byText(({ name }) => name)), problems };
}

/** The registries of npm's settings, the usual one first. */
async function registriesOf(folder: string): Promise<string[]> {
  const settings = JSON.parse(await npm(folder, ['config', 'list', '--json'])) as Record<string, unknown>;
  const scoped = Object.keys(settings).filter((name) => /^@.+:registry$/.test(name));
  const all = ['registry', ...scoped].map((name) => settings[name]);
  return [...new Set(all.filter((one) => typeof one === 'string').map((one) => one.replace(/\/*$/, '/')))];
}

async function searchIn(
  registry: string,
  folder: string,
  words: readonly string[],
): Promise<AvailablePlugin[]> {
  const ask = async (text: string): Promise<Listed[]> => {
    const args = ['search', '--json', `--searchlimit=${limit}`, '--registry', registry, text];
    const listed = JSON.parse(await npm(folder, args)) as Listed[];
    return listed.filter(({ keywords = [] }) => keywords.includes(keyword));
  };
  // Not every registry knows how to look for a keyword, and those that do hand out only so many.
  const exact = await ask([`keywords:${keyword}`, ...words].join(' '));
  const listed = exact.length > 0 ? exact : await ask(keyword);
  return listed
    .filter((one) => words.every((word) => textOf(one).includes(word.toLowerCase())))
    .map(({ name, version, description = '', 'dist-tags': tags }) => ({
      name,
      version: version ?? tags?.latest ?? '',
      description,
      registry,
    }));
}

const textOf = ({ name, description = '', keywords = [] }: Listed): string =>
  [name, description, ...keywords].join(' ').toLowerCase();

async function npm(cwd: string, args: readonly string[]): Promise<string> {
  // npm would otherwise ask the registry about its own updates, too.
  const env = { ...process.env, npm_config_update_notifier: 'false' };
  const options = { cwd, env, timeout: patience, maxBuffer: 64 * 1024 * 1024 };
  try {
    return (await promisify(execFile)('npm', [...args], options)).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new GenericError('npm is not installed, which searches the registries', { cause: error });
  }
}

/** npm's message about an error, as JSON or for people. */
function reasonOf(error: unknown): string {
  const { stdout = '' } = error as { readonly stdout?: string };
  const said = /"summary": *("(?:[^"\\]|\\.)+")/.exec(stdout)?.[1];
  return said === undefined ? messageOf(error) : (JSON.parse(said) as string);
}

/** The lines that list plugins. */
export function describeSearch({ plugins }: SearchResult): string[] {
  if (plugins.length === 0) return ['no plugin found'];
  return plugins.map(({ name, version, description }) => `${name} ${version}: ${description}`);
}
