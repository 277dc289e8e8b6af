import { bool, float, int, maybe, ref, serial, table, text, time, varchar } from './table.js';

export const taskTables = [
  table(
    'task',
    {
      id: serial(),
      state: maybe(int()),
      create_time: time('now'),
      start_time: maybe(time()),
      completion_time: maybe(time()),
      channel_id: ref('channels'),
      host_id: maybe(ref('host')),
      parent: maybe(ref('task')),
      label: maybe(varchar(255)),
      waiting: maybe(bool()),
      awaited: maybe(bool()),
      owner: ref('users'),
      method: maybe(text()),
      request: maybe(text()),
      result: maybe(text()),
      eta: maybe(int()),
      arch: varchar(16),
      priority: maybe(int()),
      weight: float('1.0'),
    },
    {
      unique: [['parent', 'label']],
      checks: {
        parent_label_sane: 'parent IS NOT NULL OR label IS NULL',
        task_weight_check: 'NOT weight < 0',
      },
      indexes: {
        task_by_completion_time: { columns: ['completion_time'] },
        task_by_create_time: { columns: ['create_time'] },
        task_by_host: { columns: ['host_id'] },
        task_by_method: { columns: ['method', 'id'] },
        task_by_no_parent_state_method: { columns: ['parent', 'state', 'method'], where: '(parent IS NULL)' },
        task_by_owner: { columns: ['owner', 'id'] },
        task_by_start_time: { columns: ['start_time'] },
        task_by_state: { columns: ['state'] },
      },
    },
  ),
];
