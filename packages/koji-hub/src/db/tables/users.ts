import { int, maybe, ref, serial, table, text, varchar, versioned } from './table.js';

export const userTables = [
  table(
    'users',
    { id: serial(), name: varchar(255), password: maybe(text()), status: int(), usertype: int() },
    { unique: [['name']] },
  ),
  table(
    'user_krb_principals',
    { user_id: ref('users'), krb_principal: varchar(255) },
    { key: ['user_id', 'krb_principal'], unique: [['krb_principal']] },
  ),
  versioned(
    'user_groups',
    { user_id: ref('users'), group_id: ref('users') },
    { key: ['user_id', 'group_id'] },
  ),
];
