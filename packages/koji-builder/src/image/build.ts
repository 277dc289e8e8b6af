import { BuildError, GenericError, PathInfo, canonArch } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildConfig, NewBuildData, RepoInfo, TargetInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { resultOf, tagInSubtask } from '../tasks/subtasks.js';

/** What the options of all image tasks have; what a task's own options say goes on to its subtasks. */
export interface ImageOptions {
  /** As Python sees truth: the image becomes no build. */
  readonly scratch?: unknown;
  /** Architectures that may fail, as long as one works. */
  readonly optional_arches?: readonly string[] | null;
  /** As Python sees truth: the build is not tagged. */
  readonly skip_tag?: unknown;
  /** The build's release; the hub's next one when it is missing or empty. */
  readonly release?: string | null;
  /** Options of the own task. */
  readonly [option: string]: unknown;
}

/** What an image is built from. */
export interface ImagePlace {
  /** The build target. */
  readonly target: TargetInfo;
  /** The build tag's repo. */
  readonly repo: RepoInfo;
  /** The build tag. */
  readonly config: BuildConfig;
}

/** The build that an image becomes. */
export interface Image {
  /** The build's name, a package of the destination tag. */
  readonly name: string;
  /** The build's version. */
  readonly version: string;
  /** The build's release. */
  readonly release: string;
}

/** An image, and how to make it. */
export interface ImagePlan {
  /** The build target, by name or id. */
  readonly target: string | number;
  /** Null or empty: those of the build tag. */
  readonly arches: readonly string[] | null;
  /** Those of the task. */
  readonly options: ImageOptions;
  /** Says what the image is called. */
  readonly identify: (place: ImagePlace) => Promise<Omit<Image, 'release'>>;
  /** The method of the task that makes the image of one arch. */
  readonly method: string;
  /** The arguments of that task. */
  readonly args: (arch: string, image: Image, place: ImagePlace) => readonly unknown[];
}

/**
 * Builds an image for each arch in a subtask of its own, imports what they made into a build, and tags it; a scratch image
 * only goes where scratch builds are. A build whose image fails is FAILED.
 *
 * @returns where the results are, in words
 * @throws BuildError when the tags don't allow it; the fault of a subtask that failed and may not
 */
export async function buildImage(task: BaseTaskHandler, plan: ImagePlan): Promise<string> {
  const { session } = task;
  const { options } = plan;
  const scratch = truthy(options.scratch);
  const target = await session.getBuildTarget(plan.target, named({ strict: true }));
  const repo = await repoOf(task, target.build_tag);
  const config = await session.getBuildConfig(target.build_tag);
  const place = { target, repo, config };
  const arches = archesOf(plan, config);
  const { name, version } = await plan.identify(place);
  const release = options.release || (await session.getNextRelease({ name, version }));
  const build = scratch ? null : await beginBuild(task, { name, version, release }, { target, options });
  const image = { name, version, release: build?.release ?? release };
  let subtasks: readonly number[];
  try {
    subtasks = await makeImages(task, { ...plan, arches, image, place, build });
  } catch (error) {
    if (build) await session.host.failBuild(task.id, build.id);
    throw error;
  }
  if (build && !truthy(options.skip_tag)) {
    await tagInSubtask(task, target.dest_tag, build.id);
  }
  const paths = new PathInfo(task.options.topdir);
  if (build) return `image build results in: ${paths.imagebuild({ ...image, volume_name: null })}`;
  return `Scratch image build results in: ${subtasks.map((id) => paths.task(id)).join(', ')}`;
}

interface Begun extends NewBuildData {
  readonly id: number;
  readonly release: string;
}

/** A repo of the tag; when there is none yet, it is waited for. */
async function repoOf(task: BaseTaskHandler, tag: number): Promise<RepoInfo> {
  const current = await task.session.getRepo(tag);
  if (current) return current;
  return resultOf(task, await task.subtask('waitrepo', [tag, null, null]));
}

function archesOf({ arches }: ImagePlan, config: BuildConfig): readonly string[] {
  const ofTag = (config.arches ?? '').split(/\s+/).filter(Boolean).map(canonArch);
  if (ofTag.length === 0) throw new BuildError(`No arches for tag ${config.name} [${config.id}]`);
  if (!arches || arches.length === 0) return ofTag;
  for (const arch of arches)
    if (!ofTag.includes(canonArch(arch))) throw new BuildError(`Invalid arch for build tag: ${arch}`);
  return arches;
}

async function beginBuild(
  { id, session }: BaseTaskHandler,
  image: Image,
  { target, options }: { readonly target: TargetInfo; readonly options: ImageOptions },
): Promise<Begun> {
  const { dest_tag_name: tag } = target;
  const listed = truthy(options.skip_tag) ? undefined : await session.getPackageConfig(tag, image.name);
  if (listed === null) throw new BuildError(`package (image) ${image.name} not in list for tag ${tag}`);
  if (listed?.blocked) throw new BuildError(`package (image) ${image.name} is blocked for tag ${tag}`);
  return (await session.host.initImageBuild(id, { ...image, epoch: 0 })) as Begun;
}

interface Making extends ImagePlan {
  readonly arches: readonly string[];
  readonly image: Image;
  readonly place: ImagePlace;
  readonly build: Begun | null;
}

async function makeImages(
  task: BaseTaskHandler,
  { arches, image, place, build, options, ...plan }: Making,
): Promise<readonly number[]> {
  const subtasks = new Map<string, number>();
  for (const arch of arches) {
    const args = plan.args(arch, image, place);
    // The method is a plugin's: nothing is known of it.
    const subtask = await task.session.host.subtask(plan.method, args, task.id, named({ label: arch, arch }));
    subtasks.set(arch, subtask);
  }
  const optional = options.optional_arches ?? [];
  const canFail = [...subtasks].filter(([arch]) => optional.includes(arch)).map(([, id]) => id);
  const ids = [...subtasks.values()];
  const results = await task.wait(ids, { all: true, failAny: true, canFail });
  if ([...results.values()].every(isFault)) throw new GenericError('all subtasks failed');
  const byTask = Object.fromEntries([...results].map(([id, result]) => [String(id), result]));
  const { host } = task.session;
  if (build) await host.completeImageBuild(task.id, build.id, byTask);
  else await host.moveImageBuildToScratch(task.id, byTask);
  return ids;
}

function isFault(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'faultCode' in result;
}
