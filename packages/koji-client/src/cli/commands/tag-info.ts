import { named } from '@koji/core/wire';
import { parseInteger, compareTexts } from '@koji/core';
import { pprint, pythonRepr } from '@koji/core/text';
import type { BuildConfig } from '@koji/core/api';
import type { BuildTarget } from '../build-target.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { linkFlags } from '../listing.js';
import { eventOptions, queriedEvent } from '../events.js';
import { flag, text } from '../options.js';

/** Hubs before 1.29 do not return the origin of settings. */
type TagConfig = Omit<BuildConfig, 'config_inheritance'> & Partial<Pick<BuildConfig, 'config_inheritance'>>;

type AtEvent = { readonly event?: number };

const taginfo = command({
  name: 'taginfo',
  category: 'info',
  arguments: ['tag...'],
  examples: ['taginfo f44-build'],
  summary: 'Print basic information about a tag',
  usage: 'taginfo [options] <tag> [<tag> ...]',
  anonymous: true,
  data: {
    of: 'getBuildConfig',
    adds: {
      groups: 'the names of its groups',
      targets_into: 'the targets that build into it, as returned by getBuildTargets',
      targets_from: 'the targets that build from it, as returned by getBuildTargets',
      external_repos: 'its external repos, as returned by getTagExternalRepos',
      inheritance: 'its parents, as returned by getInheritanceData',
    },
  },
  options: {
    ...eventOptions,
  },
  async run(run) {
    const { args, options, session, print, connect, usageError } = run;
    if (args.length === 0) return usageError('Please specify a tag');
    await connect();
    const event = await queriedEvent(run, options);
    const at: AtEvent = event ? { event: event.id } : {};
    const perms = await session.getAllPerms();
    const tags: TagConfig[] = [];
    for (const arg of args) tags.push(await configOf(run, arg, at));
    for (const [i, tag] of tags.entries()) {
      if (i > 0) print('');
      const groups = await printTag(run, tag, at, new Map(perms.map(({ id, name }) => [id, name])));
      const [targets_into, targets_from] = await printTargets(run, tag, at);
      const external_repos = await printExternalRepos(run, tag, at);
      const inheritance = await printParents(run, tag, at);
      run.data({ ...tag, groups, targets_into, targets_from, external_repos, inheritance });
    }
  },
});

async function configOf({ session, usageError }: Run, given: string, at: AtEvent): Promise<TagConfig> {
  // Older hubs answer null for an unknown tag.
  const find = (tag: string | number | bigint): Promise<TagConfig | null> =>
    session.getBuildConfig(tag, named(at));
  const id = parseInteger(given);
  return (await find(given)) ?? (id === null ? null : await find(id)) ?? usageError(`No such tag: ${given}`);
}

async function printTag(
  { session, print }: Run,
  tag: TagConfig,
  at: AtEvent,
  perms: ReadonlyMap<number, string>,
): Promise<readonly string[]> {
  print(`Tag: ${tag.name} [${tag.id}]`);
  print(`Arches: ${tag.arches ?? 'None'}`);
  const groups = (await session.getTagGroups(tag.id, named(at))).map(({ name }) => name).sort(compareTexts);
  print(`Groups: ${groups.join(', ')}`);
  if (tag.locked) print('LOCKED');
  if (tag.perm_id !== null)
    print(`Required permission: ${pythonRepr(perms.get(tag.perm_id) ?? tag.perm_id)}`);
  if (await session.mavenEnabled()) {
    print(`Maven support?: ${tag.maven_support ? 'yes' : 'no'}`);
    print(`Include all Maven archives?: ${tag.maven_include_all ? 'yes' : 'no'}`);
  }
  print('Tag options:');
  for (const key of Object.keys(tag.extra).sort(compareTexts)) {
    const line = `  ${key} : ${pprint(tag.extra[key])}`;
    const from = tag.config_inheritance?.extra[key];
    print(from ? `${line.padEnd(30)} [${from.name}]` : line);
  }
  return groups;
}

async function printTargets(
  { session, print }: Run,
  tag: TagConfig,
  at: AtEvent,
): Promise<[BuildTarget[], BuildTarget[]]> {
  const targets = (by: string): Promise<BuildTarget[]> =>
    session.getBuildTargets(named({ [by]: tag.id, ...at }));
  const into = await targets('destTagID');
  const from = await targets('buildTagID');
  const isNow = at.event === undefined;
  const repos = new Map<number, string>();
  // The tag's own repo comes last, as in Koji, so that calls are sent in the same order.
  for (const id of isNow ? [...[...into, ...from].map((target) => target.build_tag), tag.id] : []) {
    if (repos.has(id)) continue;
    const repo = await session.getRepo(id);
    repos.set(id, repo ? `repo#${repo.id}: ${String(repo.creation_time)}` : 'no active repo');
  }
  if (into.length > 0) print('Targets that build into this tag:');
  for (const { name, build_tag: id, build_tag_name: build } of into)
    print(`  ${name} (${isNow ? `${build}, ${repos.get(id)}` : build})`);
  if (from.length > 0) print('This tag is a buildroot for one or more targets');
  if (repos.has(tag.id)) print(`Current repo: ${repos.get(tag.id)}`);
  if (from.length > 0) print('Targets that build from this tag:');
  for (const { name } of from) print(`  ${name}`);
  return [into, from];
}

async function printExternalRepos(
  { session, print }: Run,
  { id }: TagConfig,
  at: AtEvent,
): Promise<readonly object[]> {
  const repos = await session.getTagExternalRepos(named({ tag_info: id, ...at }));
  if (repos.length > 0) print('External repos:');
  for (const { priority, external_repo_name: name, url, merge_mode: mode, ...repo } of repos) {
    // Old hubs do not return the arches.
    const arches = 'arches' in repo ? repo.arches || 'inherited from tag' : '-';
    print(`  ${String(priority).padStart(3)} ${name} (${url}, merge mode: ${mode}), arches: ${arches}`);
  }
  return repos;
}

async function printParents(
  { session, print }: Run,
  { id }: TagConfig,
  at: AtEvent,
): Promise<readonly object[]> {
  print('Inheritance:');
  const parents = await session.getInheritanceData(id, named(at));
  for (const parent of parents) {
    print(`  ${String(parent.priority).padEnd(4)} ${linkFlags(parent)} ${parent.name} [${parent.parent_id}]`);
    if (parent.maxdepth !== null) print(`    maxdepth: ${parent.maxdepth}`);
    if (parent.pkg_filter) print(`    package filter: ${parent.pkg_filter}`);
  }
  return parents;
}

const listTags = command({
  name: 'list-tags',
  category: 'info',
  arguments: ['tag'],
  examples: ["list-tags 'f44-*'"],
  summary: 'Print the list of tags',
  usage: 'list-tags [options] [pattern]',
  anonymous: true,
  data: { of: 'listTags' },
  options: {
    show_id: flag('--show-id', 'Show tag ids'),
    verbose: flag('--verbose', 'Show more information'),
    unlocked: flag('--unlocked', 'Only show unlocked tags'),
    build: text('--build', 'Show tags associated with a build'),
    package: text('--package', 'Show tags associated with a package'),
  },
  async run({ args, options, session, print, data, connect, usageError }) {
    await connect();
    const noSuch = (what: string, name: string): never => usageError(`No such ${what}: ${name}`);
    const { package: name, build: nvr } = options;
    const packageId = name ? ((await session.getPackage(name))?.id ?? noSuch('package', name)) : null;
    const build = nvr ? ((await session.getBuild(nvr))?.id ?? noSuch('build', nvr)) : null;
    const filter = { build, package: packageId };
    const calls = session.multicall({ strict: true });
    const lists = args.map((pattern) => calls.listTags(named({ ...filter, pattern })));
    if (args.length > 0) await calls.run();
    const tags =
      args.length > 0 ? lists.flatMap((list) => list.result) : await session.listTags(named(filter));
    const shown = tags
      .filter((tag) => !(options.unlocked && (tag.locked || tag.perm)))
      .sort((a, b) => compareTexts(a.name, b.name));
    data(shown);
    for (const tag of shown) {
      const name = options.show_id ? `${tag.name} [${tag.id}]` : tag.name;
      const locked = tag.locked ? ' [LOCKED]' : '';
      const perm = tag.perm ? ` [${tag.perm} perm required]` : '';
      print(options.verbose ? name + locked + perm : name);
    }
  },
});

export const tagInfo = [taginfo, listTags];
