import { BuildError, GenericError, REPO_STATES, nameOf } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { RepoInfo, TargetInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { isScmUrl } from '../scm/url.js';

/** Options of a build, as clients give them; those that are off may be missing. */
export interface BuildOptions {
  /** The results are not imported. */
  readonly scratch?: unknown;
  /** The build begins as a draft. */
  readonly draft?: unknown;
  /** The build is not tagged. */
  readonly skip_tag?: unknown;
  /** A repo of the build tag, ready or expired. */
  readonly repo_id?: number | null;
  /** The repo must have everything that is in the tag when the build starts. */
  readonly wait_repo?: unknown;
  /** Builds that the repo must have. */
  readonly wait_builds?: readonly string[] | null;
  /** Scratch builds only: architectures, separated by spaces. */
  readonly arch_override?: string | null;
  /** Stored with the build. */
  readonly custom_user_metadata?: unknown;
  /** One failed architecture ends the others, whatever the builder's configuration says. */
  readonly fail_fast?: unknown;
  /** Scratch builds only: whether an uploaded source package is rebuilt first. */
  readonly rebuild_srpm?: unknown;
}

/** Where a build comes from and where it goes. */
export interface BuildPlace {
  /** Null when a repo was given, and a destination tag or nothing at all in place of the target. */
  readonly target: TargetInfo | null;
  readonly buildTag: number;
  readonly destination: { readonly id: number; readonly name: string };
  /** Whether the build is not tagged. */
  readonly skipTag: boolean;
  /** The repo that was asked for; null to find one. */
  readonly repo: RepoInfo | null;
}

/**
 * Finds the tags of a build by its target and the repo that it asks for.
 *
 * @throws BuildError for a repo that can't be used; GenericError for an unknown target
 */
export async function findPlace(
  { session }: BaseTaskHandler,
  target: string | number | null,
  options: BuildOptions,
): Promise<BuildPlace> {
  const repo = options.repo_id == null ? null : await usableRepo(session, options.repo_id);
  const at = named({ event: repo?.create_event ?? null });
  const found = target === null || target === '' ? null : await session.getBuildTarget(target, at);
  const skipTag = truthy(options.skip_tag);
  if (found) {
    if (repo && repo.tag_id !== found.build_tag)
      throw new BuildError(`Repo/Target mismatch: ${repo.tag_name}/${found.build_tag_name}`);
    const destination = { id: found.dest_tag, name: found.dest_tag_name };
    return { target: found, buildTag: found.build_tag, destination, skipTag, repo };
  }
  if (!repo) throw new GenericError(`unknown build target: ${target}`);
  const buildTag = repo.tag_id;
  if (target === null) {
    const destination = { id: buildTag, name: repo.tag_name };
    return { target: null, buildTag, destination, skipTag: true, repo };
  }
  const destination = await session.getTag(target, at);
  if (!destination) throw new GenericError(`neither tag nor target: ${target}`);
  return { target: null, buildTag, destination, skipTag, repo };
}

async function usableRepo(session: BaseTaskHandler['session'], id: number): Promise<RepoInfo> {
  const repo = await session.repoInfo(id);
  if (!repo) throw new BuildError(`No such repo: ${id}`);
  const state = nameOf(REPO_STATES, repo.state) ?? String(repo.state);
  if (state !== 'READY' && state !== 'EXPIRED') throw new BuildError(`Bad repo: ${repo.id} (${state})`);
  return repo;
}

/**
 * Asks the hub's policies whether a build is allowed.
 *
 * @throws ActionNotAllowed if one of them denies it
 */
export async function assertBuildPolicies(
  task: BaseTaskHandler,
  source: string,
  place: BuildPlace,
  options: BuildOptions,
): Promise<void> {
  const { host } = task.session;
  const { target, destination, skipTag } = place;
  const { scratch = null, draft = null, repo_id: repoId = null } = options;
  const fromScm = isScmUrl(source);
  const data = {
    user_id: (await task.taskInfo()).owner,
    source,
    task_id: task.id,
    build_tag: place.buildTag,
    skip_tag: skipTag,
    scratch,
    draft,
    from_scm: fromScm,
    repo_id: repoId,
    ...(target ? { target: target.name } : {}),
    ...(skipTag ? {} : { tag: destination.id }),
  };
  if (!fromScm && !truthy(scratch)) await host.assertPolicy('build_from_srpm', data);
  if (repoId !== null) await host.assertPolicy('build_from_repo_id', data);
  await host.assertPolicy('build_rpm', data);
}
