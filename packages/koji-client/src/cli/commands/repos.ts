import { setTimeout as delay } from 'node:timers/promises';
import { GenericError, PathInfo, REPO_STATES, nameOf, parseNVR, sortTexts } from '@koji/core';
import type { Nvr } from '@koji/core';
import type { RepoInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { longTime, pythonStr } from '@koji/core/text';
import type { BuildTarget } from '../build-target.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { atLeast } from '../hub-version.js';
import { flag, int, noFlag, texts } from '../options.js';
import { steadyFor } from '../outages.js';
import { RepoWaiter, enumerate, hasBuilds, minutesSince } from '../repo-waiter.js';
import type { Repo, RepoCheck, WantedRepo } from '../repo-waiter.js';
import { followTask } from '../starting.js';

interface Tag {
  readonly id: number;
  readonly name: string;
  readonly arches: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

const targetOption = flag('--target', 'Interpret the argument as a build target name');
const timeoutOption = { ...int('--timeout', 'Wait timeout (default: 120)'), initial: 120 };
const verboseOption = flag(['-v', '--verbose'], 'More verbose output');
const quietOption = flag('--quiet', 'Reduced output');
const waitForRegen = [
  flag('--wait', 'Wait on for regen to finish, even if running in the background'),
  noFlag('--nowait', "Don't wait on for regen to finish"),
];
const repoOptions = {
  debuginfo: flag('--debuginfo', 'Include debuginfo rpms in repo'),
  source: flag(['--source', '--src'], 'Include source rpms in each of repos'),
  separate_source: flag(['--separate-source', '--separate-src'], 'Include source rpms in separate src repo'),
};

interface WaitOptions {
  readonly timeout: number | undefined;
  readonly verbose: boolean | undefined;
  readonly quiet: boolean | undefined;
}

function openWaiter(run: Run, options: WaitOptions, tagId: number, wanted: WantedRepo): Promise<RepoWaiter> {
  const { global, print } = run;
  const { timeout = 120, verbose, quiet = global.quiet } = options;
  const tells = global.debug || (verbose === true && !quiet);
  return RepoWaiter.open(steadyFor(run), tagId, wanted, {
    timeout,
    pollInterval: global.poll_interval,
    info: tells ? print : () => undefined,
    error: print,
  });
}

function printRepo({ print, global }: Run, { id }: Repo): void {
  print(`Got repo ${id}`);
  print(`Repo info: ${global.weburl}/repoinfo?repoID=${id}`);
}

/** Waits. If it times out, the command exits. */
async function orFail<T>({ fail }: Run, quiet: boolean, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    return fail(quiet ? undefined : `Failed to get repo -- ${error.message}`);
  }
}

const waitRepo = command({
  name: 'wait-repo',
  category: 'monitor',
  arguments: ['tag'],
  examples: ['wait-repo --build=bash-5.2-1 f44-build'],
  summary: 'Wait for a repo to be regenerated',
  usage: 'wait-repo [options] <tag>',
  anonymous: true,
  options: {
    builds: texts(
      '--build',
      'Check that the given build is in the newly-generated repo (may be used multiple times)',
      { metavar: 'NVR' },
    ),
    target: targetOption,
    request: [
      flag('--request', 'Create a repo request (requires auth)'),
      noFlag('--no-request', 'Do not create a repo request (the default)'),
    ],
    timeout: {
      ...int('--timeout', 'Amount of time to wait (in minutes) before giving up (default: 120)'),
      initial: 120,
    },
    verbose: flag(['-v', '--verbose'], 'Be verbose'),
    quiet: flag('--quiet', 'Suppress output, success or failure will be indicated by the return value only'),
  },
  async run(run) {
    const { args, options, global, session, warn, loginAlways, connect, usageError, fail } = run;
    const builds = options.builds.map((nvr) => parseNVR(nvr));
    const [given] = args;
    if (given === undefined) return usageError('Please specify a tag name');
    if (args.length > 1) return usageError('Only one tag may be specified');
    const quiet = options.quiet ?? global.quiet;
    const isOld = !atLeast(await session.hubVersion(), [1, 35]);
    if (options.request) {
      if (isOld) fail('Hub does not support repo requests');
      await loginAlways();
    } else if (options.request === undefined && !isOld) {
      warn('The --request option is recommended for faster results');
    }
    await connect();
    const tag = await tagToWaitFor(run, given, options.target === true);
    if (!options.request && !tag.extra['repo.auto'] && !isOld)
      warn('This tag is not configured for automatic regeneration');
    await warnOfOtherBuilds(run, tag, builds);
    if (isOld) return waitForOldHub(run, tag, builds, { quiet, timeout: options.timeout });
    const waiter = await openWaiter(run, options, tag.id, {
      nvrs: options.builds,
      // With builds any repo that contains them is accepted, even an old one.
      minEvent: builds.length > 0 ? undefined : 'last',
    });
    const repo = await orFail(run, quiet, waiter.wait({ anonymous: !options.request }));
    if (!quiet) printRepo(run, repo);
    return 0;
  },
});

async function tagToWaitFor(run: Run, given: string, isTarget: boolean): Promise<Tag> {
  const { session, warn, usageError } = run;
  if (isTarget) return buildTagOf(run, given);
  const tag = await session.getTag(given);
  if (!tag) return usageError(`No such tag: ${given}`);
  const targets = (by: string): Promise<BuildTarget[]> => session.getBuildTargets(named({ [by]: tag.id }));
  if ((await targets('buildTagID')).length > 0) return tag;
  warn(`${tag.name} is not a build tag for any target`);
  const into = await targets('destTagID');
  const suggested = sortTexts(new Set(into.map((target) => target.build_tag_name)));
  if (suggested.length > 0) warn(`Suggested tags: ${suggested.join(', ')}`);
  return tag;
}

async function buildTagOf({ session, usageError }: Run, name: string): Promise<Tag> {
  const target = await session.getBuildTarget(name);
  if (!target) return usageError(`No such build target: ${name}`);
  return session.getTag(target.build_tag, named({ strict: true }));
}

async function warnOfOtherBuilds({ session, warn }: Run, tag: Tag, builds: readonly Nvr[]): Promise<void> {
  for (const { name, version, release } of builds) {
    const [latest] = await session.getLatestBuilds(tag.id, named({ package: name }));
    const nvr = `${name}-${version}-${release}`;
    if (!latest) warn(`No ${name} builds in tag ${tag.name}`);
    else if (latest.nvr !== nvr)
      warn(`nvr ${nvr} is not current in tag ${tag.name}\n  latest build is ${latest.nvr}`);
  }
}

/** Waits at a hub without repo requests until its latest repo changes, or contains the builds. */
async function waitForOldHub(
  run: Run,
  tag: Tag,
  builds: readonly Nvr[],
  { quiet, timeout }: { quiet: boolean; timeout: number },
): Promise<number> {
  const { global, print, fail } = run;
  const session = steadyFor(run);
  const latest = (): Promise<Repo | null> => session.getRepo(tag.id);
  const names = builds.map(({ name, version, release }) => `${name}-${version}-${release}`);
  const what =
    builds.length > 0
      ? `for ${enumerate(names)} to appear in the ${tag.name} repo`
      : `for a new ${tag.name} repo`;
  const first = await latest();
  const start = Date.now();
  for (let repo = first, last: Repo | null = null; ; last = repo, repo = await latest()) {
    const there =
      builds.length > 0
        ? repo !== null &&
          repo.id !== last?.id &&
          (await hasBuilds(session, { tagId: tag.id, builds, event: repo.create_event, latest: true }))
        : repo?.id !== first?.id;
    if (there) {
      if (!quiet) print(`Successfully waited ${minutesSince(start)} ${what}`);
      return 0;
    }
    if (Date.now() - start >= timeout * 60_000)
      return fail(quiet ? undefined : `Unsuccessfully waited ${minutesSince(start)} ${what}`);
    await delay(global.poll_interval * 1000);
  }
}

const waitRepoRequest = command({
  name: 'wait-repo-request',
  category: 'monitor',
  arguments: ['text'],
  examples: ['wait-repo-request 12'],
  summary: 'Wait for an existing repo request',
  usage: 'wait-repo-request [options] <request-id>',
  options: { timeout: timeoutOption, verbose: verboseOption, quiet: quietOption },
  async run(run) {
    const { args, options, global, session, login, usageError } = run;
    const [id] = args;
    if (id === undefined) return usageError('A request id must be specified');
    if (args.length > 1) return usageError('This command only accepts one argument');
    await login();
    const check = await session.call<RepoCheck>('repo.checkRequest', [id]);
    if (check.repo) {
      printRepo(run, check.repo);
      return;
    }
    const waiter = await openWaiter(run, options, check.request.tag_id, {});
    await orFail(run, options.quiet ?? global.quiet, waiter.waitForRequest(check.request));
  },
});

interface RepoSwitches {
  readonly debuginfo: boolean | undefined;
  readonly source: boolean | undefined;
  readonly separate_source: boolean | undefined;
}

function optsOf({ debuginfo, source, separate_source: separate }: RepoSwitches): Record<string, boolean> {
  return {
    ...(debuginfo ? { debuginfo } : {}),
    ...(source ? { src: source } : {}),
    ...(separate ? { separate_src: separate } : {}),
  };
}

function oneTag({ args, usageError }: Run, target: boolean | undefined): string {
  const [given] = args;
  if (given === undefined) return usageError('A tag name must be specified');
  if (args.length > 1) return usageError(`Only a single ${target ? 'target' : 'tag name'} may be specified`);
  return given;
}

interface RequestOptions extends WaitOptions, RepoSwitches {
  readonly target: boolean | undefined;
  readonly wait: boolean | undefined;
  readonly min_event?: number | undefined;
  readonly at_event?: number | undefined;
  readonly current: boolean | undefined;
}

const requestRepo = command({
  name: 'request-repo',
  category: 'misc',
  arguments: ['tag'],
  examples: ['request-repo --wait f44-build'],
  summary: 'Request a repo for a tag',
  usage: 'request-repo [options] <tag>',
  options: {
    target: targetOption,
    wait: waitForRegen,
    min_event: int('--min-event', 'Minimum event id for repo'),
    at_event: int('--at-event', 'Specific event id for repo'),
    current: flag(['--current', '--last'], 'Use current event for tag'),
    ...repoOptions,
    timeout: timeoutOption,
    verbose: verboseOption,
    quiet: quietOption,
  },
  run: (run) => request(run, run.options),
});

async function request(run: Run, options: RequestOptions): Promise<void> {
  const { global, print, warn, login, usageError } = run;
  const given = oneTag(run, options.target);
  const { at_event: atEvent, min_event: minEvent, current } = options;
  if (atEvent && (minEvent || current)) return usageError('Cannot specify both min-event and at-event');
  if (current && minEvent) return usageError('Cannot specify both min-event and current');
  const opts = optsOf(options);
  await login();
  const tag = await tagOf(run, given, options.target === true);
  if (!tag.arches) warn(`Tag ${tag.name} has an empty arch list`);
  const waiter = await openWaiter(run, options, tag.id, {
    ...(atEvent ? { atEvent } : {}),
    ...(current ? { minEvent: 'last' } : minEvent ? { minEvent } : {}),
    ...(Object.keys(opts).length > 0 ? { opts } : {}),
  });
  const check = await waiter.request();
  if (check.repo) {
    printRepo(run, check.repo);
    return;
  }
  if (options.wait) {
    const quiet = options.quiet ?? global.quiet;
    printRepo(run, await orFail(run, quiet, waiter.waitForRequest(check.request)));
    return;
  }
  const { id, task_id: taskId } = check.request;
  print(`Got request: ${id}`);
  if (!taskId) return;
  print(`Got task: ${taskId}`);
  print(`Task info: ${global.weburl}/taskinfo?taskID=${taskId}`);
}

async function tagOf(run: Run, given: string, isTarget: boolean): Promise<Tag> {
  if (isTarget) return buildTagOf(run, given);
  const tag = await run.session.getTag(given);
  return tag ?? run.usageError(`No such tag: ${given}`);
}

const regenRepo = command({
  name: 'regen-repo',
  category: 'admin',
  arguments: ['tag'],
  examples: ['regen-repo f44-build'],
  summary: 'Generate a current repo if there is not one',
  usage: 'regen-repo [options] <tag>',
  options: {
    target: targetOption,
    wait: waitForRegen,
    make_task: flag('--make-task', 'Directly create a newRepo task'),
    ...repoOptions,
    timeout: timeoutOption,
    verbose: verboseOption,
    quiet: quietOption,
  },
  async run(run) {
    const { options, global, session, print, warn, login } = run;
    if (!options.make_task) {
      if (atLeast(await session.hubVersion(), [1, 35])) {
        await request(run, { ...options, current: true });
        return 0;
      }
      warn('Hub does not support repo requests, attempting to create a task directly.');
    }
    const given = oneTag(run, options.target);
    await login();
    const tag = await tagToRegenerate(run, given, options.target === true);
    if (!tag.arches) warn(`Tag ${tag.name} has an empty arch list`);
    const id = await session.newRepo(tag.name, named(optsOf(options)));
    print(`Regenerating repo for tag: ${tag.name}`);
    return followTask(run, id, { wait: options.wait, quietWatch: global.quiet });
  },
});

async function tagToRegenerate(run: Run, given: string, isTarget: boolean): Promise<Tag> {
  const { session, warn, usageError } = run;
  if (isTarget) {
    const target = await session.getBuildTarget(given);
    if (!target) return usageError(`No such build target: ${given}`);
    return session.getTag(target.build_tag_name, named({ strict: true }));
  }
  const tag = await tagOf(run, given, false);
  const targets = await session.getBuildTargets(named({ buildTagID: tag.id }));
  if (targets.length === 0) warn(`${tag.name} is not a build tag`);
  return tag;
}

const repoinfo = command({
  name: 'repoinfo',
  category: 'info',
  arguments: ['text...'],
  examples: ['repoinfo 12'],
  summary: 'Print basic information about a repo',
  usage: 'repoinfo [options] <repo-id> [<repo-id> ...]',
  anonymous: true,
  data: {
    of: 'repoInfo',
    adds: {
      url: 'its address',
      buildroots: 'how many buildroots were made from it; with --buildroots their ids',
    },
  },
  options: { buildroots: flag('--buildroots', 'Prints list of buildroot IDs') },
  async run(run) {
    const { args, options, session, warn, connect, usageError } = run;
    if (args.length === 0) return usageError('Please specify a repo ID');
    await connect();
    const calls = session.multicall({ strict: true });
    const found = args.map((id) => calls.call<RepoInfo | null>('repoInfo', [id], { strict: false }));
    await calls.run();
    for (const [i, arg] of args.entries()) {
      const repo = found[i]?.result;
      if (repo) await printRepoInfo(run, repo, options.buildroots === true);
      else warn(`No such repo: ${arg}\n`);
    }
  },
});

async function printRepoInfo(
  { session, global, print, data }: Run,
  repo: RepoInfo,
  ids: boolean,
): Promise<void> {
  const paths = new PathInfo(global.topurl ?? undefined);
  const url = paths.repo(repo.id, repo.tag_name);
  print(`ID: ${repo.id}`);
  print(`Tag ID: ${repo.tag_id}`);
  print(`Tag name: ${repo.tag_name}`);
  print(`State: ${nameOf(REPO_STATES, repo.state)}`);
  print(`Created: ${longTime(Number(repo.create_ts))}`);
  print(`Created event: ${repo.create_event}`);
  print(`URL: ${url}`);
  print(`Repo json: ${repo.dist ? paths.distrepo(repo.id, repo.tag_name) : url}/repo.json`);
  print(`Dist repo?: ${repo.dist ? 'yes' : 'no'}`);
  print(`Task ID: ${pythonStr(repo.task_id)}`);
  const buildroots = await session.listBuildroots(named({ repoID: repo.id }));
  data({ ...repo, url, buildroots: ids ? buildroots.map(({ id }) => id) : buildroots.length });
  print(`Number of buildroots: ${buildroots.length}`);
  if (!ids || buildroots.length === 0) return;
  print('Buildroots ID:');
  for (const { id } of buildroots) print(`${' '.repeat(15)}${id}`);
}

export const repos = [waitRepo, waitRepoRequest, requestRepo, regenRepo, repoinfo];
