import type { NameOrId } from './types.js';
import type { RepoInfo } from './repos.js';

/** A name or an id. */
type Id = string | number;
/** More options of a task, or null. */
type Opts = object | null;
/** A struct with any fields. */
type Fields = Readonly<Record<string, unknown>>;
/** The subtask of an image task: name, version, release, arch, target, build tag, repo, source of the image, options. */
type CreateImage = (
  ...args: [
    name: string,
    version: string,
    release: string,
    arch: string,
    target_info: object,
    build_tag: Id,
    repo_info: object,
    source: string,
    opts?: Opts,
  ]
) => object;

/** The result of a `buildArch` task. */
export interface ArchBuildResult {
  /** Paths of the packages below the hub's work folder, like all paths here. */
  readonly rpms: readonly string[];
  /** The source package, if the task was asked to keep it. */
  readonly srpms: readonly string[];
  readonly logs: readonly string[];
  /** The buildroot's id. */
  readonly brootid: number;
  /** A note for users of the packages. */
  readonly warning?: string;
}

/** The result of a task that builds a source package. */
export interface SourceBuildResult {
  /** The path below the hub's work folder. */
  readonly srpm: string;
  readonly logs: readonly string[];
  /** The buildroot's id. */
  readonly brootid: number;
  /** Where the sources came from: the exact URL, and the requested one. */
  readonly source?: { readonly source: string; readonly url: string };
}

/** The handlers of Koji's own tasks by method, as types: a task's arguments and result. */
export interface OwnTaskHandlers {
  appliance: (
    ...args: [name: string, version: string, arch: string, target: Id, ksfile: string, opts?: Opts]
  ) => unknown;
  build: (src: string, target: Id | null, opts?: Opts) => null;
  buildArch: (
    ...args: [pkg: string, root: Id, arch: string, keep_srpm: boolean, opts?: Opts]
  ) => ArchBuildResult;
  buildMaven: (url: string, build_tag: object, opts?: Opts) => Fields;
  buildNotification: (
    recipients: readonly string[],
    build: object,
    target: object | null,
    weburl: string,
  ) => string | null;
  buildSRPMFromSCM: (url: string, build_tag: Id, opts?: Opts) => SourceBuildResult;
  chainbuild: (srcs: readonly (readonly string[])[], target: Id, opts?: Opts) => null;
  chainmaven: (builds: object, target: Id, opts?: Opts) => unknown;
  createAppliance: CreateImage;
  createImage: CreateImage;
  createLiveCD: CreateImage;
  createLiveMedia: CreateImage;
  createdistrepo: (
    ...args: [tag: Id, repo_id: number, arch: string, keys: readonly string[], opts: object]
  ) => null;
  createrepo: (repo_id: number, arch: string, oldrepo: { readonly id: number } | null) => unknown[];
  default: () => never;
  dependantTask: (wait_list: readonly number[], task_list: readonly (readonly unknown[])[]) => null;
  distRepo: (tag: Id, repo_id: number, keys: readonly string[], task_opts: object) => string;
  fork: (n?: number, m?: number) => null;
  image: (
    ...args: [
      name: string,
      version: string,
      arches: readonly string[],
      target: Id,
      inst_tree: string,
      opts?: Opts,
    ]
  ) => unknown;
  indirectionimage: (opts: object) => unknown;
  livecd: (
    ...args: [name: string, version: string, arch: string, target: Id, ksfile: string, opts?: Opts]
  ) => unknown;
  livemedia: (
    ...args: [
      name: string,
      version: string,
      arches: readonly string[],
      target: Id,
      ksfile: string,
      opts?: Opts,
    ]
  ) => unknown;
  maven: (url: string, target: Id, opts?: Opts) => null;
  newRepo: (
    ...args: [
      tag: Id,
      event?: number | null,
      src?: boolean | null,
      debuginfo?: boolean | null,
      separate_src?: boolean | null,
      opts?: Opts,
    ]
  ) => [repoId: number, eventId: number];
  rebuildSRPM: (srpm: string, build_tag: Id, opts?: Opts) => SourceBuildResult;
  restart: (host: object) => string;
  restartHosts: (options?: Opts) => null;
  restartVerify: (task_id: number, host: object) => null;
  shutdown: () => null;
  sleep: (n: number) => null;
  subtask: (n?: number) => null;
  tagBuild: (
    ...args: [tag_id: Id, build_id: Id, force?: boolean, fromtag?: Id | null, ignore_success?: boolean]
  ) => null;
  tagNotification: (
    ...args: [
      recipients: readonly string[],
      is_successful: boolean,
      tag_info: Id | null,
      from_info: Id | null,
      build_info: Id,
      user_info: Id,
      ignore_success?: boolean | null,
      failure_msg?: string,
    ]
  ) => string | null;
  vmExec: (name: string, task_info: readonly unknown[], opts?: Opts) => object;
  waitrepo: (
    tag: Id,
    newer_than?: string | number | null,
    nvrs?: readonly string[] | null,
    min_event?: number | 'last' | null,
  ) => RepoInfo;
  waittest: (count: number, seconds?: number) => null;
  winbuild: (name: string, source_url: string, target: NameOrId, opts?: Opts) => unknown;
  wrapperRPM: (
    ...args: [spec_url: string, build_target: object, build: object | null, task: object | null, opts?: Opts]
  ) => Fields;
}

/**
 * The handlers of tasks by method, as types: the arguments of `makeTask` and `subtask`, and the results of `wait` and
 * `getTaskResult`. A plugin adds its own handlers, with positional arguments as they are sent, even where the handler
 * destructures them. `declare module '@koji/core/api' { interface TaskHandlers { mytask: MyTask['handler'] } }`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- plugins extend it
export interface TaskHandlers extends OwnTaskHandlers {}

/** The method of a task: `buildArch`, or one that a plugin has added to {@link TaskHandlers}. */
export type TaskMethodName = keyof TaskHandlers;

/** The arguments of a task's handler. */
export type TaskArgs<M extends TaskMethodName> = TaskHandlers[M] extends (...args: infer A) => unknown
  ? Readonly<A>
  : never;

/** The result of a task. */
export type TaskAnswer<M extends TaskMethodName> = TaskHandlers[M] extends (...args: never) => infer R
  ? Awaited<R>
  : never;
