import type { Migration, NewIndex } from './migration.js';

const rpmFile = "name || '-' || version || '-' || release || '.' || arch || '.rpm'";

/** For the methods whose cost would grow with a table although their answers do not. */
const byColumns: readonly NewIndex[] = [
  { name: 'task_by_owner', table: 'task', columns: ['owner', 'id'] },
  { name: 'task_by_method', table: 'task', columns: ['method', 'id'] },
  { name: 'task_by_create_time', table: 'task', columns: ['create_time'] },
  { name: 'task_by_completion_time', table: 'task', columns: ['completion_time'] },
  { name: 'build_by_task_id', table: 'build', columns: ['task_id'] },
  { name: 'build_by_state', table: 'build', columns: ['state', 'id'] },
  { name: 'build_by_cg_id', table: 'build', columns: ['cg_id', 'id'], where: 'cg_id IS NOT NULL' },
  { name: 'events_by_time', table: 'events', columns: ['time'] },
  { name: 'rpminfo_by_buildroot_id', table: 'rpminfo', columns: ['buildroot_id'] },
  { name: 'repo_by_tag_id', table: 'repo', columns: ['tag_id', 'state'] },
  { name: 'repo_by_state', table: 'repo', columns: ['state'] },
  { name: 'scheduler_log_messages_by_task_id', table: 'scheduler_log_messages', columns: ['task_id'] },
  { name: 'scheduler_log_messages_by_host_id', table: 'scheduler_log_messages', columns: ['host_id'] },
  { name: 'standard_buildroot_by_task_id', table: 'standard_buildroot', columns: ['task_id'] },
  { name: 'standard_buildroot_by_host_id', table: 'standard_buildroot', columns: ['host_id', 'state'] },
  { name: 'standard_buildroot_by_repo_id', table: 'standard_buildroot', columns: ['repo_id'] },
  { name: 'tag_listing_by_create_event', table: 'tag_listing', columns: ['tag_id', 'create_event'] },
  { name: 'tag_listing_by_revoke_event', table: 'tag_listing', columns: ['tag_id', 'revoke_event'] },
  { name: 'tag_packages_by_create_event', table: 'tag_packages', columns: ['tag_id', 'create_event'] },
  { name: 'tag_packages_by_revoke_event', table: 'tag_packages', columns: ['tag_id', 'revoke_event'] },
  { name: 'tag_updates_by_tag_and_event', table: 'tag_updates', columns: ['tag_id', 'update_event'] },
  { name: 'tag_package_owners_by_owner', table: 'tag_package_owners', columns: ['owner'] },
];

/** For names that begin with a text, whatever the case. */
const folded = { postgres: '(lower(name) text_pattern_ops)', sqlite: '(name COLLATE NOCASE)' };
const byBeginning: readonly NewIndex[] = [
  { name: 'package_by_folded_name', table: 'package', columns: [], on: folded },
  { name: 'rpminfo_by_folded_name', table: 'rpminfo', columns: [], on: folded },
];

/** For names that have a text anywhere, and for regular expressions. */
const byTrigrams: readonly NewIndex[] = [
  {
    name: 'package_name_trigrams',
    table: 'package',
    columns: [],
    on: { postgres: 'USING gin (name gin_trgm_ops)' },
    extension: 'pg_trgm',
  },
  {
    name: 'rpminfo_filename_trigrams',
    table: 'rpminfo',
    columns: [],
    on: { postgres: `USING gin ((${rpmFile}) gin_trgm_ops)` },
    extension: 'pg_trgm',
  },
];

/** Indexes with which the cost of hot calls does not grow with the tables. */
export const hotIndexes: Migration = {
  number: 11,
  name: 'hot-indexes',
  postgres: [],
  sqlite: [],
  indexes: [...byColumns, ...byBeginning, ...byTrigrams],
  additive: true,
};
