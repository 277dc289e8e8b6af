/** A table of history, with the texts of its changes; `{column}` stands for a value. */
interface HistoryTable {
  /** The columns that identify the object of a row. */
  readonly keys: readonly string[];
  /** A row was replaced by another one for the same object. */
  readonly edited: string;
  readonly created: string;
  readonly revoked: string;
}

/** The tables that `list-history` supports, by name. */
export const historyTables: Readonly<Record<string, HistoryTable>> = {
  user_perms: {
    keys: ['user_id', 'perm_id'],
    edited: 'permission {permission.name} re-granted to {user.name}',
    created: 'permission {permission.name} granted to {user.name}',
    revoked: 'permission {permission.name} revoked for {user.name}',
  },
  user_groups: {
    keys: ['user_id', 'group_id'],
    edited: 'user {user.name} re-added to group {group.name}',
    created: 'user {user.name} added to group {group.name}',
    revoked: 'user {user.name} removed from group {group.name}',
  },
  cg_users: {
    keys: ['user_id', 'cg_id'],
    edited: 'user {user.name} re-added to content generator {content_generator.name}',
    created: 'user {user.name} added to content generator {content_generator.name}',
    revoked: 'user {user.name} removed from content generator {content_generator.name}',
  },
  tag_inheritance: {
    keys: ['tag_id', 'parent_id'],
    edited: 'inheritance line {tag.name}->{parent.name} updated',
    created: 'inheritance line {tag.name}->{parent.name} added',
    revoked: 'inheritance line {tag.name}->{parent.name} removed',
  },
  tag_config: {
    keys: ['tag_id'],
    edited: 'tag configuration for {tag.name} altered',
    created: 'new tag: {tag.name}',
    revoked: 'tag deleted: {tag.name}',
  },
  tag_extra: {
    keys: ['tag_id', 'key'],
    edited: 'tag option {key} for tag {tag.name} altered',
    created: 'added tag option {key} for tag {tag.name}',
    revoked: 'tag option {key} removed for {tag.name}',
  },
  build_target_config: {
    keys: ['build_target_id'],
    edited: 'build target configuration for {build_target.name} updated',
    created: 'new build target: {build_target.name}',
    revoked: 'build target deleted: {build_target.name}',
  },
  external_repo_config: {
    keys: ['external_repo_id'],
    edited: 'external repo configuration for {external_repo.name} altered',
    created: 'new external repo: {external_repo.name}',
    revoked: 'external repo deleted: {external_repo.name}',
  },
  external_repo_data: {
    keys: ['external_repo_id'],
    edited: 'tracking data for external repo {external_repo.name} altered',
    created: 'new tracking data for external repo {external_repo.name}',
    revoked: 'deleted tracking data for external repo {external_repo.name}',
  },
  host_config: {
    keys: ['host_id'],
    edited: 'host configuration for {host.name} altered',
    created: 'new host: {host.name}',
    revoked: 'host deleted: {host.name}',
  },
  host_channels: {
    keys: ['host_id', 'channel_id'],
    edited: 'host {host.name} removed from channel {channels.name}',
    created: 'host {host.name} added to channel {channels.name}',
    revoked: 'host {host.name} removed from channel {channels.name}',
  },
  tag_external_repos: {
    keys: ['tag_id', 'external_repo_id'],
    edited: 'external repo entry for {external_repo.name} in tag {tag.name} updated',
    created: 'external repo entry for {external_repo.name} added to tag {tag.name}',
    revoked: 'external repo entry for {external_repo.name} removed from tag {tag.name}',
  },
  tag_listing: {
    keys: ['build_id', 'tag_id'],
    edited: '{name}-{version}-{release} re-tagged into {tag.name}',
    created: '{name}-{version}-{release} tagged into {tag.name}',
    revoked: '{name}-{version}-{release} untagged from {tag.name}',
  },
  tag_packages: {
    keys: ['package_id', 'tag_id'],
    edited: 'package list entry for {package.name} in {tag.name} updated',
    created: 'package list entry created: {package.name} in {tag.name}',
    revoked: 'package list entry revoked: {package.name} in {tag.name}',
  },
  tag_package_owners: {
    keys: ['package_id', 'tag_id'],
    edited: 'package owner changed for {package.name} in {tag.name}',
    created: 'package owner {owner.name} set for {package.name} in {tag.name}',
    revoked: 'package owner {owner.name} revoked for {package.name} in {tag.name}',
  },
  group_config: {
    keys: ['group_id', 'tag_id'],
    edited: 'group {group.name} configuration for tag {tag.name} updated',
    created: 'group {group.name} added to tag {tag.name}',
    revoked: 'group {group.name} removed from tag {tag.name}',
  },
  group_req_listing: {
    keys: ['group_id', 'tag_id', 'req_id'],
    edited: 'group dependency {group.name}->{req.name} updated in tag {tag.name}',
    created: 'group dependency {group.name}->{req.name} added in tag {tag.name}',
    revoked: 'group dependency {group.name}->{req.name} dropped from tag {tag.name}',
  },
  group_package_listing: {
    keys: ['group_id', 'tag_id', 'package'],
    edited: 'package entry {package} in group {group.name}, tag {tag.name} updated',
    created: 'package {package} added to group {group.name} in tag {tag.name}',
    revoked: 'package {package} removed from group {group.name} in tag {tag.name}',
  },
};
