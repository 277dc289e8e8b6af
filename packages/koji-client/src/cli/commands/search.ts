import { named } from '@koji/core/wire';
import { byText, compareTexts } from '@koji/core';
import type { BuildReferences } from '@koji/core/api';
import { pythonRepr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag } from '../options.js';

export const searchTypes = ['package', 'build', 'tag', 'target', 'user', 'host', 'rpm', 'maven', 'win'];

const search = command({
  name: 'search',
  category: 'search',
  arguments: ['search-type', 'text'],
  examples: ["search build 'bash-5*'"],
  summary: 'Search the system',
  usage: `search [options] <search_type> <pattern>
Available search types: package, build, tag, target, user, host, rpm, maven, win`,
  anonymous: true,
  data: { of: 'search' },
  options: {
    regex: flag(['-r', '--regex'], 'treat pattern as regex'),
    exact: flag('--exact', 'exact matches only'),
  },
  async run({ args, options, session, print, data, connect, usageError }) {
    const [type, pattern] = args;
    if (type === undefined) return usageError('Please specify search type');
    if (pattern === undefined) return usageError('Please specify search pattern');
    if (!searchTypes.includes(type)) return usageError(`No such search type: ${type}`);
    const how = options.regex ? 'regexp' : options.exact ? 'exact' : 'glob';
    await connect();
    const found = await session.search(pattern, type, how);
    data(found);
    for (const { name } of found) print(name);
  },
});

const listUntagged = command({
  name: 'list-untagged',
  category: 'info',
  arguments: ['package'],
  examples: ['list-untagged bash'],
  summary: 'List untagged builds',
  usage: 'list-untagged [options] [<package>]',
  anonymous: true,
  data: {
    of: 'untaggedBuilds',
    adds: { references: 'with --show-references, what buildReferences answers' },
  },
  options: {
    paths: flag('--paths', 'Show the file paths'),
    show_references: flag('--show-references', 'Show build references'),
  },
  async run(run) {
    const { args, options, session, paths, print, connect, usageError, fail } = run;
    const [name] = args;
    if (args.length > 1) return usageError('Only one package name may be specified');
    await connect();
    if (name && (await session.getPackageID(name)) === null) fail(`No such package: ${name}`);
    const builds = await session.untaggedBuilds(named(name ? { name } : {}));
    const references = options.show_references ? await referencesOf(run, builds) : null;
    run.data(() =>
      [...builds]
        .sort(byText(nvrOf))
        .map((build) => (references ? { ...build, references: references.get(build.id) } : build)),
    );
    const lines = builds.map((build) => {
      const shown = options.paths ? paths.build(build) : nvrOf(build);
      return references ? `${shown} ${textOf(references.get(build.id) ?? {})}` : shown;
    });
    for (const line of lines.sort(compareTexts)) print(line);
  },
});

type References = Partial<Pick<BuildReferences, 'rpms' | 'component_of' | 'archives'>>;

interface Untagged {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

const nvrOf = ({ name, version, release }: Untagged): string => `${name}-${version}-${release}`;

/** Returns the references to each build. */
async function referencesOf(
  { session, print }: Run,
  builds: readonly Untagged[],
): Promise<Map<number, References>> {
  print('(Showing build references)');
  const calls = session.multicall({ strict: true, batch: 10_000 });
  const found = builds.map(({ id }) => calls.buildReferences(id));
  await calls.run();
  return new Map(builds.map(({ id }, i) => [id, found[i]?.result ?? {}]));
}

/** Returns a text about the references to a build. */
function textOf({ rpms, component_of: parts, archives }: References): string {
  const isThere = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : Boolean(value));
  return Object.entries({ rpms, 'images/archives': parts, 'archives buildroots': archives })
    .flatMap(([what, value]) => (isThere(value) ? [`${what}: ${pythonRepr(value)}`] : []))
    .join(', ');
}

export const searching = [search, listUntagged];
