import { maybe, ref, serial, table, text, varchar, versioned } from './table.js';

export const permissionTables = [
  table(
    'permissions',
    { id: serial(), name: varchar(50), description: maybe(text()) },
    { unique: [['name']] },
  ),
  versioned(
    'user_perms',
    { user_id: ref('users'), perm_id: ref('permissions') },
    { key: ['user_id', 'perm_id'] },
  ),
];
