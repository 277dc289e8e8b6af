import type { Methods } from './method.js';
import { archiveMethods } from './archives.js';
import type { ArchiveMethods } from './archives.js';
import { archiveTypeMethods } from './archive-types.js';
import type { ArchiveTypeMethods } from './archive-types.js';
import { builderMethods } from './builder.js';
import type { BuilderMethods } from './builder.js';
import { buildrootMethods } from './buildroots.js';
import type { BuildrootMethods } from './buildroots.js';
import { buildingMethods } from './building.js';
import type { BuildingMethods } from './building.js';
import { buildMethods } from './builds.js';
import type { BuildMethods } from './builds.js';
import { buildTaskMethods } from './build-tasks.js';
import type { BuildTaskMethods } from './build-tasks.js';
import { channelMethods } from './channels.js';
import type { ChannelMethods } from './channels.js';
import { changelogMethods } from './changelogs.js';
import type { ChangelogMethods } from './changelogs.js';
import { compsMethods } from './comps.js';
import type { CompsMethods } from './comps.js';
import { externalRepoMethods } from './external-repos.js';
import type { ExternalRepoMethods } from './external-repos.js';
import { historyMethods } from './history.js';
import type { HistoryMethods } from './history.js';
import { historyQueryMethods } from './history-queries.js';
import type { HistoryQueryMethods } from './history-queries.js';
import { hostMethods } from './hosts.js';
import type { HostMethods } from './hosts.js';
import { importMethods } from './imports.js';
import type { ImportMethods } from './imports.js';
import { inheritanceMethods } from './inheritance.js';
import type { InheritanceMethods } from './inheritance.js';
import { notificationMethods } from './notifications.js';
import type { NotificationMethods } from './notifications.js';
import { packageMethods } from './packages.js';
import type { PackageMethods } from './packages.js';
import { permissionMethods } from './permissions.js';
import type { PermissionMethods } from './permissions.js';
import { policyMethods } from './policies.js';
import type { PolicyMethods } from './policies.js';
import { repoBuildingMethods } from './repo-building.js';
import type { RepoBuildingMethods } from './repo-building.js';
import { reportMethods } from './reports.js';
import type { ReportMethods } from './reports.js';
import { repoMethods } from './repos.js';
import type { RepoMethods } from './repos.js';
import { resultMethods } from './results.js';
import type { ResultMethods } from './results.js';
import { rpmMethods } from './rpms.js';
import type { RpmMethods } from './rpms.js';
import { searchMethods } from './search.js';
import type { SearchMethods } from './search.js';
import { schedulerMethods } from './scheduler.js';
import type { SchedulerMethods } from './scheduler.js';
import { snapshotMethods } from './snapshots.js';
import type { SnapshotMethods } from './snapshots.js';
import { taggingMethods } from './tagging.js';
import type { TaggingMethods } from './tagging.js';
import { tagMethods } from './tags.js';
import type { TagMethods } from './tags.js';
import { targetMethods } from './targets.js';
import type { TargetMethods } from './targets.js';
import { taskMethods } from './tasks.js';
import type { TaskMethods } from './tasks.js';
import { buildTypeMethods } from './types-of-builds.js';
import type { BuildTypeMethods } from './types-of-builds.js';
import { tokenMethods } from './tokens.js';
import type { TokenMethods } from './tokens.js';
import { userGroupMethods } from './user-groups.js';
import type { UserGroupMethods } from './user-groups.js';
import { userMethods } from './users.js';
import type { UserMethods } from './users.js';
import { volumeMethods } from './volumes.js';
import type { VolumeMethods } from './volumes.js';
import { sessionMethods } from './session.js';
import { systemMethods } from './system.js';
import { uploadMethods } from './uploads.js';

type SessionMethods = typeof sessionMethods;
type SystemMethods = typeof systemMethods;
type UploadMethods = typeof uploadMethods;

/** Every method of the hub, declared once: `api.getTag.args`, `api['host.getHost']`. */
export const api = {
  ...archiveMethods,
  ...archiveTypeMethods,
  ...builderMethods,
  ...buildrootMethods,
  ...buildingMethods,
  ...buildMethods,
  ...buildTaskMethods,
  ...changelogMethods,
  ...channelMethods,
  ...compsMethods,
  ...externalRepoMethods,
  ...historyMethods,
  ...historyQueryMethods,
  ...hostMethods,
  ...importMethods,
  ...inheritanceMethods,
  ...notificationMethods,
  ...packageMethods,
  ...permissionMethods,
  ...policyMethods,
  ...repoBuildingMethods,
  ...reportMethods,
  ...repoMethods,
  ...resultMethods,
  ...rpmMethods,
  ...searchMethods,
  ...schedulerMethods,
  ...snapshotMethods,
  ...taggingMethods,
  ...tagMethods,
  ...targetMethods,
  ...taskMethods,
  ...buildTypeMethods,
  ...tokenMethods,
  ...userGroupMethods,
  ...userMethods,
  ...volumeMethods,
  ...sessionMethods,
  ...systemMethods,
  ...uploadMethods,
} satisfies Methods;

/** The declarations by wire name, as types. */
export interface OwnApi
  extends
    ArchiveMethods,
    ArchiveTypeMethods,
    BuilderMethods,
    BuildrootMethods,
    BuildingMethods,
    BuildMethods,
    BuildTaskMethods,
    ChangelogMethods,
    ChannelMethods,
    CompsMethods,
    ExternalRepoMethods,
    HistoryMethods,
    HistoryQueryMethods,
    HostMethods,
    ImportMethods,
    InheritanceMethods,
    NotificationMethods,
    PackageMethods,
    PermissionMethods,
    PolicyMethods,
    RepoBuildingMethods,
    ReportMethods,
    RepoMethods,
    ResultMethods,
    RpmMethods,
    SearchMethods,
    SchedulerMethods,
    SnapshotMethods,
    TaggingMethods,
    TagMethods,
    TargetMethods,
    TaskMethods,
    BuildTypeMethods,
    TokenMethods,
    UserGroupMethods,
    UserMethods,
    VolumeMethods,
    SessionMethods,
    SystemMethods,
    UploadMethods {}

/**
 * Koji's own methods and those of plugins, which add declarations or just their functions: `declare module '@koji/core/api' {
 * interface Api { greet: typeof greet } }`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- plugins extend it
export interface Api extends OwnApi {}

/** A method of {@link Api}: `getTag`, `host.getHost`, or one that a plugin has added. */
export type MethodName = keyof Api;
