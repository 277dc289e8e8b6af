import type {
  ArchiveInfo,
  BuildInfo,
  Extra,
  Float,
  Named,
  RepoInfo,
  RpmInfo,
  TagInfo,
  TaskInfo,
  UserInfo,
} from '@koji/core/api';
import type { HubSession } from './session.js';

/** A struct with any fields, as callers sent it. */
export type Fields = Readonly<Record<string, unknown>>;

/** An RPM before or after its row is stored. */
export interface RpmData {
  /** Its row's id; absent before it is stored. */
  readonly id?: number;
  /** The name, without version, release and arch. */
  readonly name: string;
  /** The version. */
  readonly version: string;
  /** The release; a draft's has its suffix. */
  readonly release: string;
  /** The epoch; null for none. */
  readonly epoch: number | null;
  /** The arch; `src` or `nosrc` for a source RPM. */
  readonly arch: string;
  /** 1 for a source RPM. */
  readonly sourcepackage: number | null;
  /** The file name of its source RPM; null for a source RPM. */
  readonly sourcerpm: string | null;
  /** The build time in seconds since 1970. */
  readonly buildtime: number;
  /** Whether the build of the RPM is a draft. */
  readonly draft: boolean;
  /** The build of the RPM. */
  readonly build_id: number;
  /** The buildroot in which it was made; null for an RPM from elsewhere. */
  readonly buildroot_id: number | null;
  /** Always 0: the RPM is the hub's own. */
  readonly external_repo_id: number;
  /** The size in bytes. */
  readonly size: number;
  /** MD5 of header and payload in hex, or the SHA-256 of the header for an RPM without an MD5. */
  readonly payloadhash: string;
  /** Data that a content generator adds, as JSON. */
  readonly extra?: string;
}

/** An RPM whose row is stored. */
export interface StoredRpm extends RpmData {
  /** Its row's id. */
  readonly id: number;
}

/** An archive before its row is stored. */
export interface ArchiveData {
  /** The build of the archive. */
  readonly build_id: number;
  /** The buildroot in which it was made; null for an archive from elsewhere. */
  readonly buildroot_id: number | null;
  /** The file name. */
  readonly filename: string;
  /** The size in bytes. */
  readonly size: number;
  /** The checksum in hex. */
  readonly checksum: string;
  /** One of Koji's CHECKSUM_TYPES. */
  readonly checksum_type: number;
  /** Present when only the metadata is imported. */
  readonly metadata_only?: true;
  /** The id of the archive type. */
  readonly type_id: number;
  /** The id of the build type. */
  readonly btype_id: number;
  /** Data that a content generator adds, as JSON. */
  readonly extra?: string;
}

/** A task that changes or is about to be made. In a new task `request` is XML text, and fields that are set later are absent. */
export interface ChangedTask
  extends
    Pick<TaskInfo, 'method' | 'arch' | 'priority' | 'channel_id' | 'label' | 'parent' | 'state'>,
    Partial<
      Omit<
        TaskInfo,
        'method' | 'arch' | 'priority' | 'channel_id' | 'label' | 'parent' | 'state' | 'owner' | 'request'
      >
    > {
  /** The owner's user id; null for a task that the hub itself makes. */
  readonly owner: number | null;
  /** The arguments; XML text in a new task. */
  readonly request: unknown[] | string;
  /** The result of a closed task. Before it is stored it is XML text, which a `pre` callback of `completion_ts` may replace. */
  result?: unknown;
}

/** A build that changes, or the row that is about to be stored. */
export interface ChangedBuild
  extends
    Pick<
      BuildInfo,
      'name' | 'version' | 'release' | 'epoch' | 'draft' | 'state' | 'task_id' | 'volume_id' | 'source'
    >,
    Partial<
      Omit<
        BuildInfo,
        | 'name'
        | 'version'
        | 'release'
        | 'epoch'
        | 'draft'
        | 'state'
        | 'task_id'
        | 'volume_id'
        | 'source'
        | 'extra'
        | 'cg_id'
      >
    > {
  /** Additional data; JSON text in a row that is about to be stored. */
  readonly extra: Extra | string;
  /** The id of the content generator; null or absent for a build by Koji. */
  readonly cg_id?: number | null;
}

/** The parts of a source URL. */
export interface CheckoutSource {
  /** The URL as it was passed. */
  readonly url: string;
  /** The scheme with its slashes: `git+https://`. */
  readonly scheme: string;
  /** The user; null for none. */
  readonly user: string | null;
  /** The host, with the port if there is one. */
  readonly host: string;
  /** The path of the repository. */
  readonly repository: string;
  /** A folder in the repository; empty for the whole repository. */
  readonly module: string;
  /** A branch, tag or commit. */
  readonly revision: string;
  /** The kind of source control, such as `GIT`. */
  readonly scmtype: string;
}

/** The buildroot of a task. */
export interface TaskBuildroot {
  /** The id on the hub. */
  readonly id: number;
  /** The name of its folder, `TAG-ID-REPO`. */
  readonly name: string;
  /** The arch of the repo. */
  readonly arch: string;
  /** The repo from which its packages come. */
  readonly repo: RepoInfo;
  /** The folder of its root on this builder. */
  readonly rootDir: string;
}

/** Common fields of all changes of a tag's packages. */
interface PackageChange {
  /** The tag, as returned by `getTag`. */
  readonly tag: TagInfo;
  /** The package: `id` and `name`. */
  readonly package: Named;
  /** The user; null when nobody is logged in. */
  readonly user: UserInfo | null;
}

/** A change of a package in a tag: it is added, changed or blocked. */
export interface PackageListAdd extends PackageChange {
  /** The kind of change: `packageListAdd`, `packageListSetOwner`, `packageListSetArches` or `packageListBlock`. */
  readonly action: 'add' | 'update' | 'block';
  /** The owner's user id. */
  readonly owner: number;
  /** Whether the package is blocked in the tag now. */
  readonly block: boolean;
  /** Arches separated by spaces. */
  readonly extra_arches: string | null;
  /** Whether the caller asked to ignore the policy and existing entries. */
  readonly force: boolean;
  /** Whether the package must be in the tag already. */
  readonly update: boolean;
}

/** A change of a package in a tag: it is removed or unblocked. */
export type PackageListRemove = PackageChange &
  ({ readonly action: 'remove' } | { readonly action: 'unblock' });

/** A change of a task's field. For a new task, the old value is `null` and the new one is `'FREE'`. */
export type TaskStateChange = {
  /** The task with its decoded request; a `pre` callback of `completion_ts` may edit `info.result`. */
  readonly info: ChangedTask;
} & (
  | { readonly attribute: 'state'; readonly old: string | null; readonly new: string }
  | { readonly attribute: 'host_id'; readonly old: number | null; readonly new: number | null }
  | { readonly attribute: 'weight' | 'priority'; readonly old: Float; readonly new: Float }
  | { readonly attribute: 'completion_ts'; readonly old: Float | null; readonly new: Float | null }
);

/** A change of a build's field. For a new build, the old value is `null`. States are numbers of Koji's BUILD_STATES. */
export interface BuildStateChange<Info extends ChangedBuild = ChangedBuild> {
  /** The field that changes. */
  readonly attribute: 'state' | 'volume_id' | 'owner_id' | 'completion_ts';
  /** The old value; null for a new build. */
  readonly old: Float | null;
  /** The new value. */
  readonly new: Float | null;
  /** The build, as returned by `getBuild`; for a new build the row that is about to be stored. */
  readonly info: Info;
}

/** The import of the RPMs of a finished build task. Paths are relative to the upload folder. */
export interface ImportBuild {
  /** The discriminator of this shape. */
  readonly type: 'build';
  /** The source RPM. */
  readonly srpm: string;
  /** The other RPMs; after the import without repeated noarch RPMs. */
  readonly rpms: readonly string[];
  /** Buildroot ids by path. */
  readonly brmap: Readonly<Record<string, number | null>>;
  /** The build's task. */
  readonly task_id: number | null;
  /** The build's id. */
  readonly build_id: number | null;
  /** Log paths by arch. */
  readonly logs: Readonly<Record<string, readonly string[]>> | null;
}

/** The import of one RPM. */
export interface ImportRpm {
  /** The discriminator of this shape. */
  readonly type: 'rpm';
  /** The RPM; it has an `id` after the import. */
  readonly rpm: RpmData;
  /** The build of the RPM, as returned by `getBuild`. */
  readonly build: BuildInfo;
  /** The imported file; null when only the metadata is imported. */
  readonly filepath: string | null;
  /** Information of a content generator about the file. */
  readonly fileinfo: Fields | null;
}

/** The import of a content generator's build. */
export interface ImportContentGenerator {
  /** The discriminator of this shape. */
  readonly type: 'cg';
  /** The metadata as the content generator sent it. */
  readonly metadata: Fields;
  /** The upload folder. */
  readonly directory: string;
}

/** The import of one archive (maven, win, image or the type of a plugin). */
export interface ImportArchive<Archive extends ArchiveData | ArchiveInfo> {
  /** The discriminator of this shape. */
  readonly type: 'archive';
  /** The row to be stored; after the import the archive as returned by `getArchive`. */
  readonly archive: Archive;
  /** The build of the archive, as returned by `getBuild`. */
  readonly build: BuildInfo;
  /** The name of the build type, such as `maven`. */
  readonly build_type: string;
  /** The imported file; null when only the metadata is imported. */
  readonly filepath: string | null;
  /** Information of a content generator about the file; empty without a content generator. */
  readonly fileinfo: Fields | null;
}

/** The import of an image task's result. */
export interface ImportImage {
  /** The discriminator of this shape. */
  readonly type: 'image';
  /** The task's report about its image. */
  readonly image: Fields;
}

/** Payloads of `preImport`, by `type`. */
export type PreImport =
  | (ImportBuild & { readonly build: null })
  | ImportRpm
  | ImportContentGenerator
  | ImportArchive<ArchiveData>
  | ImportImage;

/** Payloads of `postImport`, by `type`. The build is always present. */
export type PostImport =
  | (ImportBuild & { readonly build: BuildInfo })
  | (ImportRpm & { readonly rpm: StoredRpm })
  | (ImportContentGenerator & { readonly build: BuildInfo })
  | ImportArchive<ArchiveInfo>
  | (ImportImage & { readonly build: BuildInfo; readonly fullpath: string });

/** The storage of an RPM's signature header. */
export interface RpmSign {
  /** The id of the key; empty for the header of an unsigned RPM. */
  readonly sigkey: string;
  /** MD5 of the signature header in hex. */
  readonly sighash: string;
  /** The build of the RPM; null when it has none. */
  readonly build: BuildInfo | null;
  /** The RPM, as returned by `getRPM`. */
  readonly rpm: RpmInfo;
}

/** The tagging of a build. */
export interface TagChange {
  /** The tag, as returned by `getTag`. */
  readonly tag: TagInfo;
  /** The build, as returned by `getBuild`. */
  readonly build: BuildInfo;
  /** The user; null when nobody is logged in. */
  readonly user: UserInfo | null;
  /** Whether the caller asked to ignore the policy and existing entries. */
  readonly force: boolean;
}

/** The untagging of a build. */
export interface UntagChange extends TagChange {
  /** Whether it is an error if the build is not in the tag. */
  readonly strict: boolean;
}

/** The start of a repo of a build tag. `repo_id` is null before the record exists. */
export interface RepoInit {
  /** The tag at `event`, as returned by `getTag`. */
  readonly tag: TagInfo;
  /** The requested event in history; null means now. */
  readonly event: number | null;
  /** The id of the repo; null before its record exists. */
  readonly repo_id: number | null;
  /** The task that makes the repo, if any. */
  readonly task_id: number | null;
  /** The effective options: src, debuginfo, separate_src, maven. */
  readonly opts: Fields;
}

/** The start of a distribution repo. */
export interface DistRepoInit {
  /** The tag, as returned by `getTag`. */
  readonly tag: TagInfo;
  /** The discriminator from a repo of a build tag. */
  readonly dist: true;
  /** The requested event in history; null means now. After the record is made, the event is known. */
  readonly event: number | null;
  /** The id of the repo; null before its record exists. */
  readonly repo_id: number | null;
  /** Always false; Koji has it in the payload. */
  readonly with_src: false;
  /** Always false; Koji has it in the payload. */
  readonly with_debuginfo: false;
  /** Always false; Koji has it in the payload. */
  readonly with_separate_src: false;
  /** Ids of the signing keys. */
  readonly keys: readonly string[];
  /** The arches of its folders. */
  readonly arches: readonly string[];
  /** The options that were passed to `distRepo`. */
  readonly task_opts: Fields;
}

/** The end of a repo's creation: it is ready, or expired because it is no longer needed. */
export interface RepoDone {
  /** The repo before the change, as returned by `repoInfo`. */
  readonly repo: RepoInfo;
  /** Upload folder and file names by arch: `{ x86_64: ['tasks/17/17', ['repomd.xml']] }`. */
  readonly data: Fields;
  /** Whether the repo is expired instead of ready. */
  readonly expire: boolean;
}

/** The promotion of a draft build. */
export interface BuildPromote {
  /** The build, as returned by `getBuild`: still a draft before, promoted after. */
  readonly build: BuildInfo;
  /** The release of the draft. */
  readonly draft_release: string;
  /** The release after the promotion. */
  readonly target_release: string;
  /** The user; null when nobody is logged in. */
  readonly user: UserInfo | null;
}

/** The checkout of sources on a builder. */
export interface ScmCheckout {
  /** The parts of the source URL. */
  readonly scminfo: CheckoutSource;
  /** The build tag: a record, an id or a name, as the task has it. */
  readonly build_tag: TagInfo | number | string | null;
  /** Whether the task is for a scratch build; null when the task does not specify it. */
  readonly scratch: boolean | null;
  /** The buildroot, in tasks that have one. */
  readonly buildroot?: TaskBuildroot;
  /** The builder's session on the hub. */
  readonly session: HubSession;
  /** The task with its request, as returned by `getTaskInfo`. */
  readonly taskinfo: TaskInfo;
}

/** The end of the creation of a repo's metadata on a builder. */
export interface CreateRepo {
  /** The name of the tag. */
  readonly tag: string;
  /** The folder on this builder that has the metadata in `repodata`. */
  readonly repodir: string;
  /** The id of the repo. */
  readonly repo_id: number;
  /** The arch of the folder. */
  readonly arch: string;
  /** The builder's session on the hub. */
  readonly session: HubSession;
  /** The task with its request, as returned by `getTaskInfo`. */
  readonly taskinfo: TaskInfo;
}

/** The end of the creation of a distribution repo's metadata on a builder. */
export interface CreateDistRepo extends CreateRepo {
  /** Ids of the signing keys. */
  readonly keys: readonly string[];
  /** The options that were passed to `distRepo`. */
  readonly opts: Fields;
}

/** The payloads of all events. */
export interface CallbackPayloads {
  prePackageListChange: PackageListAdd | PackageListRemove;
  postPackageListChange: PackageListAdd | PackageListRemove;
  preTaskStateChange: TaskStateChange;
  postTaskStateChange: TaskStateChange;
  preBuildStateChange: BuildStateChange;
  postBuildStateChange: BuildStateChange<BuildInfo>;
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

/** The version of payloads. It rises when a field gets another meaning or type, or is removed. New fields do not change it. */
export const payloadVersion = 1;

/** The name of an event for callbacks. */
export type CallbackName = keyof CallbackPayloads;

/** Where an event is sent, and whether the change can still be undone then. */
export interface CallbackFacts {
  readonly on: 'hub' | 'builder';
  /** `inside`: a failing callback undoes the call. `after`: the call is already committed. `none`: no transaction. */
  readonly transaction: 'inside' | 'after' | 'none';
  readonly when: string;
}

const inside = (when: string): CallbackFacts => ({ on: 'hub', transaction: 'inside', when });
const builder = (when: string): CallbackFacts => ({ on: 'builder', transaction: 'none', when });

/** All events: the table from which types, load-time checks and the reference are made. */
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

/** Returns whether a text is the name of an event. */
export function isCallbackName(name: string): name is CallbackName {
  return Object.hasOwn(callbackTable, name);
}
