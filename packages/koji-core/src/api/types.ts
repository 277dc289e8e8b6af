import { GenericError } from '../faults.js';
import { repr } from '../repr.js';
import type { Double } from '../wire/values.js';
import { any, dict, nullable, truthy } from './method.js';
import type { ArgType } from './method.js';

/** A float in a result. Whole numbers are {@link Double}, so that they stay floats on the wire. */
export type Float = number | Double;

/** A time in Koji's format: `YYYY-MM-DD HH:MM:SS.ffffff+00:00`. */
export type Timestamp = string;

declare const answerOfTask: unique symbol;

/** The id of a task whose result has the type `R`: a number that carries the type of `getTaskResult`. */
export type TaskId<R = unknown> = number & { readonly [answerOfTask]?: R };

/** A name, an id, or a struct with one of them. */
export type NameOrId = string | number | { readonly id?: number; readonly name?: string };

/** A build: its id, its NVR, or a struct with its id, or with name, version and release, as returned by other methods. */
export type BuildRef =
  | number
  | string
  | {
      readonly id?: number;
      readonly name?: string;
      readonly version?: string;
      readonly release?: string;
      readonly epoch?: number | null;
    };

/** A user: id, name or Kerberos principal, or a struct with `id`, `name` or `krb_principal`. */
export type UserRef =
  number | string | { readonly id?: number; readonly name?: string; readonly krb_principal?: string };

/** An rpm: its id, its NVRA (with `@repo` for an external one), or a struct with its id, or with its fields. */
export type RpmRef =
  | number
  | string
  | {
      readonly id?: number;
      readonly name?: string;
      readonly version?: string;
      readonly release?: string;
      readonly epoch?: number | null;
      readonly arch?: string;
      readonly draft?: boolean | null;
      readonly location?: string;
    };

/** Order and range of a list; with `countOnly` the answer is a number. */
export interface QueryOpts {
  /** Return the number of rows instead of the rows. */
  readonly countOnly?: boolean | null;
  /** Comma-separated columns; `-` before a column reverses its order. */
  readonly order?: string | null;
  /** Rows to skip. */
  readonly offset?: number | null;
  /** Maximum number of rows. */
  readonly limit?: number | null;
  /** Return rows as lists of values instead of structs. */
  readonly asList?: boolean | null;
  /** Comma-separated columns to group by; few methods support it. */
  readonly group?: string | null;
}

/** An argument that is a name or id. The hub has its own fault texts for other values. */
export const nameOrId: ArgType<NameOrId, unknown> = any('str | int | dict');
export const buildRef: ArgType<BuildRef, unknown> = any('int | str | dict');
export const userRef: ArgType<UserRef, unknown> = any('int | str | dict');
export const rpmRef: ArgType<RpmRef, unknown> = any('int | str | dict');
/** A point in history, null for now. Other values cause Koji's fault. */
export const eventId: ArgType<number | null> = { name: 'int | null', is: () => true, read: readEvent };
/** Like {@link eventId}; "auto" is now, or just before the deletion if the object is deleted. */
export const eventOrAuto: ArgType<number | 'auto' | null> = {
  name: 'int | "auto" | null',
  is: () => true,
  read: (value) => (value === 'auto' ? value : readEvent(value)),
};
export const queryOpts: ArgType<QueryOpts | null, Readonly<Record<string, unknown>> | null> = nullable(
  dict as ArgType<QueryOpts, Readonly<Record<string, unknown>>>,
);
/** A number of latest builds, or true for one. */
export const latestCount: ArgType<boolean | number, unknown> = any('bool | int');
/** Null for all builds, true for drafts only, false for regular ones only. */
export const draftFilter: ArgType<boolean | null> = {
  name: 'bool | null',
  is: () => true,
  read: (value) => (value === null ? null : truthy(value)),
};

/** Maximum length of a quoted text in a fault. */
const longestQuoted = 1 << 16;

function readEvent(value: unknown): number | null {
  if (typeof value === 'boolean') return Number(value);
  if (value !== null && !Number.isSafeInteger(value))
    throw new GenericError(`Invalid event: ${repr(value, longestQuoted)}`);
  return value as number | null;
}

/** The id and name that every lookup returns. */
export interface Named {
  readonly id: number;
  readonly name: string;
}

/** A user as returned by getUser. */
export interface UserInfo extends Named {
  /** One of `UserStatus`. */
  readonly status: number;
  /** One of `UserType`. */
  readonly usertype: number;
  /** Absent if the caller excluded them. */
  readonly krb_principals?: string[];
  readonly groups?: string[];
}

/** A permission. */
export interface PermissionInfo extends Named {
  readonly description: string | null;
}

/** A channel. */
export interface ChannelInfo extends Named {
  readonly description: string | null;
  readonly enabled: boolean;
  readonly comment: string | null;
}

/** A builder as returned by getHost and listHosts. */
export interface HostInfo extends Named {
  readonly user_id: number;
  /** Epoch seconds of its last check-in. */
  readonly update_ts: Float | null;
  readonly ready: boolean;
  readonly task_load: Float;
  /** Separated by spaces. */
  readonly arches: string | null;
  readonly capacity: Float;
  readonly description: string | null;
  readonly comment: string | null;
  readonly enabled: boolean;
}

/** A storage volume. */
export type VolumeInfo = Named;

/** A tag as returned by getTag. */
export interface TagInfo extends Named {
  readonly perm_id: number | null;
  readonly perm: string | null;
  /** Separated by spaces. */
  readonly arches: string | null;
  readonly locked: boolean;
  readonly maven_support: boolean;
  readonly maven_include_all: boolean;
  /** Values by key. If `blocked` was requested, `[blocked, value]` by key. */
  readonly extra: Record<string, unknown>;
  /** The requested event. */
  readonly query_event?: number;
  /** The event of the deletion; only for event `auto`. */
  readonly revoke_event?: number | null;
}

/** The configuration of a tag after inheritance. */
export interface BuildConfig extends TagInfo {
  readonly config_inheritance: {
    readonly extra: Record<string, Named>;
    readonly arches: Named | null;
  };
}

/** A tag in a list; the package fields are set only if a package was requested. */
export interface TagListItem extends Named {
  readonly arches: string | null;
  readonly locked: boolean;
  readonly maven_support: boolean;
  readonly maven_include_all: boolean;
  readonly perm_id?: number | null;
  readonly perm?: string | null;
  readonly owner_id?: number;
  readonly owner_name?: string;
  readonly blocked?: boolean;
  readonly extra_arches?: string | null;
}

/** One link from a tag to a parent. */
export interface InheritanceLink {
  readonly child_id: number;
  readonly parent_id: number;
  /** The parent's name, or in reversed inheritance the child's name. */
  readonly name: string;
  readonly priority: number;
  readonly maxdepth: number | null;
  readonly intransitive: boolean;
  readonly noconfig: boolean;
  readonly pkg_filter: string | null;
}

/** A link of the full inheritance, in the order in which tags are searched. */
export interface InheritanceNode extends Omit<InheritanceLink, 'child_id'> {
  /** Absent in reversed inheritance, which has `tag_id`. */
  readonly child_id?: number;
  readonly tag_id?: number;
  readonly currdepth: number;
  readonly nextdepth: number | null;
  /** All package filters on the path; a package must match every one of them. */
  readonly filter: string[];
}

/** A link to set; with `delete link`, the link to this parent is removed. */
export interface InheritanceChange {
  readonly parent_id: number;
  readonly priority?: number;
  readonly maxdepth?: number | null;
  readonly intransitive?: boolean;
  readonly noconfig?: boolean;
  readonly pkg_filter?: string | null;
  readonly 'delete link'?: boolean;
}

/** A package in a tag's package list. */
export interface PackageListEntry {
  readonly package_id: number;
  readonly package_name: string;
  readonly tag_id: number;
  readonly tag_name: string;
  /** Separated by spaces. */
  readonly extra_arches: string | null;
  readonly blocked: boolean;
  readonly owner_id?: number;
  readonly owner_name?: string;
}

/** A package that is in no tag. */
export interface PackageName {
  readonly package_id: number;
  readonly package_name: string;
}

/** Fields of every build in an answer. */
interface BuildFields {
  readonly build_id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  readonly nvr: string;
  readonly draft: boolean;
  /** One of `BuildState`. */
  readonly state: number;
  readonly package_id: number;
  readonly package_name: string;
  readonly owner_id: number;
  readonly owner_name: string;
  readonly promoter_id: number | null;
  readonly promoter_name: string | null;
  readonly volume_id: number;
  readonly volume_name: string;
  readonly task_id: number | null;
  readonly creation_event_id: number;
  readonly creation_time: Timestamp;
  readonly start_time: Timestamp | null;
  readonly completion_time: Timestamp | null;
  readonly promotion_time: Timestamp | null;
}

/** The times of a build in epoch seconds. */
interface BuildTimes {
  readonly creation_ts: Float;
  readonly start_ts: Float | null;
  readonly completion_ts: Float | null;
  readonly promotion_ts: Float | null;
}

/** Arbitrary data of a build, rpm or archive. */
export type Extra = Record<string, unknown> | null;

/** A build as returned by getBuild. */
export interface BuildInfo extends BuildFields, BuildTimes {
  readonly id: number;
  /** Location of the sources, with an exact revision. */
  readonly source: string | null;
  readonly extra: Extra;
  readonly cg_id: number | null;
  readonly cg_name: string | null;
}

/** A build as returned by listBuilds; the last fields only for `type` maven and win. */
export interface BuildListItem extends BuildFields, BuildTimes {
  readonly source: string | null;
  readonly extra: Extra;
  readonly maven_group_id?: string;
  readonly maven_artifact_id?: string;
  readonly maven_version?: string;
  readonly platform?: string;
}

/** A build in a tag, as returned by listTagged. */
export interface TaggedBuild extends BuildFields {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  /** The event at which it was tagged. */
  readonly create_event: number;
  readonly extra?: Extra;
  readonly maven_group_id?: string;
  readonly maven_artifact_id?: string;
  readonly maven_version?: string;
  readonly platform?: string;
}

/** Uses of a build, as returned by buildReferences. Kinds that a lazy search did not reach are absent. */
export interface BuildReferences {
  readonly tags: readonly { readonly name: string; readonly tag_id: number }[];
  /** Rpms built in a buildroot that contained one of the build's rpms. */
  readonly rpms?: readonly Readonly<Record<string, unknown>>[];
  /** Ids of archives that contain one of the build's files. */
  readonly component_of?: readonly number[];
  /** Archives built in a buildroot that contained one of the build's archives. */
  readonly archives?: readonly Readonly<Record<string, unknown>>[];
  /** Creation of the last buildroot that contained a file of the build, in epoch seconds. */
  readonly last_used?: Float | null;
  /** The older name of `component_of`. */
  readonly images?: readonly number[];
}

/** A log that is stored with a build. */
export interface BuildLog {
  readonly name: string;
  /** Path below the build's log folder, `.` for the folder itself. */
  readonly dir: string;
  /** Path below the top folder of the file store. */
  readonly path: string;
}

/** A build type. */
export type BuildTypeInfo = Named;

export interface MavenBuildInfo {
  readonly build_id: number;
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
}

export interface WinBuildInfo {
  readonly build_id: number;
  readonly platform: string;
}

export interface ImageBuildInfo {
  readonly build_id: number;
}

/** An rpm as returned by getRPM. */
export interface RpmInfo extends Named {
  /** Null for an rpm of an external repository. */
  readonly build_id: number | null;
  /** Null for an imported one. */
  readonly buildroot_id: number | null;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  readonly arch: string;
  readonly draft: boolean | null;
  readonly external_repo_id: number;
  readonly external_repo_name: string;
  /** MD5 of header and payload in hex, or the SHA-256 of the header for an rpm without an MD5. */
  readonly payloadhash: string;
  /** In bytes. */
  readonly size: number;
  /** Epoch seconds. */
  readonly buildtime: number;
  readonly metadata_only: boolean;
  readonly extra: Extra;
}

/** An rpm as returned by listRPMs. */
export interface RpmListItem extends RpmInfo {
  readonly nvr: string;
  readonly component_buildroot_id?: number;
  readonly is_update?: boolean;
}

/** An rpm in a tag, as returned by listTaggedRPMS. */
export interface TaggedRpm extends Omit<
  RpmInfo,
  'build_id' | 'external_repo_id' | 'external_repo_name' | 'extra'
> {
  readonly build_id: number;
  readonly extra?: Extra;
  readonly sigkey?: string | null;
}

/** A signature of an rpm; `sigkey` is empty for the unsigned header. */
export interface RpmSignature {
  readonly rpm_id: number;
  readonly sigkey: string;
  readonly sighash: string;
}

/** A dependency of an rpm: something that it requires, provides, conflicts with, … */
export interface RpmDependency {
  readonly name: string;
  /** Empty if any version matches. */
  readonly version: string;
  /** Bits, including `RPMSENSE`. */
  readonly flags: number;
  /** One of `DepType`. */
  readonly type: number;
}

/** A file in an rpm. */
export interface RpmFile {
  readonly name: string;
  readonly digest: string;
  /** The digest under its older name, for any algorithm. */
  readonly md5: string;
  /** In lower case. */
  readonly digest_algo: string;
  readonly size: number;
  readonly flags: number;
  readonly user: string;
  readonly group: string;
  /** Epoch seconds. */
  readonly mtime: number;
  readonly mode: number;
  /** Only in the answer of getRPMFile. */
  readonly rpm_id?: number;
}

/** The answer of importRPM: the new row and its build. */
export interface ImportedRpm extends Named {
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  readonly arch: string;
  readonly draft: boolean;
  /** 1 for a source rpm. */
  readonly sourcepackage: number | null;
  readonly sourcerpm: string | null;
  readonly buildtime: number;
  readonly build_id: number;
  readonly buildroot_id: number | null;
  readonly brootid: number | null;
  readonly external_repo_id: number;
  readonly size: number;
  readonly payloadhash: string;
  readonly extra?: string;
  readonly build: BuildInfo;
}

/** An archive as returned by listArchives. */
export interface ArchiveInfo {
  readonly id: number;
  readonly type_id: number;
  readonly type_name: string;
  readonly type_description: string;
  readonly type_extensions: string;
  readonly compression_type: string | null;
  readonly btype_id: number;
  readonly btype: string;
  readonly build_id: number;
  readonly buildroot_id: number | null;
  readonly filename: string;
  readonly size: number;
  readonly checksum: string;
  /** One of `ChecksumType`. */
  readonly checksum_type: number;
  readonly metadata_only: boolean;
  readonly extra: Extra;
  readonly component_buildroot_id?: number;
  readonly project?: boolean;
  readonly host_id?: number;
  readonly group_id?: string;
  readonly artifact_id?: string;
  readonly version?: string;
  readonly relpath?: string;
  readonly platforms?: string;
  readonly flags?: string | null;
  readonly arch?: string;
  /** Only in the answer of getArchive for an image: whether it is known to contain rpms. */
  readonly rootid?: boolean;
}

export interface MavenArchiveInfo {
  readonly archive_id: number;
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
}

export interface WinArchiveInfo {
  readonly archive_id: number;
  readonly relpath: string;
  /** Separated by spaces. */
  readonly platforms: string;
  readonly flags: string | null;
}

export interface ImageArchiveInfo {
  readonly archive_id: number;
  readonly arch: string;
  /** True if it is known to contain rpms. */
  readonly rootid: boolean;
}

/** A file in an archive; the last fields only for tar. */
export interface ArchiveFile {
  readonly archive_id: number;
  readonly name: string;
  readonly size: Float;
  /** Epoch seconds. */
  readonly mtime: Float;
  readonly mode?: number;
  readonly user?: string;
  readonly group?: string;
}

/** An archive in a tag, as returned by listTaggedArchives; the last fields only for `type` maven and win. */
export interface TaggedArchive {
  readonly id: number;
  readonly type_id: number;
  readonly btype_id: number;
  readonly btype: string;
  readonly build_id: number;
  readonly buildroot_id: number | null;
  readonly filename: string;
  readonly size: number;
  readonly checksum: string;
  readonly checksum_type: number;
  readonly metadata_only: boolean;
  readonly extra?: Extra;
  readonly maven_group_id?: string;
  readonly maven_artifact_id?: string;
  readonly maven_version?: string;
  readonly relpath?: string;
  readonly platforms?: string;
  readonly flags?: string | null;
}

/** A Maven artifact in a tag, as returned by getLatestMavenArchives. */
export interface TaggedMavenArchive {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  /** The event at which it was tagged. */
  readonly tag_event: number;
  readonly pkg_id: number;
  readonly build_id: number;
  readonly build_name: string;
  readonly build_version: string;
  readonly build_release: string;
  readonly build_epoch: number | null;
  /** One of `BuildState`. */
  readonly state: number;
  readonly task_id: number | null;
  /** The owner's user id. */
  readonly owner: number;
  readonly volume_id: number;
  readonly volume_name: string;
  readonly type_id: number;
  readonly buildroot_id: number | null;
  readonly filename: string;
  readonly size: number;
  readonly checksum: string;
  readonly checksum_type: number;
  readonly metadata_only: boolean;
  readonly extra: Extra;
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
}

/** A point in history. */
export interface EventInfo {
  readonly id: number;
  /** Epoch seconds. */
  readonly ts: Float;
}
