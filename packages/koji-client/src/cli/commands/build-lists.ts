import { named } from '@koji/core/wire';
import {
  BUILD_STATES,
  ParameterError,
  byText,
  compareTexts,
  nameOf,
  parseInteger,
  valueOf,
} from '@koji/core';
import type {
  Api,
  BuildInfo,
  BuildListItem,
  NamedArguments,
  PackageListEntry,
  PackageName,
  TaggedBuild,
  TaggedRpm,
} from '@koji/core/api';
import { pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { eventOptions, queriedEvent } from '../events.js';
import { flag, text, texts, time, timeHelp } from '../options.js';

type Row = Readonly<Record<string, unknown>>;

const latestBuild = command({
  name: 'latest-build',
  category: 'info',
  arguments: ['tag', 'package...'],
  examples: ['latest-build f44 bash'],
  summary: 'Print the latest builds for a tag',
  usage: `latest-build [options] <tag> <package> [<package> ...]

The first option should be the name of a tag, not the name of a build target.
If you want to know the latest build in buildroots for a given build target,
then you should use the name of the build tag for that target. You can find
this value by running '%prog list-targets --name=<target>'

More information on tags and build targets can be found in the documentation.
https://docs.pagure.org/koji/HOWTO/#package-organization`,
  anonymous: true,
  data: { of: 'getLatestBuilds' },
  options: {
    arch: text('--arch', 'List all of the latest packages for this arch'),
    all: flag('--all', 'List all of the latest packages for this tag'),
    quiet: flag('--quiet', 'Do not print the header information'),
    paths: flag('--paths', 'Show the file paths'),
    type: text(
      '--type',
      'Show builds of the given type only. Currently supported types: maven, win, image, or any custom content generator btypes',
    ),
  },
  async run(run) {
    const { args, options, global, session, print, connect, usageError } = run;
    const [tag, ...names] = args;
    if (tag === undefined) return usageError('A tag name must be specified');
    await connect();
    if (options.all && names.length > 0) return usageError('A package name may not be combined with --all');
    if (!options.all && names.length === 0)
      return usageError('A tag name and package name must be specified');
    let quiet = options.quiet ?? global.quiet;
    for (const name of options.all ? [null] : names) {
      let lines: string[];
      if (options.arch) {
        const found = await session.getLatestRPMS(tag, named({ package: name, arch: options.arch }));
        run.data(() => [...found[0]].sort(byText(rpmName)));
        lines = rpmLines(run, found, options.paths === true);
      } else {
        const builds = await session.getLatestBuilds(
          tag,
          named({ package: name, ...(options.type ? { type: options.type } : {}) }),
        );
        run.data(() => [...builds].sort(byText(({ nvr }) => nvr)));
        const maven = options.type === 'maven';
        if (!quiet) for (const line of header(maven)) print(line);
        quiet = true;
        lines = builds.map((build) => buildLine(run, build, { maven, paths: options.paths === true }));
      }
      for (const line of lines.sort(compareTexts)) print(line);
    }
  },
});

const row = (...cells: string[]): string =>
  cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(i === 0 ? 40 : 20))).join('  ');

function header(maven: boolean): string[] {
  const ids = maven ? ['Group Id', 'Artifact Id'] : [];
  const titles = ['Build', 'Tag', ...ids];
  return [
    row(...titles, 'Built by'),
    row(...titles.map((_, i) => '-'.repeat(i === 0 ? 40 : 20)), '-'.repeat(16)),
  ];
}

function buildLine(
  { paths }: Run,
  build: TaggedBuild,
  { maven, paths: shown }: { maven: boolean; paths: boolean },
): string {
  const path = maven ? paths.mavenbuild(build) : paths.build(build);
  const ids = maven ? [pythonStr(build.maven_group_id), pythonStr(build.maven_artifact_id)] : [];
  return row(shown ? path : build.nvr, build.tag_name, ...ids, build.owner_name);
}

function rpmLines({ paths }: Run, [rpms, builds]: [TaggedRpm[], TaggedBuild[]], shown: boolean): string[] {
  const byId = new Map(builds.map((build) => [build.id, build]));
  return rpms.map((rpm) => {
    const build = byId.get(rpm.build_id);
    return shown && build ? `${paths.build(build)}/${paths.rpm(rpm)}` : rpmName(rpm);
  });
}

const rpmName = ({ name, version, release, arch }: TaggedRpm): string =>
  `${name}-${version}-${release}.${arch}`;

const sortKeys = ['build_id', 'owner_name', 'state'];

const listBuilds = command({
  name: 'list-builds',
  category: 'info',
  examples: ['list-builds --package=bash --state=COMPLETE'],
  summary: 'Print the build listing',
  usage: 'list-builds [options]',
  anonymous: true,
  data: { of: 'listBuilds' },
  options: {
    package: text('--package', 'List builds for this package'),
    buildid: text('--buildid', 'List specific build from ID or nvr'),
    before: time('--before', `List builds built before this time, ${timeHelp}`),
    after: time('--after', 'List builds built after this time (same format as for --before'),
    state: text('--state', 'List builds in this state'),
    task: text('--task', 'List builds for this task'),
    type: text('--type', 'List builds of this type.'),
    prefix: text('--prefix', 'Only builds starting with this prefix'),
    pattern: text('--pattern', 'Only list builds matching this GLOB pattern'),
    cg: text('--cg', 'Only list builds imported by matching content generator name'),
    source: text('--source', 'Only builds where the source field matches (glob pattern)'),
    owner: text('--owner', 'List builds built by this owner'),
    volume: text('--volume', 'List builds by volume ID'),
    draft_only: flag('--draft-only', 'Only list draft builds'),
    no_draft: flag('--no-draft', 'Only list regular builds'),
    sort_key: texts(
      ['-k', '--sort-key'],
      'Sort the list by the named field. Allowed sort keys: build_id, owner_name, state',
      { metavar: 'FIELD' },
    ),
    reverse: flag(['-r', '--reverse'], 'Print the list in reverse order'),
    quiet: flag('--quiet', 'Do not print the header information'),
  },
  async run(run) {
    const { args, options, global, print, warn, connect, usageError } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    await connect();
    if (options.no_draft && options.draft_only) return usageError('--draft-only conflits with --no-draft');
    const filter = await filterOf(run, options);
    const builds = options.buildid ? [await oneBuild(run, options.buildid)] : await findBuilds(run, filter);
    for (const key of options.sort_key) if (!sortKeys.includes(key)) warn(`Invalid sort_key: ${key}.`);
    const keys = options.sort_key.length > 0 ? options.sort_key : ['build_id'];
    const sorted = stableSort(builds, keys, options.reverse === true);
    run.data(sorted);
    if (!(options.quiet ?? global.quiet)) {
      print(`${'Build'.padEnd(55)}  ${'Built by'.padEnd(16)}  State`);
      print(`${'-'.repeat(55)}  ${'-'.repeat(16)}  ${'-'.repeat(16)}`);
    }
    for (const { nvr, owner_name: owner, state } of sorted)
      print(`${nvr.padEnd(55)}  ${owner.padEnd(16)}  ${nameOf(BUILD_STATES, state)}`);
  },
});

type Listed = BuildInfo | BuildListItem;

/** Sorts by several fields; equal builds keep their order, also backwards. */
function stableSort(builds: readonly Listed[], keys: readonly string[], backwards: boolean): Listed[] {
  const compare = (a: Listed, b: Listed): number => {
    for (const key of keys) {
      const [x, y] = [(a as unknown as Row)[key], (b as unknown as Row)[key]];
      const order =
        typeof x === 'number' && typeof y === 'number' ? x - y : compareTexts(pythonStr(x), pythonStr(y));
      if (order !== 0) return backwards ? -order : order;
    }
    return 0;
  };
  return [...builds].sort(compare);
}

interface BuildFilter {
  readonly type: string | undefined;
  readonly prefix: string | undefined;
  readonly pattern: string | undefined;
  readonly draft_only: boolean | undefined;
  readonly no_draft: boolean | undefined;
  readonly cg: string | undefined;
  readonly package: string | undefined;
  readonly owner: string | undefined;
  readonly volume: string | undefined;
  readonly state: string | undefined;
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly task: string | undefined;
  readonly source: string | undefined;
}

type Filter = NamedArguments<Api['listBuilds']>;

async function filterOf(run: Run, options: BuildFilter): Promise<Filter> {
  const { session, usageError } = run;
  const given: { -readonly [K in keyof Filter]: Filter[K] } = {};
  for (const key of ['type', 'prefix', 'pattern'] as const)
    if (options[key] !== undefined) given[key] = options[key];
  if (options.no_draft) given.draft = false;
  else if (options.draft_only) given.draft = true;
  if (options.cg) given.cgID = options.cg;
  if (options.package)
    given.packageID =
      parseInteger(options.package) ??
      (await session.getPackageID(options.package)) ??
      usageError(`No such package: ${options.package}`);
  if (options.owner)
    given.userID =
      parseInteger(options.owner) ??
      (await session.getUser(options.owner))?.id ??
      usageError(`No such user: ${options.owner}`);
  if (options.volume) given.volumeID = await volumeId(run, options.volume);
  if (options.state) given.state = stateOf(run, options.state);
  if (options.before) given.completeBefore = options.before;
  if (options.after) given.completeAfter = options.after;
  if (options.task) given.taskID = parseInteger(options.task) ?? usageError('Task id must be an integer');
  if (options.source) given.source = options.source;
  return given;
}

async function volumeId({ session, usageError }: Run, given: string): Promise<number | bigint> {
  const id = parseInteger(given);
  if (id !== null) return id;
  const volumes = await session.listVolumes();
  return volumes.find(({ name }) => name === given)?.id ?? usageError(`No such volume: ${given}`);
}

function stateOf({ usageError }: Run, given: string): number {
  const number = parseInteger(given);
  if (number === null) return valueOf(BUILD_STATES, given) ?? usageError(`Invalid state: ${given}`);
  return number >= 0 && number <= 4 ? Number(number) : usageError(`Invalid state: ${given}`);
}

async function oneBuild({ session, usageError }: Run, given: string): Promise<BuildInfo> {
  const id = parseInteger(given);
  return (
    (await session.getBuild(id === null ? given : Number(id))) ??
    usageError(`No such build: '${id ?? given}'`)
  );
}

async function findBuilds({ session, usageError }: Run, filter: Filter): Promise<BuildListItem[]> {
  if (Object.keys(filter).length === 0) return usageError('Filter must be provided for list');
  try {
    return await session.listBuilds(named(filter));
  } catch (error) {
    const unknown =
      error instanceof ParameterError
        ? /'(pattern|cgID)'$/.exec(error.message)?.[1]?.replace('ID', '')
        : null;
    if (!unknown) throw error;
    return usageError(
      `The hub doesn't support the '${unknown}' argument, please try filtering the result on your local instead.`,
    );
  }
}

type ListedPackage = PackageListEntry | PackageName;

const isBlocked = (entry: ListedPackage): boolean => 'blocked' in entry && entry.blocked;

const listPkgs = command({
  name: 'list-pkgs',
  category: 'info',
  examples: ['list-pkgs --tag=f44'],
  summary: 'Print the package listing for tag or for owner',
  usage: 'list-pkgs [options]',
  anonymous: true,
  data: { of: 'listPackages' },
  options: {
    owner: text('--owner', 'Specify owner'),
    tag: text('--tag', 'Specify tag'),
    package: text('--package', 'Specify package'),
    quiet: flag('--quiet', 'Do not print header information'),
    noinherit: flag('--noinherit', "Don't follow inheritance"),
    show_blocked: flag('--show-blocked', 'Show blocked packages'),
    show_dups: flag('--show-dups', 'Show superseded owners'),
    ...eventOptions,
  },
  async run(run) {
    const { args, options, global, session, print, connect, usageError, fail } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    await connect();
    const chosen: { userID?: number; tagID?: number; pkgID?: string } = {};
    if (options.owner)
      chosen.userID =
        (await session.getUser(options.owner))?.id ?? usageError(`No such user: ${options.owner}`);
    if (options.tag)
      chosen.tagID = (await session.getTag(options.tag))?.id ?? usageError(`No such tag: ${options.tag}`);
    if (options.package) chosen.pkgID = options.package;
    const isAll = Object.keys(chosen).length === 0;
    const event = await queriedEvent(run, options);
    if (isAll && event)
      return usageError('--event and --ts makes sense only with --tag, --owner or --package');
    if (isAll && options.show_blocked)
      return usageError('--show-blocked makes sense only with --tag, --owner or --package');
    const packages = await session.listPackages(
      named({
        ...chosen,
        inherited: !options.noinherit,
        with_dups: options.tag ? (options.show_dups ?? null) : true,
        ...(event ? { event: event.id } : {}),
        ...(options.show_blocked ? { with_blocked: true } : {}),
      }),
    );
    run.data(() => packages.filter((entry) => isAll || options.show_blocked || !isBlocked(entry)));
    if (packages.length === 0) fail('(no matching packages)');
    if (!(options.quiet ?? global.quiet)) printPackageHeader(print, isAll);
    for (const entry of packages)
      if (isAll) print(entry.package_name);
      else if (options.show_blocked || !isBlocked(entry)) print(packageLine(entry));
  },
});

function printPackageHeader(print: (line: string) => void, isAll: boolean): void {
  if (isAll) {
    print('Package');
    print('-'.repeat(23));
    return;
  }
  print(packageRow('Package', 'Tag', 'Extra Arches', 'Owner'));
  print(packageRow('-'.repeat(23), '-'.repeat(23), '-'.repeat(16), '-'.repeat(15)));
}

function packageRow(name: string, tag: string, arches: string, owner: string): string {
  return `${name.padEnd(23)} ${tag.padEnd(23)} ${arches.padEnd(16)} ${owner.padEnd(15)}`;
}

function packageLine(entry: ListedPackage): string {
  if (!('tag_id' in entry)) return entry.package_name;
  const { package_name: name, tag_name: tag, extra_arches: arches, owner_name: owner } = entry;
  return packageRow(name, tag, arches ?? '', owner ?? '') + (entry.blocked ? ' [BLOCKED]' : '');
}

export const buildLists = [latestBuild, listBuilds, listPkgs];
