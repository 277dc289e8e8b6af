import { big, bool, float, int, maybe, ref, serial, table, text, time } from './table.js';

/** Not Koji's: what plugins did and do when, and the messages that they send. */
export const pluginTables = [
  table(
    'plugin_activity',
    {
      plugin: text(),
      kind: text(),
      name: text(),
      runs: big(),
      failures: big(),
      ignored: big(),
      timeouts: big(),
      skipped: big(),
      seconds: float('0.0'),
      first_time: time('now'),
      last_time: time('now'),
      last_failure: maybe(text()),
      last_failure_time: maybe(time()),
      off_until: maybe(time()),
    },
    { key: ['plugin', 'kind', 'name'] },
  ),
  // When work of plugins is due, and what became of its last run.
  table(
    'plugin_schedule',
    {
      id: serial(),
      plugin: text(),
      name: text(),
      cron: text(),
      zone: text(),
      next_ts: float(),
      start_ts: maybe(float()),
      end_ts: maybe(float()),
      failures: int(0),
      last_error: maybe(text()),
    },
    { unique: [['plugin', 'name']] },
  ),
  // The steps of tables of plugins that are done.
  table(
    'plugin_migration',
    { plugin: text(), number: int(), digest: text(), time: time('now') },
    { key: ['plugin', 'number'] },
  ),
  // A topic of a queue: its messages are delivered one after the other, by the process that holds the lease.
  table(
    'outbox_lane',
    {
      id: serial(),
      queue: text(),
      topic: text(),
      next_ts: float('0.0'),
      lease_ts: float('0.0'),
    },
    { unique: [['queue', 'topic']] },
  ),
  table(
    'outbox_message',
    {
      id: serial(),
      lane_id: ref('outbox_lane'),
      body: text(),
      create_time: time('now'),
      attempts: int(0),
      last_error: maybe(text()),
      dead: bool(false),
    },
    { indexes: { outbox_message_by_lane: { columns: ['lane_id', 'dead', 'id'] } } },
  ),
];
