import { lstat, mkdir, realpath, symlink } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, GenericError } from '@koji/core';
import type { TagInfo } from '@koji/core/api';
import type { BaseTaskHandler, CallbackPayloads } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';
import { rulesFor } from './allowed.js';
import type { ScmPolicyData, ScmRules } from './allowed.js';
import { planCheckout } from './plan.js';
import type { CheckoutPlan } from './plan.js';
import { parseScmUrl, withoutPassword } from './url.js';
import type { ScmInfo, ScmUrl } from './url.js';

/** Data for callbacks about a checkout, and options of the checkout. */
export interface CheckoutOptions {
  /** The build tag, as the task has it. */
  readonly buildTag: TagInfo | number | string | null;
  /** Whether the build is a scratch build; null for tasks that build nothing. */
  readonly scratch: boolean | null;
  /** The buildroot that the sources are for, in tasks that have one. */
  readonly buildroot?: NonNullable<CallbackPayloads['preSCMCheckout']['buildroot']>;
  /** The log of the task that gets what the commands say. Default `checkout.log`. */
  readonly log?: string;
  /** Whether the folder `common` may be checked out too. Default: as the rules about the SCM say. */
  readonly withCommon?: boolean;
  /** Seconds that each command may take. Default: as long as it needs. */
  readonly timeout?: number;
}

/** Sources that were checked out. */
export interface Checkout {
  /** Where they are: the URL's module, or all of the repository. */
  readonly folder: string;
  /** All that was checked out; for Subversion and CVS that is the same folder. */
  readonly top: string;
  /** Where they came from, as a build's record has it: `source` names the commit. */
  readonly origin: { readonly url: string; readonly source: string };
  /** The command that fetches what is not in source control, to be run in the folder; null for none. */
  readonly sourceCommand: readonly string[] | null;
}

/**
 * Sources in git, Subversion or CVS, by an SCM URL: `git+https://git.example.com/rpms/bash?package#f44`.
 *
 * @example
 * async function sourcesOf(task: BaseTaskHandler, url: string, buildTag: string): Promise<string> {
 *   const scm = Scm.parse(url);
 *   await scm.assertAllowed(task, { scratch: true });
 *   const { folder } = await scm.checkout(task, `${task.workdir}/sources`, { buildTag, scratch: true });
 *   return folder;
 * }
 */
export class Scm {
  /** Data for callbacks and policies. */
  readonly info: ScmInfo;
  private rules: ScmRules | null = null;

  private constructor(private readonly url: ScmUrl) {
    const { scheme, user, host, repository, module, revision, scmtype } = url;
    this.info = { url: url.url, scheme, user, host, repository, module, revision, scmtype };
  }

  /**
   * Takes an SCM URL apart and checks each part.
   *
   * @param allowPassword whether it may have a password, for `git+http`, `git+https` and `cvs`
   * @throws GenericError if it is malformed, or a part is invalid
   */
  static parse(url: string, { allowPassword = false }: { readonly allowPassword?: boolean } = {}): Scm {
    return new Scm(parseScmUrl(url, allowPassword));
  }

  /**
   * Asks `allowed_scms` of kojid.conf and the hub's policy `build_from_scm`, as kojid.conf says, and keeps how they want the
   * SCM used. To be called before {@link checkout}.
   *
   * @param data what the policy is told besides the URL and the task's `user_id` and `channel`
   * @throws BuildError when it is not allowed
   */
  async assertAllowed(task: BaseTaskHandler, data: ScmPolicyData): Promise<void> {
    this.rules = await rulesFor(task, this.info, data);
  }

  /**
   * Checks the sources out into a folder, which is made if need be, between the callbacks `preSCMCheckout` and
   * `postSCMCheckout`. What the commands say is uploaded meanwhile.
   *
   * @throws BuildError when a command fails, or the repository has no such folder
   */
  async checkout(task: BaseTaskHandler, folder: string, options: CheckoutOptions): Promise<Checkout> {
    const { info, rules } = this;
    if (!rules) throw new Error('assertAllowed comes before checkout');
    const { buildTag, scratch, buildroot } = options;
    const payload: Omit<CallbackPayloads['preSCMCheckout'], 'session' | 'taskinfo'> = {
      scminfo: info,
      build_tag: buildTag,
      scratch,
      ...(buildroot === undefined ? {} : { buildroot }),
    };
    await task.runCallbacks('preSCMCheckout', payload);
    await mkdir(folder, { recursive: true });
    const plan = planCheckout(this.url);
    for (const place of [plan.top, 'common']) await checkFree(folder, place);
    const place = { folder, top: path.join(folder, plan.top), sources: path.join(folder, plan.sources) };
    await this.fetch(task, { plan, place, rules }, options);
    await task.runCallbacks('postSCMCheckout', { ...payload, srcdir: place.sources });
    const origin = await this.originOf(place.sources);
    return { folder: place.sources, top: place.top, origin, sourceCommand: rules.sourceCommand };
  }

  private async fetch(
    task: BaseTaskHandler,
    { plan, place, rules }: { readonly plan: CheckoutPlan; readonly place: Place; readonly rules: ScmRules },
    { log = 'checkout.log', timeout, withCommon = rules.useCommon }: CheckoutOptions,
  ): Promise<void> {
    const limit = timeout === undefined ? {} : { timeout };
    const run = async (command: readonly string[], cwd = place.folder): Promise<void> => {
      const status = await task.logOutput(command, log, { cwd, env: plan.env, ...limit });
      if (!status.success)
        throw new BuildError(
          `Error running ${this.info.scmtype} command "${command.join(' ')}", see ${log} for details`,
        );
    };
    await run(plan.fetch);
    await firstThatWorks(plan.updates, (command) => run(command, place.top));
    const sources = await this.realSources(place);
    if (!withCommon) return;
    await run(plan.fetchCommon);
    await linkCommon(await realpath(place.folder), sources);
  }

  /** Where the sources really are: a link in the repository may lead anywhere. */
  private async realSources({ top, sources }: Place): Promise<string> {
    const { module, repository, revision } = this.info;
    const real = await realpath(`${sources}/.`).catch((cause: unknown) => {
      const what = module === '' ? 'sources' : `folder '${module}'`;
      throw new BuildError(`${repository} has no ${what} at ${revision}`, { cause });
    });
    if (!isBelow(await realpath(top), real))
      throw new BuildError(`'${module}' of ${repository} is a link that leads out of the checkout`);
    return real;
  }

  private async originOf(folder: string): Promise<Checkout['origin']> {
    const { scheme, host, repository, module, scmtype } = this.info;
    const url = withoutPassword(this.info.url);
    if (!scmtype.startsWith('GIT')) return { url, source: url };
    const { status, stdout, stderr } = await outputOf(['git', 'rev-parse', 'HEAD'], { cwd: folder });
    if (!status.success)
      throw new GenericError(`Error getting commit hash for git: ${stderr.trim() || status.describe('git')}`);
    return { url, source: `${scheme}${host}${repository}${module && `?${module}`}#${stdout.trim()}` };
  }
}

/** The folders of a checkout. */
interface Place {
  readonly folder: string;
  readonly top: string;
  readonly sources: string;
}

async function firstThatWorks(
  ways: readonly (readonly string[][])[],
  run: (command: readonly string[]) => Promise<void>,
): Promise<void> {
  for (const [i, commands] of ways.entries()) {
    try {
      for (const command of commands) await run(command);
      return;
    } catch (error) {
      if (i === ways.length - 1) throw error;
    }
  }
}

/** Programs of source control follow links on the way to what they write, and the folder may have been filled by others. */
async function checkFree(folder: string, place: string): Promise<void> {
  const [first = '.'] = place.split('/').filter(Boolean);
  if (first === '.') return;
  const found = await lstat(path.join(folder, first)).catch(() => null);
  if (found?.isSymbolicLink())
    throw new BuildError(
      `${path.join(folder, first)} is a symbolic link: sources can't be checked out there`,
    );
}

/** Puts a link to `common` beside the sources, where makefiles look for it. */
async function linkCommon(folder: string, sources: string): Promise<void> {
  const beside = path.dirname(sources);
  if (!isBelow(folder, beside)) return;
  const link = path.join(beside, 'common');
  if (await lstat(link).catch(() => null)) return;
  await symlink(path.relative(beside, path.join(folder, 'common')), link);
}

function isBelow(folder: string, place: string): boolean {
  return place === folder || place.startsWith(`${folder}/`);
}
