export { argumentText, defaultOf, docText, shownArguments } from './argument-text.js';
export {
  answersBy,
  any,
  arg,
  bool,
  dict,
  either,
  flag,
  float,
  int,
  list,
  method,
  nullable,
  shape,
  str,
  truthy,
  wholeValue,
} from './method.js';
export { bindArgs, placeArgs, readArgs } from './bind.js';
export type {
  Access,
  AnswerOf,
  AnswerRule,
  Arg,
  ArgType,
  CallArgs,
  ClientApi,
  ClientMethod,
  HandlerArgs,
  LeadingArgs,
  Method,
  Methods,
  NamedAfter,
  NamedArguments,
  Needs,
  PositionalArgs,
  WireArgs,
  ResultOf,
} from './method.js';
export { openRpc } from './open-rpc.js';
export { api } from './table.js';
export type { Api, MethodName, OwnApi } from './table.js';
export type {
  ArchBuildResult,
  OwnTaskHandlers,
  SourceBuildResult,
  TaskAnswer,
  TaskArgs,
  TaskHandlers,
  TaskMethodName,
} from './task-handlers.js';
export type { BuildingMethods, BuildResults, LogPaths, NewBuildData } from './building.js';
export type { ArchiveType, ArchiveTypeMethods } from './archive-types.js';
export type { BuildMethods } from './builds.js';
export type { BuildTaskMethods } from './build-tasks.js';
export type { ChannelMethods } from './channels.js';
export type { CompsMethods, GroupPackage, GroupRequirement, TagGroup } from './comps.js';
export type {
  BuildTimes,
  DayCount,
  OwnCount,
  ReportMethods,
  TargetCount,
  TaskSpan,
  TimesBy,
} from './reports.js';
export type { ExternalRepo, ExternalRepoMethods, TagExternalRepo } from './external-repos.js';
export type { HistoryMethods } from './history.js';
export type { HostMethods } from './hosts.js';
export type { ImportMethods } from './imports.js';
export type { InheritanceMethods } from './inheritance.js';
export type { Notification, NotificationBlock, NotificationMethods } from './notifications.js';
export type { PackageMethods } from './packages.js';
export type { ContentGeneratorAccess, PermissionMethods } from './permissions.js';
export type { PolicyMethods } from './policies.js';
export type { ResultMethods } from './results.js';
export type { RpmMethods } from './rpms.js';
export type { SnapshotMethods } from './snapshots.js';
export type { ListDifferences, TagDifference, TagDifferences, TaggingMethods } from './tagging.js';
export type { TagMethods } from './tags.js';
export type { TargetInfo, TargetMethods } from './targets.js';
export type { BuildTypeMethods } from './types-of-builds.js';
export type { NewToken, TokenInfo, TokenMethods } from './tokens.js';
export type { GroupMember, UserGroupMethods } from './user-groups.js';
export type { PrincipalChange, UserMethods } from './users.js';
export type { VolumeMethods } from './volumes.js';
export type { LoggedInUser, LoginOptions, SessionInfo, SessionKey } from './session.js';
export type { ListedMethod, MultiCallEntry, MultiCallResult } from './system.js';
export type { UploadInfo, UploadResult } from './uploads.js';
export type {
  ArchiveInfo,
  BuildConfig,
  BuildInfo,
  BuildListItem,
  BuildLog,
  BuildRef,
  BuildReferences,
  BuildTypeInfo,
  ChannelInfo,
  EventInfo,
  Extra,
  Float,
  HostInfo,
  ImageBuildInfo,
  ImportedRpm,
  InheritanceChange,
  InheritanceLink,
  InheritanceNode,
  MavenBuildInfo,
  NameOrId,
  Named,
  PackageListEntry,
  PackageName,
  PermissionInfo,
  QueryOpts,
  RpmInfo,
  RpmListItem,
  RpmRef,
  ArchiveFile,
  ImageArchiveInfo,
  MavenArchiveInfo,
  WinArchiveInfo,
  RpmDependency,
  RpmFile,
  RpmSignature,
  TagInfo,
  TagListItem,
  TaggedArchive,
  TaggedBuild,
  TaggedMavenArchive,
  TaggedRpm,
  TaskId,
  Timestamp,
  UserInfo,
  UserRef,
  VolumeInfo,
  WinBuildInfo,
} from './types.js';
export { wholeNumber } from './tasks.js';
export type { AssignedTask, BuilderMethods, HostTask } from './builder.js';
export type { ArchiveMethods } from './archives.js';
export type { BuildrootInfo, BuildrootMethods, BuildrootRpm, BuildrootRpmRef } from './buildroots.js';
export type { ChangelogEntry, ChangelogMethods } from './changelogs.js';
export type { HistoryQueryMethods, HistoryRow } from './history-queries.js';
export type { RepoBuildingMethods } from './repo-building.js';
export type {
  ActiveRepo,
  RepoInfo,
  RepoMethods,
  RepoReference,
  RepoRequest,
  RepoRequestStatus,
  RequestedRepo,
} from './repos.js';
export type { SearchMethods } from './search.js';
export type { Clause, SchedulerMethods } from './scheduler.js';
export type {
  OpenedTask,
  OutputStat,
  TaskFilter,
  TaskInfo,
  TaskListItem,
  TaskMethods,
  TaskOptions,
  TaskOutput,
} from './tasks.js';
export { sessionMethods } from './session.js';
export { systemMethods } from './system.js';
export { uploadMethods } from './uploads.js';
