import { bool, event, int, jsonb, maybe, ref, serial, table, time } from './table.js';

export const repoTables = [
  table(
    'repo',
    {
      id: serial(),
      creation_time: maybe(time('now')),
      create_event: event(),
      state_time: maybe(time('now')),
      begin_event: maybe(ref('events')),
      end_event: maybe(ref('events')),
      tag_id: ref('tag'),
      state: maybe(int()),
      dist: maybe(bool(false)),
      opts: maybe(jsonb()),
      custom_opts: maybe(jsonb()),
      task_id: maybe(ref('task')),
      host_id: maybe(int()),
    },
    {
      indexes: {
        repo_by_state: { columns: ['state'] },
        repo_by_tag_id: { columns: ['tag_id', 'state'] },
      },
    },
  ),
  table(
    'repo_queue',
    {
      id: serial(),
      create_time: time('now'),
      owner: ref('users'),
      priority: int(),
      tag_id: ref('tag'),
      at_event: maybe(ref('events')),
      min_event: maybe(ref('events')),
      opts: jsonb(),
      update_time: time('now'),
      active: bool(true),
      task_id: maybe(ref('task')),
      tries: int(0),
      repo_id: maybe(ref('repo')),
    },
    {
      checks: {
        active_sane: 'NOT active OR repo_id IS NULL',
        only_one_event: 'at_event IS NULL OR min_event IS NULL',
      },
    },
  ),
];
