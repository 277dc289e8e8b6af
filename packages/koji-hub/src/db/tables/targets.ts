import { ref, serial, table, text, versioned } from './table.js';

export const targetTables = [
  table('build_target', { id: serial(), name: text() }, { unique: [['name']] }),
  versioned(
    'build_target_config',
    { build_target_id: ref('build_target'), build_tag: ref('tag'), dest_tag: ref('tag') },
    { key: ['build_target_id'] },
  ),
];
