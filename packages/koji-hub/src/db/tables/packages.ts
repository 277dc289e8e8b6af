import { bool, maybe, ref, serial, table, text, versioned } from './table.js';

export const packageTables = [
  table(
    'package',
    { id: serial(), name: text() },
    { unique: [['name']], indexes: { package_by_folded_name: {}, package_name_trigrams: {} } },
  ),
  versioned(
    'tag_packages',
    { package_id: ref('package'), tag_id: ref('tag'), blocked: bool(false), extra_arches: maybe(text()) },
    {
      key: ['package_id', 'tag_id'],
      indexes: {
        tag_packages_active_tag_id: { columns: ['active', 'tag_id'] },
        tag_packages_by_create_event: { columns: ['tag_id', 'create_event'] },
        tag_packages_by_revoke_event: { columns: ['tag_id', 'revoke_event'] },
        tag_packages_create_event: { columns: ['create_event'] },
        tag_packages_revoke_event: { columns: ['revoke_event'] },
      },
    },
  ),
  versioned(
    'tag_package_owners',
    { package_id: ref('package'), tag_id: ref('tag'), owner: ref('users') },
    { key: ['package_id', 'tag_id'], indexes: { tag_package_owners_by_owner: { columns: ['owner'] } } },
  ),
];
