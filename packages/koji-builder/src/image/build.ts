import { BuildError, GenericError, PathInfo, canonArch } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildConfig, NewBuildData, RepoInfo, TargetInfo, TaskId } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { resultOf, tagInSubtask } from '../tasks/subtasks.js';

/** Options common to all image tasks; a task's own options are passed on to its subtasks. */
export interface ImageOptions {
  /** As Python sees truth: the image becomes no build. */
  readonly scratch?: unknown;
  /** Architectures that may fail, as long as one works. */
  readonly optional_arches?: readonly string[] | null;
  /** As Python sees truth: the build is not tagged. */
  readonly skip_tag?: unknown;
  /** An SCM URL with a template of a spec file, to wrap each image into rpms. */
  readonly specfile?: string | null;
  /** The build's release; the hub's next one when it is missing or empty. */
  readonly release?: string | null;
  /** Options of the own task. */
  readonly [option: string]: unknown;
}

/** The sources of an image. */
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
  /** Word for the image in the result. Default `image`. */
  readonly kind?: string;
  /** The label of the task that makes the image of one arch. Default: the arch. */
  readonly label?: (arch: string) => string;
  /** The label of the task that wraps the image of one arch. Default: `rpm`, with the arch if there are several. */
  readonly wrapperLabel?: (arch: string) => string;
  /** The name of a file that the images of all architectures have, and the build once. */
  readonly shared?: string | undefined;
}

/**
 * Builds an image for each arch in a subtask of its own, imports what they made into a build, and tags it; a scratch image is
 * only stored with scratch builds. A build whose image fails is FAILED.
 *
 * @returns a text with the location of the results
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
  const build = scratch ? null : await beginImage(task, { name, version, release }, { target, options });
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
  return reportImage(task, { kind: plan.kind ?? 'image', build, subtasks });
}

/** A build of images that has begun. */
export type BegunImage = Image & Omit<NewBuildData, keyof Image> & { readonly id: number };

/** Returns a text with the location of a build's results, or of those of a scratch build's tasks. */
export function reportImage(
  { options: { topdir } }: BaseTaskHandler,
  {
    kind,
    build,
    subtasks,
  }: { readonly kind: string; readonly build: BegunImage | null; readonly subtasks: readonly number[] },
): string {
  const paths = new PathInfo(topdir);
  if (build) return `${kind} build results in: ${paths.imagebuild({ ...build, volume_name: null })}`;
  return `Scratch ${kind} build results in: ${subtasks.map((id) => paths.task(id)).join(', ')}`;
}

/** A repo of the tag; waits for one if there is none yet. */
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

/**
 * Begins a build of images.
 *
 * @throws BuildError when the destination tag does not list its package
 */
export async function beginImage(
  { id, session }: BaseTaskHandler,
  image: Omit<Image, 'release'> & { readonly release: string | null },
  { target, options }: { readonly target: TargetInfo; readonly options: Pick<ImageOptions, 'skip_tag'> },
): Promise<BegunImage> {
  const { dest_tag_name: tag } = target;
  const listed = truthy(options.skip_tag) ? undefined : await session.getPackageConfig(tag, image.name);
  if (listed === null) throw new BuildError(`package (image) ${image.name} not in list for tag ${tag}`);
  if (listed?.blocked) throw new BuildError(`package (image) ${image.name} is blocked for tag ${tag}`);
  return (await session.host.initImageBuild(id, { ...image, epoch: 0 })) as BegunImage;
}

interface Making extends ImagePlan {
  readonly arches: readonly string[];
  readonly image: Image;
  readonly place: ImagePlace;
  readonly build: BegunImage | null;
}

async function makeImages(
  task: BaseTaskHandler,
  { arches, image, place, build, options, ...plan }: Making,
): Promise<readonly number[]> {
  const subtasks = new Map<string, number>();
  for (const arch of arches) {
    const args = plan.args(arch, image, place);
    const about = named({ label: plan.label?.(arch) ?? arch, arch });
    // The method is a plugin's: nothing is known of it.
    subtasks.set(arch, await task.session.host.subtask(plan.method, args, task.id, about));
  }
  const optional = options.optional_arches ?? [];
  const canFail = [...subtasks].filter(([arch]) => optional.includes(arch)).map(([, id]) => id);
  const ids = [...subtasks.values()];
  const results = await task.wait(ids, { all: true, failAny: true, canFail });
  const made = [...subtasks].filter(([, id]) => !isFault(results.get(id)));
  if (made.length === 0) throw new GenericError('all subtasks failed');
  const wrapped = options.specfile
    ? await wrap(task, { made, place, build, spec: options.specfile, label: wrapperLabel(plan, arches) })
    : null;
  const byTask: Results = Object.fromEntries([...results].map(([id, result]) => [String(id), result]));
  for (const [id, rpmresults] of wrapped ?? []) byTask[id] = { ...(byTask[id] as object), rpmresults };
  const reported = plan.shared === undefined ? byTask : once(byTask, plan.shared);
  const { host } = task.session;
  if (build) await host.completeImageBuild(task.id, build.id, reported);
  else await host.moveImageBuildToScratch(task.id, reported);
  return ids;
}

/** Results of tasks by their ids as texts. */
type Results = Record<string, unknown>;

interface Wrapping {
  /** Architectures with the tasks that made their images. */
  readonly made: readonly (readonly [string, number])[];
  readonly place: ImagePlace;
  readonly build: BegunImage | null;
  readonly spec: string;
  readonly label: (arch: string) => string;
}

/** Wraps images into rpms, each in a subtask; returns what these report, by the tasks that made the images. */
async function wrap(
  task: BaseTaskHandler,
  { made, place, build, spec, label }: Wrapping,
): Promise<ReadonlyMap<string, object>> {
  const wrappers = new Map<string, TaskId<object>>();
  for (const [arch, id] of made) {
    const info = await task.session.getTaskInfo(id, named({ strict: true }));
    const args = [spec, place.target, build, info, { repo_id: place.repo.id }] as const;
    wrappers.set(String(id), await task.subtask('wrapperRPM', args, { label: label(arch), arch: 'noarch' }));
  }
  const results = await task.wait([...wrappers.values()], { all: true, failAny: true });
  return new Map([...wrappers].map(([id, wrapper]) => [id, { ...results.get(wrapper), task_id: wrapper }]));
}

function wrapperLabel(
  { wrapperLabel: own }: Omit<ImagePlan, 'arches' | 'options'>,
  arches: readonly string[],
) {
  // Two subtasks of one label would be one task.
  return own ?? ((arch: string): string => (arches.length === 1 ? 'rpm' : `rpm ${arch}`));
}

/** Leaves a file in the first result that has it, and takes it out of the others. */
function once(results: Results, shared: string): Results {
  let isFirst = true;
  return Object.fromEntries(
    Object.entries(results).map(([id, result]) => {
      const { files = [] } = result as { readonly files?: readonly string[] };
      if (!files.includes(shared)) return [id, result];
      const kept = isFirst ? files : files.filter((name) => name !== shared);
      isFirst = false;
      return [id, { ...(result as object), files: kept }];
    }),
  );
}

function isFault(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'faultCode' in result;
}
