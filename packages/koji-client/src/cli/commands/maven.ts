import { named } from '@koji/core/wire';
import { checkTarget, givenOptions } from '../build-target.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { MavenConfigError, mavenParams, readMavenChain, readMavenSection } from '../maven-config.js';
import type { MavenParams } from '../maven-config.js';
import { flag, text, texts } from '../options.js';
import { backgroundPriority, followTask, waitOptions } from '../starting.js';

const backgroundOption = flag('--background', 'Run the build at a lower priority');
const iniOption = texts('--ini', 'Pass build parameters via a .ini file', { metavar: 'CONFIG' });
const sectionOption = text(['-s', '--section'], 'Get build parameters from this section of the .ini');

/** Parses parameters; wrong ones are a usage error. */
function orUsageError<T>({ usageError }: Run, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MavenConfigError) return usageError(error.message);
    throw error;
  }
}

const mavenBuild = command({
  name: 'maven-build',
  category: 'build',
  arguments: ['target', 'text'],
  examples: ['maven-build f44-maven git+https://git.example/java/app#main'],
  summary: 'Build a Maven package from source',
  usage: 'maven-build [options] <target> <URL>\n       %prog maven-build --ini=CONFIG... [options] <target>',
  options: {
    patches: text(
      '--patches',
      'SCM URL of a directory containing patches to apply to the sources before building',
      { metavar: 'URL' },
    ),
    goals: texts(['-G', '--goal'], 'Additional goal to run before "deploy"', { metavar: 'GOAL' }),
    profiles: texts(['-P', '--profile'], 'Enable a profile for the Maven build', { metavar: 'PROFILE' }),
    properties: texts(['-D', '--property'], 'Pass a system property to the Maven build', {
      metavar: 'NAME=VALUE',
    }),
    envs: texts(['-E', '--env'], 'Set an environment variable', { metavar: 'NAME=VALUE' }),
    packages: texts(['-p', '--package'], 'Install an additional package into the buildroot', {
      metavar: 'PACKAGE',
    }),
    jvm_options: texts(['-J', '--jvm-option'], 'Pass a command-line option to the JVM', {
      metavar: 'OPTION',
    }),
    maven_options: texts(['-M', '--maven-option'], 'Pass a command-line option to Maven', {
      metavar: 'OPTION',
    }),
    inis: iniOption,
    section: sectionOption,
    debug: flag('--debug', 'Run Maven build in debug mode'),
    specfile: text('--specfile', 'SCM URL of a spec file fragment to use to generate wrapper RPMs', {
      metavar: 'URL',
    }),
    skip_tag: flag('--skip-tag', 'Do not attempt to tag package'),
    scratch: flag('--scratch', 'Perform a scratch build'),
    wait: waitOptions('build'),
    quiet: flag('--quiet', 'Do not print the task information'),
    background: backgroundOption,
  },
  async run(run) {
    const { args, options, global, session, login, usageError } = run;
    const [target] = args;
    const fromFile = options.inis.length > 0;
    if (target === undefined || args.length !== (fromFile ? 1 : 2))
      return usageError(
        fromFile
          ? 'Exactly one argument (a build target) is required'
          : 'Exactly two arguments (a build target and a SCM URL) are required',
      );
    await login();
    const { scratch } = options;
    await checkTarget(run, target, { scratch });
    const { source, params } = fromFile
      ? sourceOfFile(run, options)
      : { source: args[1] ?? '', params: orUsageError(run, () => mavenParams(options, { scratch })) };
    if (!source.includes('://')) return usageError(`No such SCM URL: ${source}`);
    if (options.debug)
      params['maven_options'] = [...((params['maven_options'] ?? []) as readonly string[]), '--debug'];
    if (options.skip_tag) params['skip_tag'] = true;
    const id = await session.mavenBuild(
      source,
      target,
      params,
      named(backgroundPriority(options.background)),
    );
    return followTask(run, id, { wait: options.wait, silent: options.quiet ?? global.quiet });
  },
});

function sourceOfFile(
  run: Run,
  options: { inis: readonly string[]; section: string | undefined; scratch: boolean | undefined },
): { source: string; params: MavenParams } {
  const { inis, section, scratch } = options;
  const { name, params } = orUsageError(run, () => readMavenSection(inis, section, { scratch }));
  const { type = 'maven', scmurl, ...rest } = params;
  if (type !== 'maven') return run.usageError(`Section ${name} does not contain a maven-build config`);
  return { source: String(scmurl), params: rest };
}

const wrapperRpm = command({
  name: 'wrapper-rpm',
  category: 'build',
  arguments: ['target', 'build', 'text'],
  examples: ['wrapper-rpm f44-maven app-1.0-1 git+https://git.example/rpms/app#main'],
  summary: 'Build wrapper rpms for any archives associated with a build.',
  usage: 'wrapper-rpm [options] <target> <build-id|n-v-r> <URL>',
  options: {
    create_build: flag('--create-build', 'Create a new build to contain wrapper rpms'),
    inis: iniOption,
    section: sectionOption,
    skip_tag: flag('--skip-tag', "If creating a new build, don't tag it"),
    scratch: flag('--scratch', 'Perform a scratch build'),
    wait: waitOptions('build'),
    background: backgroundOption,
    create_draft: flag('--create-draft', 'Create a new draft build instead'),
    wait_repo: flag('--wait-repo', 'Wait for a current repo for the build tag'),
    wait_builds: texts('--wait-build', 'Wait for the given nvr to appear in buildroot repo', {
      metavar: 'NVR',
    }),
  },
  async run(run) {
    const { args, options, global, session, print, login, usageError } = run;
    const [target, build = '', url = ''] = args;
    const fromFile = options.inis.length > 0;
    if (target === undefined || (fromFile ? args.length !== 1 : args.length < 3))
      return usageError(
        fromFile
          ? 'Exactly one argument (a build target) is required'
          : 'You must provide a build target, a build ID or NVR, and a SCM URL to a specfile fragment',
      );
    if (options.create_draft) {
      print('Will create a draft build instead');
      if (options.scratch) return usageError('--scratch and --create-draft cannot be both specfied');
    }
    await login();
    const wrapped = fromFile
      ? await wrappedByFile(run, target, options)
      : { build: /^\d+$/.test(build) ? Number(build) : build, url };
    const opts = {
      ...(options.create_draft ? { draft: true } : {}),
      ...givenOptions({ ...options, ...(options.create_draft ? { create_build: true } : {}) }, [
        'create_build',
        'skip_tag',
        'scratch',
        'wait_repo',
        'wait_builds',
      ]),
    };
    const id = await session.wrapperRPM(
      wrapped.build,
      wrapped.url,
      target,
      backgroundPriority(options.background).priority,
      named({ opts }),
    );
    return followTask(run, id, { wait: options.wait, quietWatch: global.quiet });
  },
});

async function wrappedByFile(
  run: Run,
  targetName: string,
  options: { inis: readonly string[]; section: string | undefined; scratch: boolean | undefined },
): Promise<{ build: string; url: string }> {
  const { session, usageError } = run;
  const { inis, section, scratch } = options;
  const { name, params } = orUsageError(run, () => readMavenSection(inis, section, { scratch }));
  if (params['type'] !== 'wrapper')
    return usageError(`Section ${name} does not contain a wrapper-rpm config`);
  const [dependency] = params['buildrequires'] as readonly [string];
  const target = await session.getBuildTarget(targetName, named({ strict: true }));
  const [latest] = await session.getLatestBuilds(target.dest_tag, named({ package: dependency }));
  if (!latest) return usageError(`No build of ${dependency} in ${target.dest_tag_name}`);
  return { build: latest.nvr, url: params['scmurl'] as string };
}

const mavenChain = command({
  name: 'maven-chain',
  category: 'build',
  arguments: ['target', 'file...'],
  examples: ['maven-chain f44-maven chain.ini'],
  summary: 'Run a set of Maven builds in dependency order',
  usage: 'maven-chain [options] <target> <config> [<config> ...]',
  options: {
    skip_tag: flag('--skip-tag', 'Do not attempt to tag builds'),
    scratch: flag('--scratch', 'Perform scratch builds'),
    debug: flag('--debug', 'Run Maven build in debug mode'),
    force: flag('--force', 'Force rebuilds of all packages'),
    wait: waitOptions('build'),
    background: backgroundOption,
  },
  async run(run) {
    const { args, options, global, session, login, usageError } = run;
    const [target, ...files] = args;
    if (target === undefined || files.length === 0)
      return usageError('Two arguments (a build target and a config file) are required');
    await login();
    const { scratch } = options;
    await checkTarget(run, target, { scratch });
    const opts = givenOptions(options, ['skip_tag', 'scratch', 'debug', 'force']);
    const builds = orUsageError(run, () => readMavenChain(files, scratch));
    const id = await session.chainMaven(builds, target, opts, named(backgroundPriority(options.background)));
    return followTask(run, id, { wait: options.wait, quietWatch: global.quiet });
  },
});

export const maven = [mavenBuild, wrapperRpm, mavenChain];
