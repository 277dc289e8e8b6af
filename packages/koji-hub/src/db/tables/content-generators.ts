import { ref, serial, table, text, versioned } from './table.js';

export const contentGeneratorTables = [
  table('content_generator', { id: serial(), name: text() }, { unique: [['name']] }),
  versioned(
    'cg_users',
    { cg_id: ref('content_generator'), user_id: ref('users') },
    { key: ['cg_id', 'user_id'] },
  ),
];
