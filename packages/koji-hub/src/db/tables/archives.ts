import { big, bool, int, maybe, ref, serial, table, text, varchar } from './table.js';

export const archiveTables = [
  table(
    'archivetypes',
    { id: serial(), name: text(), description: text(), extensions: text(), compression_type: maybe(text()) },
    { unique: [['name']] },
  ),
  table(
    'archiveinfo',
    {
      id: serial(),
      type_id: ref('archivetypes'),
      btype_id: maybe(ref('btype')),
      build_id: ref('build'),
      buildroot_id: maybe(ref('buildroot')),
      filename: text(),
      size: big(),
      checksum: text(),
      checksum_type: int(),
      metadata_only: bool(false),
      extra: maybe(text()),
    },
    {
      indexes: {
        archiveinfo_build_idx: { columns: ['build_id'] },
        archiveinfo_buildroot_idx: { columns: ['buildroot_id'] },
        archiveinfo_filename_idx: { columns: ['filename'] },
        archiveinfo_type_idx: { columns: ['type_id'] },
      },
    },
  ),
  table(
    'maven_archives',
    { archive_id: ref('archiveinfo'), group_id: text(), artifact_id: text(), version: text() },
    { key: ['archive_id'] },
  ),
  table('image_archives', { archive_id: ref('archiveinfo'), arch: varchar(16) }, { key: ['archive_id'] }),
  table(
    'win_archives',
    { archive_id: ref('archiveinfo'), relpath: text(), platforms: text(), flags: maybe(text()) },
    { key: ['archive_id'] },
  ),
  table(
    'archive_rpm_components',
    { archive_id: ref('archiveinfo'), rpm_id: ref('rpminfo') },
    {
      key: ['archive_id', 'rpm_id'],
      keyName: 'archive_rpm_components_archive_id_rpm_id_key',
      indexes: { rpm_components_idx: { columns: ['rpm_id'] } },
    },
  ),
  table(
    'archive_components',
    { archive_id: ref('archiveinfo'), component_id: ref('archiveinfo') },
    {
      key: ['archive_id', 'component_id'],
      keyName: 'archive_components_archive_id_component_id_key',
      indexes: { archive_components_idx: { columns: ['component_id'] } },
    },
  ),
];
