/// <reference types="node" preserve="true" />
export {
  ActionNotAllowed,
  ApplianceError,
  AuthError,
  AuthExpired,
  AuthLockError,
  BuildError,
  BuildrootError,
  CallbackError,
  ConfigurationError,
  FunctionDeprecated,
  GSSAPIAuthError,
  GenericError,
  ImportError,
  LiveCDError,
  LiveMediaError,
  LockError,
  NameValidationError,
  ParameterError,
  PluginError,
  PostBuildError,
  PreBuildError,
  RetryError,
  SequenceError,
  ServerOffline,
  TagError,
  UnknownFault,
  faultFromWire,
  faultToWire,
  faults,
} from './faults.js';
export type { FaultName } from './faults.js';
export { ConfigError, messageOf } from './errors.js';
export { hideSecret, withoutSecrets } from './secrets.js';
export { FailedLogins } from './failed-logins.js';
export { askPassword, readPassword } from './password-input.js';
export { Closers } from './closers.js';
export { pauseWhenDue } from './fair-turns.js';
export { openServiceNotices } from './service-notices.js';
export type { ServiceNotices } from './service-notices.js';
export { onReloadSignal, onStopSignal } from './stop-signals.js';
export { writeIndentedJson, writeJson } from './json.js';
export { limitProcess } from './limits.js';
export type { ProcessLimits } from './limits.js';
export { callFields, logFormatter } from './log-format.js';
export type { LogFormatter, LogRecord } from './log-format.js';
export { LogBounds } from './log-bounds.js';
export { logLevelNamed, makeLogger, openLog } from './log.js';
export type { Log, LogLevel, LogOptions, Logger } from './log.js';
export {
  API_VERSION,
  ARCHIVE_COMPRESSION_TYPES,
  AUTHTYPES,
  AUTH_METHODS,
  BASEDIR,
  BR_STATES,
  BR_TYPES,
  BUILD_STATES,
  CG_REFUND_STATES,
  CHECKSUM_TYPES,
  DEFAULT_AUTH_TIMEOUT,
  DEFAULT_REPO_MERGE_MODE,
  DEFAULT_REQUEST_TIMEOUT,
  DEP_TYPES,
  DRAFT_RELEASE_DELIMITER,
  KOJI_VERSION,
  LIVE_IMAGE_TYPES,
  PKGLIST_ACTIONS,
  PRIO_DEFAULT,
  REPO_MERGE_MODES,
  REPO_OPTS,
  REPO_STATES,
  RETRY_WHITELIST,
  RPMSENSE,
  RPM_FILEDIGESTALGO_IDS,
  SCM_TYPES,
  TAG_BUILD_OPERATIONS,
  TAG_UPDATE_TYPES,
  TASK_STATES,
  UPLOAD_VERIFY,
  USERTYPES,
  USER_STATUS,
  draftRelease,
  nameOf,
  valueOf,
} from './enums.js';
export type {
  AuthType,
  BuildState,
  BuildrootState,
  BuildrootType,
  ChecksumType,
  DepType,
  PkglistAction,
  RepoMergeMode,
  RepoOpt,
  RepoState,
  TagBuildOperation,
  TagUpdateType,
  TaskState,
  UploadVerify,
  UserStatus,
  UserType,
} from './enums.js';
export { initialRows } from './initial-rows.js';
export type { ArchiveTypeRow } from './initial-rows.js';
export { canonArch, parseArches } from './arch.js';
export { compsXml, groupsSpec, readComps } from './comps.js';
export type { CompsGroup, CompsPackage } from './comps.js';
export { readPom } from './maven.js';
export { buildMacros, extraRepoLines, mockConfig, mockSettings, settingsBelow } from './mock-config.js';
export type { MockConfig, MockSettingsOptions } from './mock-config.js';
export { checkNVR, checkNVRA, isDebuginfo, parseNVR, parseNVRA } from './nvr.js';
export type { Nvr, Nvra } from './nvr.js';
export { PathInfo, joinSafe, nameProblem } from './paths.js';
export {
  filesBelow,
  inFolderBelow,
  listBelow,
  makeFolderBelow,
  openFileBelow,
  openRegular,
  pathOfOpen,
} from './below.js';
export type { FileBelow, Links } from './below.js';
export { boundedLines, readBounded } from './bounded.js';
export { clientAddress, networkOf, peerAddress } from './addresses.js';
export { loadKerberos } from './kerberos.js';
export type { Kerberos } from './kerberos.js';
export { byText, compareTexts, sortTexts } from './sort-texts.js';
export { entriesBelow } from './tree.js';
export type { BuildPath, MavenPath, RpmPath } from './paths.js';
export { addTaskSignature, parseTaskParams, taskSignatures } from './tasks.js';
export type { TaskSignature } from './tasks.js';
export { parseFloating, parseInteger } from './python-numbers.js';
export { plain, repr, typeName } from './repr.js';
