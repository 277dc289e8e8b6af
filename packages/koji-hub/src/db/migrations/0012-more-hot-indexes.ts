import type { Migration } from './migration.js';

/** Indexes for the calls that still grew with the tables after `hot-indexes`. */
export const moreHotIndexes: Migration = {
  number: 12,
  name: 'more-hot-indexes',
  postgres: [],
  sqlite: [],
  indexes: [
    { name: 'build_by_owner_and_id', table: 'build', columns: ['owner', 'id'] },
    { name: 'build_by_create_event', table: 'build', columns: ['create_event'] },
    { name: 'task_by_start_time', table: 'task', columns: ['start_time'] },
  ],
  additive: true,
};
