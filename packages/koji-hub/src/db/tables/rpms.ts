import { big, bool, int, maybe, ref, serial, small, table, text, varchar } from './table.js';

export const rpmTables = [
  table(
    'rpminfo',
    {
      id: serial(),
      build_id: maybe(int()),
      buildroot_id: maybe(ref('buildroot')),
      name: text(),
      version: text(),
      release: text(),
      epoch: maybe(int()),
      arch: varchar(16),
      draft: maybe(bool()),
      external_repo_id: ref('external_repo'),
      payloadhash: text(),
      size: big(),
      buildtime: big(),
      metadata_only: bool(false),
      extra: maybe(text()),
    },
    {
      checks: {
        build_id_draft_external_repo_id_sane:
          '(draft IS NULL AND build_id IS NULL AND external_repo_id <> 0) OR (draft IS NOT NULL AND build_id IS NOT NULL AND external_repo_id = 0)',
      },
      indexes: {
        rpminfo_by_buildroot_id: { columns: ['buildroot_id'] },
        rpminfo_by_folded_name: {},
        rpminfo_build: { columns: ['build_id'] },
        rpminfo_filename: {},
        rpminfo_filename_trigrams: {},
        rpminfo_nvra: { columns: ['name', 'version', 'release', 'arch', 'external_repo_id'] },
        rpminfo_unique_nvra_not_draft: {
          columns: ['name', 'version', 'release', 'arch', 'external_repo_id'],
          where: '(draft IS NOT TRUE)',
          unique: true,
        },
      },
      foreign: [{ columns: ['build_id', 'draft'], table: 'build', references: ['id', 'draft'] }],
    },
  ),
  table(
    'rpmsigs',
    { rpm_id: ref('rpminfo'), sigkey: text(), sighash: text() },
    { key: ['rpm_id', 'sigkey'], keyName: 'rpmsigs_no_resign' },
  ),
  table(
    'rpm_checksum',
    { rpm_id: ref('rpminfo'), sigkey: text(), checksum: text(), checksum_type: small() },
    {
      key: ['rpm_id', 'sigkey', 'checksum_type'],
      unique: [['checksum']],
      indexes: { rpm_checksum_rpm_id: { columns: ['rpm_id'] } },
    },
  ),
];
