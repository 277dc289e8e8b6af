import { bool, maybe, ref, serial, table, text, varchar, versioned } from './table.js';

export const groupTables = [
  table('groups', { id: serial(), name: varchar(50) }, { unique: [['name']] }),
  versioned(
    'group_config',
    {
      group_id: ref('groups'),
      tag_id: ref('tag'),
      blocked: bool(false),
      exported: maybe(bool(true)),
      display_name: text(),
      is_default: maybe(bool()),
      uservisible: maybe(bool()),
      description: maybe(text()),
      langonly: maybe(text()),
      biarchonly: maybe(bool()),
    },
    { key: ['group_id', 'tag_id'] },
  ),
  versioned(
    'group_req_listing',
    {
      group_id: ref('groups'),
      tag_id: ref('tag'),
      req_id: ref('groups'),
      blocked: bool(false),
      type: maybe(varchar(25)),
      is_metapkg: bool(false),
    },
    { key: ['group_id', 'tag_id', 'req_id'] },
  ),
  versioned(
    'group_package_listing',
    {
      group_id: ref('groups'),
      tag_id: ref('tag'),
      package: text(),
      blocked: bool(false),
      type: varchar(25),
      basearchonly: maybe(bool()),
      requires: maybe(text()),
    },
    { key: ['group_id', 'tag_id', 'package'] },
  ),
];
