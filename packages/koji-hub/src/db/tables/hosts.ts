import { bool, float, maybe, ref, serial, table, text, time, varchar, versioned } from './table.js';

export const hostTables = [
  table(
    'host',
    {
      id: serial(),
      user_id: ref('users'),
      name: varchar(128),
      update_time: maybe(time()),
      task_load: float('0.0'),
      ready: bool(false),
    },
    { unique: [['name']], checks: { host_task_load_check: 'NOT task_load < 0' } },
  ),
  versioned(
    'host_config',
    {
      host_id: ref('host'),
      arches: maybe(text()),
      capacity: float('2.0'),
      description: maybe(text()),
      comment: maybe(text()),
      enabled: bool(true),
    },
    {
      key: ['host_id'],
      checks: { host_config_capacity_check: 'capacity > 1' },
      indexes: { host_config_by_active_and_enabled: { columns: ['active', 'enabled'] } },
    },
  ),
  versioned(
    'host_channels',
    { host_id: ref('host'), channel_id: ref('channels') },
    { key: ['host_id', 'channel_id'] },
  ),
];
