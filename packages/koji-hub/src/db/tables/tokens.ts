import { bool, maybe, ref, serial, table, text, time } from './table.js';

/**
 * Not Koji's: tokens of programs. `key` is the SHA-256 of the secret; `methods` and `perms` are JSON lists, null for
 * whatever the user may call and do.
 */
export const tokenTables = [
  table(
    'api_token',
    {
      id: serial(),
      user_id: ref('users'),
      name: text(),
      key: text(),
      read_only: bool(),
      methods: maybe(text()),
      perms: maybe(text()),
      creator_id: ref('users'),
      create_time: time('now'),
      expire_time: time(),
      last_use_time: maybe(time()),
      revoke_time: maybe(time()),
      revoker_id: maybe(ref('users')),
    },
    { unique: [['key']], indexes: { api_token_by_user: { columns: ['user_id'] } } },
  ),
];
