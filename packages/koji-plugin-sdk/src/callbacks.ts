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

/** A struct with any fields: what callers sent, as they sent it. */
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
  /** Epoch seconds. */
  readonly buildtime: number;
  /** Whether its build is a draft. */
  readonly draft: boolean;
  /** The build that it belongs to. */
  readonly build_id: number;
  /** The buildroot that it was made in; null for one from elsewhere. */
  readonly buildroot_id: number | null;
  /** 0: it is the hub's own. */
  readonly external_repo_id: number;
  /** In bytes. */
  readonly size: number;
  /** MD5 of header and payload in hex, or the SHA-256 of the header for an RPM without an MD5. */
  readonly payloadhash: string;
  /** What a content generator adds, as JSON. */
  readonly extra?: string;
}

/** An RPM whose row is stored. */
export interface StoredRpm extends RpmData {
  /** Its row's id. */
  readonly id: number;
}

/** An archive before its row is stored. */
export interface ArchiveData {
  /** The build that it belongs to. */
  readonly build_id: number;
  /** The buildroot that it was made in; null for one from elsewhere. */
  readonly buildroot_id: number | null;
  /** The name of its file. */
  readonly filename: string;
  /** In bytes. */
  readonly size: number;
  /** In hex. */
  readonly checksum: string;
  /** One of Koji's CHECKSUM_TYPES. */
  readonly checksum_type: number;
  /** Present when only the metadata is imported. */
  readonly metadata_only?: true;
  /** The archive type's id. */
  readonly type_id: number;
  /** The build type's id. */
  readonly btype_id: number;
  /** What a content generator adds, as JSON. */
  readonly extra?: string;
}

/** A task that changes, or that is about to be made: then `request` is its XML text, and what it gets later is absent. */
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
  /** The arguments; the XML text of a task that is new. */
  readonly request: unknown[] | string;
  /** The result of a closed task; before it is stored its XML text, which a `pre` callback of `completion_ts` may replace. */
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
  /** Free data; JSON in a row that is about to be stored. */
  readonly extra: Extra | string;
  /** The content generator's id; null or absent for a build of Koji's own. */
  readonly cg_id?: number | null;
}

/** A source URL in its parts. */
export interface CheckoutSource {
  /** As it was given. */
  readonly url: string;
  /** With its slashes: `git+https://`. */
  readonly scheme: string;
  /** Null for none. */
  readonly user: string | null;
  /** With the port, if there is one. */
  readonly host: string;
  /** The path of the repository. */
  readonly repository: string;
  /** A folder in the repository; empty for all of it. */
  readonly module: string;
  /** A branch, tag or commit. */
  readonly revision: string;
  /** The kind of source control, such as `GIT`. */
  readonly scmtype: string;
}

/** The buildroot of a task. */
export interface TaskBuildroot {
  /** Its id at the hub. */
  readonly id: number;
  /** `TAG-ID-REPO`: the name of its folder. */
  readonly name: string;
  /** The arch of its repo. */
  readonly arch: string;
  /** The repo that its packages come from. */
  readonly repo: RepoInfo;
  /** The folder of its root on this builder. */
  readonly rootDir: string;
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
  readonly info: ChangedTask;
} & (
  | { readonly attribute: 'state'; readonly old: string | null; readonly new: string }
  | { readonly attribute: 'host_id'; readonly old: number | null; readonly new: number | null }
  | { readonly attribute: 'weight' | 'priority'; readonly old: Float; readonly new: Float }
  | { readonly attribute: 'completion_ts'; readonly old: Float | null; readonly new: Float | null }
);

/** A field of a build changes: a new build has old `null`; states are numbers of Koji's BUILD_STATES. */
export interface BuildStateChange<Info extends ChangedBuild = ChangedBuild> {
  /** The field that changes. */
  readonly attribute: 'state' | 'volume_id' | 'owner_id' | 'completion_ts';
  /** The value so far; null for a new build. */
  readonly old: Float | null;
  /** The value from now on. */
  readonly new: Float | null;
  /** The build as `getBuild` answers it; before it exists, the row that is about to be stored. */
  readonly info: Info;
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
  readonly fileinfo: Fields | null;
}

/** A build of a content generator is imported. */
export interface ImportContentGenerator {
  /** Says which shape this is. */
  readonly type: 'cg';
  /** The metadata as the content generator gave it. */
  readonly metadata: Fields;
  /** The upload folder. */
  readonly directory: string;
}

/** One archive (maven, win, image or a plugin's type) is imported. */
export interface ImportArchive<Archive extends ArchiveData | ArchiveInfo> {
  /** Says which shape this is. */
  readonly type: 'archive';
  /** The row to be stored; after the import the archive as `getArchive` answers it. */
  readonly archive: Archive;
  /** The build that it belongs to, as `getBuild` answers it. */
  readonly build: BuildInfo;
  /** The build type's name, as `maven`. */
  readonly build_type: string;
  /** The file that is imported; null when only its metadata is. */
  readonly filepath: string | null;
  /** What a content generator said about the file; empty when it was none. */
  readonly fileinfo: Fields | null;
}

/** The result of an image task is imported. */
export interface ImportImage {
  /** Says which shape this is. */
  readonly type: 'image';
  /** What the task reported about its image. */
  readonly image: Fields;
}

/** What `preImport` is given, by `type`. */
export type PreImport =
  | (ImportBuild & { readonly build: null })
  | ImportRpm
  | ImportContentGenerator
  | ImportArchive<ArchiveData>
  | ImportImage;

/** What `postImport` is given, by `type`: always with the build. */
export type PostImport =
  | (ImportBuild & { readonly build: BuildInfo })
  | (ImportRpm & { readonly rpm: StoredRpm })
  | (ImportContentGenerator & { readonly build: BuildInfo })
  | ImportArchive<ArchiveInfo>
  | (ImportImage & { readonly build: BuildInfo; readonly fullpath: string });

/** A signature header of an RPM is stored. */
export interface RpmSign {
  /** The key's id; empty for the header of an unsigned RPM. */
  readonly sigkey: string;
  /** MD5 of the signature header, hex. */
  readonly sighash: string;
  /** The build that the RPM belongs to; null when it belongs to none. */
  readonly build: BuildInfo | null;
  /** The RPM as `getRPM` answers it. */
  readonly rpm: RpmInfo;
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
  readonly opts: Fields;
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
  readonly task_opts: Fields;
}

/** A repo is finished, or expired since it was not wanted any more. */
export interface RepoDone {
  /** The repo as `repoInfo` answers it, before the change. */
  readonly repo: RepoInfo;
  /** Upload folder and file names by arch: `{ x86_64: ['tasks/17/17', ['repomd.xml']] }`. */
  readonly data: Fields;
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
  /** The URL of the sources, in its parts. */
  readonly scminfo: CheckoutSource;
  /** The build tag: a record, an id or a name, as the task has it. */
  readonly build_tag: TagInfo | number | string | null;
  /** Whether the task is for a scratch build; null when it does not say. */
  readonly scratch: boolean | null;
  /** The buildroot, in tasks that have one. */
  readonly buildroot?: TaskBuildroot;
  /** The builder's login at the hub. */
  readonly session: HubSession;
  /** The task as `getTaskInfo` answers it, with its request. */
  readonly taskinfo: TaskInfo;
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
  readonly taskinfo: TaskInfo;
}

/** The metadata of a repo for distribution was made on a builder. */
export interface CreateDistRepo extends CreateRepo {
  /** Ids of the signing keys. */
  readonly keys: readonly string[];
  /** The options that `distRepo` was called with. */
  readonly opts: Fields;
}

/** Every event and what its callbacks are given. */
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
