import type { LateIndex } from './late-indexes.js';
import type { Migration } from './migration.js';

const rpmFile = "name || '-' || version || '-' || release || '.' || arch || '.rpm'";

/** For the methods whose cost would grow with a table although their answers do not. */
const onBoth: readonly LateIndex[] = [
  { name: 'task_by_owner', on: 'task (owner, id)' },
  { name: 'task_by_method', on: 'task (method, id)' },
  { name: 'task_by_create_time', on: 'task (create_time)' },
  { name: 'task_by_completion_time', on: 'task (completion_time)' },
  { name: 'build_by_owner_and_id', on: 'build (owner, id)', replaces: 'build_by_owner' },
  { name: 'build_by_task_id', on: 'build (task_id)' },
  { name: 'build_by_state', on: 'build (state, id)' },
  { name: 'build_by_cg_id', on: 'build (cg_id, id) WHERE cg_id IS NOT NULL' },
  { name: 'events_by_time', on: 'events (time)' },
  { name: 'rpminfo_by_buildroot_id', on: 'rpminfo (buildroot_id)' },
  { name: 'repo_by_tag_id', on: 'repo (tag_id, state)' },
  { name: 'repo_by_state', on: 'repo (state)' },
  { name: 'scheduler_log_messages_by_task_id', on: 'scheduler_log_messages (task_id)' },
  { name: 'scheduler_log_messages_by_host_id', on: 'scheduler_log_messages (host_id)' },
  { name: 'standard_buildroot_by_task_id', on: 'standard_buildroot (task_id)' },
  { name: 'standard_buildroot_by_host_id', on: 'standard_buildroot (host_id, state)' },
  { name: 'standard_buildroot_by_repo_id', on: 'standard_buildroot (repo_id)' },
  { name: 'tag_listing_by_create_event', on: 'tag_listing (tag_id, create_event)' },
  { name: 'tag_listing_by_revoke_event', on: 'tag_listing (tag_id, revoke_event)' },
  { name: 'tag_packages_by_create_event', on: 'tag_packages (tag_id, create_event)' },
  { name: 'tag_packages_by_revoke_event', on: 'tag_packages (tag_id, revoke_event)' },
  { name: 'tag_updates_by_tag_and_event', on: 'tag_updates (tag_id, update_event)' },
  { name: 'tag_package_owners_by_owner', on: 'tag_package_owners (owner)' },
];

/** For names that begin with a text, whatever the case. */
const beginnings = (folded: (column: string) => string): readonly LateIndex[] => [
  { name: 'package_by_folded_name', on: `package (${folded('name')})` },
  { name: 'rpminfo_by_folded_name', on: `rpminfo (${folded('name')})` },
];

/** For names that have a text anywhere, and for regular expressions. */
const trigrams: readonly LateIndex[] = [
  { name: 'package_name_trigrams', on: 'package USING gin (name gin_trgm_ops)', extension: 'pg_trgm' },
  {
    name: 'rpminfo_filename_trigrams',
    on: `rpminfo USING gin ((${rpmFile}) gin_trgm_ops)`,
    extension: 'pg_trgm',
  },
];

/** Indexes with which the cost of hot calls does not grow with the tables. */
export const hotIndexes: Migration = {
  number: 11,
  name: 'hot-indexes',
  postgres: [],
  sqlite: [],
  indexes: {
    postgres: [...onBoth, ...beginnings((column) => `lower(${column}) text_pattern_ops`), ...trigrams],
    sqlite: [...onBoth, ...beginnings((column) => `${column} COLLATE NOCASE`)],
  },
};
