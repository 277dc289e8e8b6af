import { BuildError, messageOf, openFileBelow, pathOfOpen } from '@koji/core';
import { RpmHeader } from '@koji/core/rpm';
import type { BuildConfig, HostInfo, RepoInfo, TagInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';
import type { ExitStatus } from '@koji/plugin-sdk';
import path from 'node:path';
import { usableBackend } from '../buildroot/backends.js';
import { BuildRoot } from '../buildroot/index.js';
import type { BuildRootRequest } from '../buildroot/index.js';
import { settingsOf } from '../settings.js';
import { anyOneOf, canonArches, planNoarchRoot } from './arches.js';

/** Options of tasks with a buildroot. */
export interface RootedOptions {
  /** The repo that the buildroot is made from. */
  readonly repo_id?: number | null;
  readonly scratch?: unknown;
}

/** A task that works in a buildroot of a tag, which its second argument names. */
export abstract class RootedTask extends BaseTaskHandler {
  /** Refuses builders that share no architecture with the tag, and those that can't make buildroots. */
  override async checkHost(host: HostInfo, args: readonly unknown[]): Promise<void> {
    const config = await this.session.getBuildConfig(tagRef(this.rootTag(args)));
    const ofTag = canonArches(config.arches);
    const ofHost = (host.arches ?? '').split(/\s+/);
    if (ofTag.length > 0 && !ofTag.some((arch) => ofHost.includes(arch)))
      throw new RefuseTask(
        `tag arches (${ofTag.join(', ')}) and host arches (${ofHost.join(', ')}) are disjoint`,
      );
    const { problem } = await usableBackend(settingsOf(this));
    if (problem !== undefined) throw new RefuseTask(problem);
  }

  /** The build tag: its name, its id, or a struct that has them. */
  protected rootTag(args: readonly unknown[]): unknown {
    return args[1];
  }

  /**
   * Returns the repo that the task's options name.
   *
   * @throws BuildError when they name none
   */
  protected async requestedRepo({ repo_id: id }: RootedOptions): Promise<RepoInfo> {
    if (!id) throw new BuildError('A repo id must be provided');
    return this.session.repoInfo(id, named({ strict: true }));
  }

  /** Returns the build tag as it was when a repo was made. */
  protected async tagOf(tag: string | number, { create_event: event }: RepoInfo): Promise<TagInfo> {
    return this.session.getTag(tag, named({ strict: true, event }));
  }

  /**
   * Returns an architecture for the buildroot of a noarch task.
   *
   * @param preferred taken if it is possible
   * @throws BuildError when host and tag have none in common
   */
  protected async noarchRoot(
    tag: string | number,
    { create_event: event }: RepoInfo,
    preferred: string | null = null,
  ): Promise<string> {
    const host = await this.session.host.getHost();
    const config: BuildConfig = await this.session.getBuildConfig(tag, event);
    const choices = planNoarchRoot(host, config);
    const chosen = preferred !== null && choices.includes(preferred) ? preferred : anyOneOf(choices);
    this.logger.info(`Valid arches: ${[...choices].sort().join(' ')}, using: ${chosen}`);
    return chosen;
  }

  /** Works in a new buildroot, which is expired in the end, whatever that is. */
  protected async inRoot<T>(request: BuildRootRequest, work: (root: BuildRoot) => Promise<T>): Promise<T> {
    const root = await BuildRoot.create(this, request);
    await root.init();
    let result: T;
    try {
      result = await work(root);
    } catch (error) {
      await root
        .expire()
        .catch((cause: unknown) =>
          this.logger.warn(`buildroot ${root.id} is not expired: ${messageOf(cause)}`),
        );
      throw error;
    }
    await root.expire();
    return result;
  }

  /**
   * Uploads the one source package among the results.
   *
   * @param from where it was made, for messages
   * @returns its file name
   * @throws BuildError when there is not exactly one, or its name is not what its header says
   */
  protected async uploadSource(root: BuildRoot, from: string): Promise<string> {
    const [srpm, ...more] = (await root.results()).filter((name) => name.endsWith('.src.rpm'));
    if (srpm === undefined) throw new BuildError(`No srpms found in ${from}`);
    if (more.length > 0)
      throw new BuildError(`Multiple srpms found in ${from}: ${[srpm, ...more].join(', ')}`);
    const { name, version, release } = (await readResult(root, srpm)).info();
    const wanted = `${name}-${version}-${release}.src.rpm`;
    if (srpm !== wanted) throw new BuildError(`srpm name mismatch: ${wanted} != ${srpm}`);
    await this.uploadResult(root, srpm);
    return srpm;
  }

  /** Uploads a result of the buildroot; no link is followed. */
  protected async uploadResult(root: BuildRoot, name: string): Promise<void> {
    const handle = await openFileBelow(root.resultDir, name);
    try {
      await this.uploadFile(pathOfOpen(handle, path.join(root.resultDir, name)), { name });
    } finally {
      await handle.close();
    }
  }

  /** Returns paths of uploaded files below the hub's work folder. */
  protected uploaded(names: readonly string[]): string[] {
    return names.map((name) => `${this.getUploadDir()}/${name}`);
  }
}

/** Returns the field `warning` for the result of a task; Koji's results have no such field. */
export function warningOf({ warning }: BuildRoot): { readonly warning?: string } {
  return warning === null ? {} : { warning };
}

/** The arguments of a task that contain a tag. */
function tagRef(tag: unknown): string | number {
  const { id, name } = (typeof tag === 'object' && tag !== null ? tag : {}) as {
    readonly id?: number;
    readonly name?: string;
  };
  return id ?? name ?? (tag as string | number);
}

/** Reads the headers of a package among the results; no link is followed. */
export async function readResult(root: BuildRoot, name: string): Promise<RpmHeader> {
  const handle = await openFileBelow(root.resultDir, name);
  try {
    return await RpmHeader.read(handle);
  } finally {
    await handle.close();
  }
}

/**
 * Checks how a step in a buildroot ended.
 *
 * @param what the words before those about the status
 * @throws BuildError when it failed
 */
export function checkStep(root: BuildRoot, status: ExitStatus, what: string): void {
  if (!status.success) throw new BuildError(`${what}, ${root.describe(status)}`);
}
