import { bool, event, int, maybe, ref, serial, table, text, versioned } from './table.js';

export const tagTables = [
  table('tag', { id: serial(), name: text() }, { unique: [['name']] }),
  versioned(
    'tag_inheritance',
    {
      tag_id: ref('tag'),
      parent_id: ref('tag'),
      priority: int(),
      maxdepth: maybe(int()),
      intransitive: bool(false),
      noconfig: bool(false),
      pkg_filter: maybe(text()),
    },
    {
      key: ['tag_id', 'priority'],
      unique: [
        ['tag_id', 'parent_id'],
        ['tag_id', 'priority'],
      ],
      indexes: { tag_inheritance_by_parent: { columns: ['parent_id'] } },
    },
  ),
  versioned(
    'tag_config',
    {
      tag_id: ref('tag'),
      arches: maybe(text()),
      perm_id: maybe(ref('permissions')),
      locked: bool(false),
      maven_support: bool(false),
      maven_include_all: bool(false),
    },
    { key: ['tag_id'] },
  ),
  versioned(
    'tag_extra',
    { tag_id: ref('tag'), key: text(), value: maybe(text()) },
    { key: ['tag_id', 'key'] },
  ),
  table(
    'tag_updates',
    { id: serial(), tag_id: ref('tag'), update_event: event(), updater_id: ref('users'), update_type: int() },
    {
      indexes: {
        tag_updates_by_event: { columns: ['update_event'] },
        tag_updates_by_tag_and_event: { columns: ['tag_id', 'update_event'] },
        tag_updates_by_tag: { columns: ['tag_id'] },
      },
    },
  ),
  versioned(
    'tag_listing',
    { build_id: ref('build'), tag_id: ref('tag') },
    {
      key: ['build_id', 'tag_id'],
      indexes: {
        tag_listing_by_create_event: { columns: ['tag_id', 'create_event'] },
        tag_listing_by_revoke_event: { columns: ['tag_id', 'revoke_event'] },
        tag_listing_tag_id_key: { columns: ['tag_id'] },
      },
    },
  ),
];
