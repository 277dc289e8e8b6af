import { named } from '@koji/core/wire';
import { parseArches } from '@koji/core';
import { checkTarget, givenOptions } from '../build-target.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { LiteralError, jsonLiteral } from '../literals.js';
import { flag, int, noFlag, text, texts } from '../options.js';
import { backgroundPriority, followTask, waitOptions } from '../starting.js';
import { uploadShown } from '../uploading.js';

const quietOption = flag('--quiet', 'Do not print the task information');
const backgroundOption = flag('--background', 'Run the build at a lower priority');

const build = command({
  name: 'build',
  category: 'build',
  arguments: ['target', 'file'],
  examples: [
    'build f44-candidate git+https://git.example/rpms/bash#main',
    'build --scratch f44-candidate bash-5.2-1.src.rpm',
  ],
  summary: 'Build a package from source',
  usage: `build [options] <target> <srpm path or scm url>

The first option is the build target, not to be confused with the destination
tag (where the build eventually lands) or build tag (where the buildroot
contents are pulled from).

You can list all available build targets using the '%prog list-targets' command.
More detail can be found in the documentation.
https://docs.pagure.org/koji/HOWTO/#package-organization`,
  options: {
    skip_tag: flag('--skip-tag', 'Do not attempt to tag package'),
    scratch: flag('--scratch', 'Perform a scratch build'),
    rebuild_srpm: [
      flag('--rebuild-srpm', 'Force rebuilding SRPM for scratch build only'),
      noFlag('--no-rebuild-srpm', 'Force not to rebuild srpm for scratch build only'),
    ],
    wait: waitOptions('the build'),
    wait_repo: flag('--wait-repo', 'Wait for a current repo for the build tag'),
    wait_builds: texts('--wait-build', 'Wait for the given nvr to appear in buildroot repo', {
      metavar: 'NVR',
    }),
    quiet: quietOption,
    arch_override: text('--arch-override', 'Override build arches'),
    fail_fast: flag('--fail-fast', 'Override build_arch_can_fail settings and fail as fast as possible'),
    repo_id: int('--repo-id', 'Use a specific repo'),
    noprogress: flag('--noprogress', 'Do not display progress of the upload'),
    background: backgroundOption,
    custom_user_metadata: text(
      '--custom-user-metadata',
      'Provide a JSON string of custom metadata to be deserialized and stored under the ' +
        "build's extra.custom_user_metadata field",
    ),
    draft: flag('--draft', 'Build draft build instead'),
  },
  async run(run) {
    const { args, options, global, session, print, login, usageError } = run;
    const [targetName, given] = args;
    if (targetName === undefined || given === undefined || args.length !== 2)
      return usageError('Exactly two arguments (a build target and a SCM URL or srpm file) are required');
    const { scratch } = options;
    if (options.rebuild_srpm !== undefined && !scratch)
      return usageError('--no-/rebuild-srpm is only allowed for --scratch builds');
    if (options.arch_override && !scratch)
      return usageError('--arch_override is only allowed for --scratch builds');
    if (scratch && options.draft) return usageError('--scratch and --draft cannot be both specfied');
    const metadata = customMetadata(options.custom_user_metadata, usageError);
    await login();
    const target = targetName.toLowerCase() === 'none' && options.repo_id ? null : targetName;
    if (target !== null) await checkTarget(run, target, { scratch });
    const silent = options.quiet ?? global.quiet;
    const opts = {
      ...(options.arch_override ? { arch_override: parseArches(options.arch_override) } : {}),
      ...givenOptions({ ...options, ...(target === null ? { skip_tag: true } : {}) }, passedOn),
      custom_user_metadata: metadata,
    };
    let source = given;
    if (!given.includes('://')) {
      if (!silent) print(`Uploading srpm: ${given}`);
      const unseen = silent || options.noprogress === true;
      source = await uploadShown(run, given, { prefix: 'cli-build', silent: unseen });
    }
    const id = await session.build(source, target, opts, named(backgroundPriority(options.background)));
    return followTask(run, id, { wait: options.wait, silent });
  },
});

const passedOn = [
  'skip_tag',
  'scratch',
  'repo_id',
  'fail_fast',
  'wait_repo',
  'wait_builds',
  'rebuild_srpm',
  'draft',
] as const;

function customMetadata(given: string | undefined, usageError: (message: string) => never): object {
  if (!given) return {};
  let value: unknown;
  try {
    value = jsonLiteral(given);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof LiteralError)) throw error;
    return usageError('--custom-user-metadata is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return usageError('--custom-user-metadata must be a JSON object');
  return value;
}

const chainBuild = command({
  name: 'chain-build',
  category: 'build',
  arguments: ['target', 'text...'],
  examples: [
    'chain-build f44-candidate git+https://git.example/rpms/liba#main : git+https://git.example/rpms/b#main',
  ],
  summary: 'Build one or more packages from source',
  usage: 'chain-build [options] <target> <URL> [<URL> [:] <URL> [:] <URL> ...]',
  options: { wait: waitOptions('build'), quiet: quietOption, background: backgroundOption },
  async run(run) {
    const { args, options, global, session, login, usageError, fail } = run;
    const [targetName, ...sources] = args;
    if (targetName === undefined || sources.length === 0)
      return usageError('At least two arguments (a build target and a SCM URL) are required');
    await login();
    await checkChainTarget(run, targetName);
    const levels = sourceLevels(sources, fail);
    if (levels.length < 2)
      return usageError(
        'You must specify at least one dependency between builds with : (colon)\n' +
          'If there are no dependencies, use the build command instead',
      );
    const id = await session.chainBuild(levels, targetName, named(backgroundPriority(options.background)));
    return followTask(run, id, { wait: options.wait, silent: options.quiet ?? global.quiet });
  },
});

/** Checks that a target exists and that builds for it are visible to later builds. */
async function checkChainTarget({ session, warn, usageError, fail }: Run, name: string): Promise<void> {
  const target = await session.getBuildTarget(name);
  if (!target) return usageError(`No such build target: ${name}`);
  const tag = await session.getTag(target.dest_tag, true);
  if (tag.locked) return usageError(`Destination tag ${tag.name} is locked`);
  const above = await session.getFullInheritance(target.build_tag);
  if (tag.id === target.build_tag || above.some(({ parent_id: id }) => id === tag.id)) return;
  warn(
    `Packages in destination tag ${target.dest_tag_name} are not inherited by build tag ` +
      target.build_tag_name,
  );
  fail(`Target ${target.name} is not usable for a chain-build`);
}

/** Returns the sources by level; every level is built before the next one starts. */
function sourceLevels(sources: readonly string[], fail: (message: string) => never): string[][] {
  const levels: string[][] = [[]];
  for (const source of sources) {
    if (source === ':') {
      levels.push([]);
      continue;
    }
    const isNvr = !source.includes('/') && !source.endsWith('.rpm') && source.split('-').length >= 3;
    if (!source.includes('://') && !isNvr) fail(`"${source}" is not a SCM URL or package N-V-R`);
    levels.at(-1)?.push(source);
  }
  return levels.filter((level) => level.length > 0);
}

export const building = [build, chainBuild];
