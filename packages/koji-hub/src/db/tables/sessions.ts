import { bool, int, maybe, ref, serial, table, time, varchar } from './table.js';

export const sessionTables = [
  table(
    'sessions',
    {
      id: serial(),
      user_id: ref('users'),
      expired: bool(false),
      master: maybe(ref('sessions')),
      key: maybe(varchar(255)),
      authtype: maybe(int()),
      hostip: maybe(varchar(255)),
      callnum: maybe(int()),
      start_time: time('now'),
      update_time: time('now'),
      exclusive: maybe(bool()),
      closed: bool(false),
      renew_time: maybe(time()),
    },
    {
      unique: [['user_id', 'exclusive']],
      checks: {
        no_closed_exclusive: 'closed IS FALSE OR exclusive IS NULL',
        no_exclusive_subsessions: 'master IS NULL OR exclusive IS NULL',
        sessions_exclusive_check: 'exclusive',
      },
      indexes: {
        sessions_active_and_recent: {
          columns: ['expired', 'master', 'update_time'],
          where: '((expired = false) AND (master IS NULL))',
        },
        sessions_expired: { columns: ['expired'] },
        sessions_master: { columns: ['master'] },
      },
    },
  ),
];
