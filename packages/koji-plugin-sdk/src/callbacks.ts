import type { BuildInfo, Float, Named, TagInfo, UserInfo } from '@koji/core/api';
import type { HubSession } from './session.js';

/** An RPM before or after its row is stored: these fields and further ones. */
export interface RpmData {
  readonly id?: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}

interface PackageChange {
  readonly tag: TagInfo;
  readonly package: Named;
  /** Null when nobody is logged in. */
  readonly user: UserInfo | null;
}

/** A package was added to a tag or changed, blocked, or is about to be. */
export interface PackageListAdd extends PackageChange {
  readonly action: 'add' | 'update' | 'block';
  /** The owner's user id. */
  readonly owner: number;
  readonly block: boolean;
  /** Arches separated by spaces. */
  readonly extra_arches: string | null;
  readonly force: boolean;
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
  readonly attribute: 'state' | 'volume_id' | 'owner_id' | 'completion_ts';
  readonly old: Float | null;
  readonly new: Float | null;
  /** The build as `getBuild` answers it; before it exists, the row that is about to be stored. */
  readonly info: object;
}

/** The RPMs of a finished build task are imported; paths are relative to the upload folder. */
export interface ImportBuild {
  readonly type: 'build';
  readonly srpm: string;
  readonly rpms: readonly string[];
  /** Path to buildroot id. */
  readonly brmap: Readonly<Record<string, number | null>>;
  readonly task_id: number | null;
  readonly build_id: number | null;
  /** Arch to log paths. */
  readonly logs: Readonly<Record<string, readonly string[]>> | null;
}

/** One RPM is imported. */
export interface ImportRpm {
  readonly type: 'rpm';
  readonly rpm: RpmData;
  readonly build: BuildInfo;
  /** The file that is imported; null when only its metadata is. */
  readonly filepath: string | null;
  /** What a content generator said about the file. */
  readonly fileinfo: object | null;
}

/** A build of a content generator is imported. */
export interface ImportContentGenerator {
  readonly type: 'cg';
  readonly metadata: object;
  /** The upload folder. */
  readonly directory: string;
}

/** One archive (maven, win, image or a plugin's type) is imported. */
export interface ImportArchive {
  readonly type: 'archive';
  readonly archive: object;
  readonly build: BuildInfo;
  /** The build type's name, as `maven`. */
  readonly build_type: string;
  readonly filepath: string | null;
  readonly fileinfo: object | null;
}

/** The result of an image task is imported. */
export interface ImportImage {
  readonly type: 'image';
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
  readonly build: BuildInfo | null;
  readonly rpm: RpmData;
}

/** A build gets into a tag. */
export interface TagChange {
  readonly tag: TagInfo;
  readonly build: BuildInfo;
  /** Null when nobody is logged in. */
  readonly user: UserInfo | null;
  readonly force: boolean;
}

/** A build leaves a tag. */
export interface UntagChange extends TagChange {
  readonly strict: boolean;
}

/** A repo of a build tag begins; `repo_id` is null before its record exists. */
export interface RepoInit {
  readonly tag: TagInfo;
  readonly event: number | null;
  readonly repo_id: number | null;
  readonly task_id: number | null;
  /** The options in force: src, debuginfo, separate_src, maven. */
  readonly opts: object;
}

/** A repo for distribution begins. */
export interface DistRepoInit {
  readonly tag: TagInfo;
  readonly dist: true;
  readonly event: number | null;
  readonly repo_id: number | null;
  readonly with_src: false;
  readonly with_debuginfo: false;
  readonly with_separate_src: false;
  /** Ids of the signing keys. */
  readonly keys: readonly string[];
  readonly arches: readonly string[];
  readonly task_opts: object;
}

/** A repo is finished, or expired since it was not wanted any more. */
export interface RepoDone {
  readonly repo: object;
  /** Arch to upload path and file names. */
  readonly data: object;
  readonly expire: boolean;
}

/** A draft build becomes a real one. */
export interface BuildPromote {
  readonly build: BuildInfo;
  readonly draft_release: string;
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
  readonly scratch: boolean | null;
  /** The buildroot, in tasks that have one. */
  readonly buildroot?: object;
  readonly session: HubSession;
  readonly taskinfo: object;
}

/** The metadata of a repo was made on a builder. */
export interface CreateRepo {
  /** The tag's name. */
  readonly tag: string;
  readonly repodir: string;
  readonly repo_id: number;
  readonly arch: string;
  readonly session: HubSession;
  readonly taskinfo: object;
}

/** The metadata of a repo for distribution was made on a builder. */
export interface CreateDistRepo extends CreateRepo {
  readonly keys: readonly string[];
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
