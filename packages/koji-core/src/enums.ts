type ValueOf<T extends object> = T[keyof T];

/** States of a task, `task.state`. */
export const TASK_STATES = { FREE: 0, OPEN: 1, CLOSED: 2, CANCELED: 3, ASSIGNED: 4, FAILED: 5 } as const;
export type TaskState = ValueOf<typeof TASK_STATES>;

/** States of a build, `build.state`. */
export const BUILD_STATES = { BUILDING: 0, COMPLETE: 1, DELETED: 2, FAILED: 3, CANCELED: 4 } as const;
export type BuildState = ValueOf<typeof BUILD_STATES>;

/** Kinds of accounts, `users.usertype`. */
export const USERTYPES = { NORMAL: 0, HOST: 1, GROUP: 2 } as const;
export type UserType = ValueOf<typeof USERTYPES>;

/** Whether an account may log in, `users.status`. */
export const USER_STATUS = { NORMAL: 0, BLOCKED: 1 } as const;
export type UserStatus = ValueOf<typeof USER_STATUS>;

/** How a caller logged in, `sessions.authtype`; TOKEN is not Koji's, and no session has it. */
export const AUTHTYPES = { NORMAL: 0, KERBEROS: 1, SSL: 2, GSSAPI: 3, TOKEN: 100 } as const;
export type AuthType = ValueOf<typeof AUTHTYPES>;

/** States of a repo, `repo.state`. */
export const REPO_STATES = { INIT: 0, READY: 1, EXPIRED: 2, DELETED: 3, PROBLEM: 4 } as const;
export type RepoState = ValueOf<typeof REPO_STATES>;

/** States of a buildroot, `standard_buildroot.state`. */
export const BR_STATES = { INIT: 0, WAITING: 1, BUILDING: 2, EXPIRED: 3 } as const;
export type BuildrootState = ValueOf<typeof BR_STATES>;

/** Kinds of buildroots, `buildroot.br_type`: made by one of our builders, or reported by a content generator. */
export const BR_TYPES = { STANDARD: 0, EXTERNAL: 1 } as const;
export type BuildrootType = ValueOf<typeof BR_TYPES>;

/** Reason for a tag change other than tagging, `tag_updates.update_type`. */
export const TAG_UPDATE_TYPES = { VOLUME_CHANGE: 0, IMPORT: 1, MANUAL: 2, DRAFT_PROMOTION: 3 } as const;
export type TagUpdateType = ValueOf<typeof TAG_UPDATE_TYPES>;

/** Algorithms of checksums, `archiveinfo.checksum_type` and `rpm_checksum.checksum_type`. */
export const CHECKSUM_TYPES = { md5: 0, sha1: 1, sha256: 2 } as const;
export type ChecksumType = ValueOf<typeof CHECKSUM_TYPES>;

/** Kinds of rpm dependencies in getRPMDeps. */
export const DEP_TYPES = {
  REQUIRE: 0,
  PROVIDE: 1,
  OBSOLETE: 2,
  CONFLICT: 3,
  SUGGEST: 4,
  ENHANCE: 5,
  SUPPLEMENT: 6,
  RECOMMEND: 7,
} as const;
export type DepType = ValueOf<typeof DEP_TYPES>;

/** Bits of a dependency's flags that compare versions. */
export const RPMSENSE = { LESS: 2, GREATER: 4, EQUAL: 8 } as const;

/** How an external repo is merged into a tag's repo, `tag_external_repos.merge_mode`. */
export const REPO_MERGE_MODES = ['bare', 'koji', 'simple'] as const;
export type RepoMergeMode = (typeof REPO_MERGE_MODES)[number];
/** The default merge mode. */
export const DEFAULT_REPO_MERGE_MODE: RepoMergeMode = 'koji';

/** Names of an rpm's file digest algorithms by the number in its header; a header without a number means MD5. */
export const RPM_FILEDIGESTALGO_IDS: ReadonlyMap<number | null, string> = new Map([
  [null, 'MD5'],
  [1, 'MD5'],
  [2, 'SHA1'],
  [3, 'RIPEMD160'],
  [8, 'SHA256'],
  [9, 'SHA384'],
  [10, 'SHA512'],
  [11, 'SHA224'],
]);

/** Operations that the tag policy is checked for. */
export const TAG_BUILD_OPERATIONS = ['tag', 'move', 'untag'] as const;
export type TagBuildOperation = (typeof TAG_BUILD_OPERATIONS)[number];

/** Operations that the package_list policy is checked for. */
export const PKGLIST_ACTIONS = ['add', 'update', 'block', 'remove', 'unblock'] as const;
export type PkglistAction = (typeof PKGLIST_ACTIONS)[number];

/** States in which a content generator may return a reserved build. */
export const CG_REFUND_STATES = ['FAILED', 'CANCELED'] as const;

/** Options of a repo request. */
export const REPO_OPTS = ['src', 'debuginfo', 'separate_src', 'maven'] as const;
export type RepoOpt = (typeof REPO_OPTS)[number];

/** Checksums that can verify an upload. */
export const UPLOAD_VERIFY = ['md5', 'adler32', 'sha256'] as const;
export type UploadVerify = (typeof UPLOAD_VERIFY)[number];

/** Schemes of source URLs in upper case; `+TRANSPORT` variants are listed separately. */
export const SCM_TYPES = ['GIT', 'GIT+SSH', 'CVS', 'CVS+SSH', 'SVN', 'SVN+SSH'] as const;

/** Compressions of an archive type whose contents can be listed. */
export const ARCHIVE_COMPRESSION_TYPES = ['zip', 'tar', null] as const;

/** Image types of buildImage. */
export const LIVE_IMAGE_TYPES = ['livecd', 'appliance', 'livemedia'] as const;

/** Version of Koji whose wire contract, texts and commands these packages follow. */
export const KOJI_VERSION = '1.35.3';

/** Version of the hub's API, as returned by getAPIVersion. */
export const API_VERSION = 1;

/** Default of the top folder. */
export const BASEDIR = '/mnt/koji';

/** Default priority of a task; lower numbers run first. */
export const PRIO_DEFAULT = 20;

/** Seconds that a client waits for an answer; long, because some calls take long. */
export const DEFAULT_REQUEST_TIMEOUT = 60 * 60 * 12;

/** Seconds that a client waits for the answer to a login. */
export const DEFAULT_AUTH_TIMEOUT = 60;

/** Separates a draft build's release from its `draft_<id>`; no regular release contains it. */
export const DRAFT_RELEASE_DELIMITER = ',';

/** The release of a draft build whose regular release will be `targetRelease`. */
export function draftRelease(targetRelease: string, buildId: number): string {
  return `${targetRelease}${DRAFT_RELEASE_DELIMITER}draft_${buildId}`;
}

/** Calls that may be repeated after a lost connection even though no call number protects them. */
export const RETRY_WHITELIST: readonly string[] = [
  'host.taskWait',
  'host.taskUnwait',
  'host.taskSetWait',
  'host.updateHost',
  'host.setBuildRootState',
  'repoExpire',
  'repoDelete',
  'repoProblem',
];

/** Calls that open a session. */
export const AUTH_METHODS: readonly string[] = ['login', 'sslLogin'];

/**
 * Returns the name of a value, or null if it has none.
 *
 * @example nameOf(TASK_STATES, 2) // 'CLOSED'
 */
export function nameOf<T extends Readonly<Record<string, number>>>(
  values: T,
  value: unknown,
): (keyof T & string) | null {
  for (const name in values) if (values[name] === value) return name;
  return null;
}

/**
 * Returns the value of a name (case-sensitive), or null if there is none.
 *
 * @example valueOf(BUILD_STATES, 'COMPLETE') // 1
 */
export function valueOf<T extends Readonly<Record<string, number>>>(
  values: T,
  name: string,
): T[keyof T] | null {
  return Object.hasOwn(values, name) ? (values[name as keyof T] ?? null) : null;
}
