import { bool, jsonb, maybe, ref, serial, table, text, time } from './table.js';

export const schedulerTables = [
  table(
    'scheduler_task_runs',
    {
      id: serial(),
      task_id: ref('task'),
      host_id: ref('host'),
      active: bool(true),
      create_time: time('now'),
    },
    {
      indexes: {
        scheduler_task_runs_create_time: { columns: ['create_time'] },
        scheduler_task_runs_host: { columns: ['host_id'] },
        scheduler_task_runs_task: { columns: ['task_id'] },
      },
    },
  ),
  table('scheduler_host_data', { host_id: ref('host'), data: maybe(jsonb()) }, { key: ['host_id'] }),
  table('scheduler_sys_data', { name: text(), data: maybe(jsonb()) }, { key: ['name'] }),
  table(
    'scheduler_task_refusals',
    {
      id: serial(),
      task_id: ref('task'),
      host_id: ref('host'),
      by_host: bool(),
      soft: bool(false),
      msg: maybe(text()),
      time: time('now'),
    },
    { unique: [['task_id', 'host_id']] },
  ),
  table(
    'scheduler_log_messages',
    {
      id: serial(),
      task_id: maybe(ref('task')),
      host_id: maybe(ref('host')),
      msg_time: time('now'),
      msg: text(),
    },
    {
      indexes: {
        scheduler_log_messages_by_host_id: { columns: ['host_id'] },
        scheduler_log_messages_by_task_id: { columns: ['task_id'] },
      },
    },
  ),
  table('locks', { name: text() }, { key: ['name'] }),
];
