import type { BuildInfo, Float, Named, TagInfo, UserInfo } from '@koji/core/api';
import type { HubSession } from './session.js';

/** An RPM before or after its row is stored: these fields and further ones. */
export interface RpmData {
  /** Its row's id; not there before it is stored. */
  readonly id?: number;
  /** The name, without version, release and arch. */
  readonly name: string;
  /** The version. */
  readonly version: string;
  /** The release; a draft's has its suffix. */
  readonly release: string;
  /** The arch; `src` or `nosrc` for a source RPM. */
  readonly arch: string;
}

/** What all changes of a tag's packages have. */
interface PackageChange {
  /** The tag as `getTag` answers it. */
  readonly tag: TagInfo;
  /** The package: `id` and `name`. */
  readonly package: Named;
  /** Null when nobody is logged in. */
  readonly user: UserInfo | null;
}

/** A package was added to a tag or changed, blocked, or is about to be. */
export interface PackageListAdd extends PackageChange {
  /** What the caller does: `packageListAdd`, `packageListSetOwner` or `packageListSetArches`, or `packageListBlock`. */
  readonly action: 'add' | 'update' | 'block';
  /** The owner's user id. */
  readonly owner: number;
  /** Whether the package is blocked in the tag now. */
  readonly block: boolean;
  /** Arches separated by spaces. */
  readonly extra_arches: string | null;
  /** Whether the caller asked to go past the policy and past what is there. */
  readonly force: boolean;
  /** Whether the package has to be in the tag already. */
  readonly update: boolean;
}

/** A package was removed from a tag or unblocked, or is about to be. */
export type PackageListRemove = PackageChange &
  ({ readonly action: 'remove' } | { readonly action: 'unblock' });

/** A field of a task changes: a new task has old `null` and new `'FREE'`. */
export type TaskStateChange = {
  /** The task with its decoded request; a `pre` callback of `completion_ts` may edit `info.result`. */
  readonly info: object;
} & (
  | { readonly attribute: 'state'; readonly old: string | null; readonly new: string }
  | { readonly attribute: 'host_id'; readonly old: number | null; readonly new: number | null }
  | { readonly attribute: 'weight' | 'priority'; readonly old: Float; readonly new: Float }
  | { readonly attribute: 'completion_ts'; readonly old: Float | null; readonly new: Float | null }
);

/** A field of a build changes: a new build has old `null`; states are numbers of Koji's BUILD_STATES. */
export interface BuildStateChange {
  /** The field that changes. */
  readonly attribute: 'state' | 'volume_id' | 'owner_id' | 'completion_ts';
  /** The value so far; null for a new build. */
  readonly old: Float | null;
  /** The value from now on. */
  readonly new: Float | null;
  /** The build as `getBuild` answers it; before it exists, the row that is about to be stored. */
  readonly info: object;
}

/** The RPMs of a finished build task are imported; paths are relative to the upload folder. */
export interface ImportBuild {
  /** Says which shape this is. */
  readonly type: 'build';
  /** The source RPM. */
  readonly srpm: string;
  /** The other RPMs; once they are imported without repeated noarch ones. */
  readonly rpms: readonly string[];
  /** Path to buildroot id. */
  readonly brmap: Readonly<Record<string, number | null>>;
  /** The build's task. */
  readonly task_id: number | null;
  /** The build's id. */
  readonly build_id: number | null;
  /** Arch to log paths. */
  readonly logs: Readonly<Record<string, readonly string[]>> | null;
}

/** One RPM is imported. */
export interface ImportRpm {
  /** Says which shape this is. */
  readonly type: 'rpm';
  /** The RPM; its `id` is there after the import. */
  readonly rpm: RpmData;
  /** The build that it belongs to, as `getBuild` answers it. */
  readonly build: BuildInfo;
  /** The file that is imported; null when only its metadata is. */
  readonly filepath: string | null;
  /** What a content generator said about the file. */
  readonly fileinfo: object | null;
}

/** A build of a content generator is imported. */
export interface ImportContentGenerator {
  /** Says which shape this is. */
  readonly type: 'cg';
  /** The metadata as the content generator gave it. */
  readonly metadata: object;
  /** The upload folder. */
  readonly directory: string;
}

/** One archive (maven, win, image or a plugin's type) is imported. */
export interface ImportArchive {
  /** Says which shape this is. */
  readonly type: 'archive';
  /** The row to be stored; after the import the archive as `getArchive` answers it. */
  readonly archive: object;
  /** The build that it belongs to, as `getBuild` answers it. */
  readonly build: BuildInfo;
  /** The build type's name, as `maven`. */
  readonly build_type: string;
  /** The file that is imported; null when only its metadata is. */
  readonly filepath: string | null;
  /** What a content generator said about the file; empty when it was none. */
  readonly fileinfo: object | null;
}

/** The result of an image task is imported. */
export interface ImportImage {
  /** Says which shape this is. */
  readonly type: 'image';
  /** What the task reported about its image. */
  readonly image: object;
}

/** What `preImport` is given, by `type`. */
export type PreImport =
  (ImportBuild & { readonly build: null }) | ImportRpm | ImportContentGenerator | ImportArchive | ImportImage;

/** What `postImport` is given, by `type`: always with the build. */
export type PostImport =
  | (ImportBuild & { readonly build: BuildInfo })
  | ImportRpm
  | (ImportContentGenerator & { readonly build: BuildInfo })
  | ImportArchive
  | (ImportImage & { readonly build: BuildInfo; readonly fullpath: string });

/** A signature header of an RPM is stored. */
export interface RpmSign {
  /** The key's id; empty for the header of an unsigned RPM. */
  readonly sigkey: string;
  /** MD5 of the signature header, hex. */
  readonly sighash: string;
  /** The build that the RPM belongs to; null when it belongs to none. */
  readonly build: BuildInfo | null;
  /** The RPM. */
  readonly rpm: RpmData;
}

/** A build gets into a tag. */
export interface TagChange {
  /** The tag as `getTag` answers it. */
  readonly tag: TagInfo;
  /** The build as `getBuild` answers it. */
  readonly build: BuildInfo;
  /** Null when nobody is logged in. */
  readonly user: UserInfo | null;
  /** Whether the caller asked to go past the policy and past what is there. */
  readonly force: boolean;
}

/** A build leaves a tag. */
export interface UntagChange extends TagChange {
  /** Whether a build that is not in the tag is an error. */
  readonly strict: boolean;
}

/** A repo of a build tag begins; `repo_id` is null before its record exists. */
export interface RepoInit {
  /** The tag as `getTag` answers it, at `event`. */
  readonly tag: TagInfo;
  /** The point in history that was asked for; null is now. */
  readonly event: number | null;
  /** The repo's id; null before its record exists. */
  readonly repo_id: number | null;
  /** The task that makes it, if there is one. */
  readonly task_id: number | null;
  /** The options in force: src, debuginfo, separate_src, maven. */
  readonly opts: object;
}

/** A repo for distribution begins. */
export interface DistRepoInit {
  /** The tag as `getTag` answers it. */
  readonly tag: TagInfo;
  /** Tells it from a repo of a build tag. */
  readonly dist: true;
  /** The point in history that was asked for; null is now, and after the record is made it is known. */
  readonly event: number | null;
  /** The repo's id; null before its record exists. */
  readonly repo_id: number | null;
  /** Koji has it in the payload, and never anything else. */
  readonly with_src: false;
  /** Koji has it in the payload, and never anything else. */
  readonly with_debuginfo: false;
  /** Koji has it in the payload, and never anything else. */
  readonly with_separate_src: false;
  /** Ids of the signing keys. */
  readonly keys: readonly string[];
  /** The arches of its folders. */
  readonly arches: readonly string[];
  /** The options that `distRepo` was called with. */
  readonly task_opts: object;
}

/** A repo is finished, or expired since it was not wanted any more. */
export interface RepoDone {
  /** The repo as `repoInfo` answers it, before the change. */
  readonly repo: object;
  /** Arch to upload path and file names. */
  readonly data: object;
  /** Whether it is expired instead of ready. */
  readonly expire: boolean;
}

/** A draft build becomes a real one. */
export interface BuildPromote {
  /** The build as `getBuild` answers it: still a draft before, promoted after. */
  readonly build: BuildInfo;
  /** The release that it had as a draft. */
  readonly draft_release: string;
  /** The release that it has from now on. */
  readonly target_release: string;
  /** Null when nobody is logged in. */
  readonly user: UserInfo | null;
}

/** Sources are checked out on a builder. */
export interface ScmCheckout {
  /** url, scheme, user, host, repository, module, revision, scmtype. */
  readonly scminfo: object;
  /** The build tag: a record, an id or a name, as the task has it. */
  readonly build_tag: TagInfo | number | string | null;
  /** Whether the task is for a scratch build; null when it does not say. */
  readonly scratch: boolean | null;
  /** The buildroot, in tasks that have one. */
  readonly buildroot?: object;
  /** The builder's login at the hub. */
  readonly session: HubSession;
  /** The task as `getTaskInfo` answers it, with its request. */
  readonly taskinfo: object;
}

/** The metadata of a repo was made on a builder. */
export interface CreateRepo {
  /** The tag's name. */
  readonly tag: string;
  /** The folder on this builder that has the metadata in `repodata`. */
  readonly repodir: string;
  /** The repo's id. */
  readonly repo_id: number;
  /** The arch of the folder. */
  readonly arch: string;
  /** The builder's login at the hub. */
  readonly session: HubSession;
  /** The task as `getTaskInfo` answers it, with its request. */
  readonly taskinfo: object;
}

/** The metadata of a repo for distribution was made on a builder. */
export interface CreateDistRepo extends CreateRepo {
  /** Ids of the signing keys. */
  readonly keys: readonly string[];
  /** The options that `distRepo` was called with. */
  readonly opts: object;
}

/** Every event and what its callbacks are given. */
export interface CallbackPayloads {
  prePackageListChange: PackageListAdd | PackageListRemove;
  postPackageListChange: PackageListAdd | PackageListRemove;
  preTaskStateChange: TaskStateChange;
  postTaskStateChange: TaskStateChange;
  preBuildStateChange: BuildStateChange;
  postBuildStateChange: BuildStateChange;
  preImport: PreImport;
  postImport: PostImport;
  preRPMSign: RpmSign;
  postRPMSign: RpmSign;
  preTag: TagChange;
  postTag: TagChange;
  preUntag: UntagChange;
  postUntag: UntagChange;
  preRepoInit: RepoInit | DistRepoInit;
  postRepoInit: RepoInit | (DistRepoInit & { readonly repodir: string });
  preRepoDone: RepoDone;
  postRepoDone: RepoDone;
  preBuildPromote: BuildPromote;
  postBuildPromote: BuildPromote;
  preCommit: Readonly<Record<string, never>>;
  postCommit: Readonly<Record<string, never>>;
  preSCMCheckout: ScmCheckout;
  postSCMCheckout: ScmCheckout & { readonly srcdir: string };
  postCreateDistRepo: CreateDistRepo;
  postCreateRepo: CreateRepo;
}

/** Raised whenever a field of a payload gets another meaning or type, or goes; new fields leave it as it is. */
export const payloadVersion = 1;

/** The name of an event that plugins can act on. */
export type CallbackName = keyof CallbackPayloads;

/** Where an event happens and whether what led to it can still be undone then. */
export interface CallbackFacts {
  readonly on: 'hub' | 'builder';
  /** `inside`: a failing callback undoes the call. `after`: the call is already committed. `none`: no transaction. */
  readonly transaction: 'inside' | 'after' | 'none';
  readonly when: string;
}

const inside = (when: string): CallbackFacts => ({ on: 'hub', transaction: 'inside', when });
const builder = (when: string): CallbackFacts => ({ on: 'builder', transaction: 'none', when });

/** Every event: the one table that types, load-time checks and the reference are made from. */
export const callbackTable: { readonly [E in CallbackName]: CallbackFacts } = {
  prePackageListChange: inside('before a package is added to a tag, changed, removed, blocked or unblocked'),
  postPackageListChange: inside('after a package was added to a tag, changed, removed, blocked or unblocked'),
  preTaskStateChange: inside('before a task is made, or its state, host, weight, priority or end changes'),
  postTaskStateChange: inside('after a task was made, or its state, host, weight, priority or end changed'),
  preBuildStateChange: inside('before a build is made, or its state, volume, owner or completion changes'),
  postBuildStateChange: inside('after a build was made, or its state, volume, owner or completion changed'),
  preImport: inside('before a build, an RPM, an archive or an image is imported'),
  postImport: inside('after a build, an RPM, an archive or an image was imported'),
  preRPMSign: inside('before a signature of an RPM is stored, also when an RPM is imported'),
  postRPMSign: inside('after a signature of an RPM was stored, also when an RPM is imported'),
  preTag: inside('before a build is tagged'),
  postTag: inside('after a build was tagged'),
  preUntag: inside('before a build is untagged'),
  postUntag: inside('after a build was untagged'),
  preRepoInit: inside('before the record of a repo is made'),
  postRepoInit: inside('after the record of a repo and its directory were made'),
  preRepoDone: inside('before a repo is finished'),
  postRepoDone: inside('after a repo was finished or expired'),
  preBuildPromote: inside('before a draft build is promoted'),
  postBuildPromote: inside('after a draft build was promoted'),
  preCommit: inside('before a call that wrote something commits'),
  postCommit: {
    on: 'hub',
    transaction: 'after',
    when: 'after a call that wrote something has committed',
  },
  preSCMCheckout: builder('before sources are checked out'),
  postSCMCheckout: builder('after sources were checked out'),
  postCreateDistRepo: builder('after the metadata of a repo for distribution was made'),
  postCreateRepo: builder('after the metadata of a repo was made'),
};

/** The names of all events. */
export const callbackNames = Object.keys(callbackTable) as [CallbackName, ...CallbackName[]];

/** Whether text is the name of an event. */
export function isCallbackName(name: string): name is CallbackName {
  return Object.hasOwn(callbackTable, name);
}
