/// <reference types="node" preserve="true" />
export {
  ActionNotAllowed,
  ApplianceError,
  AuthError,
  BuildError,
  BuildrootError,
  CallbackError,
  ConfigError,
  GenericError,
  ImportError,
  LiveCDError,
  LockError,
  NameValidationError,
  ParameterError,
  PluginError,
  PostBuildError,
  PreBuildError,
  TagError,
  messageOf,
} from '@koji/core';
export {
  BR_STATES,
  BUILD_STATES,
  CHECKSUM_TYPES,
  PKGLIST_ACTIONS,
  PRIO_DEFAULT,
  REPO_STATES,
  TASK_STATES,
  USERTYPES,
  USER_STATUS,
  nameOf,
  valueOf,
} from '@koji/core';
export { PathInfo, canonArch, checkNVR, joinSafe, parseArches, parseNVR, parseNVRA } from '@koji/core';
export {
  RpmError,
  RpmHeader,
  checkRpmDigests,
  compareEVR,
  compareVersions,
  listSignatures,
} from '@koji/core/rpm';
export { matchesAny } from '@koji/core/policy';
export { DateTime, Double } from '@koji/core/wire';
export type { Logger, Nvr, Nvra } from '@koji/core';
export type { Api, TaskHandlers, BuildInfo, RepoInfo, TagInfo, TargetInfo, TaskInfo } from '@koji/core/api';
export type { DigestCheck, RpmSignature } from '@koji/core/rpm';
