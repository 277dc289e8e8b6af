import { GenericError, compareTexts } from '@koji/core';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';
import { checkPerm } from '../permissions.js';

/** Checks the given tags of a target. */
async function checkTags(
  { session, fail }: Run,
  { buildTag, destTag }: { buildTag: string | undefined; destTag: string | undefined },
): Promise<void> {
  const build = buildTag ? await session.getTag(buildTag) : undefined;
  const dest = destTag ? await session.getTag(destTag) : undefined;
  if (build === null) fail(`No such tag: ${buildTag}`);
  if (build?.arches === null || build?.arches === '') fail(`Build tag has no arches: ${buildTag}`);
  if (dest === null) fail(`No such destination tag: ${destTag}`);
}

const addTarget = command({
  name: 'add-target',
  category: 'admin',
  arguments: ['text', 'tag', 'tag'],
  examples: ['add-target f44-candidate f44-build f44'],
  summary: 'Create a new build target',
  usage: 'add-target <name> <build tag> <dest tag>',
  options: {},
  async run(run) {
    const { args, session, login, usageError } = run;
    const [name, buildTag] = args;
    if (name === undefined || buildTag === undefined)
      return usageError('Please specify a target name, a build tag, and destination tag');
    const destTag = args[2] ?? name;
    if (args.length > 3) return usageError('Incorrect number of arguments');
    await login();
    await checkPerm(run, 'target');
    await checkTags(run, { buildTag, destTag });
    await session.createBuildTarget(name, buildTag, destTag);
  },
});

const editTarget = command({
  name: 'edit-target',
  category: 'admin',
  arguments: ['target'],
  examples: ['edit-target --dest-tag=f44-updates f44-candidate'],
  summary: 'Set the name, build_tag, and/or dest_tag of an existing build target to new values',
  usage: 'edit-target [options] <name>',
  options: {
    rename: text('--rename', 'Specify new name for target'),
    build_tag: text('--build-tag', 'Specify a different build tag'),
    dest_tag: text('--dest-tag', 'Specify a different destination tag'),
  },
  async run(run) {
    const { args, options, session, login, usageError } = run;
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Please specify a build target');
    await login();
    await checkPerm(run, 'target');
    const target = await session.getBuildTarget(name);
    if (!target) throw new GenericError(`No such build target: ${name}`);
    await checkTags(run, { buildTag: options.build_tag, destTag: options.dest_tag });
    await session.editBuildTarget(
      target.name,
      options.rename || target.name,
      options.build_tag || target.build_tag_name,
      options.dest_tag || target.dest_tag_name,
    );
  },
});

const removeTarget = command({
  name: 'remove-target',
  category: 'admin',
  arguments: ['target'],
  examples: ['remove-target f43-candidate'],
  summary: 'Remove a build target',
  usage: 'remove-target [options] <name>',
  options: {},
  async run(run) {
    const { args, session, login, usageError, fail } = run;
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Please specify a build target to remove');
    await login();
    await checkPerm(run, 'target');
    const target = (await session.getBuildTarget(name)) ?? fail(`No such build target: ${name}`);
    await session.deleteBuildTarget(target.id);
  },
});

const listTargets = command({
  name: 'list-targets',
  category: 'info',
  examples: ['list-targets --name=f44-candidate'],
  summary: 'List the build targets',
  usage: 'list-targets [options]',
  anonymous: true,
  data: { of: 'getBuildTargets' },
  options: {
    name: text('--name', 'Specify the build target name'),
    quiet: flag('--quiet', 'Do not print the header information'),
  },
  async run({ args, options, global, session, print, data, connect, usageError }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    await connect();
    const { name } = options;
    const targets = await session.getBuildTargets(name ?? null);
    if (targets.length === 0)
      return usageError(name ? `No such build target: ${name}` : 'No targets were found');
    const row = (...cells: string[]): string => cells.map((cell) => cell.padEnd(30)).join(' ');
    if (!(options.quiet ?? global.quiet)) {
      print(row('Name', 'Buildroot', 'Destination'));
      print('-'.repeat(93));
    }
    const sorted = [...targets].sort((a, b) => compareTexts(a.name, b.name));
    data(sorted);
    for (const target of sorted) print(row(target.name, target.build_tag_name, target.dest_tag_name));
  },
});

export const targets = [addTarget, editTarget, removeTarget, listTargets];
