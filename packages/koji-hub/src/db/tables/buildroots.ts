import { bool, event, int, maybe, ref, serial, table, text } from './table.js';

export const buildrootTables = [
  table(
    'buildroot',
    {
      id: serial(),
      br_type: int(),
      cg_id: maybe(ref('content_generator')),
      cg_version: maybe(text()),
      container_type: maybe(text()),
      container_arch: maybe(text()),
      host_os: maybe(text()),
      host_arch: maybe(text()),
      extra: maybe(text()),
    },
    {
      checks: {
        cg_sane: '(cg_id IS NULL AND cg_version IS NULL) OR (cg_id IS NOT NULL AND cg_version IS NOT NULL)',
        container_sane:
          '(container_type IS NULL AND container_arch IS NULL) OR (container_type IS NOT NULL AND container_arch IS NOT NULL)',
      },
    },
  ),
  table(
    'standard_buildroot',
    {
      buildroot_id: ref('buildroot'),
      host_id: ref('host'),
      repo_id: ref('repo'),
      task_id: ref('task'),
      create_event: event(),
      retire_event: maybe(int()),
      state: maybe(int()),
    },
    {
      key: ['buildroot_id'],
      indexes: {
        standard_buildroot_by_host_id: { columns: ['host_id', 'state'] },
        standard_buildroot_by_repo_id: { columns: ['repo_id'] },
        standard_buildroot_by_task_id: { columns: ['task_id'] },
      },
    },
  ),
  table(
    'buildroot_tools_info',
    { buildroot_id: ref('buildroot'), tool: text(), version: text() },
    { key: ['buildroot_id', 'tool'] },
  ),
  table(
    'buildroot_listing',
    { buildroot_id: ref('buildroot'), rpm_id: ref('rpminfo'), is_update: bool(false) },
    {
      key: ['buildroot_id', 'rpm_id'],
      keyName: 'buildroot_listing_buildroot_id_rpm_id_key',
      indexes: { buildroot_listing_rpms: { columns: ['rpm_id'] } },
    },
  ),
  table(
    'buildroot_archives',
    { buildroot_id: ref('buildroot'), archive_id: ref('archiveinfo'), project_dep: bool() },
    {
      key: ['buildroot_id', 'archive_id'],
      indexes: { buildroot_archives_archive_idx: { columns: ['archive_id'] } },
    },
  ),
];
