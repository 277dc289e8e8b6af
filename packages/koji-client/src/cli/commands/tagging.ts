import { named } from '@koji/core/wire';
import { existsSync } from 'node:fs';
import { byText, parseNVR, sortTexts } from '@koji/core';
import type { Api, NamedArguments, TaggedBuild, TaggedRpm } from '@koji/core/api';
import { eventOptions, queriedEvent } from '../events.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, int, noFlag, text, texts } from '../options.js';
import { pythonStr } from '@koji/core/text';
import { runsInBackground } from '../background.js';
import { watch } from './watching.js';

const twoArguments =
  "This command takes at least two arguments: a tag name/ID and one or more package n-v-r's";

const tagBuild = command({
  name: 'tag-build',
  category: 'bind',
  arguments: ['tag', 'build...'],
  examples: ['tag-build f44 bash-5.2-1'],
  summary: 'Apply a tag to one or more builds',
  usage: 'tag-build [options] <tag> <pkg> [<pkg> ...]',
  options: {
    force: flag('--force', 'force operation'),
    wait: [
      flag('--wait', 'Wait on task, even if running in the background'),
      noFlag('--nowait', 'Do not wait on task'),
    ],
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [tag, ...builds] = args;
    if (tag === undefined || builds.length === 0) return usageError(twoArguments);
    await login();
    const ids: number[] = [];
    for (const build of builds) {
      const id = await session.tagBuild(tag, build, named({ force: options.force ?? null }));
      ids.push(id);
      print(`Created task ${id}`);
    }
    return (options.wait ?? !runsInBackground()) ? watch(run, ids) : 0;
  },
});

const nvrOf = (build: { name: string; version: string; release: string }): string =>
  `${build.name}-${build.version}-${build.release}`;

const untagBuild = command({
  name: 'untag-build',
  category: 'bind',
  arguments: ['tag', 'build...'],
  examples: ['untag-build f44 bash-5.2-1'],
  summary: 'Remove a tag from one or more builds',
  usage: 'untag-build [options] <tag> <pkg> [<pkg> ...]',
  options: {
    all: flag('--all', 'untag all versions of the package in this tag, pkg is package name'),
    non_latest: flag(
      '--non-latest',
      'untag all versions of the package in this tag except the latest, pkg is package name',
    ),
    test: flag(['-n', '--test'], 'test mode'),
    verbose: flag(['-v', '--verbose'], 'print details'),
    force: flag('--force', 'force operation'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [tagName, ...names] = args;
    const wholeTag = options.non_latest === true && options.force === true;
    if (tagName === undefined || (names.length === 0 && !wholeTag))
      return usageError(wholeTag ? 'Please specify a tag' : `${twoArguments} or package names`);
    await login();
    const tag = (await session.getTag(tagName)) ?? usageError(`No such tag: ${tagName}`);
    const builds = await buildsToUntag(run, tag, names, options);
    const calls = session.multicall({ strict: true });
    for (const build of [...builds].reverse()) {
      if (options.test) {
        print(`would have untagged ${nvrOf(build)}`);
        continue;
      }
      if (options.verbose) print(`untagging ${nvrOf(build)}`);
      calls.untagBuild(tag.name, nvrOf(build), named({ force: options.force ?? null }));
    }
    await calls.run();
  },
});

interface UntagOptions {
  readonly all?: boolean | undefined;
  readonly non_latest?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly force?: boolean | undefined;
}

async function buildsToUntag(
  run: Run,
  tag: { id: number; name: string },
  names: readonly string[],
  options: UntagOptions,
): Promise<TaggedBuild[]> {
  if (options.all) return taggedBuilds(run, tag.id, names);
  if (!options.non_latest) return exactBuilds(run, tag, names, options.force === true);
  const seen = new Set<string>();
  const tagged = await taggedBuilds(run, tag.id, names);
  return [...tagged]
    .sort((a, b) => b.create_event - a.create_event)
    .filter((build) => {
      if (seen.has(build.name)) return true;
      seen.add(build.name);
      if (options.verbose) run.print(`Leaving latest build for package ${build.name}: ${nvrOf(build)}`);
      return false;
    });
}

/** The builds of some packages in a tag itself; without names, of all packages. */
async function taggedBuilds(
  { session }: Run,
  tagId: number,
  packages: readonly string[],
): Promise<TaggedBuild[]> {
  if (packages.length === 0) return session.listTagged(tagId);
  const calls = session.multicall({ strict: true });
  const entries = packages.map((name) => calls.listTagged(tagId, named({ package: name })));
  await calls.run();
  return entries.flatMap((entry) => entry.result);
}

async function exactBuilds(
  run: Run,
  tag: { id: number; name: string },
  nvrs: readonly string[],
  force: boolean,
): Promise<TaggedBuild[]> {
  const { session, warn, fail } = run;
  const packages = [...new Set(nvrs.map((nvr) => parseNVR(nvr).name))];
  const tagged = new Map((await taggedBuilds(run, tag.id, packages)).map((build) => [nvrOf(build), build]));
  const builds: TaggedBuild[] = [];
  for (const nvr of nvrs) {
    const build = tagged.get(nvr);
    if (build) {
      builds.push(build);
      continue;
    }
    const exists = await session.getBuild(nvr);
    warn(exists ? `Build ${nvr} not in tag ${tag.name}` : `No such build: ${nvr}`);
    if (!force) fail();
  }
  return builds;
}

const listTagged = command({
  name: 'list-tagged',
  category: 'info',
  arguments: ['tag', 'package'],
  examples: ['list-tagged --latest f44 bash'],
  summary: 'List the builds or rpms in a tag',
  usage: 'list-tagged [options] <tag> [<package>]',
  anonymous: true,
  data: { of: 'listTagged' },
  options: {
    arch: texts('--arch', 'List rpms for this arch'),
    rpms: flag('--rpms', 'Show rpms instead of builds'),
    inherit: flag('--inherit', 'Follow inheritance'),
    latest: flag('--latest', 'Only show the latest builds/rpms'),
    latest_n: int('--latest-n', 'Only show the latest N builds/rpms', { metavar: 'N' }),
    quiet: flag('--quiet', 'Do not print the header information'),
    paths: flag('--paths', 'Show the file paths'),
    sigs: flag('--sigs', 'Show signatures'),
    type: text('--type', 'Show builds of the given type only. Currently supported types: maven, win, image'),
    ...eventOptions,
    draft_only: flag('--draft-only', 'Only list draft builds/rpms'),
    no_draft: flag('--no-draft', 'Only list regular builds/rpms'),
  },
  async run(run) {
    const { args, options, session, global, paths, connect, usageError, fail } = run;
    const [tag, name] = args;
    if (tag === undefined) return usageError('A tag name must be specified');
    if (args.length > 2) return usageError('Only one package name may be specified');
    if (options.no_draft && options.draft_only) return usageError('--draft-only conflicts with --no-draft');
    await connect();
    const quiet = options.quiet ?? global.quiet;
    const event = await queriedEvent(run, options, quiet);
    if (!(await session.getTag(tag, named({ event: event?.id ?? null }))))
      return usageError(`No such tag: ${tag}`);
    const filter = {
      latest: options.latest_n ?? options.latest ?? null,
      inherit: options.inherit ?? null,
      ...(name ? { package: name } : {}),
      ...typeAndDraft(options),
      ...(event ? { event: event.id } : {}),
    };
    if (options.rpms || options.sigs || options.arch.length > 0) {
      if (options.sigs && options.paths && !existsSync(`${paths.topdir}/packages`))
        fail(`'list-tagged --sigs --paths' requires accessible ${paths.topdir}/packages`);
      const ofRpms = {
        ...(options.arch.length > 0 ? { arch: options.arch } : {}),
        ...(options.sigs ? { rpmsigs: true } : {}),
      };
      const [rpms = [], builds = []] = await session.listTaggedRPMS(tag, named({ ...filter, ...ofRpms }));
      await printRpms(run, [rpms, builds], options);
    } else {
      await listBuilds(run, { tag, filter, ...options, quiet });
    }
  },
});

function typeAndDraft(options: {
  type?: string | undefined;
  no_draft?: boolean | undefined;
  draft_only?: boolean | undefined;
}): { readonly type?: string; readonly draft?: boolean } {
  if (options.type) return { type: options.type };
  if (options.no_draft) return { draft: false };
  return options.draft_only ? { draft: true } : {};
}

function printRpms(
  { paths, print, warn, data }: Run,
  [rpms, builds]: [readonly TaggedRpm[], readonly TaggedBuild[]],
  options: { paths?: boolean | undefined; sigs?: boolean | undefined },
): Promise<void> {
  data(() => [...rpms].sort(byText((rpm) => `${nvrOf(rpm)}.${rpm.arch}`)));
  if (!options.paths) {
    const lines = rpms.map((rpm) => {
      const draft = rpm.draft ? ` (,draft_${rpm.build_id})` : '';
      return `${options.sigs ? `${pythonStr(rpm.sigkey ?? null)} ` : ''}${nvrOf(rpm)}.${rpm.arch}${draft}`;
    });
    for (const line of sortTexts(lines)) print(line);
    return Promise.resolve();
  }
  const folders = new Map(
    builds.flatMap((build): [number, string][] => {
      const folder = paths.build(build);
      if (!options.sigs || existsSync(folder)) return [[build.id, folder]];
      warn(`Build directory not found: ${folder}`);
      return [];
    }),
  );
  const lines = rpms.flatMap((rpm) => {
    const folder = folders.get(rpm.build_id);
    if (folder === undefined) return [];
    if (!options.sigs) return [`${folder}/${paths.rpm(rpm)}`];
    const signed = `${folder}/${paths.signed(rpm, rpm.sigkey ?? '')}`;
    return existsSync(signed) ? [signed] : [];
  });
  for (const line of sortTexts(lines)) print(line);
  return Promise.resolve();
}

/** Prints the builds of a tag. Each is formatted as it arrives, because a tag may have tens of thousands. */
async function listBuilds(
  run: Run,
  options: {
    tag: string;
    filter: NamedArguments<Api['listTagged']>;
    quiet: boolean;
    paths?: boolean | undefined;
    type?: string | undefined;
  },
): Promise<void> {
  const { session, paths, print, write } = run;
  if (run.wantsData) {
    const builds = await session.listTagged(options.tag, named(options.filter));
    run.data(builds.sort(byText(nvrOf)));
    return;
  }
  const maven = options.type === 'maven';
  const widths = maven ? [40, 20, 20, 20] : [40, 20];
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  const mapRow = (found: unknown): string => {
    const build = found as TaggedBuild;
    const path = maven ? paths.mavenbuild(build) : paths.build(build);
    const ids = maven ? [pythonStr(build.maven_group_id), pythonStr(build.maven_artifact_id)] : [];
    return row([options.paths ? path : build.nvr, build.tag_name, ...ids, build.owner_name]);
  };
  const lines = await session.call<string[]>('listTagged', [options.tag], options.filter, { mapRow });
  if (!options.quiet) {
    print(row(['Build', 'Tag', ...(maven ? ['Group Id', 'Artifact Id'] : []), 'Built by']));
    print(row([...widths, 16].map((width) => '-'.repeat(width))));
  }
  write(
    sortTexts(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

export const tagging = [tagBuild, untagBuild, listTagged];
