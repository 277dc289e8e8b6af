import { writeFileSync } from 'node:fs';
import { GenericError, byText, mockConfig, mockSettings, parseInteger, sortTexts } from '@koji/core';
import { named } from '@koji/core/wire';
import { pythonRepr, pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';

const listBuildroot = command({
  name: 'list-buildroot',
  category: 'info',
  arguments: ['text'],
  examples: ['list-buildroot 1234'],
  summary: 'List the rpms used in or built in a buildroot',
  usage: 'list-buildroot [options] <buildroot-id>',
  anonymous: true,
  data: {
    one: true,
    adds: {
      id: 'the id of the buildroot',
      rpms: 'the rpms used in it, or built in it with --built, as returned by listRPMs',
      archives: 'the archives used in it, or built in it with --built, as returned by listArchives',
    },
  },
  options: {
    built: flag('--built', 'Show the built rpms and archives'),
    verbose: flag(['--verbose', '-v'], 'Show more information'),
  },
  async run({ args, options, session, print, data, connect, usageError }) {
    const [given] = args;
    if (given === undefined || args.length !== 1) return usageError('Incorrect number of arguments');
    await connect();
    const id = parseInteger(given);
    if (id === null) throw new RangeError(`invalid literal for int() with base 10: ${pythonRepr(given)}`);
    const kind = options.built ? 'Built' : 'Component';
    const filter = named({ [options.built ? 'buildrootID' : 'componentBuildrootID']: Number(id) });
    const rpms = (await session.listRPMs(filter)).map((rpm) => ({ ...rpm, nvra: `${rpm.nvr}.${rpm.arch}` }));
    if (rpms.length > 0) print(`${kind} RPMs:`);
    for (const { nvra, draft, build_id: build, is_update: isUpdate } of rpms.sort(
      byText((rpm) => rpm.nvra),
    )) {
      const marks = `${draft ? ` (,draft_${build})` : ''}${isUpdate ? ' [update]' : ''}`;
      print(options.verbose ? nvra + marks : nvra);
    }
    const archives = await session.listArchives(filter);
    data({ id: Number(id), rpms, archives });
    if (archives.length === 0) return;
    if (rpms.length > 0) print('');
    print(`${kind} Archives:`);
    for (const name of sortTexts(archives.map(({ filename }) => filename))) print(name);
  },
});

/** A repo that a buildroot is made from: its id, or `latest` for the newest one of the tag. */
interface Origin {
  readonly tagName: string;
  readonly arch: string;
  readonly repoId: number | 'latest';
  /** Default name of the buildroot. */
  readonly name?: string;
}

const mockConfigCommand = command({
  name: 'mock-config',
  category: 'info',
  examples: ['mock-config --tag=f44-build --arch=x86_64 -o f44.cfg'],
  summary: 'Create a mock config',
  usage: 'mock-config [options]',
  anonymous: true,
  long: true,
  options: {
    arch: text(['-a', '--arch'], 'Specify the arch'),
    name: text(['-n', '--name'], 'Specify the name for the buildroot'),
    tag: text('--tag', 'Create a mock config for a tag'),
    target: text('--target', 'Create a mock config for a build target'),
    task: text('--task', 'Duplicate the mock config of a previous task'),
    latest: flag('--latest', 'use the latest redirect url'),
    buildroot: text('--buildroot', 'Duplicate the mock config for the specified buildroot id'),
    mockdir: text('--mockdir', 'Specify mockdir', { metavar: 'DIR' }),
    topdir: text('--topdir', 'Specify topdir, topdir tops the topurl', { metavar: 'DIR' }),
    topurl: text(
      '--topurl',
      'URL under which Koji files are accessible, when topdir is specified, topdir tops the topurl',
      { metavar: 'URL' },
    ),
    distribution: text('--distribution', 'Change the distribution macro'),
    yum_proxy: text('--yum-proxy', 'Specify a yum proxy'),
    ofile: text('-o', 'Output to a file', { metavar: 'FILE' }),
  },
  async run(run) {
    const { args, options, global, session, print, warn, connect, usageError } = run;
    await connect();
    const [first] = args;
    if (first !== undefined && options.name) return usageError('Name already specified via option');
    const origin = await originOf(run, options);
    const { tagName, arch, repoId } = origin;
    const event = repoId === 'latest' ? null : (await session.repoInfo(repoId))?.create_event;
    const config = await session.getBuildConfig(tagName, event ?? null);
    if (!config.arches) warn(`Tag ${tagName} has an empty arch list`);
    else if (!config.arches.includes(arch)) warn(`${arch} is not in the list of tag arches`);
    const place = options.topdir
      ? `file://${options.topdir}`
      : options.topurl || global.topurl || 'file:///mnt/koji';
    const {
      options: settings,
      macros,
      repoLines,
    } = mockSettings(config.extra, { forceArch: arch, images: true });
    const output = mockConfig({
      name: options.name || first || origin.name || `${tagName}-repo_${repoId}`,
      arch,
      tagName,
      baseUrls: [`${place}/repos/${tagName}/${repoId}/${arch}`],
      mockdir: options.mockdir ?? '/var/lib/mock',
      distribution: options.distribution ?? 'Koji Testing',
      proxy: options.yum_proxy ?? null,
      options: settings,
      macros,
      repoLines,
    });
    if (options.ofile) writeFileSync(options.ofile, output);
    else print(output);
  },
});

interface OriginOptions {
  readonly arch: string | undefined;
  readonly tag: string | undefined;
  readonly target: string | undefined;
  readonly task: string | undefined;
  readonly buildroot: string | undefined;
  readonly latest: boolean | undefined;
}

async function originOf(run: Run, options: OriginOptions): Promise<Origin> {
  const { usageError, fail } = run;
  if (options.buildroot) return originOfBuildroot(run, options.buildroot, options.latest);
  if (options.task) return originOfTask(run, options.task, options.latest);
  if (!options.tag && !options.target)
    return usageError('Please specify one of: --tag, --target, --task, --buildroot');
  const arch = options.arch || fail('Please specify an arch');
  const tag = options.tag ? await namedTag(run, options.tag) : await tagOfTarget(run, options.target ?? '');
  if (options.latest) return { tagName: tag.name, arch, repoId: 'latest' };
  const repo = (await run.session.getRepo(tag.id)) ?? fail(`Could not get a repo for tag: ${tag.name}`);
  return { tagName: tag.name, arch, repoId: repo.id };
}

interface TagName {
  readonly id: number;
  readonly name: string;
}

async function namedTag({ session, usageError }: Run, name: string): Promise<TagName> {
  return (await session.getTag(name)) ?? usageError(`No such tag: ${name}`);
}

async function tagOfTarget({ session, usageError }: Run, name: string): Promise<TagName> {
  const target = (await session.getBuildTarget(name)) ?? usageError(`No such build target: ${name}`);
  return { id: target.build_tag, name: target.build_tag_name };
}

async function originOfBuildroot(run: Run, given: string, latest: boolean | undefined): Promise<Origin> {
  const { session, usageError, fail } = run;
  const id = parseInteger(given) ?? usageError('Buildroot id must be an integer');
  return originIn((await session.getBuildroot(Number(id))) ?? fail(`No such buildroot: ${id}`), latest);
}

async function originOfTask(run: Run, given: string, latest: boolean | undefined): Promise<Origin> {
  const { session, print, usageError, fail } = run;
  const id = parseInteger(given) ?? usageError('Task id must be an integer');
  const buildroots = await session.listBuildroots(named({ taskID: Number(id) }));
  const last = buildroots.at(-1) ?? fail(`No buildroots for task ${given} (or no such task)`);
  if (buildroots.length > 1)
    print(`Multiple buildroots found: ${pythonRepr(buildroots.map((root) => root.id))}`);
  const origin = originIn(last, latest);
  return { ...origin, name: `${origin.tagName}-task_${id}` };
}

function originIn(
  buildroot: {
    readonly repo_id: number | null;
    readonly tag_name: string | null;
    readonly arch: string | null;
  },
  latest: boolean | undefined,
): Origin {
  const { repo_id: repoId, tag_name: tagName, arch } = buildroot;
  if (tagName === null || (repoId === null && !latest))
    throw new GenericError('please provide a repo and tag');
  return { tagName, arch: pythonStr(arch), repoId: latest || repoId === null ? 'latest' : repoId };
}

export const buildroots = [listBuildroot, mockConfigCommand];
