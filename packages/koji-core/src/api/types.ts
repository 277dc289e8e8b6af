import { GenericError } from '../faults.js';
import { repr } from '../repr.js';
import type { Double } from '../wire/values.js';
import { any, dict, nullable, truthy } from './method.js';
import type { ArgType } from './method.js';

/** A float of a result: whole ones are {@link Double}, so that they stay floats on the wire. */
export type Float = number | Double;

/** A time as Koji writes it: `YYYY-MM-DD HH:MM:SS.ffffff+00:00`. */
export type Timestamp = string;

declare const answerOfTask: unique symbol;

/** The id of a task whose result has the type `R`: a number that knows what `getTaskResult` will give. */
export type TaskId<R = unknown> = number & { readonly [answerOfTask]?: R };

/** A name, an id, or a struct that holds one of them. */
export type NameOrId = string | number | { readonly id?: number; readonly name?: string };

/** A build: its id, its NVR, or a struct with its id, or with name, version and release, such as another answer has. */
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

/** How to order and cut a list; `countOnly` makes the answer a number. */
export interface QueryOpts {
  /** The number of rows instead of the rows. */
  readonly countOnly?: boolean | null;
  /** Columns with commas between them; `-` before one turns it round. */
  readonly order?: string | null;
  /** Rows to leave out at the beginning. */
  readonly offset?: number | null;
  /** The most rows to answer. */
  readonly limit?: number | null;
  /** Rows as lists of values instead of structs. */
  readonly asList?: boolean | null;
  /** Columns to group by, with commas between them; few methods take it. */
  readonly group?: string | null;
}

/** An argument that names something by name or id; the hub has fault texts of its own for anything else. */
export const nameOrId: ArgType<NameOrId, unknown> = any('str | int | dict');
export const buildRef: ArgType<BuildRef, unknown> = any('int | str | dict');
export const userRef: ArgType<UserRef, unknown> = any('int | str | dict');
export const rpmRef: ArgType<RpmRef, unknown> = any('int | str | dict');
/** A point in history, null for now. The fault for anything else is Koji's. */
export const eventId: ArgType<number | null> = { name: 'int | null', is: () => true, read: readEvent };
/** As {@link eventId}; "auto" is now or, of what is deleted, just before that. */
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

/** So much of a long text stands in a fault. */
const longestQuoted = 1 << 16;

function readEvent(value: unknown): number | null {
  if (typeof value === 'boolean') return Number(value);
  if (value !== null && !Number.isSafeInteger(value))
    throw new GenericError(`Invalid event: ${repr(value, longestQuoted)}`);
  return value as number | null;
}

/** The id and name that every look-up answers. */
export interface Named {
  readonly id: number;
  readonly name: string;
}

/** A user as getUser answers it. */
export interface UserInfo extends Named {
  /** One of `UserStatus`. */
  readonly status: number;
  /** One of `UserType`. */
  readonly usertype: number;
  /** Absent when the caller asked to leave them out. */
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

/** A builder as getHost and listHosts answer it. */
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

/** A tag as getTag answers it. */
export interface TagInfo extends Named {
  readonly perm_id: number | null;
  readonly perm: string | null;
  /** Separated by spaces. */
  readonly arches: string | null;
  readonly locked: boolean;
  readonly maven_support: boolean;
  readonly maven_include_all: boolean;
  /** Values by key; with `blocked` asked for, `[blocked, value]` by key. */
  readonly extra: Record<string, unknown>;
  /** The event that was asked for. */
  readonly query_event?: number;
  /** Where the tag was deleted; only for event `auto`. */
  readonly revoke_event?: number | null;
}

/** What a tag's configuration gives after inheritance. */
export interface BuildConfig extends TagInfo {
  readonly config_inheritance: {
    readonly extra: Record<string, Named>;
    readonly arches: Named | null;
  };
}

/** A tag in a list; the package's fields only where a package was asked for. */
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
  /** The parent's name; in reversed inheritance the child's. */
  readonly name: string;
  readonly priority: number;
  readonly maxdepth: number | null;
  readonly intransitive: boolean;
  readonly noconfig: boolean;
  readonly pkg_filter: string | null;
}

/** A link of the whole inheritance, in the order in which tags are searched. */
export interface InheritanceNode extends Omit<InheritanceLink, 'child_id'> {
  /** Absent in reversed inheritance, which has `tag_id`. */
  readonly child_id?: number;
  readonly tag_id?: number;
  readonly currdepth: number;
  readonly nextdepth: number | null;
  /** Every package filter on the way, all of which must match. */
  readonly filter: string[];
}

/** A link to set; `delete link` removes the one to that parent. */
export interface InheritanceChange {
  readonly parent_id: number;
  readonly priority?: number;
  readonly maxdepth?: number | null;
  readonly intransitive?: boolean;
  readonly noconfig?: boolean;
  readonly pkg_filter?: string | null;
  readonly 'delete link'?: boolean;
}

/** A package in a tag's list. */
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

/** A package without any tag. */
export interface PackageName {
  readonly package_id: number;
  readonly package_name: string;
}

/** What every answer about builds holds. */
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

/** The moments of a build in epoch seconds. */
interface BuildTimes {
  readonly creation_ts: Float;
  readonly start_ts: Float | null;
  readonly completion_ts: Float | null;
  readonly promotion_ts: Float | null;
}

/** Free data about a build, rpm or archive. */
export type Extra = Record<string, unknown> | null;

/** A build as getBuild answers it. */
export interface BuildInfo extends BuildFields, BuildTimes {
  readonly id: number;
  /** Where the sources came from, with an exact revision. */
  readonly source: string | null;
  readonly extra: Extra;
  readonly cg_id: number | null;
  readonly cg_name: string | null;
}

/** A build as listBuilds answers it; the last ones for `type` maven and win only. */
export interface BuildListItem extends BuildFields, BuildTimes {
  readonly source: string | null;
  readonly extra: Extra;
  readonly maven_group_id?: string;
  readonly maven_artifact_id?: string;
  readonly maven_version?: string;
  readonly platform?: string;
}

/** A build in a tag, as listTagged answers it. */
export interface TaggedBuild extends BuildFields {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  /** The event of the tagging. */
  readonly create_event: number;
  readonly extra?: Extra;
  readonly maven_group_id?: string;
  readonly maven_artifact_id?: string;
  readonly maven_version?: string;
  readonly platform?: string;
}

/** What a build is used by, as buildReferences answers it; kinds that a lazy search did not come to are absent. */
export interface BuildReferences {
  readonly tags: readonly { readonly name: string; readonly tag_id: number }[];
  /** Rpms that were made in a buildroot with one of the build's. */
  readonly rpms?: readonly Readonly<Record<string, unknown>>[];
  /** Ids of archives that one of the build's files is a part of. */
  readonly component_of?: readonly number[];
  /** Archives that were made in a buildroot with one of the build's. */
  readonly archives?: readonly Readonly<Record<string, unknown>>[];
  /** Epoch seconds of the last buildroot that had a file of the build. */
  readonly last_used?: Float | null;
  /** The older name of `component_of`. */
  readonly images?: readonly number[];
}

/** A log that is stored with a build. */
export interface BuildLog {
  readonly name: string;
  /** Below the build's log folder, `.` for the folder itself. */
  readonly dir: string;
  /** Below the file store's top folder. */
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

/** An rpm as getRPM answers it. */
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

/** An rpm as listRPMs answers it. */
export interface RpmListItem extends RpmInfo {
  readonly nvr: string;
  readonly component_buildroot_id?: number;
  readonly is_update?: boolean;
}

/** An rpm in a tag, as listTaggedRPMS answers it. */
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

/** Something that an rpm requires, provides, conflicts with, … */
export interface RpmDependency {
  readonly name: string;
  /** Empty when any version will do. */
  readonly version: string;
  /** Bits, `RPMSENSE` among them. */
  readonly flags: number;
  /** One of `DepType`. */
  readonly type: number;
}

/** A file in an rpm. */
export interface RpmFile {
  readonly name: string;
  readonly digest: string;
  /** The digest under its older name, whatever its algorithm. */
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
  /** In the answer of getRPMFile only. */
  readonly rpm_id?: number;
}

/** What importRPM answers: the new row with the build it went to. */
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

/** An archive as listArchives answers it. */
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
  /** In the answer of getArchive for an image: whether rpms are known to be in it. */
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
  /** Whether rpms are known to be in it. */
  readonly rootid: boolean;
}

/** A file in an archive; the last ones for tar only. */
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

/** An archive in a tag, as listTaggedArchives answers it; the last ones for `type` maven and win only. */
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

/** A Maven artifact in a tag, as getLatestMavenArchives answers it. */
export interface TaggedMavenArchive {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  /** The event of the tagging. */
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
