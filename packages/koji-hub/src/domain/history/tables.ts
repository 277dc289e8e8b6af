import type { VersionedTable } from './history.js';

/** Objects to which a search of history can be narrowed; a table without the object is skipped. */
export type HistorySubject =
  | 'build'
  | 'build_target'
  | 'cg'
  | 'channel'
  | 'external_repo'
  | 'group'
  | 'host'
  | 'package'
  | 'permission'
  | 'tag'
  | 'user'
  | 'xkey';

/** How a versioned table is shown in history, and by what it is searched. */
export interface HistoryTable {
  /** Its columns besides those that every versioned table has. */
  readonly columns: readonly string[];
  /** The names shown beside ids: by name in the answer, the table that has it and the column with its id. */
  readonly names: Readonly<Record<string, readonly [table: string, column: string]>>;
  /** The columns, any of which must have the subject's id (or text). */
  readonly subjects: Readonly<Partial<Record<HistorySubject, readonly string[]>>>;
}

const tag = { 'tag.name': ['tag', 'tag_id'] } as const;
const pkg = { 'package.name': ['package', 'package_id'] } as const;
const user = { 'user.name': ['users', 'user_id'] } as const;
const host = { 'host.name': ['host', 'host_id'] } as const;
const permission = { 'permission.name': ['permissions', 'perm_id'] } as const;
const group = { 'group.name': ['groups', 'group_id'] } as const;
const externalRepo = { 'external_repo.name': ['external_repo', 'external_repo_id'] } as const;

const ofTag = { tag: ['tag_id'] } as const;
const ofPackage = { package: ['package_id'] } as const;
const ofHost = { host: ['host_id'] } as const;
const ofExternalRepo = { external_repo: ['external_repo_id'] } as const;

/** Every table that history is kept of. */
export const historyTables: Readonly<Record<VersionedTable, HistoryTable>> = {
  user_perms: {
    columns: ['user_id', 'perm_id'],
    names: { ...user, ...permission },
    subjects: { user: ['user_id'], permission: ['perm_id'] },
  },
  user_groups: {
    columns: ['user_id', 'group_id'],
    names: { ...user, 'group.name': ['users', 'group_id'] },
    // Koji's clients get the members of a group when they ask for it as a user, not the groups of a user.
    subjects: { user: ['group_id'] },
  },
  cg_users: {
    columns: ['user_id', 'cg_id'],
    names: { ...user, 'content_generator.name': ['content_generator', 'cg_id'] },
    subjects: { user: ['user_id'], cg: ['cg_id'] },
  },
  tag_inheritance: {
    columns: ['tag_id', 'parent_id', 'priority', 'maxdepth', 'intransitive', 'noconfig', 'pkg_filter'],
    names: { ...tag, 'parent.name': ['tag', 'parent_id'] },
    subjects: { tag: ['tag_id', 'parent_id'] },
  },
  tag_config: {
    columns: ['tag_id', 'arches', 'perm_id', 'locked', 'maven_support', 'maven_include_all'],
    names: { ...tag, ...permission },
    subjects: { ...ofTag, permission: ['perm_id'] },
  },
  tag_extra: {
    columns: ['tag_id', 'key', 'value'],
    names: tag,
    subjects: { ...ofTag, xkey: ['key'] },
  },
  build_target_config: {
    columns: ['build_target_id', 'build_tag', 'dest_tag'],
    names: {
      'build_target.name': ['build_target', 'build_target_id'],
      'build_tag.name': ['tag', 'build_tag'],
      'dest_tag.name': ['tag', 'dest_tag'],
    },
    // A target's build tag is not searched for; so it is in Koji.
    subjects: { build_target: ['build_target_id'], tag: ['dest_tag'] },
  },
  external_repo_config: {
    columns: ['external_repo_id', 'url'],
    names: externalRepo,
    subjects: ofExternalRepo,
  },
  external_repo_data: {
    columns: ['external_repo_id', 'data'],
    names: externalRepo,
    subjects: ofExternalRepo,
  },
  host_config: {
    columns: ['host_id', 'arches', 'capacity', 'description', 'comment', 'enabled'],
    names: host,
    subjects: ofHost,
  },
  host_channels: {
    columns: ['host_id', 'channel_id'],
    names: { ...host, 'channels.name': ['channels', 'channel_id'] },
    subjects: { ...ofHost, channel: ['channel_id'] },
  },
  tag_external_repos: {
    columns: ['tag_id', 'external_repo_id', 'priority', 'merge_mode', 'arches'],
    names: { ...tag, ...externalRepo },
    subjects: { ...ofTag, ...ofExternalRepo },
  },
  tag_listing: {
    columns: ['build_id', 'tag_id'],
    names: tag,
    subjects: { ...ofTag, build: ['build_id'], package: ['build.pkg_id'] },
  },
  tag_packages: {
    columns: ['package_id', 'tag_id', 'blocked', 'extra_arches'],
    names: { ...pkg, ...tag },
    subjects: { ...ofTag, ...ofPackage },
  },
  tag_package_owners: {
    columns: ['package_id', 'tag_id', 'owner'],
    names: { ...pkg, ...tag, 'owner.name': ['users', 'owner'] },
    subjects: { ...ofTag, ...ofPackage, user: ['owner'] },
  },
  group_config: {
    columns: [
      'group_id',
      'tag_id',
      'blocked',
      'exported',
      'display_name',
      'is_default',
      'uservisible',
      'description',
      'langonly',
      'biarchonly',
    ],
    names: { ...group, ...tag },
    subjects: { ...ofTag, group: ['group_id'] },
  },
  group_req_listing: {
    columns: ['group_id', 'tag_id', 'req_id', 'blocked', 'type', 'is_metapkg'],
    names: { ...group, ...tag, 'req.name': ['groups', 'req_id'] },
    // The group that is required, not the one that requires it; so it is in Koji.
    subjects: { ...ofTag, group: ['req_id'] },
  },
  group_package_listing: {
    columns: ['group_id', 'tag_id', 'package', 'blocked', 'type', 'basearchonly', 'requires'],
    names: { ...group, ...tag },
    subjects: { ...ofTag, group: ['group_id'], package: ['package'] },
  },
};
